#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stands for xlstm-bench on a CPU: two cases, one that was timed and one that failed.
one='"suite":"cpu","case":"mlstm forward one","function":"forward","kind":"mlstm","dtype":"f32","B":1,"T":64,"heads":1,"dqk":8,"dv":8'
two='"suite":"cpu","case":"gru step two","function":"step","kind":"gru","dtype":"f32","B":1,"heads":1,"d":8'
case "$*" in
*--list*) echo "{$one}" && echo "{$two}" ;;
*one*) echo "{$one,\"median_ms\":2.0,\"tflops\":1.0}" ;;
*) echo "{$two,\"error\":\"cannot be compiled\"}" && exit 1 ;;
esac

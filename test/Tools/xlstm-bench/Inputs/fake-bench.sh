#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Stands for xlstm-bench on a GPU: one case that was timed and one that failed.
echo '{"case":"one","gate":"exp","B":1,"T":512,"heads":8,"dqk":256,"dv":512,"target":"sm_90a","median_ms":2.0}'
echo '{"case":"two","gate":"sigmoid","B":1,"T":512,"heads":8,"dqk":256,"dv":512,"target":"sm_90a","error":"no such package"}'
exit 1

// SPDX-License-Identifier: Apache-2.0
// Random inputs that are the same on every machine.
#ifndef XLSTM_TOOLS_COMMON_RANDOM_H
#define XLSTM_TOOLS_COMMON_RANDOM_H

#include "runtime/src/support/DType.h"

#include <cstdint>
#include <string>

namespace xlstm::tools {

/// Fills `count` elements with normal(mean, deviation^2) numbers, rounded to nearest even. Element
/// k depends on seed, name and k only, so neither threads nor neighbours change it. `dtype` is f64,
/// f32, bf16 or f16; throws Failure(UNSUPPORTED) for an integer type.
void fillNormal(void *data, int64_t count, DType dtype, const std::string &name, int64_t seed,
                float mean, float deviation = 1);

/// Mean of the random values of an input: 4 for the forget gate "f", as the published benchmarks of
/// the mLSTM have it (a cell that remembers for about 50 steps), 0 for every other.
float meanOfInput(const std::string &name);

} // namespace xlstm::tools
#endif

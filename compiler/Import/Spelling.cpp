// SPDX-License-Identifier: Apache-2.0
/// \file
/// How each enumeration of a description is written. The order is the enumerators' order.
#include "compiler/Import/Description.h"

namespace xlstm::description {

#define XLSTM_SPELLINGS(E, ...)                                                                    \
  template <> const std::vector<std::string> &spellings<E>() {                                     \
    static const std::vector<std::string> names = {__VA_ARGS__};                                   \
    return names;                                                                                  \
  }

XLSTM_SPELLINGS(DType, "f64", "f32", "bf16", "f16")
XLSTM_SPELLINGS(CellKind, "mlstm", "slstm", "lstm", "gru", "elman", "custom")
XLSTM_SPELLINGS(InputGate, "exp", "sigmoid")
XLSTM_SPELLINGS(ScaleOn, "q", "k")
XLSTM_SPELLINGS(Denominator, "max_plus_eps", "max_with_eps")
XLSTM_SPELLINGS(NormalizerGrad, "exact", "dropped")
XLSTM_SPELLINGS(NRule, "plain", "floor_one")
XLSTM_SPELLINGS(BlockKind, "mlstm_block", "slstm_block", "xlstm_large_block")
XLSTM_SPELLINGS(WeightMode, "single", "fused")
XLSTM_SPELLINGS(Source, "native", "huggingface", "xlstm_large", "block_stack", "flashrnn")

#undef XLSTM_SPELLINGS

} // namespace xlstm::description

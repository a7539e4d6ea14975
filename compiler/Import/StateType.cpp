// SPDX-License-Identifier: Apache-2.0
/// \file
/// The type in which mLSTM cells keep C from one call to the next. n and m, which are small, and all
/// arithmetic stay in the accumulation type.
#include "compiler/Import/Formats.h"

#include <algorithm>

namespace xlstm::description {

static bool hasC(const NetworkDescription &network) {
  return std::any_of(
      network.blocks.begin(), network.blocks.end(),
      [](const BlockDescription &block) { return block.kind != BlockKind::SLSTMBlock; });
}

std::optional<std::string> checkStateDtype(const ModelDescription &model, DType dtype) {
  // f32 is also the default, and means no less than the type in which the model computes.
  if (dtype == DType::F32)
    return std::nullopt;
  std::string got = ", got " + spelling(dtype);
  if (model.dtype == DType::F64 && dtype != DType::F64)
    return "expected f64 in a model of f64" + got;
  if (model.dtype != DType::F64 && dtype == DType::F64)
    return "expected f32, bf16 or f16 in a model of " + spelling(model.dtype) + got;
  return std::nullopt;
}

std::optional<std::string> setStateDtype(ModelDescription &model, DType dtype) {
  bool isCell = !model.network;
  if (isCell ? model.cell->kind != CellKind::MLSTM : !hasC(*model.network))
    return "expected a model with mLSTM cells, whose C it is the type of, got one without";
  if (auto problem = checkStateDtype(model, dtype))
    return problem;
  if (isCell)
    model.cell->stateDtype = model.dtype == DType::F64 ? "" : spelling(dtype);
  else
    model.network->stateDtype = dtype;
  return std::nullopt;
}

} // namespace xlstm::description

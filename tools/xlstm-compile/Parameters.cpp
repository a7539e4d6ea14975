// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-compile/Parameters.h"

#include "runtime/src/support/Failure.h"

#include <filesystem>

namespace xlstm::tools {

static std::string describe(const std::vector<int64_t> &shape) {
  std::string text;
  for (int64_t extent : shape)
    text += cat(text.empty() ? "" : ", ", extent);
  return "[" + text + "]";
}

/// `configuration` says what shape the parameter has.
static void checkParameter(const safetensors::Checkpoint &checkpoint,
                           const package::Tensor &parameter, const std::string &configuration) {
  std::vector<int64_t> shape;
  for (const package::Factor &extent : parameter.shape)
    shape.push_back(extent.value);
  auto [file, tensor] = checkpoint.find(parameter.name);
  if (!tensor)
    fail(XLSTM_ERROR_INVALID_INPUT, checkpoint.source(), ": expected a tensor named '",
         parameter.name, "' of ", describe(shape), " as ", configuration, " says, got none");
  if (tensor->shape != shape)
    fail(XLSTM_ERROR_INVALID_INPUT, file->source(), ": ", parameter.name, ": expected ",
         describe(shape), " as ", configuration, " says, got ", describe(tensor->shape));
}

void bindWeights(const std::string &weights, const std::string &model,
                 package::Manifest &manifest) {
  bool isFolder = isDirectory(model) && safetensors::Checkpoint::isThere(model);
  std::string path = !weights.empty() ? weights : isFolder ? model : "";
  if (path.empty())
    return;
  auto checkpoint = safetensors::Checkpoint::open(path);
  for (const package::Function &function : manifest.functions)
    for (const package::Tensor &input : function.inputs)
      if (input.parameter)
        checkParameter(checkpoint, input, model);
  manifest.weights = std::filesystem::absolute(path).string();
}

} // namespace xlstm::tools

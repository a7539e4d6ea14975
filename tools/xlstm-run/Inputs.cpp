// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-run/Inputs.h"

#include "runtime/src/support/Failure.h"
#include "tools/common/Random.h"

#include <map>

namespace xlstm::tools {

std::vector<std::string> axesOf(const xlstm_argument_info &info) {
  std::vector<std::string> axes(static_cast<size_t>(info.rank));
  for (int32_t axis = 0; axis < info.rank; ++axis)
    if (info.symbols[axis] && !info.added[axis])
      axes[axis] = info.symbols[axis];
  return axes;
}

HostInputs inputsFromFile(const Package &package, int32_t index, const safetensors::File &file,
                          const safetensors::Checkpoint *weights) {
  xlstm_function_info function = package.function(index);
  std::vector<DeclaredTensor> declared;
  for (int32_t i = 0; i < function.inputs; ++i) {
    xlstm_argument_info info = package.input(index, i);
    declared.push_back({info.name, info.dtype,
                        std::vector<int64_t>(info.shape, info.shape + info.rank), axesOf(info),
                        info.optional != 0});
  }
  return readInputs(file, declared, "xlstm-run", function.name, weights, "the package");
}

HostInputs randomInputs(const Package &package, int32_t index, const RunOptions &options) {
  HostInputs inputs;
  xlstm_function_info function = package.function(index);
  std::map<std::string, int64_t> given(options.dims.begin(), options.dims.end());
  std::map<std::string, bool> used;
  for (int32_t i = 0; i < function.inputs; ++i) {
    xlstm_argument_info info = package.input(index, i);
    inputs.emplace_back();
    if (info.optional)
      continue;
    std::vector<int64_t> shape(info.shape, info.shape + info.rank);
    for (int32_t axis = 0; axis < info.rank; ++axis) {
      if (!info.symbols[axis])
        continue;
      auto found = given.find(info.symbols[axis]);
      if (found == given.end())
        throw UsageError(cat("--random: expected a value for the dimension ", info.symbols[axis],
                             " of ", info.name));
      shape[axis] = found->second + info.added[axis];
      used[found->first] = true;
    }
    HostTensor tensor = makeHostTensor(info.name, info.dtype, shape);
    fillNormal(writable(tensor), tensor.count(), info.dtype, info.name, options.seed,
               meanOfInput(info.name));
    tensor.axes = axesOf(info);
    inputs.back() = std::move(tensor);
  }
  for (const auto &[name, extent] : given)
    if (!used[name])
      throw UsageError(cat("--random: ", name, " is no dimension of an input of ", function.name));
  return inputs;
}

} // namespace xlstm::tools

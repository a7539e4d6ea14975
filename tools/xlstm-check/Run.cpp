// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Run.h"

#include "runtime/src/support/Failure.h"

#include <cstring>

namespace xlstm::tools {
namespace {

/// Runs one function of the package.
void runFunction(const Case &testCase, const CheckOptions &options, const TemporaryFolder &folder,
                 const std::string &function, const std::string &inputs,
                 const std::string &output) {
  std::vector<std::string> command = options.under;
  command.insert(command.end(),
                 {siblingProgram("xlstm-run"), testCase.cell->package, "--function", function,
                  "--inputs", inputs, "-o", output, "--device", options.device, "--poison"});
  if (!options.target.empty())
    command.insert(command.end(), {"--target", options.target});
  if (options.strided)
    command.push_back("--transposed");
  if (options.inPlace)
    command.push_back("--in-place");
  if (options.threads)
    command.insert(command.end(), {"--threads", std::to_string(options.threads)});
  ProcessResult result = runProcess(command, folder.file("log"));
  if (result.code == 3)
    fail(XLSTM_ERROR_ENVIRONMENT, result.message);
  if (result.code)
    fail(XLSTM_ERROR_INVALID_INPUT, "xlstm-run gave ", result.code, ": ", result.message);
}

bool hasTime(const package::Tensor &tensor) {
  return tensor.shape.size() > 1 && tensor.shape[1].dim == "T";
}

/// Token t of a tensor [B, T, ..] as [B, ..].
HostTensor tokenOf(const HostTensor &tensor, int64_t t) {
  HostTensor token = slice(tensor, 1, t, 1);
  token.shape.erase(token.shape.begin() + 1);
  return token;
}

/// Writes token t into a tensor [B, T, ..].
void setToken(HostTensor &tensor, int64_t t, const HostTensor &token) {
  size_t row = token.shape[0] ? token.bytes() / static_cast<size_t>(token.shape[0]) : 0;
  for (int64_t b = 0; b < token.shape[0]; ++b)
    std::memcpy(writable(tensor) + row * static_cast<size_t>(b * tensor.shape[1] + t),
                static_cast<const char *>(token.data) + row * static_cast<size_t>(b), row);
}

/// One step after the other, each from the last states of the one before.
void runSteps(const Case &testCase, const CheckOptions &options, const TemporaryFolder &folder,
              const std::string &inputs, const std::string &output) {
  const package::Function &function = testCase.cell->function;
  auto file = safetensors::File::open(inputs);
  std::vector<HostTensor> all = allTensors(file), states, results;
  for (const package::Tensor &declared : function.outputs)
    if (hasTime(declared))
      results.push_back(makeHostTensor(declared.name, declared.dtype, shapeOf(declared, testCase)));
  for (int64_t t = 0; t < testCase.time; ++t) {
    std::vector<HostTensor> given;
    for (const package::Tensor &declared : function.inputs) {
      const HostTensor *tensor = findTensor(t && declared.optional ? states : all, declared.name);
      if (tensor)
        given.push_back(hasTime(declared) ? tokenOf(*tensor, t) : *tensor);
    }
    writeTensors(folder.file("token"), given);
    runFunction(testCase, options, folder, "step", folder.file("token"), folder.file("token.out"));
    auto done = safetensors::File::open(folder.file("token.out"));
    states.clear();
    for (HostTensor &tensor : allTensors(done)) {
      for (HostTensor &result : results)
        if (result.name == tensor.name)
          setToken(result, t, tensor);
      size_t end = tensor.name.rfind("_last");
      if (end == std::string::npos)
        continue;
      HostTensor state = convert(tensor, tensor.dtype); // the file is closed before its next use
      state.name = tensor.name.substr(0, end) + "0";
      states.push_back(state);
    }
  }
  for (HostTensor &state : states) {
    state.name = state.name.substr(0, state.name.size() - 1) + "_last";
    results.push_back(std::move(state));
  }
  writeTensors(output, results);
}

} // namespace

Cell asSequence(const Cell &step) {
  Cell cell = step;
  cell.function.name = "forward";
  cell.bySteps = true;
  for (std::vector<package::Tensor> *list : {&cell.function.inputs, &cell.function.outputs})
    for (package::Tensor &tensor : *list)
      if (!tensor.optional && !tensor.shape.empty() && tensor.shape[0].dim == "B")
        tensor.shape.insert(tensor.shape.begin() + 1, package::Factor("T"));
  return cell;
}

void runPackage(const Case &testCase, const CheckOptions &options, const TemporaryFolder &folder,
                const std::string &inputs, const std::string &output) {
  if (testCase.cell->bySteps)
    runSteps(testCase, options, folder, inputs, output);
  else
    runFunction(testCase, options, folder, testCase.cell->function.name, inputs, output);
}

} // namespace xlstm::tools

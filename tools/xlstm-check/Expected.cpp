// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Expected.h"

#include "runtime/src/support/Failure.h"
#include "tools/common/Process.h"

#include <algorithm>
#include <fstream>

namespace xlstm::tools {
namespace {

reference::TensorView view(const std::vector<HostTensor> &inputs, const char *name) {
  const HostTensor *tensor = findTensor(inputs, name);
  return tensor ? reference::TensorView(tensor->data, elementType(tensor->dtype))
                : reference::TensorView();
}

} // namespace

MLSTMReference::MLSTMReference(const Case &testCase, const std::vector<HostTensor> &inputs,
                               const CheckOptions &options, unsigned threads)
    : normalizerGrad(testCase.cell->normalizerGrad), cell(*testCase.cell) {
  problem.batch = testCase.batch;
  problem.time = cell.hasTime() ? testCase.time : 1;
  problem.heads = cell.heads;
  problem.dqk = cell.dqk;
  problem.dv = cell.dv;
  problem.q = view(inputs, "q");
  problem.k = view(inputs, "k");
  problem.v = view(inputs, "v");
  problem.i = view(inputs, "i");
  problem.f = view(inputs, "f");
  problem.c0 = view(inputs, "c0");
  problem.n0 = view(inputs, "n0");
  problem.m0 = view(inputs, "m0");
  problem.options = cell.options;
  if (!testCase.starts.empty()) {
    problem.cuSeqlens = testCase.starts.data();
    problem.sequences = testCase.sequences();
  }
  if (const HostTensor *reset = findTensor(inputs, "reset"))
    problem.reset = static_cast<const uint8_t *>(reset->data);
  if (std::string error = reference::check(problem); !error.empty())
    fail(XLSTM_ERROR_INVALID_INPUT, cell.package, ": ", error);
  gradients.dh = view(inputs, "dh");
  gradients.dcLast = view(inputs, "dc_last");
  gradients.dnLast = view(inputs, "dn_last");
  // Gradients need all columns of v.
  part.columns =
      options.columns && !cell.isBackward() ? std::min(options.columns, cell.dv) : cell.dv;
  part.firstColumn = cell.dv - part.columns;
  part.threads = threads;
}

ExpectedOutputs MLSTMReference::run(const reference::MLSTMProblem &p,
                                    const reference::MLSTMPart &columns) const {
  reference::MLSTMResult result = reference::mlstmRecurrent(p, columns);
  ExpectedOutputs outputs;
  outputs["h"] = {std::move(result.h), columns.firstColumn, columns.columns};
  outputs["c_last"] = {std::move(result.cLast), columns.firstColumn, columns.columns};
  outputs["n_last"] = {std::move(result.nLast), 0, cell.dqk};
  outputs["m_last"] = {std::move(result.mLast), 0, cell.heads};
  if (!cell.isBackward())
    return outputs;
  reference::MLSTMInputGradients d =
      reference::mlstmBackward(p, gradients, normalizerGrad, columns.threads);
  outputs["dq"] = {std::move(d.dq), 0, cell.dqk};
  outputs["dk"] = {std::move(d.dk), 0, cell.dqk};
  outputs["dv"] = {std::move(d.dv), 0, cell.dv};
  outputs["di"] = {std::move(d.di), 0, cell.heads};
  outputs["df"] = {std::move(d.df), 0, cell.heads};
  outputs["dc0"] = {std::move(d.dc0), 0, cell.dv};
  outputs["dn0"] = {std::move(d.dn0), 0, cell.dqk};
  return outputs;
}

ExpectedOutputs interpretedOutputs(const Case &testCase, const CheckOptions &options,
                                   const std::string &inputs, const std::string &folder) {
  std::string model = options.model, output = folder + "/expected.safetensors";
  if (model.empty()) {
    model = folder + "/model.json";
    std::ofstream(model) << testCase.cell->description;
  }
  ProcessResult result =
      runProcess({siblingProgram("xlstm-interpret"), model, "--function",
                  testCase.cell->function.name, "--inputs", inputs, "-o", output},
                 folder + "/interpret.log");
  if (result.code)
    fail(result.code == 3 ? XLSTM_ERROR_ENVIRONMENT : XLSTM_ERROR_INVALID_INPUT,
         "xlstm-interpret gave ", result.code, ": ", result.message);
  auto file = safetensors::File::open(output);
  ExpectedOutputs outputs;
  for (const HostTensor &tensor : allTensors(file))
    outputs[tensor.name] = {tensor.numbers(), 0, tensor.shape.empty() ? 1 : tensor.shape.back()};
  return outputs;
}

} // namespace xlstm::tools

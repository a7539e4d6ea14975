// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Check.h"

#include "runtime/src/safetensors/Safetensors.h"
#include "runtime/src/support/Failure.h"
#include "tools/common/Process.h"
#include "tools/xlstm-check/Sensitivity.h"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace xlstm::tools {
namespace {

using reference::Comparison;

/// Runs xlstm-run once; the output file appears only if that succeeds.
void runPackage(const Case &testCase, const CheckOptions &options, const TemporaryFolder &folder,
                const std::string &output) {
  std::vector<std::string> command = options.under;
  command.insert(command.end(),
                 {siblingProgram("xlstm-run"), testCase.cell->package, "--function",
                  testCase.cell->function.name, "--inputs", folder.file("in.safetensors"), "-o",
                  output, "--device", options.device, "--poison"});
  if (!options.target.empty())
    command.insert(command.end(), {"--target", options.target});
  if (options.strided)
    command.push_back("--transposed");
  if (options.threads)
    command.insert(command.end(), {"--threads", std::to_string(options.threads)});
  ProcessResult result = runProcess(command, folder.file("log"));
  if (result.code == 3)
    fail(XLSTM_ERROR_ENVIRONMENT, result.message);
  if (result.code)
    fail(XLSTM_ERROR_INVALID_INPUT, "xlstm-run gave ", result.code, ": ", result.message);
}

/// The output as the manifest declares it. Throws Failure if it is missing or has another type or
/// shape.
const safetensors::TensorView &findOutput(const safetensors::File &file,
                                          const package::Tensor &declared, const Case &testCase) {
  const safetensors::TensorView *tensor = file.find(declared.name);
  if (!tensor)
    fail(XLSTM_ERROR_INVALID_INPUT, declared.name, " is missing in the output");
  if (tensor->dtype != declared.dtype || tensor->shape != shapeOf(declared, testCase))
    fail(XLSTM_ERROR_INVALID_INPUT, declared.name, " has another type or shape than declared");
  return *tensor;
}

/// Columns [first, first + count) of rows of `width` elements, as float64.
std::vector<double> readColumns(const safetensors::TensorView &tensor, int64_t width, int64_t first,
                                int64_t count) {
  size_t size = dtypeSize(tensor.dtype);
  int64_t rows = static_cast<int64_t>(tensor.bytes / size) / width;
  std::vector<char> aligned(static_cast<size_t>(width) * size);
  std::vector<double> result(static_cast<size_t>(rows * count));
  for (int64_t row = 0; row < rows; ++row) {
    std::memcpy(aligned.data(), static_cast<const char *>(tensor.data) + row * width * size,
                aligned.size());
    reference::TensorView(aligned.data(), elementType(tensor.dtype))
        .read(first, count, &result[row * count]);
  }
  return result;
}

/// The values that an output should have; `columns` of the last axis are in `values`.
struct Expected {
  const std::vector<double> *values;
  int64_t width, first, columns;
};

Expected expectedOutput(const reference::MLSTMResult &result, const std::string &name,
                        const Cell &cell, const reference::MLSTMPart &part) {
  if (name == "h")
    return {&result.h, cell.dv, part.firstColumn, part.columns};
  if (name == "c_last")
    return {&result.cLast, cell.dv, part.firstColumn, part.columns};
  if (name == "n_last")
    return {&result.nLast, cell.dqk, 0, cell.dqk};
  if (name == "m_last")
    return {&result.mLast, cell.heads, 0, cell.heads};
  fail(XLSTM_ERROR_UNSUPPORTED, name, ": no float64 reference for this output");
}

/// Compares again, with the rows weighted where the denominator cancels.
void compareWeighted(std::vector<double> actual, std::vector<double> expected, int64_t columns,
                     double floor, const reference::MLSTMProblem &problem,
                     const reference::MLSTMPart &part, OutputResult &output) {
  std::vector<double> sensitivity = rowSensitivity(problem, part);
  int64_t rows = static_cast<int64_t>(sensitivity.size());
  for (int64_t row = 0; row < rows; ++row) {
    double weight = rowWeight(sensitivity[row]);
    output.cancelling += weight < 1;
    for (int64_t c = row * columns; c < (row + 1) * columns; ++c) {
      actual[c] *= weight;
      expected[c] *= weight;
    }
  }
  output.weighted = reference::compare(actual, expected, rows, columns, floor).relativeL2;
}

std::string complaint(const OutputResult &output, double limit) {
  const Comparison &comparison = output.comparison;
  if (comparison.nonFinite)
    return cat(output.name, " has ", comparison.nonFinite, " values that are not finite");
  if (comparison.medianRow > limit)
    return cat(output.name, " differs in most rows: ", comparison.str());
  if (comparison.relativeL2 <= limit || (output.weighted >= 0 && output.weighted <= limit))
    return "";
  char weighted[100] = "";
  if (output.weighted >= 0)
    std::snprintf(weighted, sizeof weighted,
                  "; relative L2 with less weight on %lld rows that cancel %.2e",
                  static_cast<long long>(output.cancelling), output.weighted);
  return cat(output.name, " differs: ", comparison.str(), weighted);
}

void compareOutputs(const Case &testCase, const safetensors::File &file,
                    const reference::MLSTMProblem &problem, const reference::MLSTMPart &part,
                    CaseResult &result) {
  const Cell &cell = *testCase.cell;
  const double limit = tolerance(cell.dtype);
  reference::MLSTMResult expected = reference::mlstmRecurrent(problem, part);
  for (const package::Tensor &declared : cell.function.outputs) {
    const safetensors::TensorView &tensor = findOutput(file, declared, testCase);
    Expected wanted = expectedOutput(expected, declared.name, cell, part);
    std::vector<double> actual = readColumns(tensor, wanted.width, wanted.first, wanted.columns);
    if (actual.size() != wanted.values->size())
      fail(XLSTM_ERROR_INVALID_INPUT, declared.name, ": expected ", wanted.values->size(),
           " values, got ", actual.size());
    int64_t rows = static_cast<int64_t>(actual.size()) / wanted.columns;
    double floor = reference::smallestNormal(elementType(tensor.dtype));
    OutputResult output;
    output.name = declared.name;
    output.comparison = reference::compare(actual, *wanted.values, rows, wanted.columns, floor);
    bool finite = output.comparison.nonFinite == 0;
    if (declared.name == "h" && finite && output.comparison.relativeL2 > limit &&
        cell.options.hasNormalizer())
      compareWeighted(std::move(actual), *wanted.values, wanted.columns, floor, problem, part,
                      output);
    if (result.reason.empty())
      result.reason = complaint(output, limit);
    result.outputs.push_back(std::move(output));
  }
}

/// The name of an output whose bits differ between two runs, "" if there is none.
std::string differingOutput(const safetensors::File &first, const safetensors::File &second) {
  for (const safetensors::TensorView &tensor : first.tensors()) {
    const safetensors::TensorView *other = second.find(tensor.name);
    if (!other || other->bytes != tensor.bytes ||
        (tensor.bytes && std::memcmp(tensor.data, other->data, tensor.bytes)))
      return tensor.name;
  }
  return "";
}

} // namespace

double tolerance(DType dtype) {
  switch (dtype) {
  case XLSTM_F64:
    return 1e-12;
  case XLSTM_F32:
    return 1e-5;
  case XLSTM_F16:
    return 2e-3;
  default:
    return 5e-3;
  }
}

CaseResult runCase(const Case &testCase, const CheckOptions &options, unsigned threads) {
  CaseResult result;
  try {
    TemporaryFolder folder;
    Inputs inputs(testCase, options.seed, options.states);
    inputs.write(folder.file("in.safetensors"));
    std::string outputs[] = {folder.file("first.safetensors"), folder.file("second.safetensors")};
    for (const std::string &output : outputs)
      runPackage(testCase, options, folder, output);

    reference::MLSTMProblem problem = inputs.problem();
    if (std::string error = reference::check(problem); !error.empty())
      fail(XLSTM_ERROR_INVALID_INPUT, testCase.cell->package, ": ", error);
    reference::MLSTMPart part;
    part.columns = options.columns ? std::min(options.columns, problem.dv) : problem.dv;
    part.firstColumn = problem.dv - part.columns;
    part.threads = threads;
    auto first = safetensors::File::open(outputs[0]);
    compareOutputs(testCase, first, problem, part, result);
    std::string differing = differingOutput(first, safetensors::File::open(outputs[1]));
    if (!differing.empty() && result.reason.empty())
      result.reason = cat("two runs give different bits in ", differing);
  } catch (const Failure &failure) {
    if (failure.status() == XLSTM_ERROR_ENVIRONMENT)
      throw;
    result.reason = failure.what();
  }
  result.passed = result.reason.empty();
  return result;
}

} // namespace xlstm::tools

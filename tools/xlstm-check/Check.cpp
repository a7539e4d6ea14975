// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Check.h"

#include "runtime/src/support/Failure.h"
#include "tools/common/TensorNames.h"
#include "tools/xlstm-check/Conditioning.h"
#include "tools/xlstm-check/Run.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <optional>

namespace xlstm::tools {
namespace {

using reference::Comparison;

/// Whether the case asks for an output: one that exists only with an input needs that.
bool isWanted(const package::Tensor &output, const std::vector<HostTensor> &inputs) {
  return output.with.empty() || findTensor(inputs, output.with);
}

/// The output as the manifest declares it. Throws Failure if it is missing or has another type or
/// shape.
HostTensor findOutput(const safetensors::File &file, const package::Tensor &declared,
                      const Case &testCase) {
  const safetensors::TensorView *tensor = file.find(declared.name);
  if (!tensor)
    fail(XLSTM_ERROR_INVALID_INPUT, declared.name, " is missing in the output");
  if (tensor->dtype != declared.dtype || tensor->shape != shapeOf(declared, testCase))
    fail(XLSTM_ERROR_INVALID_INPUT, declared.name, " has another type or shape than declared");
  HostTensor result = fromFile(file, *tensor);
  result.axes = axesOf(declared);
  return result;
}

/// Columns [first, first + count) of the last axis, as float64.
std::vector<double> readColumns(const HostTensor &tensor, int64_t first, int64_t count) {
  bool all = tensor.shape.empty() || count == tensor.shape.back();
  return all ? tensor.numbers()
             : slice(tensor, static_cast<int>(tensor.shape.size()) - 1, first, count).numbers();
}

/// Where the type cannot hold the expected value, or its largest acceptable neighbour, infinity is
/// right: both are taken as zero then.
void acceptOverflow(std::vector<double> &actual, std::vector<double> &expected, DType dtype,
                    double limit) {
  for (size_t k = 0; k < actual.size(); ++k)
    if (std::isinf(actual[k]) && actual[k] == roundTo(expected[k] * (1 + limit), dtype))
      actual[k] = expected[k] = 0;
}

/// The median row error, where a row below a thousandth of the root mean square of the rows counts
/// as that large.
double medianOfLargeRows(const std::vector<double> &actual, const std::vector<double> &expected,
                         int64_t columns) {
  reference::Norm all;
  for (double value : expected)
    all.add(value);
  size_t rows = actual.size() / columns;
  double least = 1e-3 * all.get() / std::sqrt(static_cast<double>(rows));
  std::vector<double> errors;
  for (size_t begin = 0; begin < actual.size(); begin += columns) {
    reference::Norm difference, norm;
    for (size_t c = begin; c < begin + columns; ++c) {
      difference.add(actual[c] - expected[c]);
      norm.add(expected[c]);
    }
    errors.push_back(difference.get() > 0 ? difference.get() / std::max(norm.get(), least) : 0);
  }
  std::nth_element(errors.begin(), errors.begin() + rows / 2, errors.end());
  return errors[rows / 2];
}

std::string complaint(const OutputResult &output, double limit) {
  const Comparison &comparison = output.comparison;
  if (comparison.nonFinite)
    return cat(output.name, " has ", comparison.nonFinite, " values that are not finite");
  double median = output.conditionedMedian >= 0 ? output.conditionedMedian : comparison.medianRow;
  if (!(median <= limit))
    return cat(output.name, " differs in most rows: ", comparison.str(),
               output.conditionedMedian >= 0
                   ? cat("; median relative to conditioning ", shortNumber(median))
                   : std::string());
  double error = comparison.relativeL2;
  for (double other : {output.weighted, output.errorOfTerms})
    if (other >= 0)
      error = std::min(error, other);
  if (error <= limit)
    return "";
  std::string weighted;
  if (output.weighted >= 0)
    weighted = cat("; relative L2 with less weight on ", output.cancelling, " rows that cancel ",
                   shortNumber(output.weighted));
  return cat(output.name, " differs: ", comparison.str(), weighted);
}

/// The narrowest type of the outputs: in a chain of steps, of what is kept from one to the next.
DType narrowestOutput(const Cell &cell) {
  DType result = cell.dtype;
  for (const package::Tensor &output : cell.function.outputs)
    if (isFloat(output.dtype))
      result = narrower(output.dtype, result);
  return result;
}

/// Compares all outputs. `conditioning` is null for cells whose outputs cannot cancel.
void compareOutputs(const Case &testCase, const CheckOptions &options,
                    const std::vector<HostTensor> &inputs, const safetensors::File &file,
                    const ExpectedOutputs &expected, Conditioning *conditioning,
                    CaseResult &result) {
  const Cell &cell = *testCase.cell;
  for (const package::Tensor &declared : cell.function.outputs) {
    if (!isWanted(declared, inputs))
      continue;
    HostTensor tensor = findOutput(file, declared, testCase);
    auto wanted = expected.find(declared.name);
    if (wanted == expected.end())
      fail(XLSTM_ERROR_UNSUPPORTED, declared.name, ": no float64 reference for this output");
    auto [values, first, columns] = wanted->second;
    std::vector<double> actual = readColumns(tensor, first, columns);
    if (actual.size() != values.size())
      fail(XLSTM_ERROR_INVALID_INPUT, declared.name, ": expected ", values.size(), " values, got ",
           actual.size());
    int64_t rows = columns ? static_cast<int64_t>(actual.size()) / columns : 0;
    double floor = reference::smallestNormal(elementType(tensor.dtype));
    bool gradient = isGradient(declared.name);
    // A state that is kept in fewer bits is rounded to them; in a chain of steps all else follows
    // from what the step before has kept.
    double limit = options.bound.value_or(
        std::max(tolerance(cell.dtype, gradient),
                 tolerance(cell.bySteps ? narrowestOutput(cell) : tensor.dtype, gradient)));
    acceptOverflow(actual, values, tensor.dtype, limit);
    OutputResult output;
    output.name = declared.name;
    output.comparison = reference::compare(actual, values, rows, columns, floor);
    if (conditioning && (declared.name == "h" || gradient))
      conditioning->refine(actual, values, columns, floor, limit, output);
    else if (!cell.isMLSTM() && gradient && output.comparison.medianRow > limit)
      output.conditionedMedian = medianOfLargeRows(actual, values, columns);
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

/// The part of a tensor that belongs to packed sequence s, nothing if all sequences share it.
std::optional<HostTensor> partOf(const HostTensor &tensor, const Case &testCase, int64_t s) {
  for (size_t axis = 0; axis < tensor.axes.size(); ++axis) {
    if (tensor.axes[axis] == "T")
      return slice(tensor, static_cast<int>(axis), testCase.starts[s],
                   testCase.starts[s + 1] - testCase.starts[s]);
    if (tensor.axes[axis] == "S" || tensor.axes[axis] == "N")
      return slice(tensor, static_cast<int>(axis), s, 1);
  }
  return std::nullopt;
}

/// Runs each packed sequence alone. What differs from the packed run in a bit, or "".
std::string differsAlone(const Case &testCase, const CheckOptions &options,
                         const TemporaryFolder &folder, const std::vector<HostTensor> &inputs,
                         const safetensors::File &packed) {
  for (int64_t s = 0; s < testCase.sequences(); ++s) {
    Case alone = testCase;
    alone.time = testCase.starts[s + 1] - testCase.starts[s];
    alone.starts.clear();
    std::vector<HostTensor> own;
    for (const HostTensor &input : inputs)
      if (input.name != "cu_seqlens")
        own.push_back(partOf(input, testCase, s).value_or(input));
    writeTensors(folder.file("alone"), own);
    runPackage(alone, options, folder, folder.file("alone"), folder.file("alone.out"));
    auto file = safetensors::File::open(folder.file("alone.out"));
    for (const package::Tensor &declared : testCase.cell->function.outputs) {
      if (!isWanted(declared, inputs))
        continue;
      HostTensor one = findOutput(file, declared, alone);
      std::optional<HostTensor> part = partOf(findOutput(packed, declared, testCase), testCase, s);
      if (part && std::memcmp(part->data, one.data, one.bytes()))
        return cat("sequence ", s, " of ", testCase.sequences(), ", of ", alone.time,
                   " steps, has other bits in ", declared.name, " than alone");
    }
  }
  return "";
}

/// Keeps what a failed case was about:
/// FOLDER/<package>-<function>-T<time>-<gates>/{in,out,expected}.
void keepCase(const Case &testCase, const CheckOptions &options, const std::string &inputs,
              const std::string &outputs, const std::vector<HostTensor> &tensors,
              const ExpectedOutputs &expected) {
  namespace fs = std::filesystem;
  const Cell &cell = *testCase.cell;
  fs::path folder =
      fs::path(options.keep) / cat(fs::path(cell.package).stem().string(), "-", cell.function.name,
                                   "-T", testCase.time, "-", gatesName(testCase.gates));
  std::error_code error;
  fs::create_directories(folder, error);
  fs::copy_file(inputs, folder / "in.safetensors", fs::copy_options::overwrite_existing, error);
  fs::copy_file(outputs, folder / "out.safetensors", fs::copy_options::overwrite_existing, error);
  if (error)
    fail(XLSTM_ERROR_ENVIRONMENT, folder.string(), ": cannot write: ", error.message());
  std::vector<HostTensor> wanted;
  for (const package::Tensor &declared : cell.function.outputs) {
    auto found = expected.find(declared.name);
    if (found == expected.end() || !isWanted(declared, tensors))
      continue;
    std::vector<int64_t> shape = shapeOf(declared, testCase);
    shape.back() = found->second.columns;
    wanted.push_back(fromNumbers(declared.name, XLSTM_F64, shape, found->second.values));
    wanted.back().axes = axesOf(declared);
  }
  writeTensors((folder / "expected.safetensors").string(), wanted);
}

} // namespace

CaseResult runCase(const Case &testCase, const CheckOptions &options, unsigned threads) {
  CaseResult result;
  try {
    TemporaryFolder folder;
    std::vector<HostTensor> inputs = makeInputs(testCase, options.seed);
    std::string inputFile = folder.file("in.safetensors");
    writeTensors(inputFile, inputs);
    std::string outputs[] = {folder.file("first.safetensors"), folder.file("second.safetensors")};
    for (const std::string &output : outputs)
      runPackage(testCase, options, folder, inputFile, output);

    auto first = safetensors::File::open(outputs[0]);
    std::optional<MLSTMReference> mlstm;
    if (testCase.cell->isMLSTM())
      mlstm.emplace(testCase, inputs, options, threads);
    ExpectedOutputs expected =
        mlstm ? mlstm->run() : interpretedOutputs(testCase, options, inputFile, folder.file(""));
    std::optional<Conditioning> conditioning;
    if (mlstm && mlstm->cell.options.hasNormalizer())
      conditioning.emplace(*mlstm);
    compareOutputs(testCase, options, inputs, first, expected,
                   conditioning ? &*conditioning : nullptr, result);
    std::string differing = differingOutput(first, safetensors::File::open(outputs[1]));
    if (!differing.empty() && result.reason.empty())
      result.reason = cat("two runs give different bits in ", differing);
    if (!testCase.starts.empty() && result.reason.empty())
      result.reason = differsAlone(testCase, options, folder, inputs, first);
    if (!result.reason.empty() && !options.keep.empty())
      keepCase(testCase, options, inputFile, outputs[0], inputs, expected);
  } catch (const Failure &failure) {
    if (failure.status() == XLSTM_ERROR_ENVIRONMENT)
      throw;
    result.reason = failure.what();
  }
  result.passed = result.reason.empty();
  return result;
}

} // namespace xlstm::tools

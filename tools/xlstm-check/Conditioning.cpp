// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Conditioning.h"

#include "tools/common/TensorNames.h"

#include <algorithm>
#include <cmath>
#include <random>

namespace xlstm::tools {
namespace {

using reference::Norm;

constexpr double kChange = 1e-6; // far above the rounding of float64, far below what is not linear
constexpr int kTrials = 4;
constexpr int64_t kColumns = 8;
constexpr double kSensitive = 2; // from which on a row counts less
constexpr double kCancelled = 0.1;

/// The tensor with each element changed by +-kChange of itself.
std::vector<double> change(reference::TensorView tensor, int64_t count, std::mt19937_64 &random) {
  std::vector<double> values(static_cast<size_t>(count));
  if (count)
    tensor.read(0, count, values.data());
  uint64_t bits = 0;
  for (int64_t k = 0; k < count; ++k) {
    if (k % 64 == 0)
      bits = random();
    values[k] *= bits >> k % 64 & 1 ? 1 + kChange : 1 - kChange;
  }
  return values;
}

/// Calls body(row, begin, end) for the elements of each row.
template <typename Body> void forRows(size_t elements, int64_t columns, Body body) {
  for (size_t begin = 0, row = 0; begin < elements; begin += columns, ++row)
    body(row, begin, begin + columns);
}

/// Raises `result`, by row, to how far a row moved.
void addMovement(const Expected &exact, const Expected &moved, std::vector<double> &result) {
  result.resize(exact.columns ? exact.values.size() / exact.columns : 0);
  forRows(exact.values.size(), exact.columns, [&](size_t row, size_t begin, size_t end) {
    Norm distance, norm;
    for (size_t c = begin; c < end; ++c) {
      distance.add(moved.values[c] - exact.values[c]);
      norm.add(exact.values[c]);
    }
    if (norm.get() > 0)
      result[row] = std::max(result[row], distance.get() / norm.get() / kChange);
  });
}

/// 1 up to kSensitive, then falling with the square, since both the size and the relative error of
/// a row of h grow with its sensitivity; for a gradient with the cube, since it has the square of
/// the denominator.
double rowWeight(double sensitivity, bool gradient) {
  double excess = std::max(1.0, sensitivity / kSensitive);
  return 1 / (gradient ? excess * excess * excess : excess * excess);
}

} // namespace

const Conditioning::Rows &Conditioning::sensitivity() {
  if (rowSensitivity)
    return *rowSensitivity;
  rowSensitivity.emplace();
  reference::MLSTMPart few = reference.part;
  few.columns = std::min(few.columns, kColumns);
  const reference::MLSTMProblem &problem = reference.problem;
  int64_t count = problem.batch * problem.time * problem.heads * problem.dqk;
  ExpectedOutputs exact = reference.run(problem, few);
  std::mt19937_64 random(1);
  for (int trial = 0; trial < kTrials; ++trial) {
    std::vector<double> q = change(problem.q, count, random), k = change(problem.k, count, random);
    reference::MLSTMProblem changed = problem;
    changed.q = q;
    changed.k = k;
    for (const auto &[name, moved] : reference.run(changed, few))
      addMovement(exact[name], moved, (*rowSensitivity)[name]);
  }
  return *rowSensitivity;
}

const Conditioning::Rows &Conditioning::terms() {
  if (rowTerms)
    return *rowTerms;
  rowTerms.emplace();
  if (reference.normalizerGrad == reference::NormalizerGrad::Dropped)
    return *rowTerms;
  MLSTMReference numeratorOnly = reference;
  numeratorOnly.normalizerGrad = reference::NormalizerGrad::Dropped;
  ExpectedOutputs whole = reference.run();
  for (const auto &[name, term] : numeratorOnly.run()) {
    const std::vector<double> &sum = whole[name].values, &first = term.values;
    std::vector<double> &norms = (*rowTerms)[name];
    norms.resize(term.columns ? first.size() / term.columns : 0);
    forRows(first.size(), term.columns, [&, &norms = norms](size_t row, size_t begin, size_t end) {
      Norm one, other;
      for (size_t c = begin; c < end; ++c) {
        one.add(first[c]);
        other.add(sum[c] - first[c]);
      }
      norms[row] = std::max(one.get(), other.get());
    });
  }
  return *rowTerms;
}

void Conditioning::weigh(std::vector<double> actual, std::vector<double> expected, int64_t columns,
                         double floor, OutputResult &output) {
  const std::vector<double> &rows = sensitivity().at(output.name);
  forRows(actual.size(), columns, [&](size_t row, size_t begin, size_t end) {
    double weight = rowWeight(rows[row], isGradient(output.name));
    output.cancelling += weight < 1;
    for (size_t c = begin; c < end; ++c) {
      actual[c] *= weight;
      expected[c] *= weight;
    }
  });
  output.weighted =
      reference::compare(actual, expected, static_cast<int64_t>(rows.size()), columns, floor)
          .relativeL2;
}

void Conditioning::compareWithTerms(const std::vector<double> &actual,
                                    const std::vector<double> &expected, int64_t columns,
                                    double limit, OutputResult &output) {
  auto found = terms().find(output.name);
  const std::vector<double> *rowTerms = found == terms().end() ? nullptr : &found->second;
  std::vector<double> errors;
  Norm allDifference, allExpected, allTerms;
  forRows(actual.size(), columns, [&](size_t row, size_t begin, size_t end) {
    Norm difference, norm;
    for (size_t c = begin; c < end; ++c) {
      difference.add(actual[c] - expected[c]);
      allDifference.add(actual[c] - expected[c]);
      norm.add(expected[c]);
      allExpected.add(expected[c]);
    }
    double scale = std::max(norm.get(), rowTerms ? (*rowTerms)[row] : 0);
    allTerms.add(scale);
    scale *= std::max(1.0, sensitivity().at(output.name)[row] / kSensitive);
    errors.push_back(difference.get() > 0 ? difference.get() / scale : 0);
  });
  if (output.comparison.medianRow > limit) {
    std::nth_element(errors.begin(), errors.begin() + errors.size() / 2, errors.end());
    output.conditionedMedian = errors[errors.size() / 2];
  }
  if (allExpected.get() < kCancelled * allTerms.get())
    output.errorOfTerms = reference::relativeError(allDifference, allTerms);
}

void Conditioning::refine(const std::vector<double> &actual, const std::vector<double> &expected,
                          int64_t columns, double floor, double limit, OutputResult &output) {
  bool over = output.comparison.relativeL2 > limit;
  if (output.comparison.nonFinite || (!over && output.comparison.medianRow <= limit))
    return;
  if (isGradient(output.name))
    compareWithTerms(actual, expected, columns, limit, output);
  if (over)
    weigh(actual, expected, columns, floor, output);
}

} // namespace xlstm::tools

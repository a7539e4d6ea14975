// SPDX-License-Identifier: Apache-2.0
#include "examples/generate/Sampler.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <cmath>

namespace xlstm::example {

int32_t Sampler::draw(const std::vector<float> &logits, const std::vector<std::string> &texts) {
  candidates.clear();
  for (size_t token = 0; token < logits.size(); ++token) {
    if (std::isnan(logits[token]))
      fail(XLSTM_ERROR_INVALID_INPUT, "logits: expected numbers, got NaN for token ", token);
    if (!texts[token].empty())
      candidates.push_back(static_cast<int32_t>(token));
  }
  auto likelier = [&](int32_t a, int32_t b) {
    float left = logits[static_cast<size_t>(a)], right = logits[static_cast<size_t>(b)];
    return left != right ? left > right : a < b;
  };
  if (options.greedy)
    return *std::min_element(candidates.begin(), candidates.end(), likelier);
  if (options.topK && options.topK < candidates.size()) {
    auto end = candidates.begin() + static_cast<std::ptrdiff_t>(options.topK);
    std::nth_element(candidates.begin(), end, candidates.end(), likelier);
    candidates.erase(end, candidates.end());
  }
  // Only the choice of the likeliest ones needs an order, which takes long in a large vocabulary.
  if (options.topP < 1 || options.topK)
    std::sort(candidates.begin(), candidates.end(), likelier);
  int32_t likeliest = *std::min_element(candidates.begin(), candidates.end(), likelier);
  weights.clear();
  double sum = 0, largest = static_cast<double>(logits[static_cast<size_t>(likeliest)]);
  for (int32_t token : candidates) {
    double logit = static_cast<double>(logits[static_cast<size_t>(token)]);
    sum += weights.emplace_back(std::exp((logit - largest) / options.temperature));
  }
  double kept = 0;
  size_t count = 0;
  while (count < weights.size() && (count == 0 || options.topP == 1 || kept < options.topP * sum))
    kept += weights[count++];
  // Standard distributions differ between libraries; 32 random bits do not.
  double place = kept * (static_cast<double>(generator()) * 0x1p-32);
  size_t chosen = 0;
  while (chosen + 1 < count && (place -= weights[chosen]) >= 0)
    ++chosen;
  return candidates[chosen];
}

} // namespace xlstm::example

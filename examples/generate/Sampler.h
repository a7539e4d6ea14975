// SPDX-License-Identifier: Apache-2.0
// Draws a token from logits.
#ifndef XLSTM_EXAMPLES_GENERATE_SAMPLER_H
#define XLSTM_EXAMPLES_GENERATE_SAMPLER_H

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace xlstm::example {

struct SamplerOptions {
  bool greedy = false;    ///< the likeliest token, the first of equal ones
  double temperature = 1; ///< logits are divided by it
  size_t topK = 0;        ///< only the k likeliest tokens; 0: all
  double topP =
      1; ///< only the fewest likeliest ones that have this much of the probability together
  uint32_t seed = 1;
};

/// The same seed draws the same tokens on every machine, from the same logits.
class Sampler {
public:
  explicit Sampler(const SamplerOptions &options) : options(options), generator(options.seed) {}
  /// A token among those that have a text. Throws Failure if a logit is not a number.
  int32_t draw(const std::vector<float> &logits, const std::vector<std::string> &texts);

private:
  SamplerOptions options;
  std::mt19937 generator;
  std::vector<int32_t> candidates;
  std::vector<double> weights;
};

} // namespace xlstm::example
#endif

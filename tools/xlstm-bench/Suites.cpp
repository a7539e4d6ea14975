// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-bench/Suites.h"

#include "runtime/src/support/DType.h"
#include "runtime/src/support/Failure.h"
#include "tools/common/Arguments.h"

#include <algorithm>

namespace xlstm::tools {
namespace {

constexpr int64_t kChunk = 64; // of the count of useful work, whatever a kernel chooses
constexpr int64_t kTokens = 65536;

/// The layer of xLSTM-7B at a constant number of tokens, then single sequences (a prefill).
std::vector<Case> layer7b() {
  std::vector<Case> cases;
  for (const char *gate : {"exp", "sigmoid"}) {
    Model model{"bf16", 8, 256, 512, gate};
    for (int64_t length : {512, 2048, 8192, 16384, 32768})
      cases.push_back({model, kTokens / length, length});
    for (int64_t length : {8192, 65536})
      cases.push_back({model, 1, length});
  }
  return cases;
}

/// Head sizes at a constant width of the values, heads * dv = 4096.
std::vector<Case> headSizes() {
  constexpr int64_t kSizes[][2] = {{32, 64},   {64, 64},   {64, 128},  {128, 128},
                                   {128, 256}, {256, 256}, {256, 512}, {512, 512}};
  std::vector<Case> cases;
  for (auto [dqk, dv] : kSizes)
    cases.push_back({{"bf16", 4096 / dv, dqk, dv, "exp"}, 4, 8192});
  return cases;
}

std::vector<Case> cpuCells() {
  std::vector<Case> cases;
  for (const char *dtype : {"f32", "bf16"})
    for (int64_t size : {64, 128, 256})
      for (int64_t length : {1024, 2048, 4096, 8192})
        cases.push_back({{dtype, 4, size, size, "exp"}, 1, length});
  return cases;
}

/// Seconds on any device: that the tool works, not how fast a kernel is.
std::vector<Case> smokeCells() {
  return {{{"bf16", 2, 64, 64, "exp"}, 2, 128},
          {{"bf16", 2, 64, 64, "sigmoid"}, 1, 100},
          {{"f32", 3, 5, 6, "exp"}, 2, 65}};
}

} // namespace

std::string Model::name() const {
  return cat("mlstm_", dtype, "_", heads, "x", dqk, "x", dv, "_", gate);
}

std::string Model::description() const {
  bool normalize = gate == std::string("exp");
  return cat("{ \"xlstm_model\": 1, \"name\": \"", name(), "\", \"dtype\": \"", dtype,
             "\",\n  \"cell\": { \"kind\": \"mlstm\", \"heads\": ", heads, ", \"dqk\": ", dqk,
             ", \"dv\": ", dv, ", \"input_gate\": \"", gate,
             normalize ? "\"" : "\", \"normalize\": false", " } }\n");
}

bool Model::runsOnGpu() const {
  DType type = *parseDType(dtype);
  return type == XLSTM_BF16 || type == XLSTM_F16;
}

double Model::flops() const {
  return 4.0 * static_cast<double>(dqk * dv) + 2.0 * kChunk * static_cast<double>(dqk + dv);
}

double Model::bytes() const {
  return static_cast<double>(dtypeSize(*parseDType(dtype)) * static_cast<size_t>(2 * dqk + 2 * dv) +
                             8);
}

std::string Case::name() const {
  return cat(model.dtype, " ", model.heads, "x", model.dqk, "x", model.dv, " ", model.gate,
             " B=", batch, " T=", length);
}

const std::vector<Suite> &suites() {
  static const std::vector<Suite> all = {
      {"mlstm", "the layer of xLSTM-7B at 65,536 tokens, and one sequence of 8,192", layer7b()},
      {"headdim", "head sizes from 32/64 to 512/512 at B = 4, T = 8192", headSizes()},
      {"cpu", "4 heads of 64, 128 and 256, f32 and bf16, sizes for a CPU", cpuCells()},
      {"smoke", "three tiny cells", smokeCells()},
  };
  return all;
}

const Suite &findSuite(const std::string &name) {
  std::vector<std::string> names;
  for (const Suite &suite : suites()) {
    if (suite.name == name)
      return suite;
    names.push_back(suite.name);
  }
  std::string near = nearestName(name, names), list;
  for (const std::string &known : names)
    list += cat(list.empty() ? "" : ", ", known);
  throw UsageError(cat("unknown suite '", name, "', expected one of ", list,
                       near.empty() ? "" : cat("; did you mean ", near, "?")));
}

std::vector<Model> modelsOf(const std::vector<const Suite *> &chosen) {
  std::vector<Model> models;
  for (const Suite *suite : chosen)
    for (const Case &one : suite->cases)
      if (std::none_of(models.begin(), models.end(),
                       [&](const Model &model) { return model.name() == one.model.name(); }))
        models.push_back(one.model);
  return models;
}

} // namespace xlstm::tools

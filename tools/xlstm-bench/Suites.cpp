// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-bench/Suites.h"

#include "runtime/src/support/DType.h"
#include "runtime/src/support/Failure.h"
#include "tools/common/Arguments.h"

#include <algorithm>
#include <array>

namespace xlstm::tools {
namespace {

constexpr int64_t kChunk = 64; // of the count of useful work, whatever a kernel chooses
constexpr int64_t kTokens = 65536;
constexpr int64_t kStateBytes = 4; // states are f32

/// How many gates and states a recurrent cell has.
struct RecurrentKind {
  const char *name;
  int64_t inputGates, recurrentGates, states;
};
constexpr RecurrentKind kRecurrentKinds[] = {
    {"slstm", 4, 4, 4}, {"lstm", 4, 4, 2}, {"gru", 3, 3, 1}};

const RecurrentKind &recurrentKind(const Model &model) {
  return *std::find_if(
      std::begin(kRecurrentKinds), std::end(kRecurrentKinds),
      [&](const RecurrentKind &kind) { return kind.name == std::string(model.kind); });
}

Model mlstm(const char *dtype, int64_t heads, int64_t dqk, int64_t dv, const char *gate) {
  return {"mlstm", dtype, heads, dqk, dv, gate};
}

/// The layer of xLSTM-7B at a constant number of tokens, then single sequences (a prefill).
std::vector<Case> layer7b() {
  std::vector<Case> cases;
  for (const char *gate : {"exp", "sigmoid"}) {
    Model model = mlstm("bf16", 8, 256, 512, gate);
    for (int64_t length : {512, 2048, 8192, 16384, 32768})
      cases.push_back({model, "forward", kTokens / length, length});
    for (int64_t length : {8192, 65536})
      cases.push_back({model, "forward", 1, length});
  }
  return cases;
}

/// A token of each of B sequences.
std::vector<Case> decode7b() {
  std::vector<Case> cases;
  for (int64_t batch : {1, 8, 64, 256})
    cases.push_back({mlstm("bf16", 8, 256, 512, "exp"), "step", batch, 1});
  return cases;
}

/// Head sizes at a constant width of the values, heads * dv = 4096.
std::vector<Case> headSizes() {
  constexpr int64_t kSizes[][2] = {{32, 64},   {64, 64},   {64, 128},  {128, 128},
                                   {128, 256}, {256, 256}, {256, 512}, {512, 512}};
  std::vector<Case> cases;
  for (auto [dqk, dv] : kSizes)
    cases.push_back({mlstm("bf16", 4096 / dv, dqk, dv, "exp"), "forward", 4, 8192});
  return cases;
}

std::vector<Case> cpuCells() {
  std::vector<Case> cases;
  for (const char *function : {"forward", "forward_backward"})
    for (const char *dtype : {"f32", "bf16"})
      for (int64_t size : {64, 128, 256}) {
        Model model = mlstm(dtype, 4, size, size, "exp");
        for (int64_t length : {1024, 2048, 4096, 8192})
          cases.push_back({model, function, 1, length});
        if (size < 256)
          cases.push_back({model, function, 4, 1024});
      }
  for (const char *dtype : {"f32", "bf16"})
    for (int64_t size : {64, 128, 256})
      for (int64_t batch : {1, 4})
        cases.push_back({mlstm(dtype, 4, size, size, "exp"), "step", batch, 1});
  for (const RecurrentKind &kind : kRecurrentKinds)
    for (const char *function : {"forward", "forward_backward", "step"})
      for (int64_t size : {64, 128, 256})
        for (int64_t batch : {1, 8, 16})
          cases.push_back({Model::recurrent(kind.name, "f32", 4, size), function, batch,
                           function == std::string("step") ? 1 : 1024});
  return cases;
}

/// Heads whose state no block of a GPU holds.
std::vector<Case> largeHeads() {
  std::vector<Case> cases;
  for (const char *gate : {"exp", "sigmoid"})
    for (auto [heads, dqk, dv] :
         {std::array<int64_t, 3>{8, 512, 512}, {4, 512, 1024}, {4, 1024, 1024}})
      cases.push_back({mlstm("bf16", heads, dqk, dv, gate), "forward", 4, 8192});
  return cases;
}

/// Seconds on any device: that the tool works, not how fast a kernel is.
std::vector<Case> smokeCells() {
  return {{mlstm("bf16", 2, 64, 64, "exp"), "forward", 2, 128},
          {mlstm("bf16", 2, 64, 64, "sigmoid"), "forward", 1, 100},
          {mlstm("f32", 3, 5, 6, "exp"), "forward", 2, 65}};
}

} // namespace

bool Model::isMLSTM() const { return kind == std::string("mlstm"); }

int64_t Model::inputGates() const { return recurrentKind(*this).inputGates; }

std::string Model::text() const {
  return isMLSTM() ? cat(dtype, " ", heads, "x", dqk, "x", dv, " ", gate)
                   : cat(dtype, " ", heads, "x", dqk);
}

std::string Model::name() const {
  std::string result = cat(kind, " ", text());
  std::replace(result.begin(), result.end(), ' ', '_');
  return result;
}

std::string Model::description() const {
  std::string cell = cat("\"kind\": \"", kind, "\", \"heads\": ", heads);
  if (isMLSTM())
    cell += cat(", \"dqk\": ", dqk, ", \"dv\": ", dv, ", \"input_gate\": \"", gate,
                gate == std::string("exp") ? "\"" : "\", \"normalize\": false");
  else
    cell += cat(", \"d\": ", dqk);
  return cat("{ \"xlstm_model\": 1, \"name\": \"", name(), "\", \"dtype\": \"", dtype,
             "\",\n  \"cell\": { ", cell, " } }\n");
}

bool Case::isStep() const { return function == std::string("step"); }

std::string Case::name() const {
  std::string length = isStep() ? "" : cat(" T=", this->length);
  return cat(model.kind, " ", function, " ", model.text(), " B=", batch, length);
}

std::string Case::package() const {
  bool isForward = function == std::string("forward");
  return isForward ? model.name() : cat(model.name(), "_", function);
}

bool Case::runsOnGpu() const {
  DType type = *parseDType(model.dtype);
  if (!model.isMLSTM())
    return false;
  bool isForward = function == std::string("forward");
  return isForward ? type == XLSTM_BF16 || type == XLSTM_F16 : isStep() && type != XLSTM_F64;
}

double Case::flops() const {
  double passes = function == std::string("forward_backward") ? 3 : 1;
  double dqk = static_cast<double>(model.dqk), dv = static_cast<double>(model.dv);
  if (!model.isMLSTM())
    return passes * 2 * static_cast<double>(recurrentKind(model).recurrentGates) * dqk * dv;
  return passes * (4 * dqk * dv + (isStep() ? 0 : 2.0 * kChunk * (dqk + dv)));
}

double Case::bytes() const {
  double passes = function == std::string("forward_backward") ? 2 : 1;
  double element = static_cast<double>(dtypeSize(*parseDType(model.dtype)));
  double dqk = static_cast<double>(model.dqk), dv = static_cast<double>(model.dv);
  if (model.isMLSTM())
    return passes * ((2 * dqk + 2 * dv) * element + 8) +
           (isStep() ? 2 * kStateBytes * dqk * (dv + 1) : 0);
  const RecurrentKind &kind = recurrentKind(model);
  double result = passes * static_cast<double>(kind.inputGates + 1) * dqk * element;
  if (isStep())
    result +=
        2 * kStateBytes * static_cast<double>(kind.states) * dqk +
        static_cast<double>(kind.recurrentGates) * dqk * dqk * element / static_cast<double>(batch);
  return result;
}

const std::vector<Suite> &suites() {
  static const std::vector<Suite> all = {
      {"mlstm", "the layer of xLSTM-7B at 65,536 tokens, and one sequence of 8,192", layer7b()},
      {"step", "a step of the layer of xLSTM-7B, for 1 to 256 sequences", decode7b()},
      {"headdim", "head sizes from 32/64 to 512/512 at B = 4, T = 8192", headSizes()},
      {"large", "heads of 512/512 to 1024/1024 at B = 4, T = 8192", largeHeads()},
      {"cpu", "4 heads of 64, 128 and 256, every function, sizes for a CPU", cpuCells()},
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

std::vector<Case> packagesOf(const std::vector<const Suite *> &chosen) {
  std::vector<Case> result;
  for (const Suite *suite : chosen)
    for (const Case &one : suite->cases)
      if (std::none_of(result.begin(), result.end(),
                       [&](const Case &other) { return other.package() == one.package(); }))
        result.push_back(one);
  return result;
}

} // namespace xlstm::tools

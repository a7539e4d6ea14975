// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Suite.h"

#include "runtime/src/cpu/Host.h"
#include "runtime/src/support/Failure.h"
#include "tools/common/NumericsReport.h"
#include "tools/xlstm-check/Check.h"
#include "tools/xlstm-check/Run.h"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

namespace xlstm::tools {
namespace {

using Json = nlohmann::ordered_json;

const char *resetsName(Resets resets) {
  return resets == Resets::Some ? "some" : resets == Resets::Each ? "each" : "none";
}

void printJson(const Case &testCase, const CheckOptions &options, const CaseResult &result) {
  Json line{{"package", testCase.cell->package},
            {"function", testCase.cell->bySteps ? "step" : testCase.cell->function.name},
            {"dtype", dtypeName(testCase.cell->dtype)},
            {"device", options.device},
            {"B", testCase.batch},
            {"T", testCase.time},
            {"gates", gatesName(testCase.gates)},
            {"states", testCase.states},
            {"reset", resetsName(testCase.resets)},
            {"packed", !testCase.starts.empty()},
            {"strided", options.strided},
            {"passed", result.passed}};
  if (options.inPlace)
    line["in_place"] = true;
  if (!options.target.empty())
    line["target"] = options.target;
  if (!result.passed)
    line["reason"] = result.reason;
  Json &outputs = line["outputs"] = Json::object();
  for (const OutputResult &output : result.outputs) {
    const reference::Comparison &comparison = output.comparison;
    Json &entry = outputs[output.name];
    entry = {{"relative_l2", finiteJson(comparison.relativeL2)},
             {"median_row", finiteJson(comparison.medianRow)},
             {"worst_row", finiteJson(comparison.worstRow)},
             {"not_finite", comparison.nonFinite}};
    if (output.weighted >= 0) {
      entry["weighted_l2"] = finiteJson(output.weighted);
      entry["cancelling_rows"] = output.cancelling;
    }
    if (output.conditionedMedian >= 0)
      entry["conditioned_median_row"] = finiteJson(output.conditionedMedian);
    if (output.errorOfTerms >= 0)
      entry["error_of_terms"] = finiteJson(output.errorOfTerms);
  }
  printJsonLine(line);
}

void printOutput(const OutputResult &output) {
  const reference::Comparison &comparison = output.comparison;
  if (comparison.rows == 0)
    return;
  std::printf(" %s %.1e", output.name.c_str(), comparison.relativeL2);
  if (output.name == "h")
    std::printf(" (median row %.1e, worst %.1e)", comparison.medianRow, comparison.worstRow);
  if (output.conditionedMedian >= 0)
    std::printf(" {median row %.1e, relative to conditioning %.1e}", comparison.medianRow,
                output.conditionedMedian);
  if (output.errorOfTerms >= 0)
    std::printf(" {relative to terms that cancel %.1e}", output.errorOfTerms);
  if (output.weighted >= 0)
    std::printf(" [%.1e with less weight on %lld rows that cancel]", output.weighted,
                static_cast<long long>(output.cancelling));
}

void printText(const Case &testCase, const CheckOptions &options, const CaseResult &result) {
  std::string how =
      options.target.empty() ? options.device : cat(options.device, " ", options.target);
  std::string extents = cat("B=", testCase.batch);
  if (testCase.cell->hasTime())
    extents += cat(" T=", testCase.time);
  if (testCase.resets != Resets::None)
    extents += cat(" reset=", resetsName(testCase.resets));
  if (!testCase.starts.empty())
    extents += cat(" N=", testCase.sequences());
  std::printf("%-6s %s on %s %s %s%s%s%s ", result.passed ? "ok" : "FAILED",
              testCase.cell->str().c_str(), how.c_str(), extents.c_str(), gatesName(testCase.gates),
              testCase.states ? " states" : "", options.strided ? " strided" : "",
              options.inPlace ? " in place" : "");
  if (!result.passed)
    std::printf(" %s", result.reason.c_str());
  else
    for (const OutputResult &output : result.outputs)
      printOutput(output);
  std::printf("\n");
}

/// Hands out cases to threads and prints results in order.
class Runner {
public:
  Runner(const std::vector<Case> &cases, const CheckOptions &options)
      : cases(cases), options(options), results(cases.size()) {}

  void run() {
    size_t jobs = std::min<size_t>(options.jobs, cases.size());
    std::vector<std::thread> workers;
    for (size_t job = 0; job < jobs; ++job)
      workers.emplace_back([this] { work(); });
    for (std::thread &worker : workers)
      worker.join();
    if (failure)
      std::rethrow_exception(failure);
  }

  size_t passed = 0, failed = 0;

private:
  void work() {
    unsigned threads =
        std::max<unsigned>(1, cpu::hostThreads() / static_cast<unsigned>(options.jobs));
    for (;;) {
      size_t index;
      {
        std::lock_guard<std::mutex> guard(lock);
        if (next == cases.size() || failure)
          return;
        index = next++;
      }
      try {
        finish(index, runCase(cases[index], options, threads));
      } catch (...) {
        std::lock_guard<std::mutex> guard(lock);
        if (!failure)
          failure = std::current_exception();
      }
    }
  }

  void finish(size_t index, CaseResult result) {
    std::lock_guard<std::mutex> guard(lock);
    results[index] = std::move(result);
    for (; printed < results.size() && results[printed]; ++printed) {
      const CaseResult &ready = *results[printed];
      ++(ready.passed ? passed : failed);
      (options.json ? printJson : printText)(cases[printed], options, ready);
    }
    std::fflush(stdout);
  }

  const std::vector<Case> &cases;
  const CheckOptions &options;
  std::mutex lock; // of everything below and the counts
  std::vector<std::optional<CaseResult>> results;
  size_t next = 0, printed = 0;
  std::exception_ptr failure;
};

/// The cases of a cell; `step` has one for each distribution of the gates.
void addCases(const Cell &cell, const CheckOptions &options, std::vector<Case> &cases) {
  for (Gates gates : options.gates)
    for (int64_t time : options.steps    ? std::vector<int64_t>{options.steps}
                        : cell.hasTime() ? options.times
                                         : std::vector<int64_t>{1}) {
      Case testCase{&cell, options.batch, time, gates, Resets::None, options.states, {}};
      if (cell.hasTime()) {
        testCase.resets = options.resets;
        if (options.resets == Resets::Each)
          testCase.batch = time + 1;
        if (options.packed) {
          testCase.batch = 1;
          testCase.starts = packedStarts(time);
        }
      }
      cases.push_back(std::move(testCase));
    }
}

} // namespace

bool runSuite(const CheckOptions &options) {
  std::vector<Cell> cells;
  std::vector<std::string> skipped;
  for (const std::string &package : options.packages) {
    size_t before = cells.size();
    for (Cell &cell : readCells(package, options.functions, !options.model.empty(), skipped))
      if (!options.steps)
        cells.push_back(std::move(cell));
      else if (!cell.hasTime())
        cells.push_back(asSequence(cell));
    if (cells.size() == before)
      fail(XLSTM_ERROR_INVALID_INPUT, package,
           ": expected a function forward, forward_backward or step of a cell, got none",
           options.functions.empty() ? "" : " of the names of --function");
  }
  for (const std::string &text : skipped)
    std::fprintf(stderr, "xlstm-check: note: skipped: %s\n", text.c_str());

  std::vector<Case> cases;
  for (const Cell &cell : cells)
    addCases(cell, options, cases);
  Runner runner(cases, options);
  runner.run();
  if (options.json)
    printJsonLine({{"passed", runner.passed}, {"failed", runner.failed}});
  else
    std::printf("%zu passed, %zu failed\n", runner.passed, runner.failed);
  return runner.failed == 0;
}

} // namespace xlstm::tools

// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Suite.h"

#include "runtime/src/cpu/Host.h"
#include "runtime/src/support/Failure.h"
#include "tools/xlstm-check/Check.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>

namespace xlstm::tools {
namespace {

using Json = nlohmann::ordered_json;

void printLine(const Json &json) {
  std::puts(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

/// JSON has no infinity.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

void printJson(const Case &testCase, const CheckOptions &options, const CaseResult &result) {
  Json line{{"package", testCase.cell->package},
            {"function", testCase.cell->function.name},
            {"dtype", dtypeName(testCase.cell->dtype)},
            {"device", options.device},
            {"B", testCase.batch},
            {"T", testCase.time},
            {"gates", gatesName(testCase.gates)},
            {"states", options.states},
            {"strided", options.strided},
            {"passed", result.passed}};
  if (!options.target.empty())
    line["target"] = options.target;
  if (!result.passed)
    line["reason"] = result.reason;
  Json &outputs = line["outputs"] = Json::object();
  for (const OutputResult &output : result.outputs) {
    const reference::Comparison &comparison = output.comparison;
    Json &entry = outputs[output.name];
    entry = {{"relative_l2", number(comparison.relativeL2)},
             {"median_row", number(comparison.medianRow)},
             {"worst_row", number(comparison.worstRow)},
             {"not_finite", comparison.nonFinite}};
    if (output.weighted >= 0) {
      entry["weighted_l2"] = number(output.weighted);
      entry["cancelling_rows"] = output.cancelling;
    }
  }
  printLine(line);
}

void printOutput(const OutputResult &output) {
  const reference::Comparison &comparison = output.comparison;
  if (comparison.rows == 0)
    return;
  std::printf(" %s %.1e", output.name.c_str(), comparison.relativeL2);
  if (output.name == "h")
    std::printf(" (median row %.1e, worst %.1e)", comparison.medianRow, comparison.worstRow);
  if (output.weighted >= 0)
    std::printf(" [%.1e with less weight on %lld rows that cancel]", output.weighted,
                static_cast<long long>(output.cancelling));
}

void printText(const Case &testCase, const CheckOptions &options, const CaseResult &result) {
  std::string how =
      options.target.empty() ? options.device : cat(options.device, " ", options.target);
  std::printf("%-6s %s on %s B=%lld T=%lld %s%s%s ", result.passed ? "ok" : "FAILED",
              testCase.cell->str().c_str(), how.c_str(), static_cast<long long>(testCase.batch),
              static_cast<long long>(testCase.time), gatesName(testCase.gates),
              options.states ? " states" : "", options.strided ? " strided" : "");
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

} // namespace

bool runSuite(const CheckOptions &options) {
  std::vector<Cell> cells;
  std::vector<std::string> skipped;
  for (const std::string &package : options.packages) {
    size_t before = cells.size();
    for (Cell &cell : readCells(package, skipped))
      cells.push_back(std::move(cell));
    if (cells.size() == before)
      fail(XLSTM_ERROR_INVALID_INPUT, package,
           ": expected a forward function of an mlstm cell, got none");
  }
  for (const std::string &text : skipped)
    std::fprintf(stderr, "xlstm-check: note: skipped: %s\n", text.c_str());

  std::vector<Case> cases;
  for (const Cell &cell : cells)
    for (Gates gates : options.gates)
      for (int64_t time : options.times)
        cases.push_back({&cell, options.batch, time, gates});
  Runner runner(cases, options);
  runner.run();
  if (options.json)
    printLine({{"passed", runner.passed}, {"failed", runner.failed}});
  else
    std::printf("%zu passed, %zu failed\n", runner.passed, runner.failed);
  return runner.failed == 0;
}

} // namespace xlstm::tools

// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-bench/Rows.h"

#include "runtime/src/support/Failure.h"
#include "runtime/src/support/File.h"
#include "tools/xlstm-bench/Packages.h"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace xlstm::tools {
namespace {

using Json = nlohmann::ordered_json;

std::string dump(const Json &json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json caseJson(const Suite &suite, const Case &benchCase) {
  const Model &model = benchCase.model;
  Json json{{"suite", suite.name},
            {"case", benchCase.name()},
            {"function", benchCase.function},
            {"package", benchCase.package()},
            {"kind", model.kind}};
  if (model.isMLSTM())
    json["gate"] = model.gate;
  json["dtype"] = model.dtype;
  json["B"] = benchCase.batch;
  if (!benchCase.isStep())
    json["T"] = benchCase.length;
  json["heads"] = model.heads;
  if (model.isMLSTM()) {
    json["dqk"] = model.dqk;
    json["dv"] = model.dv;
  } else {
    json["d"] = model.dqk;
  }
  return json;
}

std::string deviceOption(const xlstm_device_info &device) {
  return device.kind == XLSTM_CUDA ? cat("cuda:", device.index) : "cpu";
}

/// Rates of a row; times are in milliseconds.
struct Rates {
  explicit Rates(const Row &row) : milliseconds(median(row.timing->times)) {
    const Case &benchCase = row.benchCase;
    double tokens = static_cast<double>(benchCase.tokens()), seconds = 1e-3 * milliseconds;
    double tokenHeads = tokens * static_cast<double>(benchCase.model.heads);
    tokensPerSecond = tokens / seconds;
    gigaflops = 1e-9 * tokenHeads * benchCase.flops() / seconds;
    gigabytes = 1e-9 * tokenHeads * benchCase.bytes() / seconds;
  }
  double milliseconds, tokensPerSecond, gigaflops, gigabytes;
};

std::string rowJson(const Row &row) {
  Json line = caseJson(*row.suite, row.benchCase);
  line["device"] = deviceOption(row.device);
  line["device_name"] = row.device.name;
  if (row.device.kind == XLSTM_CUDA)
    line["cuda_driver"] =
        cat(row.device.driver_version / 1000, ".", row.device.driver_version % 1000 / 10);
  else
    line["threads"] = row.device.threads;
  line["target"] = row.target;
  if (!row.isa.empty())
    line["isa"] = row.isa;
  if (row.timing) {
    Rates rates(row);
    line["schedule"] = Json::parse(row.schedule, nullptr, false);
    line["iters"] = row.timing->times.size();
    line["launches_per_sample"] = row.timing->launchesPerSample;
    if (row.device.kind == XLSTM_CUDA)
      line["l2"] = row.timing->graph     ? "other tensors in each launch"
                   : row.timing->flushed ? "flushed"
                                         : "warm";
    line["median_ms"] = rates.milliseconds;
    line["min_ms"] = row.timing->times.front();
    line["max_ms"] = row.timing->times.back();
    line["tokens_per_s"] = rates.tokensPerSecond;
    line["tflops"] = 1e-3 * rates.gigaflops;
    line["gbps"] = rates.gigabytes;
    line["flop_per_token_head"] = row.benchCase.flops();
    line["bytes_per_token_head"] = row.benchCase.bytes();
    line["package_version"] = row.packageVersion;
  } else {
    line["error"] = oneLine(row.error);
  }
  line["date"] = row.date;
  line["tool_version"] = xlstm_version();
  return dump(line);
}

void printRow(const Row &row) {
  std::string where = cat(row.target, row.isa.empty() ? "" : " ", row.isa);
  std::printf("%-8s %-52s %-13s", row.suite->name, row.benchCase.name().c_str(), where.c_str());
  if (!row.timing) {
    std::printf(" %s\n", oneLine(row.error).c_str());
    return;
  }
  Rates rates(row);
  std::printf(" %10.4f %10.4f %10.4f %9.3f %9.1f %7.1f", rates.milliseconds,
              row.timing->times.front(), row.timing->times.back(), 1e-6 * rates.tokensPerSecond,
              rates.gigaflops, rates.gigabytes);
  if (row.timing->graph)
    std::printf("  CUDA graph of %lld launches",
                static_cast<long long>(row.timing->launchesPerSample));
  else if (row.timing->launchesPerSample > 1)
    std::printf("  mean of %lld launches, warm cache",
                static_cast<long long>(row.timing->launchesPerSample));
  std::printf("\n");
}

void printHeader(const xlstm_device_info &device) {
  std::printf("xlstm-bench %s on %s (%s", xlstm_version(), deviceOption(device).c_str(),
              device.name);
  if (device.kind == XLSTM_CPU)
    std::printf(", %d threads", device.threads);
  std::printf(")\nrates are those of useful work, counted as xlstm-bench --help says\n");
  std::printf("%-8s %-52s %-13s %10s %10s %10s %9s %9s %7s\n", "suite", "case", "target",
              "median ms", "min ms", "max ms", "Mtoken/s", "GFLOP/s", "GB/s");
}

struct Chosen {
  const Suite *suite;
  const Case *benchCase;
};

/// The cases to time. Throws UsageError if there is none.
std::vector<Chosen> chooseCases(const BenchOptions &options) {
  std::vector<Chosen> cases;
  size_t withoutKernel = 0;
  bool exact = false;
  for (const Suite *suite : options.suites)
    for (const Case &benchCase : suite->cases)
      exact |= benchCase.name() == options.filter;
  for (const Suite *suite : options.suites)
    for (const Case &benchCase : suite->cases) {
      std::string name = benchCase.name();
      if (exact ? name != options.filter : name.find(options.filter) == std::string::npos)
        continue;
      if (options.device == XLSTM_CUDA && !benchCase.runsOnGpu())
        ++withoutKernel;
      else
        cases.push_back({suite, &benchCase});
    }
  if (cases.empty())
    throw UsageError(withoutKernel
                         ? "--device: kernels for GPUs are mlstm forward in bf16 and f16 and mlstm "
                           "step, and no case is one"
                         : cat("--case: no case of these suites contains '", options.filter, "'"));
  if (withoutKernel)
    std::fprintf(
        stderr,
        "xlstm-bench: note: %zu cases left out: kernels for GPUs are mlstm forward in bf16 "
        "and f16 and mlstm step\n",
        withoutKernel);
  return cases;
}

/// Targets that a package which has to be compiled needs here.
std::vector<std::string> targetsHere(const BenchOptions &options, const xlstm_device_info &device) {
  if (!options.targets.empty())
    return options.targets;
  if (device.kind == XLSTM_CPU)
    return {"cpu"};
  return {device.capability_major == 9 && device.capability_minor == 0 ? "sm_90a" : "sm_80"};
}

} // namespace

void listSuites(bool json) {
  for (const Suite &suite : suites()) {
    if (!json)
      std::printf("%s: %s\n", suite.name, suite.summary);
    for (const Case &benchCase : suite.cases)
      if (json)
        std::printf("%s\n", dump(caseJson(suite, benchCase)).c_str());
      else
        std::printf("  %-52s %s.xlpkg\n", benchCase.name().c_str(), benchCase.package().c_str());
  }
}

void runSuites(const BenchOptions &options) {
  std::vector<Chosen> cases = chooseCases(options);
  Bench bench(options);
  xlstm_device_info device = bench.deviceInfo();
  PackageStore packages(options, targetsHere(options, device));
  std::optional<AtomicFile> file; // opened first: a name that cannot be written costs no timing
  if (!options.output.empty())
    file.emplace(options.output);
  if (!options.json)
    printHeader(device);
  size_t rows = 0, failures = 0;
  auto finish = [&](const Row &row) {
    ++rows;
    failures += !row.timing;
    std::string line = rowJson(row) + "\n";
    if (options.json)
      std::fputs(line.c_str(), stdout);
    else
      printRow(row);
    std::fflush(stdout);
    if (file)
      file->write(line.data(), line.size());
  };
  std::vector<std::string> targets = options.targets;
  if (targets.empty())
    targets.push_back(""); // the best one
  for (const Chosen &chosen : cases) {
    std::string package;
    try {
      package = packages.find(*chosen.benchCase);
    } catch (const Failure &failure) {
      finish(bench.failed(*chosen.suite, *chosen.benchCase, "", failure.status(), failure.what()));
      continue;
    }
    for (const std::string &target : targets)
      finish(bench.measure(*chosen.suite, *chosen.benchCase, package, target));
  }
  if (file)
    file->commit();
  if (failures)
    fail(bench.firstStatus(), failures, " of ", rows,
         " rows have no time; the first: ", bench.firstMessage());
}

} // namespace xlstm::tools

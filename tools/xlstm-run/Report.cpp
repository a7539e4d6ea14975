// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-run/Report.h"

#include "runtime/include/xlstm/runtime.hpp"
#include "runtime/src/support/Failure.h"
#include "tools/common/Timing.h"

#include <nlohmann/json.hpp>

#include <cstdio>

namespace xlstm::tools {
namespace {

using Json = nlohmann::ordered_json;

/// Tokens of a run: the product of the dimensions B and T, as far as there are any.
int64_t tokens(const std::map<std::string, int64_t> &dims) {
  int64_t product = 1;
  for (const char *name : {"B", "T"})
    if (auto found = dims.find(name); found != dims.end())
      product *= found->second;
  return product;
}

std::string deviceName(const xlstm_device_info &device) {
  return device.kind == XLSTM_CUDA ? cat("cuda:", device.index) : "cpu";
}

std::string shapeText(const xlstm_tensor &tensor) {
  std::string out = "[";
  for (int32_t axis = 0; axis < tensor.rank; ++axis)
    out += cat(axis ? ", " : "", tensor.shape[axis]);
  return out + "]";
}

/// Extent of an axis as a user reads it: 64, T, N + 1.
std::string extentText(const xlstm_argument_info &info, int32_t axis) {
  if (!info.symbols[axis])
    return cat(info.shape[axis]);
  return info.added[axis] ? cat(info.symbols[axis], " + ", info.added[axis])
                          : std::string(info.symbols[axis]);
}

Json shapeJson(const xlstm_argument_info &info) {
  Json shape = Json::array();
  for (int32_t axis = 0; axis < info.rank; ++axis)
    shape.push_back(info.symbols[axis] ? Json(extentText(info, axis)) : Json(info.shape[axis]));
  return shape;
}

Json argumentJson(const xlstm_argument_info &info) {
  Json item{
      {"name", info.name}, {"dtype", xlstm_dtype_name(info.dtype)}, {"shape", shapeJson(info)}};
  if (info.optional)
    item["optional"] = true;
  return item;
}

Json implementationJson(const xlstm_implementation_info &info) {
  Json item{{"target", info.target}};
  if (*info.isa)
    item["isa"] = info.isa;
  item["launches"] = info.launches;
  if (info.shared_bytes)
    item["shared_bytes"] = info.shared_bytes;
  if (info.scratch_bytes)
    item["scratch_bytes"] = info.scratch_bytes;
  if (info.registers >= 0)
    item["registers"] = info.registers;
  if (info.spill_bytes >= 0)
    item["spill_bytes"] = info.spill_bytes;
  item["schedule"] = Json::parse(info.schedule, nullptr, false);
  return item;
}

void printArgument(const char *kind, const xlstm_argument_info &info) {
  std::string shape;
  for (int32_t axis = 0; axis < info.rank; ++axis)
    shape += cat(axis ? ", " : "", extentText(info, axis));
  std::printf("  %-6s %-10s %-4s [%s]%s\n", kind, info.name, xlstm_dtype_name(info.dtype),
              shape.c_str(), info.optional ? " optional" : "");
}

} // namespace

void printReport(const RunReport &report, bool json) {
  const xlstm_implementation_info &implementation = report.implementation;
  if (json) {
    Json line{{"function", report.function},
              {"device", deviceName(report.device)},
              {"device_name", report.device.name},
              {"target", implementation.target}};
    if (*implementation.isa)
      line["isa"] = implementation.isa;
    if (report.device.kind == XLSTM_CPU)
      line["threads"] = report.device.threads;
    line["dims"] = report.dims;
    if (!report.times.empty()) {
      line["iters"] = report.times.size();
      line["median_ms"] = median(report.times);
      line["min_ms"] = report.times.front();
      line["max_ms"] = report.times.back();
      line["tokens_per_s"] = 1e3 * static_cast<double>(tokens(report.dims)) / median(report.times);
    }
    if (!report.loadTimes.empty()) {
      Json &load = line["ms_since_start"] = Json::object();
      for (auto [step, milliseconds] : report.loadTimes)
        load[step] = milliseconds;
    }
    if (!report.output.empty())
      line["output"] = report.output;
    printJsonLine(line);
    return;
  }
  std::string how = cat(implementation.target, *implementation.isa ? " " : "", implementation.isa);
  if (report.device.kind == XLSTM_CPU)
    how += cat(", ", report.device.threads, report.device.threads == 1 ? " thread" : " threads");
  std::string dims;
  for (const auto &[name, extent] : report.dims)
    dims += cat(dims.empty() ? "" : " ", name, "=", extent);
  std::printf("%s on %s (%s; %s) %s\n", report.function.c_str(), deviceName(report.device).c_str(),
              report.device.name, how.c_str(), dims.c_str());
  if (!report.times.empty())
    std::printf("  median %.4f ms, min %.4f ms, max %.4f ms of %zu runs; %.0f tokens/s\n",
                median(report.times), report.times.front(), report.times.back(),
                report.times.size(),
                1e3 * static_cast<double>(tokens(report.dims)) / median(report.times));
  for (auto [step, milliseconds] : report.loadTimes)
    std::printf("  %-13s %9.3f ms since the start\n", step, milliseconds);
  if (report.output.empty())
    return;
  for (const auto &[name, tensor] : report.outputs)
    std::printf("  %-10s %-4s %s\n", name.c_str(), xlstm_dtype_name(tensor->dtype),
                shapeText(*tensor).c_str());
  std::printf("  written to %s\n", report.output.c_str());
}

void printReports(const std::vector<TensorReport> &reports, bool json) {
  if (!json)
    std::printf("compared:\n");
  for (const TensorReport &report : reports)
    json ? printJsonLine(toJson(report)) : printTensorReport(report);
  for (const auto &[state, step] : firstProbesOver(reports)) {
    if (json)
      printJsonLine({{"state", state}, {"first_probe_over", step}});
    else
      std::printf("  %-10s first probed step over the bound: %lld\n", state.c_str(),
                  static_cast<long long>(step));
  }
}

void listPackage(const RunOptions &options) {
  Package package(options.package);
  if (!options.json)
    std::printf("%s (%s, written by version %s)\n", options.package.c_str(),
                xlstm_package_name(package.get()), xlstm_package_tool_version(package.get()));
  for (int32_t f = 0; f < package.functionCount(); ++f) {
    xlstm_function_info function = package.function(f);
    Json line{{"function", function.name}, {"inputs", Json::array()}, {"outputs", Json::array()}};
    line["attributes"] = Json::parse(function.attributes, nullptr, false);
    if (!options.json)
      std::printf("%s\n", function.name);
    for (int32_t i = 0; i < function.inputs + function.outputs; ++i) {
      bool isInput = i < function.inputs;
      xlstm_argument_info info =
          isInput ? package.input(f, i) : package.output(f, i - function.inputs);
      if (options.json)
        line[isInput ? "inputs" : "outputs"].push_back(argumentJson(info));
      else
        printArgument(isInput ? "input" : "output", info);
    }
    line["implementations"] = Json::array();
    for (int32_t i = 0; i < function.implementations; ++i) {
      xlstm_implementation_info info = package.implementation(f, i);
      line["implementations"].push_back(implementationJson(info));
      if (!options.json)
        std::printf("  for    %s%s%s, %d launch%s, schedule %s\n", info.target,
                    *info.isa ? " " : "", info.isa, info.launches, info.launches == 1 ? "" : "es",
                    info.schedule);
    }
    if (options.json)
      printJsonLine(line);
  }
}

} // namespace xlstm::tools

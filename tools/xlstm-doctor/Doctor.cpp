// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-doctor/Doctor.h"

#include "runtime/include/xlstm/runtime.hpp"
#include "runtime/src/support/Failure.h"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <unistd.h>

namespace xlstm::tools {
namespace {

using Json = nlohmann::ordered_json;

/// Instruction set extensions that decide between the levels of CPU kernels.
Json cpuFeatures() {
  Json found = Json::array();
#if defined(__x86_64__)
#define XLSTM_FEATURE(name)                                                                        \
  if (__builtin_cpu_supports(name))                                                                \
    found.push_back(name);
  XLSTM_FEATURE("avx")
  XLSTM_FEATURE("avx2")
  XLSTM_FEATURE("fma")
  XLSTM_FEATURE("f16c")
  XLSTM_FEATURE("avx512f")
  XLSTM_FEATURE("avx512bw")
  XLSTM_FEATURE("avx512dq")
  XLSTM_FEATURE("avx512vl")
  XLSTM_FEATURE("avx512bf16")
  XLSTM_FEATURE("amx-bf16")
#undef XLSTM_FEATURE
#endif
  return found;
}

/// Path of CUDA's assembler: on PATH, under CUDA_HOME, or where CUDA installs itself. "" if there
/// is none.
std::string findPtxas() {
  std::vector<std::string> folders;
  std::string path = std::getenv("PATH") ? std::getenv("PATH") : "";
  for (size_t begin = 0; begin <= path.size();) {
    size_t end = std::min(path.find(':', begin), path.size());
    folders.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  if (const char *home = std::getenv("CUDA_HOME"))
    folders.push_back(std::string(home) + "/bin");
  folders.push_back("/usr/local/cuda/bin");
  for (const std::string &folder : folders)
    if (!folder.empty() && ::access((folder + "/ptxas").c_str(), X_OK) == 0)
      return folder + "/ptxas";
  return "";
}

Json describeGpu(int32_t index) {
  xlstm_device_info info;
  check(xlstm_device_query(XLSTM_CUDA, index, &info));
  return {{"name", info.name},
          {"capability", cat(info.capability_major, ".", info.capability_minor)},
          {"multiprocessors", info.multiprocessors},
          {"memory_bytes", info.memory_bytes},
          {"shared_bytes_per_block", info.shared_bytes},
          {"driver_cuda_version",
           cat(info.driver_version / 1000, ".", info.driver_version % 1000 / 10)}};
}

Json look() {
  Json found{{"version", xlstm_version()}, {"package_format_versions", Json::array()}};
  for (int32_t version = 1; version <= xlstm_package_format_version(); ++version)
    found["package_format_versions"].push_back(version);
  xlstm_device_info cpu;
  if (xlstm_device_query(XLSTM_CPU, 0, &cpu) == XLSTM_OK)
    found["cpu"] = {{"name", cpu.name},
                    {"isa", cpu.isa},
                    {"threads", cpu.threads},
                    {"features", cpuFeatures()}};
  else
    found["cpu"] = {{"problem", xlstm_last_error()}};
  int32_t count = 0;
  found["gpus"] = Json::array();
  if (xlstm_device_count(XLSTM_CUDA, &count) != XLSTM_OK)
    found["gpu_problem"] = xlstm_last_error();
  for (int32_t i = 0; i < count; ++i)
    found["gpus"].push_back(describeGpu(i));
  found["ptxas"] = findPtxas();
  return found;
}

} // namespace

void printFindings(bool json) {
  Json found = look();
  if (json) {
    std::puts(found.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
    return;
  }
  auto text = [](const Json &value) { return value.get<std::string>(); };
  std::printf("xlstm    %s, reads package formats 1 to %d\n", text(found["version"]).c_str(),
              xlstm_package_format_version());
  const Json &cpu = found["cpu"];
  if (cpu.contains("problem")) {
    std::printf("cpu      %s\n", text(cpu["problem"]).c_str());
  } else {
    std::string features;
    for (const Json &feature : cpu["features"])
      features += " " + text(feature);
    std::printf("cpu      %s, %d threads, kernels up to %s\n         features:%s\n",
                text(cpu["name"]).c_str(), cpu["threads"].get<int>(), text(cpu["isa"]).c_str(),
                features.c_str());
  }
  for (size_t i = 0; i < found["gpus"].size(); ++i) {
    const Json &gpu = found["gpus"][i];
    std::printf("cuda:%zu   %s, capability %s, %d multiprocessors, %.1f GiB, %lld bytes of shared "
                "memory per block, "
                "driver for CUDA %s\n",
                i, text(gpu["name"]).c_str(), text(gpu["capability"]).c_str(),
                gpu["multiprocessors"].get<int>(), gpu["memory_bytes"].get<double>() / (1 << 30),
                gpu["shared_bytes_per_block"].get<long long>(),
                text(gpu["driver_cuda_version"]).c_str());
  }
  if (found.contains("gpu_problem"))
    std::printf("gpu      %s\n", text(found["gpu_problem"]).c_str());
  std::string ptxas = text(found["ptxas"]);
  std::printf("ptxas    %s\n",
              ptxas.empty()
                  ? "not found: packages carry PTX, which the driver compiles when loading"
                  : ptxas.c_str());
}

} // namespace xlstm::tools

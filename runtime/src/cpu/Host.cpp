// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/cpu/Host.h"

#include "runtime/src/package/Manifest.h"
#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <thread>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace xlstm::cpu {

std::string hostIsa() {
#if defined(__x86_64__)
  std::string best = __builtin_cpu_supports("x86-64-v4")   ? "x86-64-v4"
                     : __builtin_cpu_supports("x86-64-v3") ? "x86-64-v3"
                                                           : "x86-64";
  if (const char *cap = std::getenv("XLSTM_ISA"); cap && *cap) {
    if (package::isaLevel(cap) == 0)
      fail(XLSTM_ERROR_ENVIRONMENT, "XLSTM_ISA: expected x86-64, x86-64-v3 or x86-64-v4, got '",
           cap, "'");
    if (package::isaLevel(cap) < package::isaLevel(best))
      best = cap;
  }
  return best;
#else
  return "";
#endif
}

/// CPUs that the cgroup's quota amounts to, rounded up; 0 without a quota.
static int cgroupCpus() {
  int cpus = 0;
  if (std::FILE *file = std::fopen("/sys/fs/cgroup/cpu.max", "re")) {
    long long quota = 0, period = 0;
    if (std::fscanf(file, "%lld %lld", &quota, &period) == 2 && quota > 0 && period > 0)
      cpus = static_cast<int>(std::min<long long>((quota + period - 1) / period, 1024));
    std::fclose(file);
  }
  return cpus;
}

int hostThreads() {
  int cpus = static_cast<int>(std::thread::hardware_concurrency());
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0)
    cpus = CPU_COUNT(&set);
  if (int quota = cgroupCpus())
    cpus = std::min(cpus, quota);
  return std::max(cpus, 1);
}

int chooseThreads(int requested) {
  if (requested > 0)
    return requested;
  if (const char *text = std::getenv("XLSTM_THREADS"); text && *text) {
    char *end = nullptr;
    long value = std::strtol(text, &end, 10);
    if (*end || value < 1 || value > 1024)
      fail(XLSTM_ERROR_ENVIRONMENT, "XLSTM_THREADS: expected a number from 1 to 1024, got '", text,
           "'");
    return static_cast<int>(value);
  }
  return hostThreads();
}

std::string hostName() {
#if defined(__x86_64__)
  unsigned words[12] = {};
  if (__get_cpuid_max(0x80000000, nullptr) >= 0x80000004)
    for (unsigned i = 0; i < 3; ++i)
      __get_cpuid(0x80000002 + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2],
                  &words[4 * i + 3]);
  char text[sizeof words + 1] = {};
  std::memcpy(text, words, sizeof words);
  std::string name(text);
  name.erase(0, name.find_first_not_of(' '));
  name.erase(name.find_last_not_of(' ') + 1);
  return name.empty() ? "x86-64 CPU" : name;
#else
  return "CPU";
#endif
}

} // namespace xlstm::cpu

// SPDX-License-Identifier: Apache-2.0
// What the CPU of this machine offers.
#ifndef XLSTM_RUNTIME_CPU_HOST_H
#define XLSTM_RUNTIME_CPU_HOST_H

#include <string>

namespace xlstm::cpu {

/// Highest instruction set level that CPU and operating system support, capped by `XLSTM_ISA`:
/// "x86-64", "x86-64-v3" (AVX2, FMA, F16C …), "x86-64-v4" (AVX-512 F, BW, CD, DQ, VL). "" on other
/// machines. Throws Failure(ENVIRONMENT) if XLSTM_ISA is none of these.
std::string hostIsa();

/// CPUs that this process may use: its affinity mask and its cgroup's quota; at least 1.
int hostThreads();

/// Threads for a CPU device: `requested`, else XLSTM_THREADS, else hostThreads().
/// Throws Failure(ENVIRONMENT) if XLSTM_THREADS is no number from 1 to 1024.
int chooseThreads(int requested);

/// Marketing name of the CPU.
std::string hostName();

} // namespace xlstm::cpu
#endif

// SPDX-License-Identifier: Apache-2.0
// Devices are data: what a schedule must know of the machine that a kernel will run on. The files
// are in devices/ and are compiled into the tools, so a kernel for a GPU that is not there compiles
// and is checked.
#ifndef XLSTM_COMPILER_SCHEDULE_DEVICE_H
#define XLSTM_COMPILER_SCHEDULE_DEVICE_H

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace xlstm {

struct Device {
  std::string name; // cpu, sm_80, sm_90a
  bool isGPU = false;
  int64_t sharedBytes = 0;        // shared memory that one block may use, bytes (GPU)
  int64_t registersPerThread = 0; // 32-bit registers (GPU)
  int64_t threadsPerBlock = 0;    // (GPU)
  int64_t multiprocessors = 0;    // (GPU)
  bool overlapsLaunches = false;  // a kernel may wait itself for the one before it (GPU)
  int64_t clusterBlocks = 1;      // blocks that can run together and meet; 1: none can (GPU)
  int64_t l1Bytes = 0;            // first-level data cache of one core, bytes (CPU)
  int64_t l2Bytes = 0;            // second-level cache of one core, bytes (CPU)
  std::string matrixUnit;         // mma_sync, wgmma (GPU)
  std::string copy;               // fastest copy into shared memory: cp_async, tma (GPU)
  std::string ptxFeatures;        // LLVM's feature string (GPU)
  // Rates, for the cost model; of a GPU under the load of such kernels.
  double clockGHz = 0;       // of a multiprocessor
  double memoryGBps = 0;     // device memory, two parts read and one written
  double l2GBps = 0;         // from the second-level cache to all multiprocessors
  double macsPerCycle = 0;   // 16-bit multiply-adds of a multiprocessor's matrix units
  double sharedPerCycle = 0; // bytes of shared memory of a multiprocessor
};

/// The device of that name, or nothing.
std::optional<Device> findDevice(const std::string &name);
/// Names of all devices, in the order of preference.
std::vector<std::string> deviceNames();

} // namespace xlstm

#endif

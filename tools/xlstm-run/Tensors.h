// SPDX-License-Identifier: Apache-2.0
// Tensors of a run: on the host in compact row-major order, on the device in the layout asked for.
#ifndef XLSTM_TOOLS_XLSTM_RUN_TENSORS_H
#define XLSTM_TOOLS_XLSTM_RUN_TENSORS_H

#include "runtime/include/xlstm/runtime.hpp"
#include "tools/common/HostTensor.h"

#include <memory>
#include <string>
#include <vector>

namespace xlstm::tools {

/// An argument on the device. Memory order is a permutation of the axes; identity is [B, T, H, …].
struct DeviceTensor {
  std::string name;
  xlstm_tensor tensor;
  Buffer buffer;
  std::vector<int> order; ///< axes from outermost to innermost in memory

  size_t bytes() const { return buffer.size(); }
};

/// Whether --transposed applies to an argument: its axes begin with B, T and a third one (heads).
bool isTransposable(const xlstm_argument_info &info);

/// Allocates device memory for an argument of the given shape; `transposed` swaps axes 1 and 2 in
/// memory.
DeviceTensor makeTensor(const Device &device, const xlstm_argument_info &info,
                        const std::vector<int64_t> &shape, bool transposed);

/// An argument where it lies in host memory, which must outlive it and is only read.
DeviceTensor mapTensor(const Device &device, const xlstm_argument_info &info,
                       const HostTensor &host);

/// Copies compact row-major host data to the device, in stream order, and waits.
void upload(const Device &device, const Stream &stream, const DeviceTensor &to, const void *host);

/// The device data as compact row-major host data; waits for the stream.
std::shared_ptr<char[]> download(const Device &device, const Stream &stream,
                                 const DeviceTensor &from);

} // namespace xlstm::tools
#endif

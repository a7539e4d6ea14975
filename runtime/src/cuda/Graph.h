// SPDX-License-Identifier: Apache-2.0
// Launches of a stream recorded as a CUDA graph.
#ifndef XLSTM_RUNTIME_CUDA_GRAPH_H
#define XLSTM_RUNTIME_CUDA_GRAPH_H

#include "runtime/src/Device.h"
#include "runtime/src/cuda/Context.h"

namespace xlstm::cuda {

/// What `body` puts on the stream, or null if the driver has no graphs. What `body` throws ends the
/// recording and comes out.
std::unique_ptr<Recording> recordGraph(std::shared_ptr<PrimaryContext> primary, CUstream stream,
                                       const std::function<void()> &body);

} // namespace xlstm::cuda
#endif

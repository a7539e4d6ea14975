// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-run/Tensors.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string_view>

namespace xlstm::tools {
namespace {

/// Copies between compact row-major memory and the strided layout of `tensor`.
void permute(const xlstm_tensor &tensor, char *compact, char *strided, bool toStrided) {
  size_t size = xlstm_dtype_size(tensor.dtype);
  int64_t index[XLSTM_MAX_RANK] = {};
  int last = tensor.rank - 1;
  // Rows along the last axis are contiguous in both layouts, except when it is a permuted one.
  size_t run = tensor.strides[last] == 1 ? static_cast<size_t>(tensor.shape[last]) : 1;
  for (;;) {
    int64_t offset = 0;
    for (int axis = 0; axis < tensor.rank; ++axis)
      offset += index[axis] * tensor.strides[axis];
    char *other = strided + static_cast<size_t>(offset) * size;
    std::memcpy(toStrided ? other : compact, toStrided ? compact : other, run * size);
    compact += run * size;
    int axis = last;
    index[axis] += static_cast<int64_t>(run);
    while (axis > 0 && index[axis] == tensor.shape[axis]) {
      index[axis] = 0;
      ++index[--axis];
    }
    if (index[0] == tensor.shape[0])
      return;
  }
}

bool isIdentity(const std::vector<int> &order) {
  return std::is_sorted(order.begin(), order.end());
}

} // namespace

bool isTransposable(const xlstm_argument_info &info) {
  return info.rank >= 3 && info.symbols[0] && info.symbols[1] &&
         std::string_view(info.symbols[0]) == "B" && std::string_view(info.symbols[1]) == "T";
}

DeviceTensor makeTensor(const Device &device, const xlstm_argument_info &info,
                        const std::vector<int64_t> &shape, bool transposed) {
  DeviceTensor result;
  result.name = info.name;
  xlstm_device_info where = device.info();
  result.order.resize(shape.size());
  std::iota(result.order.begin(), result.order.end(), 0);
  if (transposed && isTransposable(info))
    std::swap(result.order[1], result.order[2]);
  check(xlstm_tensor_init(&result.tensor, nullptr, info.dtype, info.rank, shape.data(), where.kind,
                          where.index));
  int64_t stride = 1, elements = 1;
  for (size_t k = shape.size(); k-- > 0;) {
    result.tensor.strides[result.order[k]] = stride;
    stride *= std::max<int64_t>(shape[result.order[k]], 1);
    elements *= shape[result.order[k]];
  }
  result.buffer = Buffer(device, static_cast<size_t>(elements) * xlstm_dtype_size(info.dtype));
  result.tensor.data = result.buffer.data();
  return result;
}

DeviceTensor mapTensor(const Device &device, const xlstm_argument_info &info,
                       const HostTensor &host) {
  DeviceTensor result;
  result.name = info.name;
  xlstm_device_info where = device.info();
  result.order.resize(host.shape.size());
  std::iota(result.order.begin(), result.order.end(), 0);
  check(xlstm_tensor_init(&result.tensor, const_cast<void *>(host.data), info.dtype, info.rank,
                          host.shape.data(), where.kind, where.index));
  return result;
}

void upload(const Device &device, const Stream &stream, const DeviceTensor &to, const void *host) {
  if (to.bytes() == 0)
    return;
  std::unique_ptr<char[]> permuted;
  if (!isIdentity(to.order)) {
    permuted.reset(new char[to.bytes()]);
    permute(to.tensor, const_cast<char *>(static_cast<const char *>(host)), permuted.get(),
            /*toStrided=*/true);
    host = permuted.get();
  }
  check(xlstm_device_upload(device.get(), to.tensor.data, host, to.bytes(), stream.get()));
  stream.synchronize();
}

std::shared_ptr<char[]> download(const Device &device, const Stream &stream,
                                 const DeviceTensor &from) {
  std::shared_ptr<char[]> host(new char[from.bytes() + 1]);
  check(xlstm_device_download(device.get(), host.get(), from.tensor.data, from.bytes(),
                              stream.get()));
  stream.synchronize();
  if (isIdentity(from.order) || from.bytes() == 0)
    return host;
  std::shared_ptr<char[]> compact(new char[from.bytes()]);
  permute(from.tensor, compact.get(), host.get(), /*toStrided=*/false);
  return compact;
}

} // namespace xlstm::tools

// SPDX-License-Identifier: Apache-2.0
#include "dialect/tile/Interpreter/Interpreter.h"

#include "dialect/tile/Interpreter/BlockRun.h"
#include <numeric>

namespace mlir::tile {

GlobalTensor::GlobalTensor(Type type, ArrayRef<int64_t> shape)
    : element(elementOf(type)), extents(shape), strides(shape.size()) {
  int64_t size = 1;
  for (int64_t axis = int64_t(shape.size()) - 1; axis >= 0; size *= shape[axis--])
    strides[axis] = size;
  bytes.assign(size * bytesOf(element), 0);
}

GlobalTensor GlobalTensor::absent(MemRefType type) {
  GlobalTensor tensor;
  tensor.element = elementOf(type.getElementType());
  for (int64_t extent : type.getShape())
    tensor.extents.push_back(ShapedType::isDynamic(extent) ? 0 : extent);
  tensor.strides.assign(type.getRank(), 0);
  return tensor;
}

int64_t GlobalTensor::place(ArrayRef<int64_t> index) const {
  int64_t place = 0;
  for (auto [i, stride] : llvm::zip(index, strides))
    place += i * stride;
  return place;
}

bool GlobalTensor::contains(ArrayRef<int64_t> index) const {
  for (auto [i, extent] : llvm::zip(index, extents))
    if (i < 0 || i >= extent)
      return false;
  return !bytes.empty();
}

double GlobalTensor::get(ArrayRef<int64_t> index) const {
  double value;
  decode(element, &bytes[place(index) * bytesOf(element)], 1, &value);
  return value;
}

void GlobalTensor::set(ArrayRef<int64_t> index, double value) {
  encode(element, &value, 1, &bytes[place(index) * bytesOf(element)]);
}

void GlobalTensor::forEach(function_ref<void(ArrayRef<int64_t>)> body) const {
  if (llvm::is_contained(extents, 0))
    return;
  SmallVector<int64_t> index(extents.size(), 0);
  while (true) {
    body(index);
    int64_t axis = int64_t(index.size()) - 1;
    while (axis >= 0 && ++index[axis] == extents[axis])
      index[axis--] = 0;
    if (axis < 0)
      return;
  }
}

std::optional<Finding> interpret(KernelOp kernel, MutableArrayRef<GlobalTensor> tensors,
                                 const InterpretOptions &options) {
  SmallVector<int64_t> extents, index;
  int64_t blocks = 1;
  for (unsigned i = 0; i < kernel.getNumGridDims(); ++i) {
    auto [tensor, axis] = kernel.getGridDim(i);
    int64_t extent = tensor < 0 ? kernel.getGridSizes()[i] : tensors[tensor].extents[axis];
    int64_t divisor = kernel.getGridDivisor(i);
    extents.push_back((extent + divisor - 1) / divisor);
    blocks *= extents.back();
  }
  GlobalMemory memory(tensors);
  std::mt19937_64 generator(options.seed);
  std::vector<int64_t> order(blocks);
  std::iota(order.begin(), order.end(), 0);
  for (int64_t last = blocks - 1; last > 0; --last)
    std::swap(order[last], order[generator() % (last + 1)]);
  for (int64_t number : order) {
    index.assign(extents.size(), 0);
    int64_t rest = number;
    for (int64_t i = int64_t(extents.size()) - 1; i >= 0; rest /= extents[i--])
      index[i] = rest % extents[i];
    InterpretOptions own = options;
    own.seed = generator();
    try {
      BlockRun(kernel, memory, number, index, own).run();
    } catch (const Stop &stop) {
      return stop.finding;
    }
  }
  return std::nullopt;
}

} // namespace mlir::tile

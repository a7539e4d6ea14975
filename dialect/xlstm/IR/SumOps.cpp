// SPDX-License-Identifier: Apache-2.0
// The constraints of the sums over tokens.
#include "dialect/xlstm/IR/Constraints.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

LogicalResult OuterSumOp::verify() {
  auto x = getX().getType(), y = getY().getType();
  // outer_sum_c1
  if (failed(expectStatic(*this, "K", x.getDimSize(2))) ||
      failed(expectStatic(*this, "H", getHeads())) ||
      failed(expectStatic(*this, "D", getHeadSize())))
    return failure();
  auto xShape = RankedTensorType::get(
      {y.getDimSize(0), y.getDimSize(1), x.getDimSize(2), getHeads(), getHeadSize()},
      x.getElementType());
  if (failed(expectType(*this, {"x", getX()}, xShape, "[B, T, K, H, D]")))
    return failure();
  // outer_sum_c2
  if (getChannels().empty())
    return emitOpError("expected at least one channel");
  for (int64_t channel : getChannels())
    if (channel < 0 || channel >= x.getDimSize(2))
      return emitOpError() << "expected channels of at least 0 and less than K = "
                           << x.getDimSize(2) << ", got " << channel;
  int64_t batch = mergeExtents(x.getDimSize(0), y.getDimSize(0)),
          time = mergeExtents(x.getDimSize(1), y.getDimSize(1));
  // outer_sum_c4
  if (failed(expectSequences(*this, getCuSeqlens(), batch)) ||
      failed(expectReset(*this, getReset(), batch, time)))
    return failure();
  // outer_sum_c3
  auto cuSeqlens = getCuSeqlens() ? getCuSeqlens().getType() : RankedTensorType();
  auto initial = RankedTensorType::get(
      {getStateExtent(batch, cuSeqlens), getHeads(), getHeadSize()}, x.getElementType());
  if (failed(
          expectType(*this, {"y0", getY0()}, initial, getCuSeqlens() ? "[N, H, D]" : "[B, H, D]")))
    return failure();
  // outer_sum_c5
  auto result = RankedTensorType::get(
      {int64_t(getChannels().size()), getHeads(), getHeadSize(), getHeadSize()},
      getElementTypeOrSelf(getResult()));
  return expectType(*this, {"the result", getResult()}, result, "[P, H, D, D]");
}

LogicalResult TimeSumOp::verify() {
  auto x = getX().getType();
  // time_sum_c1
  ArrayRef<int64_t> shape = x.getShape().drop_front(2);
  constexpr StringRef names[] = {"K", "H", "D"};
  for (auto [name, extent] : llvm::zip(ArrayRef(names).take_back(shape.size()), shape))
    if (failed(expectStatic(*this, name, extent)))
      return failure();
  // time_sum_c1, time_sum_c2
  return expectType(*this, {"the result", getResult()},
                    RankedTensorType::get(shape, x.getElementType()),
                    shape.size() == 3 ? "[K, H, D]" : "[H, D]");
}

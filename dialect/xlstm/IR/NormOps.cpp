// SPDX-License-Identifier: Apache-2.0
// Constraints of the norm of each head and of its gradient.
#include "dialect/xlstm/IR/Constraints.h"

#include "mlir/IR/TypeUtilities.h"
#include <cmath>

using namespace mlir;
using namespace mlir::xlstm;
using namespace mlir::xlstm::detail;

template <typename Op> static LogicalResult verifyNorm(Op op) {
  auto x = op.getX().getType();
  int64_t heads = x.getDimSize(2), d = x.getDimSize(3);
  // multihead_norm_c1
  if (failed(expectStatic(op, "H", heads)) || failed(expectStatic(op, "D", d)))
    return failure();
  // multihead_norm_c2
  auto weight = RankedTensorType::get({heads, d}, getAccumulationTypeFor(x.getElementType()));
  if (failed(expectType(op, {"weight", op.getWeight()}, weight, "[H, D]")))
    return failure();
  // multihead_norm_c3
  double eps = op.getEps().convertToDouble();
  if (!std::isfinite(eps) || eps < 0)
    return op.emitOpError() << "expected eps to be finite and not negative, got " << eps;
  return success();
}

LogicalResult MultiheadNormOp::verify() { return verifyNorm(*this); }

LogicalResult MultiheadNormBackwardOp::verify() {
  // multihead_norm_backward_c1
  if (failed(verifyNorm(*this)))
    return failure();
  // multihead_norm_backward_c2
  if (bool(getDweight()) != bool(getWeight()))
    return emitOpError() << "expected a result dweight exactly with a weight, got "
                         << (getDweight() ? "one" : "none");
  return getWeight() ? expectType(*this, {"dweight", getDweight()}, getWeight().getType(), "[H, D]")
                     : success();
}

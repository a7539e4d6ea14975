// SPDX-License-Identifier: Apache-2.0
// What blocks consist of, as calls: each makes the ops of one layer. Activations keep the element
// type of the residual stream; gates and norm weights have the accumulation type.
#ifndef XLSTM_DIALECT_XLSTM_TRANSFORMS_LAYERBUILDER_H
#define XLSTM_DIALECT_XLSTM_TRANSFORMS_LAYERBUILDER_H

#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/IR/Builders.h"

namespace mlir::xlstm {

class LayerBuilder {
public:
  /// `stream` is the type of the residual stream, [B, T, D]. A static T of 1 is one step: cells take
  /// their form for one token.
  LayerBuilder(OpBuilder &builder, Location loc, RankedTensorType stream);

  using Body = function_ref<Value(LayerBuilder &, ValueRange)>;

  // Layers. Biases may be null.
  /// `residualWeight`: the factor is 1 + weight.
  Value norm(NormKind kind, Value x, Value weight, bool residualWeight, Value bias,
             const APFloat &eps);
  /// A layer norm of each head: x [B, T, H, D]; the weight [H D] may be null. Gives [B, T, H D].
  Value headNorm(Value x, Value weight, bool residualWeight, Value bias, const APFloat &eps);
  Value linear(Value x, Value weight, Value bias);
  /// The same in the accumulation type, for gates.
  Value gate(Value x, Value weight, Value bias);
  Value blockLinear(Value x, Value weight, Value bias);
  /// The result has the element type `element`, or that of the stream.
  Value map(ValueRange inputs, Body body, Type element = {});
  Value residual(Value x, Value y);
  SmallVector<Value> split(Value x, ArrayRef<int64_t> widths);
  Value concat(ValueRange parts);
  /// [.., H D] as [.., H, D], and back.
  Value splitHeads(Value x, int64_t heads);
  Value joinHeads(Value x);
  Value reshape(Value x, ArrayRef<int64_t> shape);

  struct Cell {
    Value h;
    SmallVector<Value> states;
  };
  /// q, k, v [B, T, H, D], gates [B, T, H]; absent states are null.
  Cell mlstm(MLSTMOperands operands, const MLSTMOptions &options);

  // Scalars, in the body of a map.
  Value constant(double value);
  Value add(Value x, Value y), mul(Value x, Value y);
  Value sigmoid(Value x), silu(Value x), cap(Value x, double bound);
  Value activate(Activation activation, Value x);

  bool isStep() const { return step; }
  Type getInputType() const { return input; }
  Type getAccumulationType() const { return accumulation; }

  OpBuilder &b;
  Location loc;

private:
  /// A parameter in the accumulation type, plus one if it is stored without it.
  Value factor(Value weight, bool residualWeight);
  Value product(Value x, Value weight, Value bias, Type element);
  Value addBias(Value x, Value bias);

  Type input, accumulation;
  bool step;
};

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_TRANSFORMS_LAYERBUILDER_H

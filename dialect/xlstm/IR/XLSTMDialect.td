// SPDX-License-Identifier: Apache-2.0
// The xlstm dialect: what an xLSTM computes, on whole tensors, for no target in particular.
#ifndef XLSTM_DIALECT_XLSTM_IR_XLSTMDIALECT_TD
#define XLSTM_DIALECT_XLSTM_IR_XLSTMDIALECT_TD

include "mlir/IR/OpBase.td"

def XLSTM_Dialect : Dialect {
  let name = "xlstm";
  let cppNamespace = "::mlir::xlstm";
  let summary = "cells of the xLSTM family on whole tensors";
  let description = [{
    Every op is a mathematical function of ranked tensors: no memory, no target, no schedule. (A few
    functions of scalars stand in the region of `xlstm.scan`.) Its meaning is the formula in its
    description; `dialect/xlstm/Reference` and `dialect/xlstm/Interpreter` compute that formula in
    float64 and everything that the compiler emits is compared with them.

    Notation: B batch, T time, H heads, `dqk` and `dv` head sizes of query/key and of value, D units
    of a head of other cells, K tensors of [H, D] that are stacked, N packed sequences. The layout is
    `[B, T, H, D]`, so the result of a projection needs no transpose. B and T may be dynamic. H and
    the head sizes are static, because kernels are generated for them.

    The *accumulation type* of an op is f64 when its inputs are f64, otherwise f32. Gates and states
    have that type.

    A constraint has one label, such as `mlstm_c3`. The same label stands in the description, at the
    check in the verifier and in the negative test.
  }];
  let useDefaultAttributePrinterParser = 1;
}

#endif // XLSTM_DIALECT_XLSTM_IR_XLSTMDIALECT_TD

// SPDX-License-Identifier: Apache-2.0
/// \file
/// A stack of blocks as functions of the xlstm dialect. With a vocabulary:
///
///   logits    tokens [B, T] → logits [B, T, V]
///   prefill   tokens [B, T], state.* → logits [B, V] of the last token, state.*
///   step      tokens [B], state.* → logits [B, V], state.*
///   loss      tokens [B, T], targets [B, T] → loss [1]
///
/// and without one:
///
///   forward   x [B, T, D], state.* → y [B, T, D], state.*
///   step      x [B, D], state.* → y [B, D], state.*
///
/// States may be absent: they are zero then. Those of block i are state.<i>.conv, .c, .n, .m, .h.
/// Parameters are arguments too, with the attribute xlstm.parameter, named as in the checkpoints of
/// the form that the description has; Parameters.h has the names.
#ifndef XLSTM_COMPILER_IMPORT_IR_NETWORK_H
#define XLSTM_COMPILER_IMPORT_IR_NETWORK_H

#include "compiler/Import/Description.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"

namespace xlstm {

/// Makes all functions of the model's network at the end of the module, in blocks that
/// --xlstm-expand-blocks expands.
void buildNetwork(mlir::ModuleOp module, const description::ModelDescription &model,
                  mlir::Location loc);

} // namespace xlstm

#endif // XLSTM_COMPILER_IMPORT_IR_NETWORK_H

// SPDX-License-Identifier: Apache-2.0
/// \file
/// Model descriptions and .mlir files → the xlstm dialect.
///
/// A module holds one function for each function of the package: `forward` over whole sequences and
/// `step` over one token (`forward_backward` is derived by a pass). Their arguments and results are
/// the tensors of interface.md: first the inputs (q k v i f, or wx r b), then what may be absent:
/// initial states, cu_seqlens, reset; results are h and the last states. B, T, the number of
/// sequences are dynamic. Attributes (dialect/xlstm/IR/FunctionAttrs.h) say what the tensors are
/// called, which may be absent, and which cell the function computes.
#ifndef XLSTM_COMPILER_IMPORT_IR_BUILD_H
#define XLSTM_COMPILER_IMPORT_IR_BUILD_H

#include "compiler/Import/Description.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

namespace xlstm {

/// The module of a description's cell. The context must have loaded the dialects xlstm, func, arith
/// and math. The error says what this version cannot build.
description::Result<mlir::OwningOpRef<mlir::ModuleOp>>
buildModule(const description::ModelDescription &model, const std::string &file,
            mlir::MLIRContext &context);

/// The module in an .mlir file, which is a model too: any cell may be given as an xlstm.scan with
/// its own region. It has func.func @forward, and may have @step; a missing @step is made from
/// @forward where that is one cell. Tensors without xlstm.name are called what the cell's op calls
/// them (q, wx, h0, c_last …). The error has the place in the file.
description::Result<mlir::OwningOpRef<mlir::ModuleOp>> parseModule(const std::string &file,
                                                                   mlir::MLIRContext &context);

/// Either, by the ending of the path; `notes` gets a line for each key that is ignored. `stateDtype`
/// takes the place of the one in the description.
description::Result<mlir::OwningOpRef<mlir::ModuleOp>>
importModule(const std::string &path, mlir::MLIRContext &context, std::vector<std::string> &notes,
             std::optional<description::DType> stateDtype = std::nullopt);

/// The attribute xlstm.cell as the JSON of a native description's `cell`, on one line.
std::string cellToJson(mlir::DictionaryAttr cell);

} // namespace xlstm

#endif // XLSTM_COMPILER_IMPORT_IR_BUILD_H

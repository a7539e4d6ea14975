// SPDX-License-Identifier: Apache-2.0
// Model descriptions → xlstm dialect.
#ifndef XLSTM_COMPILER_IMPORT_IR_BUILD_H
#define XLSTM_COMPILER_IMPORT_IR_BUILD_H

#include "compiler/Import/Description.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"

namespace xlstm {

/// A module with one function for each function of the package: `forward` of the description's
/// cell. Its arguments are the tensors q k v i f c0 n0 m0 of interface.md (those that the cell
/// has), its results h c_last n_last m_last; B and T are dynamic. The context must have loaded the
/// xlstm and func dialects. The error says what this version cannot build.
description::Result<mlir::OwningOpRef<mlir::ModuleOp>>
buildModule(const description::ModelDescription &model, const std::string &file,
            mlir::MLIRContext &context);

} // namespace xlstm

#endif

// SPDX-License-Identifier: Apache-2.0
/// \file
/// Functions whose tensors have names: the border between the IR and tensor files. What the
/// attributes mean stands in dialect/xlstm/IR/FunctionAttrs.h.
#ifndef XLSTM_COMPILER_IMPORT_IR_FUNCTION_H
#define XLSTM_COMPILER_IMPORT_IR_FUNCTION_H

#include "compiler/Import/Description.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"

namespace xlstm {

/// The type of a model's activations.
inline mlir::Type elementType(mlir::Builder &builder, description::DType type) {
  switch (type) {
  case description::DType::F64:
    return builder.getF64Type();
  case description::DType::F32:
    return builder.getF32Type();
  case description::DType::BF16:
    return builder.getBF16Type();
  case description::DType::F16:
    return builder.getF16Type();
  }
  return {};
}

/// An argument or a result of a function.
struct FunctionTensor {
  std::string name;
  mlir::RankedTensorType type;
  llvm::SmallVector<std::string, 2> dims; ///< names of the dynamic extents, in order
  bool isOptional = false;
  bool isParameter = false;
};

/// Makes a function at the builder's insertion point. `body` makes its ops with the builder, which
/// stands in the function then, and gives the results.
mlir::func::FuncOp
buildFunction(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
              mlir::DictionaryAttr cell, llvm::ArrayRef<FunctionTensor> arguments,
              llvm::ArrayRef<FunctionTensor> results,
              llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::ValueRange)> body);

/// Reads an argument or a result back. The name is empty when there is none.
FunctionTensor getArgument(mlir::func::FuncOp function, unsigned index);
FunctionTensor getResult(mlir::func::FuncOp function, unsigned index);
/// Writes its attributes.
void setArgument(mlir::func::FuncOp function, unsigned index, const FunctionTensor &tensor);
void setResult(mlir::func::FuncOp function, unsigned index, const FunctionTensor &tensor);

/// What a cell's op calls a tensor, and how it names all its axes ("" for a static one).
struct Role {
  mlir::Value value;
  std::string name; ///< empty: the op has no name for it
  llvm::SmallVector<llvm::StringRef, 2> axes;
  bool isOptional = false;
};

/// The roles of all operands and results of an xlstm.mlstm or xlstm.scan; none for another op.
llvm::SmallVector<Role> getRoles(mlir::Operation *cell);

} // namespace xlstm

#endif // XLSTM_COMPILER_IMPORT_IR_FUNCTION_H

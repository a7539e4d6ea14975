// SPDX-License-Identifier: Apache-2.0
/// \file
/// Block descriptions as block ops, their parameters and states as arguments of a function that
/// grows with them.
#ifndef XLSTM_COMPILER_IMPORT_IR_BLOCKS_H
#define XLSTM_COMPILER_IMPORT_IR_BLOCKS_H

#include "compiler/Import/Description.h"
#include "compiler/Import/IR/Function.h"
#include "dialect/xlstm/Transforms/LayerBuilder.h"
#include "llvm/ADT/StringMap.h"

namespace xlstm {

/// A function that is being built: arguments and results are added as they are needed. Inputs stand
/// in front of parameters.
class NetworkFunction {
public:
  NetworkFunction(mlir::OpBuilder &builder, mlir::Location loc, llvm::StringRef name,
                  mlir::Type type, mlir::Type kept);

  /// A tensor [dims.., extents..].
  mlir::Value input(std::string name, mlir::Type element, llvm::ArrayRef<std::string> dims,
                    llvm::ArrayRef<int64_t> extents, bool isOptional = false);
  /// A parameter of the model's type; the same one where the name was there before.
  mlir::Value parameter(std::string name, llvm::ArrayRef<int64_t> shape);
  void result(std::string name, mlir::Value value, llvm::ArrayRef<std::string> dims,
              bool first = false);
  /// Makes the return.
  void finish();

  mlir::OpBuilder builder; ///< in the function's block
  mlir::Location loc;
  mlir::Type type;         ///< of activations and parameters
  mlir::Type accumulation; ///< of gates and states
  mlir::Type kept;         ///< of the mLSTM cells' C

private:
  mlir::Value argument(unsigned index, const FunctionTensor &tensor);

  mlir::func::FuncOp function;
  unsigned inputs = 0;
  llvm::StringMap<mlir::Value> parameters;
  llvm::SmallVector<std::pair<FunctionTensor, mlir::Value>> results;
};

/// Where a block stands.
struct BlockContext {
  NetworkFunction &function;
  mlir::xlstm::LayerBuilder &layers;
  const description::BlockDescription &block;
  std::string prefix, statePrefix; ///< of the names of parameters and states
  bool states;                     ///< whether states are arguments and results
  std::string rows = "B";          ///< of the states in memory
};

/// Makes the block's ops; gives y from x.
mlir::Value buildBlock(const BlockContext &context, mlir::Value x);

} // namespace xlstm

#endif // XLSTM_COMPILER_IMPORT_IR_BLOCKS_H

// SPDX-License-Identifier: Apache-2.0
// A function of a model, ready to be interpreted.
#ifndef XLSTM_TOOLS_XLSTM_INTERPRET_PROGRAM_H
#define XLSTM_TOOLS_XLSTM_INTERPRET_PROGRAM_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "tools/common/InputFile.h"
#include "tools/xlstm-interpret/Options.h"

namespace xlstm::tools {

class Program {
public:
  /// Imports the model and derives its backward function if that is asked for.
  /// Throws Failure.
  Program(const std::string &model, const std::string &function, const std::string &weights);
  ~Program();

  /// Runs it on tensors of a file and writes another. Throws Failure.
  void run(const std::string &inputs, const std::string &output, const InterpretOptions &options);

private:
  void importModel();
  void expandBlocks();
  void deriveBackward();
  void readSignature();

  std::string model, functionName;
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp function;
  std::vector<DeclaredTensor> arguments, results;
  std::optional<safetensors::Checkpoint> checkpoint;
};

} // namespace xlstm::tools
#endif

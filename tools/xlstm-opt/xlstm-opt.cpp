// SPDX-License-Identifier: Apache-2.0
// xlstm-opt FILE [passes]: reads IR or a model description, runs passes on it, prints it. The
// options are those of mlir-opt. xlstm-opt --print-schema: the JSON schema of native model
// descriptions.
#include "compiler/Import/Description.h"
#include "tools/xlstm-opt/Input.h"
#include "tools/xlstm-opt/Register.h"

#include "mlir/IR/DialectRegistry.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

int main(int argc, char **argv) {
  if (argc == 2 && llvm::StringRef(argv[1]) == "--print-schema") {
    llvm::outs() << xlstm::description::nativeSchema() << "\n";
    return 0;
  }
  mlir::DialectRegistry registry;
  xlstm::registerXLSTMDialects(registry);
  xlstm::registerXLSTMPasses();
  auto [inputName, outputName] =
      mlir::registerAndParseCLIOptions(argc, argv, "xLSTM compiler: pass driver\n", registry);
  mlir::MlirOptMainConfig config = mlir::MlirOptMainConfig::createFromCLOptions();
  if (config.shouldShowDialects()) {
    llvm::interleave(registry.getDialectNames(), llvm::outs(), "\n");
    llvm::outs() << "\n";
    return 0;
  }

  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> input = xlstm::readInput(inputName, registry, error);
  std::unique_ptr<llvm::ToolOutputFile> output =
      input ? mlir::openOutputFile(outputName, &error) : nullptr;
  if (!output) {
    llvm::errs() << "xlstm-opt: error: " << error << "\n";
    return 1;
  }
  if (mlir::failed(mlir::MlirOptMain(output->os(), std::move(input), registry, config)))
    return 1;
  output->keep();
  return 0;
}

// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-opt/Input.h"

#include "compiler/Import/IR/Build.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

std::unique_ptr<llvm::MemoryBuffer>
xlstm::readInput(llvm::StringRef file, const mlir::DialectRegistry &registry, std::string &error) {
  llvm::StringRef extension = llvm::sys::path::extension(file);
  bool isDescription = extension == ".json" || extension == ".yaml" || extension == ".yml" ||
                       llvm::sys::fs::is_directory(file);
  if (!isDescription)
    return mlir::openInputFile(file, &error);
  auto model = description::importDescription(file.str());
  if (!model) {
    error = model.error().str();
    return nullptr;
  }
  for (const std::string &note : model->notes)
    llvm::errs() << "xlstm-opt: note: " << note << "\n";
  mlir::MLIRContext context(registry);
  context.loadAllAvailableDialects();
  auto module = buildModule(*model, file.str(), context);
  if (!module) {
    error = module.error().str();
    return nullptr;
  }
  std::string text;
  llvm::raw_string_ostream(text) << **module << "\n";
  return llvm::MemoryBuffer::getMemBufferCopy(text, file);
}

// SPDX-License-Identifier: Apache-2.0
#include "compiler/Target/CPU/CPU.h"
#include "compiler/Target/CodeGen.h"
#include "lld/Common/Driver.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include <mutex>

LLD_HAS_DRIVER(elf)

extern "C" {
void LLVMInitializeX86Target();
void LLVMInitializeX86TargetInfo();
void LLVMInitializeX86TargetMC();
void LLVMInitializeX86AsmPrinter();
}

using namespace mlir;

namespace xlstm {

const CPUISA *findISA(StringRef name) {
  static const CPUISA all[] = {{"x86-64-v4", 16, 32}, {"x86-64-v3", 8, 16}, {"x86-64", 4, 16}};
  for (const CPUISA &isa : all)
    if (name == isa.name)
      return &isa;
  return nullptr;
}

void buildCPUPipeline(OpPassManager &manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createLoopInvariantCodeMotionPass());
  manager.addPass(createConvertSCFToCFPass());
  // log1p as log(1 + x) would lose a small x: it goes to libm.
  manager.addPass(
      createConvertMathToLLVMPass(ConvertMathToLLVMPassOptions{/*approximateLog1p=*/false}));
  manager.addPass(createConvertMathToLibmPass()); // what LLVM has no intrinsic for
  manager.addPass(createConvertVectorToLLVMPass(
      ConvertVectorToLLVMPassOptions{/*reassociateFPReductions=*/true}));
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createConvertFuncToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
}

llvm::Expected<std::string> linkSharedObject(StringRef object) {
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  TemporaryFile input("o"), output("so");
  if (input.failed || output.failed)
    return codeGenError("cannot create a temporary file for the linker");
  {
    std::error_code error;
    llvm::raw_fd_ostream stream(input.path, error);
    stream << object;
  }
  const char *arguments[] = {
      "ld.lld", "-shared", "--gc-sections",     "--no-undefined-version", "-z",
      "now",    "-o",      output.path.c_str(), input.path.c_str()};
  std::string messages;
  llvm::raw_string_ostream stream(messages);
  lld::Result result = lld::lldMain(arguments, stream, stream, {{lld::Gnu, &lld::elf::link}});
  if (result.retCode)
    return codeGenError("lld failed: " + messages);
  auto buffer = llvm::MemoryBuffer::getFile(output.path);
  if (!buffer)
    return codeGenError("lld wrote no shared object");
  return (*buffer)->getBuffer().str();
}

void initializeX86() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
  });
}

llvm::Expected<std::string> emitSharedObject(ModuleOp module, StringRef isa) {
  llvm::Expected<std::string> object = emitObject(module, isa);
  return object ? linkSharedObject(*object) : object.takeError();
}

llvm::Expected<std::string> emitObject(ModuleOp module, StringRef isa) {
  if (!findISA(isa))
    return codeGenError("unknown instruction set '" + isa +
                        "', expected x86-64-v4, x86-64-v3 or x86-64");
  initializeX86();
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> ir = translateModuleToLLVMIR(module, context);
  if (!ir)
    return codeGenError("translation to LLVM IR failed");
  std::string error;
  const char *triple = "x86_64-unknown-linux-gnu";
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return codeGenError(error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion =
      llvm::FPOpFusion::Standard; // fmuladd becomes fma where there is one; nothing else changes
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, isa, isa == "x86-64-v4" ? "-prefer-256-bit" : "", options,
                                  llvm::Reloc::PIC_, std::nullopt, llvm::CodeGenOptLevel::Default));
  ir->setTargetTriple(triple);
  ir->setDataLayout(machine->createDataLayout());
  for (llvm::Function &function : *ir)
    if (!function.isDeclaration()) {
      function.addFnAttr("target-cpu", isa);
      if (isa == "x86-64-v4")
        function.addFnAttr("prefer-vector-width", "512");
    }
  return generateCode(*ir, *machine, llvm::CodeGenFileType::ObjectFile);
}

} // namespace xlstm

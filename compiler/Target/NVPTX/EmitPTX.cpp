// SPDX-License-Identifier: Apache-2.0
#include "compiler/Target/CodeGen.h"
#include "compiler/Target/NVPTX/NVPTX.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstrTypes.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"
#include <mutex>

extern "C" {
void LLVMInitializeNVPTXTarget();
void LLVMInitializeNVPTXTargetInfo();
void LLVMInitializeNVPTXTargetMC();
void LLVMInitializeNVPTXAsmPrinter();
}

using namespace mlir;

namespace xlstm {

void buildNVVMToLLVMPipeline(OpPassManager &manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createConvertSCFToCFPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
  manager.addPass(createCSEPass());
}

/// A block's threads run the side effects of assembly (barriers, warp-wide instructions) together;
/// LLVM must not move such assembly into divergent branches. LLVM says so with the attribute
/// convergent, which MLIR 19's op cannot carry.
static void markAssemblyConvergent(llvm::Module &module) {
  for (llvm::Function &function : module)
    for (llvm::BasicBlock &block : function)
      for (llvm::Instruction &instruction : block)
        if (auto *call = dyn_cast<llvm::CallBase>(&instruction))
          if (call->isInlineAsm() &&
              cast<llvm::InlineAsm>(call->getCalledOperand())->hasSideEffects()) {
            call->addFnAttr(llvm::Attribute::Convergent);
            function.addFnAttr(llvm::Attribute::Convergent);
          }
}

/// 32-bit pointers to shared memory: half the registers and no widening.
static void useShortSharedPointers() {
  auto &options = llvm::cl::getRegisteredOptions();
  auto it = options.find("nvptx-short-ptr");
  if (it != options.end())
    static_cast<llvm::cl::opt<bool> *>(it->second)->setValue(true);
}

void initializeNVPTX() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
}

/// Writes the size of the cluster into the kernel's directives: LLVM 19 does not print it.
static void declareCluster(gpu::GPUModuleOp module, std::string &ptx) {
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    auto cluster = function->getAttrOfType<DenseI32ArrayAttr>("nvvm.cluster_dim");
    size_t entry = ptx.find(".entry " + function.getName().str() + "(");
    size_t place = cluster ? ptx.find("\n.reqntid", entry) : std::string::npos;
    if (place == std::string::npos)
      continue;
    std::string text = "\n.explicitcluster\n.reqnctapercluster ";
    for (auto [i, extent] : llvm::enumerate(cluster.asArrayRef()))
      text += (i ? ", " : "") + std::to_string(extent);
    ptx.insert(place, text);
  }
}

llvm::Expected<std::string> emitPTX(gpu::GPUModuleOp module, StringRef chip, StringRef features) {
  if (chip != "sm_80" && chip != "sm_90a")
    return codeGenError("expected chip sm_80 or sm_90a, got '" + chip + "'");
  initializeNVPTX();

  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> ir = translateModuleToLLVMIR(module, context, module.getName());
  if (!ir)
    return codeGenError("translation to LLVM IR failed");
  std::string error;
  const char *triple = "nvptx64-nvidia-cuda";
  const llvm::Target *target = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return codeGenError(error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Fast; // a * b + c becomes one fma
  useShortSharedPointers(); // each time: linking CPU code in this process sets LLVM's options back
  std::unique_ptr<llvm::TargetMachine> machine(
      target->createTargetMachine(triple, chip, features, options, std::nullopt, std::nullopt,
                                  llvm::CodeGenOptLevel::Aggressive));
  ir->setTargetTriple(triple);
  ir->setDataLayout(machine->createDataLayout());
  for (llvm::Function &function : *ir)
    if (!function.isDeclaration()) {
      function.addFnAttr("target-cpu", chip);
      function.addFnAttr("nvptx-f32ftz", "true");
    }
  markAssemblyConvergent(*ir);
  llvm::Expected<std::string> ptx =
      generateCode(*ir, *machine, llvm::CodeGenFileType::AssemblyFile);
  if (ptx)
    declareCluster(module, *ptx);
  return ptx;
}

} // namespace xlstm

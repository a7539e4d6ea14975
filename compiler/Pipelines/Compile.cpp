// SPDX-License-Identifier: Apache-2.0
#include "compiler/Pipelines/Compile.h"
#include "compiler/Conversion/KernelArguments.h"
#include "compiler/Conversion/TileToNVVM/Passes.h"
#if __has_include("compiler/Target/CPU/CPU.h") // TEMP
#define HAVE_CPU 1
#include "compiler/Conversion/TileToVector/Passes.h"
#include "compiler/Target/CPU/CPU.h"
#endif
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Import/IR/Build.h"
#include "compiler/Pipelines/Plan.h"
#include "compiler/Schedule/Passes.h"
#include "compiler/Target/NVPTX/NVPTX.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace xlstm {

namespace {

/// One compilation: the imported module, and what the targets make of it.
class Compiler {
public:
  Compiler(const description::ModelDescription &model, const std::string &file, const CompileOptions &options)
      : model(model), file(file), options(options), context(registry()) {
    context.loadAllAvailableDialects();
    // Diagnostics become the one line that the user sees.
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error && message.empty())
        message = diagnostic.str();
      return success();
    });
  }

  llvm::Expected<Compilation> run();

private:
  static DialectRegistry registry();
  llvm::Error fail(const llvm::Twine &text) { return llvm::createStringError(llvm::inconvertibleErrorCode(), file + ": " + text); }
  /// Runs passes and dumps the result as a phase.
  llvm::Error runPhase(ModuleOp module, StringRef phase, llvm::function_ref<void(OpPassManager &)> build);
  llvm::Error dump(StringRef suffix, StringRef text);
  llvm::Error compileGPU(const Device &device, bool elementwise);
  llvm::Error compileCPU(const Device &device, StringRef isa);
  bool stopsAfter(StringRef phase) { return options.compileTo == phase; }

  const description::ModelDescription &model;
  const std::string &file;
  const CompileOptions &options;
  MLIRContext context;
  std::string message, prefix; // of the dumped files: forward.sm_90a.tma
  OwningOpRef<ModuleOp> imported;
  Compilation result;
};

DialectRegistry Compiler::registry() {
  DialectRegistry registry;
  registry.insert<tile::TileDialect, mlir::xlstm::XLSTMDialect, func::FuncDialect, LLVM::LLVMDialect, NVVM::NVVMDialect,
                  gpu::GPUDialect, math::MathDialect, vector::VectorDialect, memref::MemRefDialect, scf::SCFDialect, arith::ArithDialect>();
  registerBuiltinDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
#ifdef HAVE_CPU
  registerCPUTarget(registry);
#endif
  return registry;
}

llvm::Error Compiler::dump(StringRef suffix, StringRef text) {
  if (options.dumpDirectory.empty())
    return llvm::Error::success();
  std::string path = options.dumpDirectory + "/" + prefix + suffix.str();
  std::error_code error = llvm::sys::fs::create_directories(options.dumpDirectory);
  llvm::raw_fd_ostream stream(path, error);
  if (error)
    return llvm::createStringError(error, "cannot write " + path + ": " + error.message());
  stream << text;
  return llvm::Error::success();
}

llvm::Error Compiler::runPhase(ModuleOp module, StringRef phase, llvm::function_ref<void(OpPassManager &)> build) {
  PassManager manager(&context);
  build(manager);
  message.clear();
  if (failed(manager.run(module)))
    return fail(message.empty() ? "phase " + phase.str() + " failed" : message);
  if (options.dumpDirectory.empty() && !stopsAfter(phase))
    return llvm::Error::success();
  std::string text;
  llvm::raw_string_ostream(text) << *module << "\n";
  if (stopsAfter(phase))
    result.text += text;
  size_t number = llvm::find(phases, phase) - std::begin(phases);
  return dump("." + std::to_string(number) + "-" + phase.str() + ".mlir", text);
}

llvm::Error Compiler::compileGPU(const Device &device, bool elementwise) {
  OwningOpRef<ModuleOp> module = imported->clone();
  std::string variant = elementwise ? "elementwise" : device.copy;
  prefix = "forward." + device.name + "." + variant;
  std::vector<std::string> overrides;
  for (auto &[key, value] : options.overrides)
    overrides.push_back(key + "=" + value);
  if (auto error = runPhase(*module, "schedule", [&](OpPassManager &manager) {
        SelectScheduleOptions select;
        select.target = device.name;
        select.elementwise = elementwise;
        select.set = overrides;
        manager.addPass(createSelectSchedule(select));
      }))
    return error;
  if (stopsAfter("schedule"))
    return llvm::Error::success();
  if (auto error = runPhase(*module, "tile", [](OpPassManager &manager) { manager.addPass(createConvertXLSTMToTile()); }))
    return error;
  if (stopsAfter("tile"))
    return llvm::Error::success();
  tile::KernelOp kernel = *module->getOps<tile::KernelOp>().begin();
  package::Implementation implementation = planOf(kernel, device.name);
  std::vector<std::string> aligned = elementwise ? std::vector<std::string>() : narrowTensors(kernel);
  if (auto error = runPhase(*module, "lowered", [](OpPassManager &manager) { manager.addPass(createConvertTileToNVVM()); }))
    return error;
  if (stopsAfter("lowered"))
    return llvm::Error::success();
  gpu::GPUModuleOp code = *module->getOps<gpu::GPUModuleOp>().begin();
  package::Launch &launch = implementation.launches.front();
  finishGPULaunch(launch, *code.getOps<LLVM::LLVMFuncOp>().begin(), aligned);
  if (auto error = runPhase(*module, "llvm", buildNVVMToLLVMPipeline))
    return error;
  if (stopsAfter("llvm"))
    return llvm::Error::success();

  llvm::Expected<std::string> ptx = emitPTX(code, device.name, device.ptxFeatures);
  if (!ptx)
    return ptx.takeError();
  if (auto error = dump(".ptx", *ptx))
    return error;
  launch.ptx = prefix + ".ptx";
  result.blobs.emplace_back(launch.ptx, *ptx);
  KernelReport report{device.name, variant, implementation.schedule};
  report.sharedBytes = launch.sharedBytes;
  report.codeBytes = ptx->size();
  if (std::optional<std::string> ptxas = findPTXAS()) {
    llvm::Expected<PTXASReport> assembled = assemble(*ptxas, *ptx, device.name);
    if (!assembled)
      return assembled.takeError();
    launch.cubin = prefix + ".cubin";
    launch.registers = report.registers = assembled->registers;
    launch.spillBytes = report.spillBytes = assembled->spillStoreBytes + assembled->spillLoadBytes;
    report.codeBytes = assembled->cubin.size();
    report.remarks = assembled->warnings;
    result.blobs.emplace_back(launch.cubin, std::string(assembled->cubin.begin(), assembled->cubin.end()));
  } else {
    report.remarks.push_back("ptxas was not found: the package has PTX only, which the driver compiles when it is first loaded");
  }
  result.kernels.push_back(report);
  result.manifest.functions.front().implementations.push_back(std::move(implementation));
  return llvm::Error::success();
}

#ifndef HAVE_CPU
llvm::Error Compiler::compileCPU(const Device &device, StringRef isa) { return fail("no cpu"); }
#else
llvm::Error Compiler::compileCPU(const Device &device, StringRef isa) {
  OwningOpRef<ModuleOp> module = imported->clone();
  prefix = ("forward.cpu." + isa).str();
  if (auto error = runPhase(*module, "schedule", [&](OpPassManager &manager) {
        SelectScheduleOptions select;
        select.target = device.name;
        manager.addPass(createSelectSchedule(select));
      }))
    return error;
  if (stopsAfter("schedule"))
    return llvm::Error::success();
  if (auto error = runPhase(*module, "tile", [](OpPassManager &manager) { manager.addPass(createConvertXLSTMToTile()); }))
    return error;
  if (stopsAfter("tile"))
    return llvm::Error::success();
  package::Implementation implementation = planOf(*module->getOps<tile::KernelOp>().begin(), device.name);
  implementation.isa = isa.str();
  if (auto error = runPhase(*module, "lowered", [&](OpPassManager &manager) { buildTileToVectorPipeline(manager, isa); }))
    return error;
  if (stopsAfter("lowered"))
    return llvm::Error::success();
  package::Launch &launch = implementation.launches.front();
  launch.scratchBytes = scratchBytes(*module);
  if (auto error = runPhase(*module, "llvm", buildCPUPipeline))
    return error;
  if (stopsAfter("llvm"))
    return llvm::Error::success();
  llvm::Expected<CPUObject> object = emitSharedObject(*module, isa);
  if (!object)
    return object.takeError();
  launch.blob = prefix + ".so";
  result.blobs.emplace_back(launch.blob, std::string(object->sharedObject.begin(), object->sharedObject.end()));
  KernelReport report{"cpu", isa.str(), implementation.schedule};
  report.codeBytes = object->sharedObject.size();
  result.kernels.push_back(report);
  result.manifest.functions.front().implementations.push_back(std::move(implementation));
  return llvm::Error::success();
}

#endif
llvm::Expected<Compilation> Compiler::run() {
  auto module = buildModule(model, file, context);
  if (!module)
    return llvm::createStringError(llvm::inconvertibleErrorCode(), module.error().str());
  imported = std::move(*module);
  prefix = "forward";
  if (auto error = runPhase(*imported, "import", [](OpPassManager &) {}))
    return error;
  result.manifest = manifestOf(model, *imported);
  if (stopsAfter("import"))
    return std::move(result);
  for (const std::string &target : options.targets) {
    std::optional<Device> device = findDevice(target);
    if (!device)
      return fail("unknown target '" + target + "', expected one of " + llvm::join(deviceNames(), ", "));
    if (!device->isGPU) {
      for (const std::string &isa : options.isas)
        if (auto error = compileCPU(*device, isa))
          return error;
      continue;
    }
    // 16-byte copies need rows that are multiples of 16 bytes; the elementwise kernel takes every other tensor.
    bool aligned = model.cell->dqk % 8 == 0 && model.cell->dv % 8 == 0;
    if (aligned)
      if (auto error = compileGPU(*device, /*elementwise=*/false))
        return error;
    if (auto error = compileGPU(*device, /*elementwise=*/true))
      return error;
    if (!aligned && !result.kernels.empty())
      result.kernels.back().remarks.push_back("head sizes that are no multiples of 8 are copied element by element; 16-byte copies would be several times faster");
  }
  return std::move(result);
}

} // namespace

llvm::Expected<Compilation> compile(const description::ModelDescription &model, const std::string &file, const CompileOptions &options) {
  return Compiler(model, file, options).run();
}

} // namespace xlstm

// SPDX-License-Identifier: Apache-2.0
#include "compiler/Pipelines/Compile.h"
#include "compiler/Conversion/KernelArguments.h"
#include "compiler/Conversion/TileToNVVM/Passes.h"
#include "compiler/Conversion/TileToVector/Passes.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Import/IR/Build.h"
#include "compiler/Pipelines/Plan.h"
#include "compiler/Schedule/Passes.h"
#include "compiler/Target/CPU/CPU.h"
#include "compiler/Target/NVPTX/NVPTX.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace xlstm {

namespace {

/// One implementation to compile: a device, and an instruction set (CPU) or a way to copy (GPU).
struct Job {
  Device device;
  std::string isa;
  bool elementwise = false;
};

/// Whether rows of 16-bit elements can be 16-byte aligned. The elementwise kernel takes every other
/// tensor.
bool aligned16(const description::ModelDescription &model) {
  return model.cell && model.cell->dqk % 8 == 0 && model.cell->dv % 8 == 0;
}

/// Compiles one job in a context of its own, so that jobs run side by side.
class Compiler {
public:
  Compiler(const description::ModelDescription &model, const std::string &file,
           const CompileOptions &options)
      : model(model), file(file), options(options), context(registry()) {
    context.loadAllAvailableDialects();
    // Diagnostics become the one line that the user sees.
    context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
      if (diagnostic.getSeverity() == DiagnosticSeverity::Error && message.empty())
        message = diagnostic.str();
      return success();
    });
  }

  /// The manifest with the functions and no implementation; `result.text` and a dumped file for the
  /// phase `import`.
  llvm::Error import();
  llvm::Error run(const Job &job) {
    return job.device.isGPU ? compileGPU(job.device, job.elementwise)
                            : compileCPU(job.device, job.isa);
  }
  Compilation take() { return std::move(result); }

private:
  static DialectRegistry registry();
  llvm::Error fail(const llvm::Twine &text) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(), file + ": " + text);
  }
  /// Runs passes and dumps the result as a phase.
  llvm::Error runPhase(ModuleOp module, StringRef phase,
                       llvm::function_ref<void(OpPassManager &)> build);
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
  registry
      .insert<tile::TileDialect, mlir::xlstm::XLSTMDialect, func::FuncDialect, LLVM::LLVMDialect,
              NVVM::NVVMDialect, gpu::GPUDialect, math::MathDialect, vector::VectorDialect,
              memref::MemRefDialect, scf::SCFDialect, arith::ArithDialect>();
  registerBuiltinDialectTranslation(registry);
  registerGPUDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  registerNVVMDialectTranslation(registry);
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

llvm::Error Compiler::runPhase(ModuleOp module, StringRef phase,
                               llvm::function_ref<void(OpPassManager &)> build) {
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
  if (auto error = runPhase(*module, "tile", [](OpPassManager &manager) {
        manager.addPass(createConvertXLSTMToTile());
      }))
    return error;
  if (stopsAfter("tile"))
    return llvm::Error::success();
  tile::KernelOp kernel = *module->getOps<tile::KernelOp>().begin();
  package::Implementation implementation = planOf(kernel, device.name);
  std::vector<std::string> aligned =
      elementwise ? std::vector<std::string>() : narrowTensors(kernel);
  if (auto error = runPhase(*module, "lowered", [](OpPassManager &manager) {
        manager.addPass(createConvertTileToNVVM());
      }))
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
  KernelReport report;
  report.target = device.name;
  report.variant = variant;
  report.schedule = implementation.schedule;
  if (elementwise)
    report.remarks.push_back(
        "copies element by element, for tensors whose rows are not aligned to 16 bytes" +
        std::string(aligned16(model)
                        ? ""
                        : "; with head sizes that are multiples of 8 it would not be needed"));
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
    report.remarks.insert(report.remarks.end(), assembled->warnings.begin(),
                          assembled->warnings.end());
    result.blobs.emplace_back(launch.cubin,
                              std::string(assembled->cubin.begin(), assembled->cubin.end()));
  } else {
    report.remarks.push_back("ptxas was not found: the package has PTX only, which the driver "
                             "compiles when it is first loaded");
  }
  result.kernels.push_back(report);
  result.manifest.functions.front().implementations.push_back(std::move(implementation));
  return llvm::Error::success();
}

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
  if (auto error = runPhase(*module, "tile", [](OpPassManager &manager) {
        manager.addPass(createConvertXLSTMToTile());
      }))
    return error;
  if (stopsAfter("tile"))
    return llvm::Error::success();
  package::Implementation implementation =
      planOf(*module->getOps<tile::KernelOp>().begin(), device.name);
  implementation.isa = isa.str();
  if (auto error = runPhase(*module, "lowered", [&](OpPassManager &manager) {
        ConvertTileToVectorOptions convert;
        convert.vectorWidth = findISA(isa)->vectorElements;
        convert.registers = findISA(isa)->vectorRegisters;
        manager.addPass(createConvertTileToVector(convert));
      }))
    return error;
  if (stopsAfter("lowered"))
    return llvm::Error::success();
  package::Launch &launch = implementation.launches.front();
  launch.scratchBytes = scratchBytes(*module);
  if (auto error = runPhase(*module, "llvm", buildCPUPipeline))
    return error;
  if (stopsAfter("llvm"))
    return llvm::Error::success();
  llvm::Expected<std::string> object = emitObject(*module, isa); // linked later, see link()
  if (!object)
    return object.takeError();
  launch.blob = prefix + ".so";
  result.blobs.emplace_back(launch.blob, *object);
  KernelReport report;
  report.target = device.name;
  report.variant = isa.str();
  report.schedule = implementation.schedule;
  report.codeBytes = object->size();
  result.kernels.push_back(report);
  result.manifest.functions.front().implementations.push_back(std::move(implementation));
  return llvm::Error::success();
}

llvm::Error Compiler::import() {
  auto module = buildModule(model, file, context);
  if (!module)
    return llvm::createStringError(llvm::inconvertibleErrorCode(), module.error().str());
  imported = std::move(*module);
  prefix = "forward";
  result.manifest = manifestOf(model, *imported);
  return runPhase(*imported, "import", [](OpPassManager &) {});
}

llvm::Expected<std::vector<Job>> jobsOf(const description::ModelDescription &model,
                                        const CompileOptions &options) {
  std::vector<Job> jobs;
  for (const std::string &target : options.targets) {
    std::optional<Device> device = findDevice(target);
    if (!device)
      return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                     "unknown target '" + target + "', expected one of " +
                                         llvm::join(deviceNames(), ", "));
    if (!device->isGPU) {
      for (const std::string &isa : options.isas)
        jobs.push_back({*device, isa});
      continue;
    }
    if (aligned16(model))
      jobs.push_back({*device, "", /*elementwise=*/false});
    jobs.push_back({*device, "", /*elementwise=*/true});
  }
  return jobs;
}

/// Links a job's CPU code, when no other thread uses LLVM any more.
llvm::Error link(Compilation &part) {
  for (auto &[name, bytes] : part.blobs) {
    if (!StringRef(name).ends_with(".so"))
      continue;
    llvm::Expected<std::string> linked = linkSharedObject(bytes);
    if (!linked)
      return linked.takeError();
    bytes = std::move(*linked);
    part.kernels.front().codeBytes = bytes.size();
  }
  return llvm::Error::success();
}

/// Moves a job's results behind those of the jobs before it.
void append(Compilation &all, Compilation part) {
  std::move(part.blobs.begin(), part.blobs.end(), std::back_inserter(all.blobs));
  std::move(part.kernels.begin(), part.kernels.end(), std::back_inserter(all.kernels));
  all.text += part.text;
  for (package::Implementation &implementation : part.manifest.functions.front().implementations)
    all.manifest.functions.front().implementations.push_back(std::move(implementation));
}

} // namespace

llvm::Expected<Compilation> compile(const description::ModelDescription &model,
                                    const std::string &file, const CompileOptions &options) {
  Compiler first(model, file, options);
  if (auto error = first.import())
    return std::move(error);
  Compilation all = first.take();
  if (options.compileTo == "import")
    return std::move(all);
  all.text.clear();
  llvm::Expected<std::vector<Job>> jobs = jobsOf(model, options);
  if (!jobs)
    return jobs.takeError();

  std::vector<std::optional<Compilation>> parts(jobs->size());
  std::vector<std::string> errors(jobs->size());
  initializeNVPTX();
  initializeX86();
  llvm::DefaultThreadPool pool;
  for (size_t i = 0; i < jobs->size(); ++i)
    pool.async([&, i] {
      Compiler compiler(model, file, options);
      llvm::Error error = compiler.import();
      if (!error)
        error = compiler.run((*jobs)[i]);
      if (error)
        errors[i] = llvm::toString(std::move(error));
      else
        parts[i] = compiler.take();
    });
  pool.wait();
  for (size_t i = 0; i < jobs->size(); ++i) {
    if (!parts[i])
      return llvm::createStringError(llvm::inconvertibleErrorCode(), errors[i]);
    if (auto error = link(*parts[i]))
      return std::move(error);
    append(all, std::move(*parts[i]));
  }
  return std::move(all);
}

} // namespace xlstm

// SPDX-License-Identifier: Apache-2.0
#include "compiler/Pipelines/FunctionCompiler.h"
#include "compiler/Conversion/TileToNVVM/Passes.h"
#include "compiler/Conversion/TileToVector/Passes.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Pipelines/JoinLaunches.h"
#include "compiler/Pipelines/Plan.h"
#include "compiler/Schedule/GemmSchedule.h"
#include "compiler/Schedule/Passes.h"
#include "compiler/Schedule/Widening.h"
#include "compiler/Target/CPU/CPU.h"
#include "compiler/Target/NVPTX/NVPTX.h"
#include "dialect/tile/Transforms/Passes.h"
#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "dialect/xlstm/Transforms/Passes.h"
#include "dialect/xlstm/Transforms/SavePlan.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace xlstm {

static DialectRegistry dialects() {
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

FunctionCompiler::FunctionCompiler(const ModelSource &model, const CompileOptions &options)
    : model(model), options(options), context(dialects()) {
  context.loadAllAvailableDialects();
  // The first error becomes the one line that the user sees.
  context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error && message.empty())
      message = diagnostic.str();
    if (diagnostic.getSeverity() == DiagnosticSeverity::Remark)
      result.remarks.push_back(diagnostic.str());
    return success();
  });
}

llvm::Error FunctionCompiler::dump(StringRef suffix, StringRef text) {
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

llvm::Error FunctionCompiler::runPhase(ModuleOp module, StringRef phase,
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

llvm::Error FunctionCompiler::import() {
  auto module = model.build(context);
  if (!module)
    return llvm::createStringError(llvm::inconvertibleErrorCode(), module.error().str());
  imported = std::move(*module);
  // The functions of a model have parameters; a uniform one has that of its cell beside them.
  bool isModel = imported->lookupSymbol("logits");
  imported->walk([&](func::FuncOp function) {
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      isModel |= bool(function.getArgAttr(i, mlir::xlstm::parameterAttrName));
  });
  auto isWanted = [&](StringRef function) {
    if (!options.functions.empty())
      return llvm::is_contained(options.functions, function);
    if (!isModel)
      return true;
    // Without a choice, what there are kernels for.
    return llvm::is_contained(modelFunctions, function) || function == "forward" ||
           function == "step";
  };
  bool derives = isWanted("forward_backward") && imported->lookupSymbol("forward");
  // Training takes long to compile and holds all activations: only who asks for it gets it.
  bool trains =
      llvm::is_contained(options.functions, "loss_grad") && imported->lookupSymbol("loss");
  auto keep = [&](llvm::function_ref<bool(StringRef)> keeps) {
    for (func::FuncOp function : llvm::make_early_inc_range(imported->getOps<func::FuncOp>()))
      if (!keeps(function.getName()))
        function.erase();
  };
  keep([&](StringRef name) {
    return isWanted(name) || (derives && name == "forward") || (trains && name == "loss");
  });
  prefix = "model";
  if (auto error = runPhase(*imported, "import", [](OpPassManager &) {}))
    return error;
  if (auto error = runPhase(*imported, "derive", [&](OpPassManager &manager) {
        if (isModel)
          manager.addPass(mlir::xlstm::createExpandBlocks());
        if (trains) {
          manager.addPass(mlir::xlstm::createDistributeLinears());
          mlir::xlstm::DeriveBackwardOptions derive;
          derive.function = "loss";
          manager.addPass(mlir::xlstm::createDeriveBackward(derive));
        }
        if (isModel && !derives) {
          manager.addPass(createCanonicalizerPass());
          manager.addPass(createCSEPass());
          manager.addNestedPass<func::FuncOp>(mlir::xlstm::createFuseNorm());
          manager.addNestedPass<func::FuncOp>(mlir::xlstm::createFuseLinear());
          manager.addNestedPass<func::FuncOp>(mlir::xlstm::createMergeLinears());
          manager.addNestedPass<func::FuncOp>(mlir::xlstm::createFuseConv());
        }
        if (!derives)
          return;
        manager.addPass(mlir::xlstm::createDeriveBackward());
        manager.addPass(createCanonicalizerPass());
        manager.addPass(createCSEPass());
      }))
    return error;
  llvm::append_range(result.remarks, mlir::xlstm::listSaves(*imported));
  keep(isWanted);
  return llvm::Error::success();
}

/// Removes the inputs that say where sequences begin, for kernels that do not take them; returns
/// their names.
static std::vector<std::string> dropBoundaries(func::FuncOp function) {
  std::vector<std::string> dropped;
  for (unsigned i = function.getNumArguments(); i-- > 0;) {
    auto name = function.getArgAttrOfType<StringAttr>(i, mlir::xlstm::nameAttrName);
    if (name != "cu_seqlens" && name != "reset")
      continue;
    auto clear = [&](auto cell) {
      if (cell)
        (name == "reset" ? cell.getResetMutable() : cell.getCuSeqlensMutable()).clear();
    };
    for (OpOperand &use : llvm::make_early_inc_range(function.getArgument(i).getUses())) {
      clear(dyn_cast<mlir::xlstm::MLSTMOp>(use.getOwner()));
      clear(dyn_cast<mlir::xlstm::ScanOp>(use.getOwner()));
    }
    function.eraseArgument(i);
    dropped.push_back(name.getValue().str());
  }
  return dropped;
}

/// What a caller must not give, at the function's first launch.
static void requireAbsent(package::Implementation &plan, const std::vector<std::string> &names) {
  for (const std::string &name : names)
    plan.launches.front().requirements.push_back({name, 1, /*absent=*/true});
}

llvm::Error FunctionCompiler::run(const Job &job) {
  OwningOpRef<ModuleOp> module = imported->clone();
  for (func::FuncOp function : llvm::make_early_inc_range(module->getOps<func::FuncOp>()))
    if (function.getName() != job.function)
      function.erase();
  prefix = job.function + "." + job.device.name;
  return job.device.isGPU ? compileGPU(*module, job) : compileCPU(*module, job);
}

llvm::Error FunctionCompiler::lowerToTiles(ModuleOp module, const Job &job) {
  func::FuncOp function = *module.getOps<func::FuncOp>().begin();
  package::Function description = describeFunction(function);
  std::vector<package::DerivedDim> rows = rowsOf(function);
  // The form, and whether it is one kernel, are choices of forward alone: step has its own, and the
  // gradients read states that only the chunkwise form saves.
  mlir::xlstm::ChooseFormOptions form;
  std::vector<std::string> overrides;
  for (auto &[key, value] : options.overrides)
    if (key == "form" && job.function == "forward")
      form.form = value;
    else if (key != "form" && key != wideningKey && (key != "kernels" || job.function == "forward"))
      overrides.push_back(key + "=" + value);
  Reason reason;
  std::optional<Widening> widening =
      chooseWidening(job.function, job.device, options.overrides, reason);
  if (!widening)
    return fail(reason);
  NormsChoice choice = chooseNorms(job.device, options.overrides, reason);
  if (!reason.empty())
    return fail(reason);
  if (auto error = runPhase(module, "schedule", [&](OpPassManager &manager) {
        if (*widening != Widening::None) {
          mlir::xlstm::WidenActivationsOptions widen;
          widen.operands = *widening == Widening::Operands;
          manager.addNestedPass<func::FuncOp>(mlir::xlstm::createWidenActivations(widen));
        }
        mlir::xlstm::FuseNormLinearOptions norms;
        norms.maxProducts = choice.mostProducts;
        norms.unsupported = choice.reason;
        manager.addNestedPass<func::FuncOp>(mlir::xlstm::createFuseNormLinear(norms));
        manager.addPass(mlir::xlstm::createChooseForm(form));
        SelectScheduleOptions select;
        select.target = job.device.name;
        select.elementwise = job.elementwise;
        select.segments = job.segments;
        select.mostRows = job.mostRows;
        select.set = overrides;
        manager.addPass(createSelectSchedule(select));
      }))
    return error;
  if (stopsAfter("schedule"))
    return llvm::Error::success();
  if (auto error = runPhase(module, "tile", [](OpPassManager &manager) {
        manager.addPass(createConvertXLSTMToTile());
        manager.addPass(tile::createSplitRoles());
      }))
    return error;
  plan = planOf(module, description, job.device.name);
  result.derivedDims = partsOf(module);
  if (job.mostRows)
    for (const package::DerivedDim &dim : rows) {
      if (!dim.factors.empty())
        result.derivedDims.push_back(dim);
      plan.when.push_back({dim.name, 0, job.mostRows});
    }
  if (job.segments)
    for (const package::DerivedDim &segments : result.derivedDims)
      plan.when.push_back({segments.name, /*atLeast=*/2});
  return llvm::Error::success();
}

/// What a step reads in pieces is the state, and not through shared memory.
static bool isStep(func::FuncOp function) {
  auto cells = function.getOps<mlir::xlstm::MLSTMOp>();
  return !cells.empty() && (*cells.begin()).isStep();
}

KernelReport FunctionCompiler::reportOf(const Job &job, const package::Launch &launch,
                                        const std::string &variant) const {
  KernelReport report;
  report.function = job.function;
  report.kernel = launch.kernel;
  report.target = job.device.name;
  report.variant = variant;
  return report;
}

/// What a step has to be aligned is C.
static bool hasAlignedState(mlir::xlstm::MLSTMOp step) {
  int64_t bits = getElementTypeOrSelf(step.getCLast()).getIntOrFloatBitWidth();
  return step.getDv() * bits % 128 == 0;
}

bool hasAlignedRows(func::FuncOp function) {
  bool aligned = true;
  function.walk([&](Operation *op) {
    if (auto cell = dyn_cast<mlir::xlstm::MLSTMOp>(op))
      aligned &=
          cell.isStep() ? hasAlignedState(cell) : cell.getDqk() % 8 == 0 && cell.getDv() % 8 == 0;
    if (auto linear = dyn_cast<mlir::xlstm::LinearOp>(op))
      aligned &= linear.getInputFeatures() % 8 == 0 && linear.getOutputFeatures() % 8 == 0;
  });
  return aligned;
}

llvm::Error FunctionCompiler::compileGPU(ModuleOp module, const Job &job) {
  func::FuncOp function = *module.getOps<func::FuncOp>().begin();
  std::string variant = job.elementwise    ? "elementwise"
                        : isStep(function) ? "vector"
                                           : job.device.copy;
  variant += job.segments ? ".segments" : "";
  variant += job.mostRows ? ".rows" + std::to_string(job.mostRows) : "";
  prefix += "." + variant;
  // Shapes that only the elementwise kernel takes have no other; see the remark below.
  bool rowsAligned = hasAlignedRows(function);
  std::vector<std::string> ignored = dropBoundaries(function);
  if (auto error = lowerToTiles(module, job))
    return error;
  if (stopsAfter("schedule") || stopsAfter("tile"))
    return llvm::Error::success();
  // For each kernel: its schedule, and which of its tensors have rows that it takes in pieces of 16
  // bytes, by their place. Launches of one kernel have tensors of their own.
  struct KernelFacts {
    std::string schedule;
    std::vector<bool> aligned;
    const package::Launch *first = nullptr; // with the code
  };
  llvm::StringMap<KernelFacts> kernels;
  for (tile::KernelOp kernel : module.getOps<tile::KernelOp>()) {
    KernelFacts &facts = kernels[kernel.getSymName()];
    facts.schedule = scheduleText(kernel);
    std::vector<std::string> narrow;
    if (!job.elementwise)
      narrow = narrowTensors(kernel);
    for (unsigned i = 0; i < kernel.getNumTensors(); ++i)
      facts.aligned.push_back(llvm::is_contained(narrow, kernel.getTensorName(i).str()));
  }
  if (auto error = runPhase(module, "lowered", [](OpPassManager &manager) {
        manager.addPass(createConvertTileToNVVM());
      }))
    return error;
  if (stopsAfter("lowered"))
    return llvm::Error::success();
  for (package::Launch &launch : plan.launches) {
    std::vector<std::string> aligned;
    size_t place = 0;
    for (const package::Argument &argument : launch.args)
      if (argument.kind == package::Argument::Kind::Pointer &&
          kernels[launch.kernel].aligned[place++] && !isWorkspace(argument.tensor))
        aligned.push_back(argument.tensor);
    finishGPULaunch(launch, *codeOf(module, launch).getOps<LLVM::LLVMFuncOp>().begin(), aligned);
  }
  requireAbsent(plan, ignored);
  auto joined = joinLaunches(module, plan);
  if (failed(joined))
    return fail(message);
  for (const auto &[name, parts] : *joined)
    for (const std::string &part : parts)
      kernels[name].schedule +=
          (kernels[name].schedule.empty() ? "" : " ") + kernels[part].schedule;
  if (auto error = runPhase(module, "llvm", buildNVVMToLLVMPipeline))
    return error;
  if (stopsAfter("llvm"))
    return llvm::Error::success();
  for (package::Launch &launch : plan.launches) {
    KernelFacts &facts = kernels[launch.kernel];
    if (facts.first) {
      launch.ptx = facts.first->ptx, launch.cubin = facts.first->cubin;
      launch.registers = facts.first->registers, launch.spillBytes = facts.first->spillBytes;
      continue;
    }
    facts.first = &launch;
    KernelReport report = reportOf(job, launch, variant);
    report.schedule = facts.schedule;
    if (job.elementwise)
      report.remarks.push_back(
          "copies element by element, for tensors whose rows are not aligned to 16 bytes" +
          std::string(
              rowsAligned ? "" : "; with rows of multiples of 8 elements it would not be needed"));
    if (auto error = emitGPUCode(codeOf(module, launch), job, launch, report))
      return error;
    result.kernels.push_back(report);
  }
  return llvm::Error::success();
}

bool FunctionCompiler::isWorkspace(const std::string &name) const {
  return llvm::any_of(plan.workspace,
                      [&](const package::Workspace &buffer) { return buffer.name == name; });
}

gpu::GPUModuleOp FunctionCompiler::codeOf(ModuleOp module, const package::Launch &launch) {
  return module.lookupSymbol<gpu::GPUModuleOp>(launch.kernel + "_module");
}

llvm::Error FunctionCompiler::emitGPUCode(gpu::GPUModuleOp code, const Job &job,
                                          package::Launch &launch, KernelReport &report) {
  // Files are named after the function; where that takes several kernels, after each of them too.
  std::string name = prefix + (plan.launches.size() == 1 ? "" : "." + launch.kernel);
  llvm::Expected<std::string> ptx = emitPTX(code, job.device.name, job.device.ptxFeatures);
  if (!ptx)
    return ptx.takeError();
  if (auto error = dump(StringRef(name).drop_front(prefix.size()).str() + ".ptx", *ptx))
    return error;
  launch.ptx = name + ".ptx";
  result.blobs.emplace_back(launch.ptx, *ptx);
  report.sharedBytes = launch.sharedBytes;
  report.codeBytes = ptx->size();
  std::optional<std::string> ptxas = findPTXAS();
  if (!ptxas) {
    report.remarks.push_back("ptxas was not found: the package has PTX only, which the driver "
                             "compiles when it is first loaded");
    return llvm::Error::success();
  }
  llvm::Expected<PTXASReport> assembled = assemble(*ptxas, *ptx, job.device.name);
  if (!assembled)
    return assembled.takeError();
  launch.cubin = name + ".cubin";
  launch.registers = report.registers = assembled->registers;
  launch.spillBytes = report.spillBytes = assembled->spillStoreBytes + assembled->spillLoadBytes;
  report.codeBytes = assembled->cubin.size();
  llvm::append_range(report.remarks, assembled->warnings);
  result.blobs.emplace_back(launch.cubin,
                            std::string(assembled->cubin.begin(), assembled->cubin.end()));
  return llvm::Error::success();
}

llvm::Error FunctionCompiler::compileCPU(ModuleOp module, const Job &job) {
  prefix += "." + job.isa;
  std::vector<std::string> ignored; // the forward pass by several kernels takes no boundaries
  if (auto kernels = options.overrides.find("kernels"); job.function == "forward" &&
                                                        kernels != options.overrides.end() &&
                                                        kernels->second == "several")
    ignored = dropBoundaries(*module.getOps<func::FuncOp>().begin());
  if (auto error = lowerToTiles(module, job))
    return error;
  if (stopsAfter("schedule") || stopsAfter("tile"))
    return llvm::Error::success();
  plan.isa = job.isa;
  requireAbsent(plan, ignored);
  llvm::StringMap<std::string> schedules; // of kernels that are not reported yet
  for (tile::KernelOp kernel : module.getOps<tile::KernelOp>())
    schedules[kernel.getSymName()] = scheduleText(kernel);
  if (auto error = runPhase(module, "lowered", [&](OpPassManager &manager) {
        ConvertTileToVectorOptions convert;
        convert.vectorWidth = findISA(job.isa)->vectorElements;
        convert.registers = findISA(job.isa)->vectorRegisters;
        manager.addPass(createConvertTileToVector(convert));
      }))
    return error;
  if (stopsAfter("lowered"))
    return llvm::Error::success();
  for (package::Launch &launch : plan.launches)
    launch.scratchBytes = scratchBytes(module.lookupSymbol<LLVM::LLVMFuncOp>(launch.kernel));
  if (auto error = runPhase(module, "llvm", buildCPUPipeline))
    return error;
  if (stopsAfter("llvm"))
    return llvm::Error::success();
  llvm::Expected<std::string> object = emitObject(module, job.isa); // linked later, see link()
  if (!object)
    return object.takeError();
  for (package::Launch &launch : plan.launches) {
    launch.blob = prefix + ".so";
    auto schedule = schedules.find(launch.kernel);
    if (schedule == schedules.end())
      continue;
    KernelReport report = reportOf(job, launch, job.isa);
    report.schedule = schedule->second;
    result.kernels.push_back(report);
    schedules.erase(schedule);
  }
  result.blobs.emplace_back(prefix + ".so", *object);
  return llvm::Error::success();
}

} // namespace xlstm

// SPDX-License-Identifier: Apache-2.0
#include "compiler/Pipelines/Compile.h"
#include "compiler/Pipelines/FunctionCompiler.h"
#include "compiler/Pipelines/Plan.h"
#include "compiler/Schedule/GemmSchedule.h"
#include "compiler/Schedule/Passes.h"
#include "compiler/Schedule/StatesSchedule.h"
#include "compiler/Schedule/Widening.h"
#include "compiler/Target/CPU/CPU.h"
#include "compiler/Target/NVPTX/NVPTX.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "llvm/Support/ThreadPool.h"

using namespace mlir;

namespace xlstm {

static llvm::Error error(const llvm::Twine &text) {
  return llvm::createStringError(llvm::inconvertibleErrorCode(), text);
}

/// Why a GPU has no kernels for a function; empty if it has.
static std::string whyNotOnGPU(func::FuncOp function, const Device &device) {
  if (!function.getOps<mlir::xlstm::CrossEntropyOp>().empty())
    return "runs on CPUs only: the loss and the gradients of layers have no GPU kernels";
  for (Operation &op : function.front().without_terminator()) {
    if (auto linear = dyn_cast<mlir::xlstm::LinearOp>(op)) {
      if (Reason reason = isSupported(problemOf(linear), device); !reason.empty())
        return "runs on CPUs only: xlstm.linear: " + reason;
      continue;
    }
    if (auto scan = dyn_cast<mlir::xlstm::ScanOp>(op)) {
      if (Reason reason = isSupported(problemOf(scan), device); !reason.empty())
        return "runs on CPUs only: xlstm.scan: " + reason;
      if (scan.getReverse() || scan.getTransposed())
        return "runs on CPUs only: the gradients of recurrent cells have no GPU kernels";
      continue;
    }
    using namespace mlir::xlstm;
    if (isa<BlockLinearOp, CausalConv1dOp, ConcatOp, EmbeddingOp, LastTokenOp, mlir::xlstm::MapOp,
            MultiheadNormOp, NormOp, PermuteOp, mlir::xlstm::ReshapeOp, SplitOp>(op))
      continue;
    auto cell = dyn_cast<mlir::xlstm::MLSTMOp>(op);
    if (!cell)
      return "runs on CPUs only: " + op.getName().getStringRef().str() + " has no GPU kernel";
    if (cell.isStep())
      continue;
    if (cell.getForm() && *cell.getForm() != mlir::xlstm::MLSTMForm::Chunkwise)
      return "runs on CPUs only: GPU kernels of xlstm.mlstm are chunkwise, or one step";
  }
  return "";
}

/// Why a GPU has no kernels for the function's inputs; empty if it has.
static std::string whyNotForInputs(func::FuncOp function) {
  for (mlir::xlstm::MLSTMOp cell : function.getOps<mlir::xlstm::MLSTMOp>()) {
    unsigned bits = cell.getInputType().getIntOrFloatBitWidth();
    if (bits > (cell.isStep() ? 32 : 16))
      return std::string("runs on CPUs only: the GPU kernel takes bf16") +
             (cell.isStep() ? ", f16 and f32" : " and f16") + " inputs, got f" +
             std::to_string(bits);
  }
  return "";
}

/// The jobs, and remarks on functions that a target does not have.
static llvm::Expected<std::vector<Job>> jobsOf(ModuleOp module, const ModelSource &model,
                                               const CompileOptions &options,
                                               std::vector<std::string> &remarks) {
  std::vector<Job> jobs;
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    std::string name = function.getName().str(), reason;
    size_t before = jobs.size();
    for (const std::string &target : options.targets) {
      std::optional<Device> device = findDevice(target);
      if (!device)
        return error("unknown target '" + target + "', expected one of " +
                     llvm::join(deviceNames(), ", "));
      if (!device->isGPU) {
        for (const std::string &isa : options.isas)
          jobs.push_back({name, *device, isa});
        continue;
      }
      reason = whyNotOnGPU(function, *device);
      if (reason.empty() && options.functions.empty()) // else the schedule's error says so
        reason = whyNotForInputs(function);
      if (!reason.empty()) {
        remarks.push_back(name + " for " + target + ": " + reason);
        continue;
      }
      // Rows that can be 16-byte aligned have a kernel of their own; the
      // elementwise kernel takes every other tensor.
      if (hasAlignedRows(function)) {
        // Few rows of products with weights have kernels of their own.
        if (!rowsOf(function).empty())
          for (int64_t rows : rowClasses(*device))
            jobs.push_back({name, *device, "", /*elementwise=*/false, /*segments=*/false, rows});
        for (auto cell : function.getOps<mlir::xlstm::MLSTMOp>()) {
          if (cell.isStep())
            continue;
          Reason unused;
          std::map<std::string, std::string> overrides = options.overrides;
          overrides.erase("form"); // not the schedule's
          overrides.erase(wideningKey);
          auto schedule = scheduleOf(cell, *device, overrides, /*elementwise=*/false,
                                     /*segments=*/false, unused);
          bool several =
              chooseKernels(problemOf(cell), *device, cell.getSaveStates(), overrides, unused)
                  .several; // whose chunks are side by side anyway
          if (!several && schedule && !schedule->segmentBlocks &&
              wantsSegments(problemOf(cell), *schedule, *device)) {
            jobs.push_back({name, *device, "", /*elementwise=*/false, /*segments=*/true});
            break; // for all cells
          }
        }
        jobs.push_back({name, *device, "", /*elementwise=*/false});
      }
      // Scans read element by element in any case.
      bool onlyScans = llvm::all_of(function.front().without_terminator(), [](Operation &op) {
        return isa<mlir::xlstm::ReshapeOp, mlir::xlstm::ScanOp>(op);
      });
      if (!onlyScans)
        jobs.push_back({name, *device, "", /*elementwise=*/true});
    }
    if (jobs.size() == before && !options.functions.empty())
      return error(model.file + ": " + name + " " + reason + "; add cpu to the targets, or leave " +
                   name + " out of the functions");
  }
  if (jobs.empty())
    return error(model.file + ": " + remarks.front() + "; add cpu to the targets");
  return jobs;
}

/// Links a job's CPU code, when no other thread uses LLVM any more.
static llvm::Error link(Compilation &part) {
  for (auto &[name, bytes] : part.blobs) {
    if (!StringRef(name).ends_with(".so"))
      continue;
    llvm::Expected<std::string> linked = linkSharedObject(bytes);
    if (!linked)
      return linked.takeError();
    bytes = std::move(*linked);
    for (KernelReport &report : part.kernels)
      report.codeBytes = bytes.size();
  }
  return llvm::Error::success();
}

/// Moves a job's results behind those of the jobs before it.
static void append(Compilation &all, const std::string &function, Compilation part,
                   package::Implementation implementation) {
  for (package::Function &entry : all.manifest.functions)
    for (const package::DerivedDim &dim : part.derivedDims)
      if (entry.name == function && llvm::none_of(entry.derivedDims, [&](const auto &known) {
            return known.name == dim.name;
          }))
        entry.derivedDims.push_back(dim);
  std::move(part.blobs.begin(), part.blobs.end(), std::back_inserter(all.blobs));
  std::move(part.kernels.begin(), part.kernels.end(), std::back_inserter(all.kernels));
  all.text += part.text;
  for (std::string &remark : part.remarks)
    if (!llvm::is_contained(all.remarks, remark))
      all.remarks.push_back(std::move(remark));
  if (!implementation.launches.empty())
    for (package::Function &entry : all.manifest.functions)
      if (entry.name == function)
        entry.implementations.push_back(std::move(implementation));
}

/// The manifest without implementations. Functions that the user asked for must be there.
static llvm::Expected<package::Manifest> manifestOf(ModuleOp module, const ModelSource &model,
                                                    const CompileOptions &options) {
  package::Manifest manifest;
  manifest.name = module.getSymName().value_or("model").str();
  manifest.toolVersion = "0.1.0";
  std::vector<std::string> names;
  for (func::FuncOp function : module.getOps<func::FuncOp>()) {
    manifest.functions.push_back(describeFunction(function));
    names.push_back(function.getName().str());
  }
  for (const std::string &wanted : options.functions)
    if (!llvm::is_contained(names, wanted))
      return error(model.file + ": expected a model with the function '" + wanted + "', got one " +
                   (names.empty() ? "without" : "with " + llvm::join(names, ", ")));
  return manifest;
}

llvm::Expected<Compilation> compile(const ModelSource &model, const CompileOptions &options) {
  FunctionCompiler first(model, options);
  if (auto failure = first.import())
    return std::move(failure);
  auto manifest = manifestOf(first.module(), model, options);
  if (!manifest)
    return manifest.takeError();
  std::vector<std::string> remarks;
  llvm::Expected<std::vector<Job>> jobs = jobsOf(first.module(), model, options, remarks);
  if (!jobs)
    return jobs.takeError();
  Compilation all = first.take();
  all.manifest = std::move(*manifest);
  all.remarks.insert(all.remarks.end(), remarks.begin(), remarks.end());
  if (options.compileTo == "import" || options.compileTo == "derive")
    return std::move(all);
  all.text.clear();

  struct Outcome {
    std::string error;
    Compilation compilation;
    package::Implementation implementation;
  };
  std::vector<Outcome> outcomes(jobs->size());
  initializeNVPTX();
  initializeX86();
  llvm::DefaultThreadPool pool;
  for (size_t i = 0; i < jobs->size(); ++i)
    pool.async([&, i] {
      FunctionCompiler compiler(model, options);
      llvm::Error failure = compiler.import();
      if (!failure)
        failure = compiler.run((*jobs)[i]);
      if (failure)
        outcomes[i].error = llvm::toString(std::move(failure));
      outcomes[i].implementation = std::move(compiler.implementation());
      outcomes[i].compilation = compiler.take();
    });
  pool.wait();
  for (size_t i = 0; i < jobs->size(); ++i) {
    if (!outcomes[i].error.empty())
      return error(outcomes[i].error);
    if (auto failure = link(outcomes[i].compilation))
      return std::move(failure);
    append(all, (*jobs)[i].function, std::move(outcomes[i].compilation),
           std::move(outcomes[i].implementation));
  }
  // What no target runs is no function of the package.
  llvm::erase_if(all.manifest.functions, [&](const package::Function &function) {
    return function.implementations.empty() && options.compileTo.empty();
  });
  return std::move(all);
}

} // namespace xlstm

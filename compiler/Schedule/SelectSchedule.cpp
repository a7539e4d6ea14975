// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/ChunkwiseCost.h"
#include "compiler/Schedule/ChunkwiseSchedule.h"
#include "compiler/Schedule/GemmSchedule.h"
#include "compiler/Schedule/LayerSchedule.h"
#include "compiler/Schedule/Passes.h"
#include "compiler/Schedule/ScanSchedule.h"
#include "compiler/Schedule/StatesCost.h"
#include "compiler/Schedule/StepSchedule.h"
#include "compiler/Schedule/SumSchedule.h"
#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/IR/XLSTM.h"

using namespace mlir;

namespace xlstm {
#define GEN_PASS_DEF_SELECTSCHEDULE
#include "compiler/Schedule/Passes.h.inc"

namespace {
using Overrides = std::map<std::string, std::string>;

/// `all` without what is for other families only. A key that no family has stays, for the family to
/// complain about.
Overrides overridesFor(const Overrides &all, const std::vector<std::string> &parameters) {
  std::vector<std::string> others;
  for (auto &list :
       {ChunkwiseSchedule::parameters(), StatesSchedule::parameters(), GemmSchedule::parameters(),
        LayerSchedule::parameters(), ScanSchedule::parameters(), StepSchedule::parameters(),
        SumSchedule::parameters()})
    others.insert(others.end(), list.begin(), list.end());
  others.push_back("kernels"); // which of the first two families
  Overrides own;
  for (auto &entry : all)
    if (llvm::is_contained(parameters, entry.first) || !llvm::is_contained(others, entry.first))
      own.insert(entry);
  return own;
}

} // namespace

/// Whether a value is a parameter of its model, or a view of one: nothing that a run launches writes it.
static bool isParameter(Value value) {
  while (auto view = value.getDefiningOp<mlir::xlstm::ReshapeOp>())
    value = view.getX();
  auto argument = dyn_cast<BlockArgument>(value);
  auto function = value.getParentRegion()->getParentOfType<func::FuncOp>();
  return argument && function &&
         function.getArgAttr(argument.getArgNumber(), mlir::xlstm::parameterAttrName);
}

/// The tile of a layer's block is one of its result, or, of a split and of a loss, of its input.
static std::optional<LayerProblem> layerProblemOf(Operation *op) {
  using namespace mlir::xlstm;
  // Gradients of parameters read rows of activations, whose number is not in their shape.
  if (auto gradient = dyn_cast<BlockLinearWeightOp>(op)) {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(gradient.getResult().getType()).getShape();
    LayerProblem problem;
    problem.columns = shape[0] * shape[2];
    problem.diagonal = std::max(shape[1], shape[2]);
    problem.sums = true;
    return problem;
  }
  if (isa<EmbeddingBackwardOp, LeadingSumOp>(op)) {
    LayerProblem problem;
    problem.columns = cast<RankedTensorType>(op->getResult(0).getType()).getShape().back();
    problem.sums = isa<LeadingSumOp>(op);
    return problem;
  }
  bool isLoss = isa<CrossEntropyOp, CrossEntropyBackwardOp>(op),
       isNorm = isa<MultiheadNormOp, NormOp, MultiheadNormBackwardOp, NormBackwardOp>(op);
  if (!isLoss && !isNorm &&
      !isa<BlockLinearOp, CausalConv1dOp, CausalConv1dBackwardOp, ConcatOp, EmbeddingOp,
           LastTokenOp, MapOp, PermuteOp, SplitOp>(op))
    return std::nullopt;
  bool ofInput = isLoss || isa<SplitOp>(op);
  Value of = ofInput ? op->getOperand(0) : op->getResult(0);
  ArrayRef<int64_t> shape = cast<RankedTensorType>(of.getType()).getShape();
  LayerProblem problem;
  problem.columns = shape.back();
  problem.copies = isa<ConcatOp, SplitOp>(op);
  problem.wholeRows = isLoss || isNorm;
  problem.sums = isa<CausalConv1dBackwardOp>(op);
  if (auto norm = dyn_cast<NormOp>(op))
    problem.constantWeight = norm.getWeight() && isParameter(norm.getWeight());
  if (auto norm = dyn_cast<MultiheadNormOp>(op))
    problem.constantWeight = norm.getWeight() && isParameter(norm.getWeight());
  if (auto product = dyn_cast<BlockLinearOp>(op)) {
    ArrayRef<int64_t> shape = product.getWeight().getType().getShape();
    problem.blocks = shape[0];
    problem.diagonal = std::max(shape[1], shape[2]);
  }
  int64_t rank = shape.size();
  if (rank == 1)
    problem.rows = 1;
  else if (int64_t rows = shape[rank >= 3 ? 1 : 0]; !ShapedType::isDynamic(rows))
    problem.rows = rows;
  return problem;
}

ChunkwiseProblem problemOf(mlir::xlstm::MLSTMOp op) {
  ChunkwiseProblem problem{op.getHeads(), op.getDqk(), op.getDv(),
                           op.getInputType().getIntOrFloatBitWidth()};
  if (auto form = op.getForm())
    problem.form = stringifyMLSTMForm(*form).str();
  problem.normalizes = op.hasNormalizer();
  return problem;
}

ScanProblem problemOf(mlir::xlstm::ScanOp op) {
  ScanProblem problem{op.getHeads(), op.getHeadSize()};
  problem.bits = op.getAccumulationType().getIntOrFloatBitWidth();
  if (Value r = op.getRecurrent()) {
    problem.matrices = cast<RankedTensorType>(r.getType()).getDimSize(0);
    problem.bits = getElementTypeOrSelf(r).getIntOrFloatBitWidth();
  }
  problem.multiplied = op.getTransposed() ? problem.matrices : 1;
  problem.step = op.getStep();
  return problem;
}

GemmProblem problemOf(mlir::xlstm::LinearOp op) {
  GemmProblem problem;
  problem.n = op.getOutputFeatures(), problem.k = op.getInputFeatures();
  problem.weights = op.getWeights().size();
  problem.inputBits = getElementTypeOrSelf(op.getX()).getIntOrFloatBitWidth();
  problem.hasPrologue = op.hasPrologue();
  problem.hasNorm = op.getNorm().has_value();
  problem.transposed = op.getTransposed();
  // The GPU's products do not depend on it.
  ArrayRef<int64_t> shape = op.getX().getType().getShape();
  problem.oneToken = shape.size() == 3 && shape[1] == 1;
  problem.constantWeights = llvm::all_of(op.getWeights(), isParameter);
  return problem;
}

/// The products of op's x that stand beside it, with nothing but views between them, and need nothing
/// of each other: in order, `op` among them.
static SmallVector<mlir::xlstm::LinearOp> productsBeside(mlir::xlstm::LinearOp op) {
  using mlir::xlstm::LinearOp;
  auto neighbour = [](Operation *from, auto next) {
    Operation *other = next(from);
    while (isa_and_nonnull<mlir::xlstm::ReshapeOp>(other))
      other = next(other);
    return dyn_cast_or_null<LinearOp>(other);
  };
  auto before = [](Operation *o) { return o->getPrevNode(); };
  auto after = [](Operation *o) { return o->getNextNode(); };
  LinearOp first = op;
  for (LinearOp other = op; other && other.getX() == op.getX(); other = neighbour(other, before))
    first = other;
  SmallVector<LinearOp> products;
  llvm::SmallPtrSet<Value, 8> made; // by them, and its views
  for (LinearOp other = first; other && other.getX() == op.getX();
       other = neighbour(other, after)) {
    bool depends = llvm::any_of(other->getOperands(), [&](Value operand) {
      while (auto view = operand.getDefiningOp<mlir::xlstm::ReshapeOp>())
        operand = view.getX();
      return made.contains(operand);
    });
    // One that depends begins another launch.
    if (depends && llvm::is_contained(products, op))
      break;
    if (depends)
      products.clear(), made.clear();
    products.push_back(other);
    made.insert(other.getOutputs().begin(), other.getOutputs().end());
  }
  return products;
}

std::optional<ChunkwiseSchedule> scheduleOf(mlir::xlstm::MLSTMOp op, const Device &device,
                                            const Overrides &overrides, bool elementwise,
                                            bool segments, Reason &reason) {
  auto schedule =
      decide(problemOf(op), device, overridesFor(overrides, ChunkwiseSchedule::parameters()),
             reason, elementwise);
  if (schedule && segments)
    schedule->segmentBlocks = device.multiprocessors;
  return schedule;
}

namespace {
struct SelectSchedulePass : impl::SelectScheduleBase<SelectSchedulePass> {
  using SelectScheduleBase::SelectScheduleBase;

  /// Writes the schedule down, or the reason that there is none as an error.
  template <typename Schedule>
  LogicalResult write(Operation *op, const std::optional<Schedule> &schedule,
                      const Reason &reason) {
    if (!schedule)
      return op->emitError() << "cannot be scheduled for " << target.getValue() << ": " << reason;
    op->setAttr(scheduleAttrName, schedule->toAttribute(&getContext()));
    return success();
  }

  /// What the schedule is expected to take, for 65,536 tokens.
  void expect(mlir::xlstm::MLSTMOp op, const Device &device) {
    constexpr int64_t batch = 8, tokens = 8192;
    auto schedule =
        ChunkwiseSchedule::fromAttribute(op->getAttrOfType<DictionaryAttr>(scheduleAttrName));
    ChunkwiseCost cost = costOf(problemOf(op), schedule, device, batch, tokens);
    op->emitRemark() << device.name << ", " << schedule.copy << (schedule.roles ? ", roles" : "")
                     << (segments ? ", whole sequences of the segments' kernel" : "")
                     << ": expects " << cost.str(batch, tokens);
  }

  /// The same of several kernels, where their costs are known.
  void expectOfSeveral(mlir::xlstm::MLSTMOp op, const Device &device) {
    constexpr int64_t batch = 8, tokens = 8192;
    auto schedule =
        StatesSchedule::fromAttribute(op->getAttrOfType<DictionaryAttr>(scheduleAttrName));
    if (schedule.copy == "tma" && schedule.matrixUnit == "wgmma")
      op->emitRemark() << device.name << ", " << schedule.copy << ": expects "
                       << costOf(problemOf(op), schedule, device, batch, tokens).str(batch, tokens);
  }

  LogicalResult schedule(Operation *op, const Device &device, const Overrides &overrides) {
    Reason reason;
    if (auto step = dyn_cast<mlir::xlstm::MLSTMOp>(op); step && step.isStep()) {
      StepProblem problem{step.getHeads(),
                          step.getDqk(),
                          step.getDv(),
                          step.getInputType().getIntOrFloatBitWidth(),
                          getElementTypeOrSelf(step.getCLast()).getIntOrFloatBitWidth(),
                          step.hasNormalizer() && !step.hasStabilizer()};
      return write(op,
                   decide(problem, device, overridesFor(overrides, StepSchedule::parameters()),
                          reason, elementwise),
                   reason);
    }
    if (auto mlstm = dyn_cast<mlir::xlstm::MLSTMOp>(op)) {
      KernelsChoice kernels =
          chooseKernels(problemOf(mlstm), device, mlstm.getSaveStates(), overrides, reason);
      if (!reason.empty())
        return op->emitError() << "cannot be scheduled for " << target.getValue() << ": " << reason;
      LogicalResult written =
          kernels.several
              ? write(op,
                      decideStates(problemOf(mlstm), device,
                                   overridesFor(overrides, StatesSchedule::parameters()), reason,
                                   elementwise),
                      reason)
              : write(op, scheduleOf(mlstm, device, overrides, elementwise, segments, reason),
                      reason);
      if (succeeded(written) && !kernels.reason.empty())
        op->emitRemark() << kernels.reason;
      if (succeeded(written) && device.clockGHz > 0)
        kernels.several ? expectOfSeveral(mlstm, device) : expect(mlstm, device);
      return written;
    }
    if (auto backward = dyn_cast<mlir::xlstm::MLSTMBackwardOp>(op)) {
      // Its chunks are those whose states the forward kernel has saved.
      Operation *forward = backward.getCStates() ? backward.getCStates().getDefiningOp() : nullptr;
      if (!forward || !forward->hasAttr(scheduleAttrName))
        return op->emitError() << "expected saved states from an xlstm.mlstm with a schedule";
      auto schedule = forward->getAttrOfType<DictionaryAttr>(scheduleAttrName);
      if (StatesSchedule::is(schedule)) {
        ChunkwiseSchedule chunks = StatesSchedule::fromAttribute(schedule).chunks();
        chunks.chunk = StatesSchedule::fromAttribute(schedule).saveEvery;
        schedule = chunks.toAttribute(&getContext());
      }
      op->setAttr(scheduleAttrName, schedule);
      return success();
    }
    if (auto scan = dyn_cast<mlir::xlstm::ScanOp>(op)) {
      ScanProblem problem = problemOf(scan);
      return write(
          op, decide(problem, device, overridesFor(overrides, ScanSchedule::parameters()), reason),
          reason);
    }
    if (auto linear = dyn_cast<mlir::xlstm::LinearOp>(op)) {
      GemmProblem problem = problemOf(linear);
      problem.mostRows = mostRows;
      SmallVector<mlir::xlstm::LinearOp> beside = productsBeside(linear);
      if (beside.size() > 1 &&
          llvm::all_of(beside, [](auto product) { return problemOf(product).constantWeights; })) {
        for (auto product : beside)
          problem.columnsTogether += product.getOutputFeatures() * product.getWeights().size();
        problem.follows = linear != beside.front();
      }
      return write(op,
                   decide(problem, device, overridesFor(overrides, GemmSchedule::parameters()),
                          reason, elementwise),
                   reason);
    }
    if (std::optional<LayerProblem> layer = layerProblemOf(op))
      return write(
          op, decide(*layer, device, overridesFor(overrides, LayerSchedule::parameters()), reason),
          reason);
    if (auto gradient = dyn_cast<mlir::xlstm::WeightGradOp>(op)) {
      // A product [N, rows] [rows, K] that is summed over some rows at a time.
      GemmProblem problem;
      problem.mostRows = gradient.getResult().getType().getDimSize(0);
      problem.n = gradient.getResult().getType().getDimSize(1);
      problem.k = 64;
      problem.sums = true;
      problem.inputBits = getElementTypeOrSelf(gradient.getX()).getIntOrFloatBitWidth();
      if (device.isGPU)
        return op->emitError() << "has a kernel for the CPU only, got " << device.name;
      return write(
          op, decide(problem, device, overridesFor(overrides, GemmSchedule::parameters()), reason),
          reason);
    }
    SumProblem problem;
    if (auto sum = dyn_cast<mlir::xlstm::OuterSumOp>(op)) {
      problem = {sum.getHeads(), sum.getHeadSize(), bool(sum.getCuSeqlens())};
    } else if (auto sum = dyn_cast<mlir::xlstm::TimeSumOp>(op)) {
      ArrayRef<int64_t> shape = sum.getX().getType().getShape().take_back(2);
      problem = {shape[0], shape[1], false};
    } else {
      return success();
    }
    return write(
        op, decide(problem, device, overridesFor(overrides, SumSchedule::parameters()), reason),
        reason);
  }

  void runOnOperation() override {
    std::optional<Device> device = findDevice(target);
    if (!device) {
      getOperation().emitError() << "unknown target '" << target << "', expected one of "
                                 << llvm::join(deviceNames(), ", ");
      return signalPassFailure();
    }
    Overrides overrides;
    for (const std::string &entry : set) {
      auto [key, value] = StringRef(entry).split('=');
      overrides[key.str()] = value.str();
    }
    WalkResult result = getOperation().walk([&](Operation *op) {
      if (op->hasAttr(scheduleAttrName) || succeeded(schedule(op, *device, overrides)))
        return WalkResult::advance();
      return WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
} // namespace xlstm

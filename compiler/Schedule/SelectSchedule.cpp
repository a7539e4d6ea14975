// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/ChunkwiseSchedule.h"
#include "compiler/Schedule/Passes.h"
#include "dialect/xlstm/IR/XLSTM.h"

using namespace mlir;

namespace xlstm {
#define GEN_PASS_DEF_SELECTSCHEDULE
#include "compiler/Schedule/Passes.h.inc"

namespace {
struct SelectSchedulePass : impl::SelectScheduleBase<SelectSchedulePass> {
  using SelectScheduleBase::SelectScheduleBase;

  void runOnOperation() override {
    std::optional<Device> device = findDevice(target);
    if (!device) {
      getOperation().emitError() << "unknown target '" << target << "', expected one of "
                                 << llvm::join(deviceNames(), ", ");
      return signalPassFailure();
    }
    std::map<std::string, std::string> overrides;
    for (const std::string &entry : set) {
      auto [key, value] = StringRef(entry).split('=');
      overrides[key.str()] = value.str();
    }
    WalkResult result = getOperation().walk([&](mlir::xlstm::MLSTMOp op) {
      if (op->hasAttr(scheduleAttrName))
        return WalkResult::advance();
      ChunkwiseProblem problem{op.getHeads(), op.getDqk(), op.getDv(),
                               op.getInputType().getIntOrFloatBitWidth()};
      Reason reason;
      std::optional<ChunkwiseSchedule> schedule =
          decide(problem, *device, overrides, reason, elementwise);
      if (!schedule) {
        op.emitError() << "cannot be scheduled for " << target.getValue() << ": " << reason;
        return WalkResult::interrupt();
      }
      op->setAttr(scheduleAttrName, schedule->toAttribute(&getContext()));
      return WalkResult::advance();
    });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
} // namespace xlstm

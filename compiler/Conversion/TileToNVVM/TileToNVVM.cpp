// SPDX-License-Identifier: Apache-2.0
#include "compiler/Conversion/TileToNVVM/KernelEmitter.h"
#include "compiler/Conversion/TileToNVVM/Passes.h"
#include "compiler/Schedule/Device.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace xlstm {
#define GEN_PASS_DEF_CONVERTTILETONVVM
#include "compiler/Conversion/TileToNVVM/Passes.h.inc"

namespace {
struct ConvertTileToNVVMPass : impl::ConvertTileToNVVMBase<ConvertTileToNVVMPass> {
  void runOnOperation() override {
    for (tile::KernelOp kernel :
         llvm::make_early_inc_range(getOperation().getOps<tile::KernelOp>())) {
      auto attribute = kernel.getScheduleAttr();
      if (!attribute || KernelSchedule::fromAttribute(attribute).threads < 1) {
        kernel.emitError() << "expected a schedule for a GPU";
        return signalPassFailure();
      }
      std::optional<Device> device = findDevice(KernelSchedule::fromAttribute(attribute).target);
      ImplicitLocOpBuilder builder(kernel.getLoc(), kernel);
      auto module = builder.create<gpu::GPUModuleOp>((kernel.getSymName() + "_module").str());
      builder.setInsertionPointToStart(module.getBody());
      // All of the block's shared memory; its size is given at the launch.
      auto bytes = LLVM::LLVMArrayType::get(builder.getI8Type(), 0);
      builder.create<LLVM::GlobalOp>(bytes, /*isConstant=*/false, LLVM::Linkage::External,
                                     "shared_memory", Attribute(), /*alignment=*/1024,
                                     unsigned(NVVM::kSharedMemorySpace));
      FailureOr<LLVM::LLVMFuncOp> function = KernelEmitter(kernel, builder).emit();
      if (failed(function))
        return signalPassFailure();
      int64_t shared = (*function)->getAttrOfType<IntegerAttr>("tile.shared_bytes").getInt();
      if (device && shared > device->sharedBytes) {
        kernel.emitError() << "takes " << shared << " bytes of shared memory, more than "
                           << device->sharedBytes << " of " << device->name;
        return signalPassFailure();
      }
      (*function)->setAttr("tile.schedule", attribute);
      kernel.erase();
    }
  }
};
} // namespace
} // namespace xlstm

// SPDX-License-Identifier: Apache-2.0
#include "dialect/tile/Interpreter/Interpreter.h"
#include "dialect/tile/Interpreter/Passes.h"

#include <random>

namespace mlir::tile {
#define GEN_PASS_DEF_TILEINTERPRET
#include "dialect/tile/Interpreter/Passes.h.inc"

namespace {

struct TileInterpretPass : impl::TileInterpretBase<TileInterpretPass> {
  using Base::Base;

  void runOnOperation() override {
    for (KernelOp kernel : getOperation().getOps<KernelOp>())
      if (failed(run(kernel)))
        return signalPassFailure();
    markAllAnalysesPreserved();
  }

  /// The dynamic extents of a tensor: its own, if `shapes` has it.
  FailureOr<SmallVector<int64_t>> extentsOf(StringRef name) {
    for (const std::string &shape : shapes) {
      auto [of, list] = StringRef(shape).split('=');
      if (of != name)
        continue;
      SmallVector<int64_t> own;
      SmallVector<StringRef> parts;
      list.split(parts, 'x');
      for (StringRef part : parts)
        if (part.getAsInteger(10, own.emplace_back()))
          return failure();
      return own;
    }
    return SmallVector<int64_t>(extents.begin(), extents.end());
  }

  FailureOr<std::vector<GlobalTensor>> makeTensors(KernelOp kernel) {
    std::vector<GlobalTensor> tensors;
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> uniform(-1, 1);
    for (unsigned i = 0; i < kernel.getNumTensors(); ++i) {
      auto type = cast<MemRefType>(kernel.getTensor(i).getType());
      StringRef name = kernel.getTensorName(i);
      if (llvm::is_contained(absent, name)) {
        tensors.push_back(GlobalTensor::absent(type));
        continue;
      }
      FailureOr<SmallVector<int64_t>> dynamic = extentsOf(name);
      if (failed(dynamic) || type.getNumDynamicDims() > int64_t(dynamic->size()))
        return mlir::emitError(kernel.getLoc())
               << "expected " << type.getNumDynamicDims() << " extents for the tensor \"" << name
               << "\", got " << (failed(dynamic) ? "others" : std::to_string(dynamic->size()));
      SmallVector<int64_t> shape(type.getShape());
      size_t next = 0;
      for (int64_t &extent : shape)
        if (ShapedType::isDynamic(extent))
          extent = (*dynamic)[next++];
      GlobalTensor tensor(type.getElementType(), shape);
      if (isa<FloatType>(type.getElementType()))
        tensor.forEach([&](ArrayRef<int64_t> index) { tensor.set(index, uniform(random)); });
      tensors.push_back(std::move(tensor));
    }
    return tensors;
  }

  LogicalResult run(KernelOp kernel) {
    FailureOr<std::vector<GlobalTensor>> given = makeTensors(kernel);
    if (failed(given))
      return failure();
    std::vector<GlobalTensor> first;
    for (int64_t order = 0; order < orders; ++order) {
      std::vector<GlobalTensor> tensors = *given;
      InterpretOptions options;
      options.seed = seed + order;
      if (std::optional<Finding> finding = interpret(kernel, tensors, options))
        return mlir::emitError(finding->location)
               << finding->text << " (seed " << options.seed << ")";
      if (order == 0)
        first = tensors;
      for (unsigned i = 0; i < tensors.size(); ++i)
        if (tensors[i].bytes != first[i].bytes)
          return mlir::emitError(kernel.getLoc())
                 << "gave other bits of \"" << kernel.getTensorName(i) << "\" with seed "
                 << options.seed << " than with seed " << uint64_t(seed);
    }
    mlir::emitRemark(kernel.getLoc())
        << "orders run: " << int64_t(orders) << "; no race, no deadlock, equal bits";
    return success();
  }
};

} // namespace
} // namespace mlir::tile

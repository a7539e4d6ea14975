// SPDX-License-Identifier: Apache-2.0
// Several lowered kernels as one. A block does the work of one of them, so that nothing but its
// number tells it that it is in company:
//
//   blocks  0 .. a-1    kernel A
//           a .. a+b-1  kernel B, whose block 0 is block a
#include "compiler/Conversion/TileToNVVM/JoinKernels.h"
#include "compiler/Conversion/TileToNVVM/PTX.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;

namespace xlstm {

static LLVM::LLVMFuncOp functionOf(gpu::GPUModuleOp code) {
  return *code.getOps<LLVM::LLVMFuncOp>().begin();
}

/// What the launch of both takes, from the attributes that the lowering has left.
static LogicalResult joinAttributes(LLVM::LLVMFuncOp joined, LLVM::LLVMFuncOp part) {
  for (StringRef name : {"nvvm.reqntid", "nvvm.minctasm", "tile.threads", "nvvm.cluster_dim"})
    if (joined->getAttr(name) != part->getAttr(name) || part->hasAttr("nvvm.cluster_dim"))
      return part.emitError() << "expected " << name << " of " << joined.getName()
                              << " and no cluster in a joined launch";
  auto bytes = [](LLVM::LLVMFuncOp f) {
    return f->getAttrOfType<IntegerAttr>("tile.shared_bytes");
  };
  if (bytes(joined).getInt() < bytes(part).getInt())
    joined->setAttr("tile.shared_bytes", bytes(part));
  for (StringRef name : {"tile.overlaps", "tile.early"})
    if (part->hasAttr(name))
      joined->setAttr(name, part->getAttr(name));
  return success();
}

/// The body of `part`, whose blocks begin at number `first`, into a block.
static void copyBody(OpBuilder &b, LLVM::LLVMFuncOp part, ValueRange arguments, int64_t first) {
  IRMapping mapping;
  mapping.map(part.getArguments(), arguments);
  for (Operation &op : part.getBody().front().without_terminator())
    b.clone(op, mapping);
  if (first == 0)
    return;
  for (Value number : PTX::blockNumbersIn(*b.getBlock())) {
    OpBuilder after(number.getContext());
    after.setInsertionPointAfterValue(number);
    auto base = after.create<arith::ConstantOp>(number.getLoc(), after.getI32IntegerAttr(first));
    auto own = after.create<arith::SubIOp>(number.getLoc(), number, base);
    number.replaceAllUsesExcept(own, own);
  }
}

gpu::GPUModuleOp joinKernels(ArrayRef<KernelPart> parts, StringRef name) {
  gpu::GPUModuleOp last = parts.back().code;
  OpBuilder outer(last);
  outer.setInsertionPointAfter(last);
  auto code = outer.create<gpu::GPUModuleOp>(last.getLoc(), (name + "_module").str());
  ImplicitLocOpBuilder b(last.getLoc(), code.getContext());
  b.setInsertionPointToStart(code.getBody());
  gpu::GPUModuleOp source = parts.front().code;
  for (LLVM::GlobalOp global : source.getOps<LLVM::GlobalOp>())
    b.clone(*global);
  SmallVector<Type> types;
  for (const KernelPart &part : parts)
    llvm::append_range(types, functionOf(part.code).getArgumentTypes());
  LLVM::LLVMFuncOp first = functionOf(parts.front().code);
  auto joined = b.create<LLVM::LLVMFuncOp>(
      name, LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), types));
  joined->setDiscardableAttrs(first->getDiscardableAttrDictionary());
  Block *entry = joined.addEntryBlock(b);
  b.setInsertionPointToStart(entry);
  Value block = PTX(b).blockNumber();
  unsigned argument = 0;
  int64_t blocks = 0;
  for (const KernelPart &part : parts) {
    LLVM::LLVMFuncOp function = functionOf(part.code);
    if (failed(joinAttributes(joined, function))) {
      code.erase();
      return nullptr;
    }
    unsigned count = function.getNumArguments();
    for (unsigned i = 0; i < count; ++i)
      joined.setArgAttrs(argument + i, function.getArgAttrDict(i));
    bool isLast = &part == &parts.back();
    auto end = b.create<arith::ConstantOp>(b.getI32IntegerAttr(blocks + part.blocks));
    auto isOwn = b.create<arith::CmpIOp>(arith::CmpIPredicate::ult, block, end);
    auto branch = b.create<scf::IfOp>(isOwn, /*withElseRegion=*/!isLast);
    b.setInsertionPointToStart(branch.thenBlock());
    copyBody(b, function, entry->getArguments().slice(argument, count), blocks);
    if (!isLast)
      b.setInsertionPointToStart(branch.elseBlock());
    argument += count;
    blocks += part.blocks;
  }
  b.setInsertionPointToEnd(entry);
  b.create<LLVM::ReturnOp>(ValueRange());
  return code;
}

} // namespace xlstm

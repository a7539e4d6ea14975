// SPDX-License-Identifier: Apache-2.0
#include "compiler/Conversion/TileToNVVM/PTX.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include <numeric>

using namespace mlir;

namespace xlstm {

static StringRef name(Type element) { return element.isBF16() ? "bf16" : "f16"; }

//===----------------------------------------------------------------------===//
// Scalars
//===----------------------------------------------------------------------===//

Value PTX::i32(int64_t value) { return b.create<arith::ConstantOp>(b.getI32IntegerAttr(value)); }
Value PTX::i64(int64_t value) { return b.create<arith::ConstantOp>(b.getI64IntegerAttr(value)); }
Value PTX::f32(double value) { return b.create<arith::ConstantOp>(b.getF32FloatAttr(value)); }

static Value intrinsic(ImplicitLocOpBuilder &b, Type result, StringRef name, ValueRange operands) {
  return b.create<LLVM::CallIntrinsicOp>(result, b.getStringAttr(name), operands).getResults();
}

Value PTX::exp2(Value x) { return intrinsic(b, x.getType(), "llvm.nvvm.ex2.approx.ftz.f", x); }
Value PTX::log2(Value x) { return intrinsic(b, x.getType(), "llvm.nvvm.lg2.approx.ftz.f", x); }
Value PTX::divide(Value x, Value y) {
  return intrinsic(b, x.getType(), "llvm.nvvm.div.approx.ftz.f", {x, y});
}
Value PTX::tanh(Value x) {
  return assembly(x.getType(), "tanh.approx.f32 $0, $1;", "=f,f", x, false)[0];
}

static constexpr StringLiteral blockNumberText = "mov.u32 $0, %ctaid.x;";

SmallVector<Value> PTX::blockNumbersIn(Block &block) {
  SmallVector<Value> numbers;
  block.walk([&](LLVM::InlineAsmOp op) {
    if (op.getAsmString() == blockNumberText)
      numbers.push_back(op.getResult(0));
  });
  return numbers;
}

Value PTX::blockNumber() { return assembly(b.getI32Type(), blockNumberText, "=r", {}, true)[0]; }
Value PTX::threadNumber() {
  return assembly(b.getI32Type(), "mov.u32 $0, %tid.x;", "=r", {}, true)[0];
}
Value PTX::opaque(Value x) {
  bool wide = isa<LLVM::LLVMPointerType>(x.getType());
  return assembly(x.getType(), wide ? "mov.u64 $0, $1;" : "mov.u32 $0, $1;", wide ? "=l,l" : "=r,r",
                  x, true)[0];
}

Value PTX::pack(Type element, Value low, Value high) {
  // The first source of cvt goes to the high half.
  std::string text = ("cvt.rn." + name(element) + "x2.f32 $0, $1, $2;").str();
  return assembly(b.getI32Type(), text, "=r,f,f", {high, low}, false)[0];
}
Value PTX::packInOrder(Type element, Value low, Value high) {
  std::string text = ("cvt.rn." + name(element) + "x2.f32 $0, $1, $2;").str();
  return assembly(b.getI32Type(), text, "=r,f,f,~{memory}", {high, low}, true)[0];
}

std::pair<Value, Value> PTX::unpack(Type element, Value packed) {
  if (element.isBF16()) { // the upper half of an f32
    Value low = b.create<arith::ShLIOp>(packed, i32(16)),
          high = b.create<arith::AndIOp>(packed, i32(0xffff0000));
    return {b.create<LLVM::BitcastOp>(b.getF32Type(), low),
            b.create<LLVM::BitcastOp>(b.getF32Type(), high)};
  }
  Value pair = b.create<LLVM::BitcastOp>(VectorType::get(2, element), packed);
  auto half = [&](int64_t i) -> Value {
    Value value = b.create<LLVM::ExtractElementOp>(pair, i32(i));
    return b.create<LLVM::FPExtOp>(b.getF32Type(), value);
  };
  return {half(0), half(1)};
}

//===----------------------------------------------------------------------===//
// Lanes
//===----------------------------------------------------------------------===//

Value PTX::shuffleXor(Value x, int64_t mask) {
  return b.create<NVVM::ShflOp>(x.getType(), i32(-1), x, i32(mask), i32(31), NVVM::ShflKind::bfly,
                                UnitAttr());
}
Value PTX::shuffleUp(Value x, int64_t distance) {
  return b.create<NVVM::ShflOp>(x.getType(), i32(-1), x, i32(distance), i32(0), NVVM::ShflKind::up,
                                UnitAttr());
}
Value PTX::shuffleIndex(Value x, Value lane) {
  return b.create<NVVM::ShflOp>(x.getType(), i32(-1), x, lane, i32(31), NVVM::ShflKind::idx,
                                UnitAttr());
}

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

/// ".v4.f32", ".b32", and a list "{$0, $1}" of as many operands.
static std::string accessOf(size_t words, StringRef type) {
  return (words == 1 ? "" : ".v" + std::to_string(words)) + "." + type.str();
}
static std::string operandList(size_t first, size_t count) {
  std::string list;
  for (size_t i = 0; i < count; ++i)
    list += (i ? ", $" : "$") + std::to_string(first + i);
  return count == 1 ? list : "{" + list + "}";
}

SmallVector<Value> PTX::loadVector(Type element, Value pointer, int64_t width) {
  bool narrow = element.getIntOrFloatBitWidth() == 16;
  if (narrow && width == 1) {
    Value bits = b.create<LLVM::LoadOp>(b.getI16Type(), pointer, 2);
    return {unpack(element, b.create<arith::ExtUIOp>(b.getI32Type(), bits)).first};
  }
  int64_t words = narrow ? width / 2 : width;
  SmallVector<Type> results(words, narrow ? Type(b.getI32Type()) : element);
  std::string constraints;
  for (int64_t i = 0; i < words; ++i)
    constraints += narrow ? "=r," : "=f,";
  SmallVector<Value> loaded =
      assembly(results,
               "ld.global" + accessOf(words, narrow ? "b32" : "f32") + " " + operandList(0, words) +
                   ", [$" + std::to_string(words) + "];",
               constraints + "l,~{memory}", pointer, true);
  if (!narrow)
    return loaded;
  SmallVector<Value> values;
  for (Value word : loaded) {
    auto [low, high] = unpack(element, word);
    values.append({low, high});
  }
  return values;
}

/// Several values as a vector, one as it is.
static Value vectorOf(mlir::ImplicitLocOpBuilder &b, ArrayRef<Value> values) {
  if (values.size() == 1)
    return values[0];
  Value vector =
      b.create<LLVM::UndefOp>(VectorType::get(int64_t(values.size()), values[0].getType()));
  for (auto [i, value] : llvm::enumerate(values))
    vector = b.create<LLVM::InsertElementOp>(
        vector, value, b.create<LLVM::ConstantOp>(b.getI32Type(), b.getI32IntegerAttr(i)));
  return vector;
}

void PTX::storeVector(Type element, Value pointer, ArrayRef<Value> values) {
  bool narrow = element.getIntOrFloatBitWidth() == 16;
  if (narrow && values.size() == 1) {
    Value bits = b.create<arith::TruncIOp>(b.getI16Type(), pack(element, values[0], values[0]));
    b.create<LLVM::StoreOp>(bits, pointer, 2);
    return;
  }
  SmallVector<Value> operands = {pointer};
  std::string constraints = "l";
  for (size_t i = 0; i < values.size(); i += narrow ? 2 : 1) {
    operands.push_back(narrow ? pack(element, values[i], values[i + 1]) : values[i]);
    constraints += narrow ? ",r" : ",f";
  }
  size_t words = operands.size() - 1;
  assembly({},
           "st.global" + accessOf(words, narrow ? "b32" : "f32") + " [$0], " +
               operandList(1, words) + ";",
           constraints + ",~{memory}", operands, true);
}

void PTX::waitForLaunches() { assembly({}, "griddepcontrol.wait;", "~{memory}", {}, true); }
void PTX::allowLaunches() {
  assembly({}, "griddepcontrol.launch_dependents;", "~{memory}", {}, true);
}

void PTX::clusterArrive() {
  assembly({}, "barrier.cluster.arrive.relaxed;", "~{memory}", {}, true);
}
void PTX::clusterWait() { b.create<NVVM::ClusterWaitOp>(UnitAttr()); }

//===----------------------------------------------------------------------===//
// Shared memory
//===----------------------------------------------------------------------===//

static Value sharedPointer(ImplicitLocOpBuilder &b, Value address) {
  return b.create<LLVM::IntToPtrOp>(
      LLVM::LLVMPointerType::get(b.getContext(), NVVM::kSharedMemorySpace), address);
}

Value PTX::load(Type type, Value address, int64_t alignment) {
  return b.create<LLVM::LoadOp>(type, sharedPointer(b, address), alignment);
}
void PTX::store(Value value, Value address, int64_t alignment) {
  b.create<LLVM::StoreOp>(value, sharedPointer(b, address), alignment);
}

void PTX::storeShared(ArrayRef<Value> values, Value address) {
  for (size_t i = 0, width; i < values.size(); i += width) {
    width = values.size() % 4 == 0 ? 4 : values.size() % 2 == 0 ? 2 : 1;
    Value place = i ? b.create<arith::AddIOp>(address, i32(4 * i)).getResult() : address;
    store(vectorOf(b, values.slice(i, width)), place, 4 * width);
  }
}

SmallVector<Value> PTX::ldmatrix4(Value address, bool transpose) {
  SmallVector<Type> results(4, b.getI32Type());
  std::string text = std::string("ldmatrix.sync.aligned.m8n8.x4") + (transpose ? ".trans" : "") +
                     ".shared.b16 {$0, $1, $2, $3}, [$4];";
  return assembly(results, text, "=r,=r,=r,=r,r,~{memory}", address, true);
}

void PTX::stmatrix4(Value address, ArrayRef<Value> registers, bool transpose) {
  SmallVector<Value> operands = {address};
  operands.append(registers.begin(), registers.end());
  std::string text = std::string("stmatrix.sync.aligned.m8n8.x4") + (transpose ? ".trans" : "") +
                     ".shared.b16 [$0], {$1, $2, $3, $4};";
  assembly({}, text, "r,r,r,r,r,~{memory}", operands, true);
}

void PTX::barrier() { assembly({}, "bar.sync 0;", "~{memory}", {}, true); }
void PTX::barrier(Value number, int64_t threads) {
  assembly({}, "bar.sync $0, " + std::to_string(threads) + ";", "r,~{memory}", number, true);
}
void PTX::warpBarrier() { assembly({}, "bar.warp.sync 0xffffffff;", "~{memory}", {}, true); }
void PTX::setMaxRegisters(int64_t registers, bool increase) {
  assembly({},
           std::string("setmaxnreg.") + (increase ? "inc" : "dec") + ".sync.aligned.u32 " +
               std::to_string(registers) + ";",
           "~{memory}", {}, true);
}
void PTX::fenceProxyAsync() {
  assembly({}, "fence.proxy.async.shared::cta;", "~{memory}", {}, true);
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

void PTX::cpAsync16(Value shared, Value global, Value sourceBytes) {
  assembly({}, "cp.async.cg.shared.global [$0], [$1], 16, $2;", "r,l,r,~{memory}",
           {shared, global, sourceBytes}, true);
}
void PTX::cpAsyncCommit() { assembly({}, "cp.async.commit_group;", "~{memory}", {}, true); }
void PTX::cpAsyncWait(int64_t groups) {
  assembly({}, "cp.async.wait_group " + std::to_string(groups) + ";", "~{memory}", {}, true);
}

void PTX::mbarrierInit(Value barrier, int64_t arrivals) {
  assembly({}, "mbarrier.init.shared::cta.b64 [$0], $1;", "r,r,~{memory}", {barrier, i32(arrivals)},
           true);
}
void PTX::mbarrierInitFence() {
  assembly({}, "fence.mbarrier_init.release.cluster;", "~{memory}", {}, true);
}
void PTX::mbarrierExpect(Value barrier, int64_t bytes) {
  assembly({}, "mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], $1;", "r,r,~{memory}",
           {barrier, i32(bytes)}, true);
}

void PTX::mbarrierArrive(Value barrier) {
  assembly({}, "mbarrier.arrive.shared::cta.b64 _, [$0];", "r,~{memory}", barrier, true);
}

void PTX::mbarrierWait(Value barrier, Value parity) {
  // One block of assembly: a loop in the IR around try_wait makes ptxas give up on the wgmma
  // pipeline. After 2^22 tries, seconds later, it traps: a lost copy must not hang the device.
  assembly({},
           "{\n.reg .pred p, q;\n.reg .u32 n;\nmov.u32 n, 0;\n"
           "W: mbarrier.try_wait.parity.shared::cta.b64 p, [$0], $1;\n@p bra E;\n"
           "add.u32 n, n, 1;\nsetp.gt.u32 q, n, 4194304;\n@!q bra W;\ntrap;\nE:\n}",
           "r,r,~{memory}", {barrier, parity}, true);
}

void PTX::tmaLoad(Value shared, Value tensorMap, ArrayRef<Value> coordinates, Value barrier) {
  std::string list, constraints = "r,l,r";
  for (size_t i = 0; i < coordinates.size(); ++i) {
    list += (i ? ", $" : "$") + std::to_string(3 + i);
    constraints += ",r";
  }
  SmallVector<Value> operands = {shared, tensorMap, barrier};
  operands.append(coordinates.begin(), coordinates.end());
  assembly({},
           "cp.async.bulk.tensor." + std::to_string(coordinates.size()) +
               "d.shared::cluster.global.mbarrier::complete_tx::bytes [$0], [$1, {" + list +
               "}], [$2];",
           constraints + ",~{memory}", operands, true);
}

void PTX::tmaStore(Value shared, Value tensorMap, ArrayRef<Value> coordinates) {
  std::string list, constraints = "r,l";
  for (size_t i = 0; i < coordinates.size(); ++i) {
    list += (i ? ", $" : "$") + std::to_string(2 + i);
    constraints += ",r";
  }
  SmallVector<Value> operands = {shared, tensorMap};
  operands.append(coordinates.begin(), coordinates.end());
  assembly({},
           "cp.async.bulk.tensor." + std::to_string(coordinates.size()) +
               "d.global.shared::cta.bulk_group [$1, {" + list + "}], [$0];",
           constraints + ",~{memory}", operands, true);
}
void PTX::bulkCommit() { assembly({}, "cp.async.bulk.commit_group;", "~{memory}", {}, true); }
void PTX::bulkWait(bool read, int64_t groups) {
  assembly({},
           std::string("cp.async.bulk.wait_group") + (read ? ".read " : " ") +
               std::to_string(groups) + ";",
           "~{memory}", {}, true);
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

void PTX::mma(Type element, Value *accumulator, ArrayRef<Value> a, ArrayRef<Value> rhs) {
  std::string type = name(element).str();
  std::string text = "mma.sync.aligned.m16n8k16.row.col.f32." + type + "." + type +
                     ".f32 {$0, $1, $2, $3}, {$4, $5, $6, $7}, {$8, $9}, {$10, $11, $12, $13};";
  SmallVector<Value> operands(a.begin(), a.end());
  operands.append(rhs.begin(), rhs.end());
  operands.append(accumulator, accumulator + 4);
  SmallVector<Type> results(4, b.getF32Type());
  SmallVector<Value> out =
      assembly(results, text, "=f,=f,=f,=f,r,r,r,r,r,r,0,1,2,3", operands, true);
  std::copy(out.begin(), out.end(), accumulator);
}

/// "=f" count times, then the same registers as inputs.
static std::string tied(size_t count, StringRef kind, size_t first, bool outputs) {
  std::string text;
  for (size_t i = 0; i < count; ++i)
    text += (text.empty() ? "" : ",") + (outputs ? "=" + kind.str() : std::to_string(first + i));
  return text;
}

void PTX::wgmma(Type element, int64_t n, SmallVector<Value> &accumulator, size_t offset,
                ArrayRef<Value> a, bool transposeA, Value descriptorB, bool transposeB,
                bool accumulate) {
  size_t count = n / 2;
  bool fromRegisters = a.size() == 4;
  std::string list;
  for (size_t i = 0; i < count; ++i)
    list += (i ? ", $" : "$") + std::to_string(i);
  // Operand numbers: outputs, tied inputs, then A and B.
  size_t first = 2 * count;
  auto operand = [&](size_t i) { return "$" + std::to_string(first + i); };
  std::string type = name(element).str(), text = "wgmma.mma_async.sync.aligned.m64n" +
                                                 std::to_string(n) + "k16.f32." + type + "." +
                                                 type + " {" + list + "}, ";
  std::string constraints = tied(count, "f", 0, true) + "," + tied(count, "f", 0, false);
  std::string scale = accumulate ? ", 1, 1, 1" : ", 0, 1, 1";
  if (fromRegisters) {
    text += "{" + operand(0) + ", " + operand(1) + ", " + operand(2) + ", " + operand(3) + "}, " +
            operand(4) + scale + (transposeB ? ", 1;" : ", 0;");
    constraints += ",r,r,r,r,l";
  } else {
    text += operand(0) + ", " + operand(1) + scale + (transposeA ? ", 1" : ", 0") +
            (transposeB ? ", 1;" : ", 0;");
    constraints += ",l,l";
  }
  SmallVector<Value> operands(accumulator.begin() + offset, accumulator.begin() + offset + count);
  operands.append(a.begin(), a.end());
  operands.push_back(descriptorB);
  SmallVector<Type> results(count, b.getF32Type());
  SmallVector<Value> out = assembly(results, text, constraints + ",~{memory}", operands, true);
  std::copy(out.begin(), out.end(), accumulator.begin() + offset);
}

void PTX::wgmma(Type element, int64_t n, SmallVector<Value> &accumulator, size_t offset,
                ArrayRef<Value> a, Value descriptorB, bool transposeB) {
  wgmma(element, n, accumulator, offset, a, false, descriptorB, transposeB, true);
}
void PTX::wgmma(Type element, int64_t n, SmallVector<Value> &accumulator, size_t offset,
                Value descriptorA, Value descriptorB, bool transposeB) {
  wgmma(element, n, accumulator, offset, ArrayRef<Value>(descriptorA), false, descriptorB,
        transposeB, true);
}

void PTX::wgmmaFence(SmallVector<Value> &accumulator, SmallVector<Value> &a) {
  SmallVector<Type> results(accumulator.size(), b.getF32Type());
  results.append(a.size(), b.getI32Type());
  SmallVector<Value> operands(accumulator);
  operands.append(a.begin(), a.end());
  std::string constraints = tied(accumulator.size(), "f", 0, true);
  if (!a.empty())
    constraints += (accumulator.empty() ? "" : ",") + tied(a.size(), "r", 0, true);
  constraints += "," + tied(operands.size(), "", 0, false) + ",~{memory}";
  SmallVector<Value> out =
      assembly(results, "wgmma.fence.sync.aligned;", constraints, operands, true);
  std::copy(out.begin(), out.begin() + accumulator.size(), accumulator.begin());
  std::copy(out.begin() + accumulator.size(), out.end(), a.begin());
}

void PTX::wgmmaCommit() { assembly({}, "wgmma.commit_group.sync.aligned;", "~{memory}", {}, true); }

void PTX::wgmmaWait(SmallVector<Value> &accumulator, int64_t groups) {
  SmallVector<Type> results(accumulator.size(), b.getF32Type());
  accumulator = assembly(results, "wgmma.wait_group.sync.aligned " + std::to_string(groups) + ";",
                         tied(accumulator.size(), "f", 0, true) + "," +
                             tied(accumulator.size(), "", 0, false) + ",~{memory}",
                         accumulator, true);
}

void PTX::wgmmaWait(SmallVector<Value> &accumulator, ArrayRef<Value> a) {
  SmallVector<Type> results(accumulator.size(), b.getF32Type());
  SmallVector<Value> operands(accumulator);
  operands.append(a.begin(), a.end());
  std::string constraints =
      tied(accumulator.size(), "f", 0, true) + "," + tied(accumulator.size(), "", 0, false);
  for (size_t i = 0; i < a.size(); ++i)
    constraints += ",r";
  accumulator = assembly(results, "wgmma.wait_group.sync.aligned 0;", constraints + ",~{memory}",
                         operands, true);
}

Value PTX::descriptor(Value address, int64_t leading) {
  return descriptorOf(descriptorWord(address, leading));
}

Value PTX::descriptorWord(Value address, int64_t leading) {
  // Bits 0-13 address / 16, 16-29 leading offset / 16, 32-45 stride offset / 16 (1024 bytes: 8 rows
  // of 128), 62-63 swizzle 128 B.
  return b.create<arith::OrIOp>(
      b.create<arith::AndIOp>(b.create<arith::ShRUIOp>(address, i32(4)), i32(0x3fff)),
      i32((leading >> 4) << 16));
}

Value PTX::descriptorOf(Value word) {
  Value wide = b.create<arith::ExtUIOp>(b.getI64Type(), word);
  return b.create<arith::OrIOp>(wide, i64((int64_t(1) << 62) | (int64_t(1024 >> 4) << 32)));
}

SmallVector<Value> PTX::assembly(ArrayRef<Type> results, StringRef text, StringRef constraints,
                                 ArrayRef<Value> operands, bool sideEffects) {
  Type type;
  if (results.size() == 1)
    type = results.front();
  else if (results.size() > 1)
    type = LLVM::LLVMStructType::getLiteral(b.getContext(), results);
  auto op = b.create<LLVM::InlineAsmOp>(
      type ? TypeRange(type) : TypeRange(), ValueRange(operands), text, constraints, sideEffects,
      /*is_align_stack=*/false, LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT),
      ArrayAttr());
  SmallVector<Value> values;
  if (results.size() == 1)
    values.push_back(op.getResult(0));
  else
    for (size_t i = 0; i < results.size(); ++i)
      values.push_back(b.create<LLVM::ExtractValueOp>(op.getResult(0), i));
  return values;
}

} // namespace xlstm

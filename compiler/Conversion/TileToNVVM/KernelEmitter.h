// SPDX-License-Identifier: Apache-2.0
// Emits one tile.kernel as an llvm.func for a GPU, op by op, in the order of the program. Every
// function below emits code at the builder's insertion point; values are i32, f32, or 16-bit pairs
// in i32. All threads of the block run all of it, except where a function says otherwise.
#ifndef XLSTM_COMPILER_CONVERSION_TILETONVVM_KERNELEMITTER_H
#define XLSTM_COMPILER_CONVERSION_TILETONVVM_KERNELEMITTER_H

#include "compiler/Conversion/TileToNVVM/PTX.h"
#include "compiler/Conversion/TileToNVVM/TileForms.h"
#include "compiler/Schedule/KernelSchedule.h"
#include "dialect/tile/IR/RingProtocol.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/ScopeExit.h"
#include <map>

namespace xlstm {

using mlir::LogicalResult;
using mlir::Operation;
using mlir::tile::TileType;

/// The scalar that a map multiplies its one tile with, if it is 1 under some condition; else null.
Value factorThatMayBeOne(mlir::tile::MapOp op);

class KernelEmitter {
public:
  KernelEmitter(mlir::tile::KernelOp kernel, mlir::ImplicitLocOpBuilder &builder);
  /// The function, or failure after an error on the op that cannot be emitted.
  mlir::FailureOr<mlir::LLVM::LLVMFuncOp> emit();

private:
  // A tensor argument: pointer, extents (i32) and strides (i64, elements), constants where static.
  struct Tensor {
    mlir::MemRefType type;
    Value pointer;
    SmallVector<Value> extents, strides;
    int64_t tensorMapArgument = -1; // argument of the function that is its TMA descriptor
  };
  // A load with `stages`, its buffers, and the loop that it is read ahead in.
  struct StagedLoad {
    mlir::tile::LoadOp op;
    int64_t buffers = 0; // byte offset in shared memory
    int64_t bytes = 0;   // of one buffer
  };

  // A ring: where its stages and its barriers are, as byte offsets, and the values of a stage.
  struct Ring {
    struct Slot {
      int64_t offset = 0;    // in the stage
      int64_t panelRows = 0; // matrices: rows of a panel, more than the tile's if some are spare
      int64_t operand = -1;  // vectors: offset of their two 16-bit rows, if a product reads them
      Type element, spareElement; // types of those rows, and of the spare ones
    };
    SmallVector<Slot> slots;
    int64_t stages = 0, first = 0, bytes = 0, full = 0, empty = 0;
    int64_t lastRead = 0; // the newest product that reads a stage, by number
  };

  // EmitControl.cpp: structure and scalars.
  void createFunction();
  void bindGrid();
  LogicalResult emitBlock(mlir::Block &block);
  LogicalResult emitOp(Operation &op);
  LogicalResult emitPlainOp(Operation &op);
  void hidePlaces();
  /// Restores the values of thread, lane and warp at the end of a region, where those defined in it
  /// end.
  auto keepPlaces() {
    return llvm::make_scope_exit(
        [this, t = thread, l = lane, w = warp] { thread = t, lane = l, warp = w; });
  }
  LogicalResult emitFor(mlir::scf::ForOp op);
  LogicalResult emitIf(mlir::scf::IfOp op);
  Value emitScalar(Operation &op, mlir::IRMapping &map);
  Value evaluateBody(mlir::Region &region, mlir::ValueRange arguments, unsigned result = 0);
  Value scalar(Value value) { return scalars.lookup(value); }

  // EmitRoles.cpp: roles and what passes between them.
  LogicalResult emitRoles();
  LogicalResult emitRole(mlir::tile::RoleOp op);
  void allocateRing(mlir::tile::RingOp op);
  void clearOperands();
  Value iteration(); ///< of the role's loops, counted through; 0 outside
  mlir::Value anew(mlir::Value value);
  Value stageAddress(const Ring &ring), barrierOf(const Ring &ring, int64_t offset);
  void findAnew(TileForm &form); ///< the addresses of what a stage has, so that none is kept for it
  void waitFull(const Ring &ring), waitEmpty(const Ring &ring);
  void arrive(const Ring &ring, int64_t offset);
  LogicalResult emitRoleOp(Operation &op);
  void emitFetch(mlir::tile::FetchOp op);
  LogicalResult emitPut(mlir::tile::PutOp op);
  void putVector(const TileForm &form, const Ring::Slot &slot, Value stage); // by its address
  void putMatrix(const TileForm &form, const Ring::Slot &slot, Value stage);
  void emitGet(mlir::tile::GetOp op);
  void emitRelease(mlir::tile::ReleaseOp op);
  void meet(); ///< the threads of this warpgroup, or of the block where there are no roles
  TileForm resident(const TileForm &vector, Value carried);
  Ring &ringOf(Value ring) { return rings[ringNumber.lookup(ring)]; }
  bool hasRoles() { return schedule.roles; }

  // EmitWarpgroup.cpp: what a role does otherwise than a whole block does.
  LogicalResult emitRoleMatmul(mlir::tile::MatmulOp op);
  /// Steps of 16 from `first` to `last` of a product; `left` is the left operand, if in registers.
  void multiplySteps(const TileForm &lhs, const TileForm &rhs, int64_t first, int64_t last,
                     int64_t columns, bool accumulate, mlir::ArrayRef<Value> left,
                     SmallVector<Value> &accumulator);
  void writeSpareRows(const Ring &ring, Value iteration, mlir::ArrayRef<Value> elements);
  int64_t spareRowsRing(Value vector);
  LogicalResult emitRoleMatvec(mlir::tile::MatvecOp op);
  bool emitRoleMap(mlir::tile::MapOp op);
  void emitScaled(mlir::tile::MapOp op, Value factor, TileForm &result);
  void emitRoleReduce(mlir::tile::ReduceOp op);
  void storeByTMA(mlir::tile::StoreOp op, const TileForm &fragment);

  // EmitEpilogue.cpp: what follows a product, a few elements at a time.
  bool deferLoad(mlir::tile::LoadOp op);
  bool deferMap(mlir::tile::MapOp op);
  WarpGrid fragmentGrid(mlir::tile::MapOp op);
  SmallVector<Value> globalIndex(const TileForm &form, mlir::ArrayRef<Value> place,
                                 bool firstOfPair);
  Value globalElement(const TileForm &form, mlir::ArrayRef<Value> place);
  SmallVector<Value> globalPair(const TileForm &form, mlir::ArrayRef<Value> place);
  /// Whether a store goes along rows through shared memory by TMA.
  bool storesPanels(mlir::tile::StoreOp op) const;
  void storeEpilogue(mlir::tile::StoreOp op, const TileForm &fragment);
  void storePanels(mlir::tile::StoreOp op, const TileForm &fragment);
  void storePairs(mlir::tile::StoreOp op, const TileForm &fragment);
  void settle(Operation &op);
  void settle(SmallVector<Value> &registers, int64_t product);
  void settle(Value result);
  void settleAll();
  Value vectorElement(const TileForm &form, Value index);
  SmallVector<Value> ownElements(const TileForm &vector);

  // EmitMemory.cpp: global tensors.
  Value inRange(const Tensor &tensor, mlir::ArrayRef<Value> index);
  Value pointInRange(const Tensor &tensor, mlir::ArrayRef<Value> index,
                     mlir::ArrayRef<int64_t> axes);
  /// Whether all of a tile is inside, and pairs of neighbours along axes[1] are aligned to 8 bytes.
  Value pairsInRange(const Tensor &tensor, mlir::ArrayRef<Value> base, mlir::ArrayRef<int64_t> axes,
                     const TileForm &form);
  Value elementPointer(const Tensor &tensor, mlir::ArrayRef<Value> index);
  Value guardedLoad(const Tensor &tensor, mlir::ArrayRef<Value> index, Value extraGuard, double pad,
                    Value known = {});
  void guardedStore(const Tensor &tensor, mlir::ArrayRef<Value> index, Value extraGuard,
                    Value value, Value known = {});
  void eachElement(const Tensor &tensor, const TileForm &form, mlir::ArrayRef<Value> base,
                   mlir::ArrayRef<int64_t> axes,
                   llvm::function_ref<void(mlir::ArrayRef<Value>, Value, int64_t)> body);
  SmallVector<Value> offsets(mlir::ValueRange values);
  LogicalResult emitLoad(mlir::tile::LoadOp op);
  LogicalResult emitStore(mlir::tile::StoreOp op);
  void storeThroughShared(mlir::tile::StoreOp op, const TileForm &fragment);
  void putTransposed(const TileForm &fragment, Type element, int64_t firstBlock, int64_t blocks,
                     Value buffer, int64_t pitch);
  void storeWarpRows(mlir::tile::StoreOp op, const TileForm &fragment);
  void storePiece(const Tensor &tensor, SmallVector<Value> index, int64_t axis, Value vector);
  void emitLoadScalar(mlir::tile::LoadScalarOp op);
  void emitStoreScalar(mlir::tile::StoreScalarOp op);

  // EmitCopies.cpp: staged loads.
  void allocateStages(mlir::scf::ForOp loop, SmallVector<StagedLoad> &loads);
  /// Starts the copies of all loads for induction value `iv` into buffer `stage` (i32).
  void issueCopies(mlir::ArrayRef<StagedLoad> loads, mlir::scf::ForOp loop, Value iv, Value stage,
                   Value barriers);
  void copyByTMA(const StagedLoad &load, SmallVector<Value> index, Value address, Value barrier);
  void copyByThreads(const StagedLoad &load, SmallVector<Value> index, Value address);
  SmallVector<Value> copyIndex(mlir::tile::LoadOp op, mlir::scf::ForOp loop, Value iv);
  Value copyOffset(Value offset, mlir::scf::ForOp loop, Value iv);

  // EmitMatmul.cpp
  /// One warp's share of a product: `depth` steps along k from `firstDepth`, into the columns from
  /// `firstColumn`.
  struct Product {
    WarpGrid grid;
    TileForm lhs, rhs;
    int64_t columns = 0, depth = 0;
    Value firstColumn, firstDepth;
  };
  LogicalResult emitMatmul(mlir::tile::MatmulOp op);
  void multiplyByWgmma(const Product &product, TileForm &result);
  void multiplyByMma(const Product &product, TileForm &result);
  Value rightOperandAddress(const TileForm &rhs, Value column, Value depth);
  /// The left operand's fragment for row block mi and depth k .. k + 15: four i32.
  SmallVector<Value> leftOperand(const TileForm &lhs, WarpGrid grid, int64_t mi, int64_t k);
  TileForm reducePartial(const TileForm &partial, const TileForm &accumulator, WarpGrid grid);

  // EmitVector.cpp: maps, reductions, scans and matrix-vector products.
  LogicalResult emitMap(mlir::tile::MapOp op);
  void evaluateBlock(mlir::tile::MapOp map, const TileForm &result, int64_t mi, int64_t ni,
                     SmallVector<Value> &out);
  LogicalResult emitReduce(mlir::tile::ReduceOp op);
  LogicalResult emitScan(mlir::tile::ScanOp op);
  LogicalResult emitMatvec(mlir::tile::MatvecOp op);
  Value combine(mlir::tile::Combiner combiner, Value x, Value y);

  // EmitSpread.cpp: kernels without a matrix unit.
  bool isSpread() { return schedule.spreadRows; }
  static bool isMatrixTile(Value tile) {
    auto type = mlir::cast<TileType>(tile.getType());
    return type.getShape().size() == 2 && type.getShape()[0] > 1;
  }
  LogicalResult emitSpreadOp(Operation &op);
  Value spreadRow(int64_t rows), spreadColumn();
  std::pair<Value, Value> elementAcross(int64_t extent, int64_t r);
  SmallVector<Value> across(Value tile);
  TileForm carriedSpread(Value tile);
  void meetIfNew();
  void shareIfNeeded(Value vector);
  SmallVector<Value> sharedElements(Value vector, Value first, int64_t count);
  void loadAcross(mlir::tile::LoadOp op), storeAcross(mlir::tile::StoreOp op);
  void eachPiece(const Tensor &tensor, TileType type, SmallVector<Value> index,
                 mlir::ArrayRef<int64_t> axes, llvm::function_ref<void(Value, Value)> body);
  Value hasPieces(const Tensor &tensor, mlir::ArrayRef<Value> index, mlir::ArrayRef<int64_t> axes);
  LogicalResult loadSpread(mlir::tile::LoadOp op), storeSpread(mlir::tile::StoreOp op);
  LogicalResult mapAcross(mlir::tile::MapOp op), reduceAcross(mlir::tile::ReduceOp op);
  Value combineThreads(mlir::tile::Combiner combiner, Value value, bool inLoop);
  LogicalResult mapSpread(mlir::tile::MapOp op), sumRows(mlir::tile::MatmulOp op),
      dotAcross(mlir::tile::MatvecOp op);

  // EmitRecurrent.cpp: matrices that stay the same from step to step.
  void keepMatrix(mlir::tile::LoadOp op);
  mlir::ArrayRef<Value> ownPieces(Value x, int64_t length);
  SmallVector<Value> matrixPiece(const TileForm &matrix, Value o, Value piece);
  LogicalResult multiplyKept(mlir::tile::MatmulOp op);
  void readProduct(Value result);

  // Forms.cpp: conversions between forms.
  WarpGrid gridFor(Value tile);
  TileForm materialize(const TileForm &form, WarpGrid grid); ///< a fragment
  TileForm lanesOf(const TileForm &form); ///< lanes, of lanes, a shared vector or a splat
  void refuseDivided();
  TileForm toShared(const TileForm &fragment); ///< stores it and waits for all threads
  TileForm vectorToShared(const TileForm &lanes);
  /// The elements of block (mi, ni) of a fragment, shared or splat form as f32: four values.
  SmallVector<Value> blockElements(const TileForm &form, WarpGrid grid, int64_t mi, int64_t ni);
  Value rowElement(const TileForm &lanes, WarpGrid grid, int64_t mi,
                   int64_t half); ///< at a fragment's row
  Value columnElement(const TileForm &lanes, WarpGrid grid, int64_t columns, int64_t ni,
                      int64_t p); ///< at a fragment's column
  Value fragmentRow(WarpGrid grid, int64_t mi, int64_t half);
  Value fragmentColumn(WarpGrid grid, int64_t columns, int64_t ni, int64_t p);
  Value warpM(WarpGrid grid), warpN(WarpGrid grid);
  Value swizzled(Value base, int64_t rows, Value row,
                 Value column);                       ///< byte address of a shared tile's element
  int64_t allocate(int64_t bytes, int64_t alignment); ///< byte offset in shared memory
  /// The same, where it fits in what a loop's stages have left.
  int64_t allocateAgain(int64_t bytes, int64_t alignment);
  Value sharedAddress(int64_t offset);

  // i32 arithmetic with constants folded.
  Value add(Value x, Value y), mul(Value x, int64_t y), div(Value x, int64_t y),
      rem(Value x, int64_t y), xorI(Value x, Value y);
  /// The same as RingProtocol.h wants it.
  struct Arithmetic {
    using Number = Value;
    KernelEmitter *e;
    Value constant(int64_t n) const { return e->ptx.i32(n); }
    Value add(Value x, Value y) const { return e->add(x, y); }
    Value mul(Value x, int64_t n) const { return e->mul(x, n); }
    Value div(Value x, int64_t n) const { return e->div(x, n); }
    Value rem(Value x, int64_t n) const { return e->rem(x, n); }
    Value exclusiveOr(Value x, Value y) const { return e->xorI(x, y); }
  };
  /// f32 arithmetic as FloatFunctions.h wants it.
  struct FloatArithmetic {
    using Number = Value;
    KernelEmitter *e;
    Value constant(double value) const { return e->ptx.f32(value); }
    Value add(Value x, Value y) const { return e->b.create<mlir::arith::AddFOp>(x, y); }
    Value mul(Value x, Value y) const { return e->b.create<mlir::arith::MulFOp>(x, y); }
    Value divide(Value x, Value y) const { return e->ptx.divide(x, y); }
    Value abs(Value x) const { return e->b.create<mlir::LLVM::FAbsOp>(x); }
    Value exp2(Value x) const { return e->ptx.exp2(x); }
    Value copySign(Value x, Value sign) const {
      return e->b.create<mlir::LLVM::CopySignOp>(x, sign);
    }
    Value selectLess(Value x, Value y, Value yes, Value no) const {
      Value less = e->b.create<mlir::arith::CmpFOp>(mlir::arith::CmpFPredicate::OLT, x, y);
      return e->b.create<mlir::arith::SelectOp>(less, yes, no);
    }
  };
  mlir::tile::RingProtocol<Arithmetic> protocolOf(const Ring &ring) {
    return {{this}, ring.stages};
  }
  Value less(Value x, Value y);
  Value andI(Value x, Value y);
  void when(Value condition, llvm::function_ref<void()> body);

  mlir::tile::KernelOp kernel;
  mlir::tile::RoleOp role; // the one that is emitted, if there are roles
  SmallVector<Ring> rings;
  mlir::DenseMap<Value, int64_t> ringNumber;
  // The loops of the role around what is emitted, outermost first; all but the first have as many
  // number of iterations.
  struct RoleLoop {
    Value induction, lowerBound, step;
    Value iterations; // in all; made where the role starts for an inner loop
  };
  SmallVector<RoleLoop> roleLoops;
  int64_t issued = 0, done = 0;            // products of the role, numbered from 1
  mlir::DenseMap<Value, int64_t> inFlight; // results of products, by the product's number
  mlir::DenseMap<Value, Value> besides; // products with vectors: the product that they are part of
  SmallVector<int64_t> releases;        // rings whose stage is released when products are done
  bool packsInOrder = false;            // operands are made behind the wait that frees registers
  mlir::DenseMap<Value, int64_t> sharedVectors;        // of a spread kernel: their byte offsets
  SmallVector<Value> toShare;                          // vectors that are to be written there
  mlir::DenseMap<Value, SmallVector<Value>> rowPieces; // of rows that kept matrices multiply
  // Products with kept matrices that nothing has asked for yet: the result's byte offset, and the
  // accumulator.
  mlir::DenseMap<Value, std::pair<int64_t, Value>> inShared;
  bool sharedIsNew = false; // it has written to shared memory since its threads met
  int64_t staging = -1;     // byte offset of what tmaStore reads
  int64_t stagedPanels = 0; // of the role, that have gone out through it
  mlir::ImplicitLocOpBuilder &b;
  PTX ptx;
  KernelSchedule schedule;
  mlir::LLVM::LLVMFuncOp function;
  int64_t threads, sharedTop = 0;
  int64_t leftBegin = 0, leftEnd = 0; // shared memory that the stages of a loop before have left
  bool unsupported = false;           // an error has been emitted where none can be returned
  Value thread, lane, warp, sharedBase;
  SmallVector<Tensor> tensors;
  mlir::DenseMap<Value, unsigned> tensorNumber;
  SmallVector<mlir::Attribute> tensorMaps;
  mlir::IRMapping scalars;
  mlir::DenseMap<Value, TileForm> tiles;
  // Operands that ldmatrix has brought to registers, by buffer address, row block and k.
  std::map<std::tuple<void *, int64_t, int64_t>, SmallVector<Value>> loadedOperands;
};

} // namespace xlstm

#endif

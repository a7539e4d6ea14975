// SPDX-License-Identifier: Apache-2.0
// The chunkwise form of the mLSTM forward pass as a tile program.
//
// Tiled Flash Linear Attention (arXiv 2503.14376, sections 3.2 and B), with every exponent relative
// to the chunk's start. For a chunk of L tokens, with C [dqk, dv], n [dqk], m the state before it,
// x the exponent of the input gate (i for the exponential gate, logsigmoid(i) for the sigmoid
// gate):
//
//   b_j  = lf_1 + .. + lf_j             e_j = x_j - b_j                  lf = logsigmoid(f)
//   mu_i = max(m, max_{j<=i} e_j)       so that b_i + mu_i is the largest exponent that row i sums
//   S    = Q K^T                        P_ij = s S_ij exp(e_j - mu_i) for j <= i, else 0
//   r_i  = exp(m - mu_i)                z_i = sum_j P_ij + s r_i q_i.n
//   w_j  = exp(e_j - mu_L)              C' = exp(m - mu_L) C + sum_j w_j k_j v_j^T,  n' likewise,
//   m' = b_L + mu_L
//
// Both gates use this m, so that the largest weight is 1 and 16-bit operands keep their digits. The
// cell's own reference, against which eps, the floor of the denominator and the states outside are
// defined, is another: M_i, with M = max over the exponents and the initial m, which is 0 when no
// state is given (exponential gate), or M = 0 (sigmoid gate). With o_i such that M_i = b_i + o_i:
//
//   h_i = (s r_i C^T q_i + sum_j P_ij v_j) / (max(|z_i|, exp(-b_i - mu_i)) + eps exp(o_i - mu_i))
//   h_i = (..) exp(b_i + mu_i)          without a normaliser
//
// Without an initial state m starts at -big: nothing has been summed. The program holds C^T [dv
// slice, dqk]: a matrix unit's accumulator is then the left operand of the next product, and the
// state never leaves the registers. Tokens beyond T are padded with f = +big (lf = 0) and i = -big
// (weight 0).
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;
using namespace mlir::tile;

namespace {

constexpr double big = 1e30; // exp(-big) is 0 in every type, and big - big is no NaN

/// Tensor arguments in the order of the kernel's signature.
enum Tensor { Q, K, V, I, F, C0, N0, M0, H, CLast, NLast, MLast, numTensors };

class ForwardProgram {
public:
  ForwardProgram(OpBuilder &builder, mlir::xlstm::MLSTMOp op,
                 const ::xlstm::ChunkwiseSchedule &schedule)
      : b(builder), op(op), options(op.getOptions()), schedule(schedule), loc(op.getLoc()) {
    onGPU = schedule.warpsM > 0;
    f32 = b.getF32Type();
    accumulation = op.getAccumulationType();
    // Running sums of log f reach thousands; on a CPU f64 keeps their differences exact at no cost
    // worth naming.
    gate = onGPU ? f32 : Type(b.getF64Type());
    // What the matrix unit multiplies: 16-bit operands on a GPU, the accumulation type on a CPU.
    operand = onGPU ? op.getInputType() : accumulation;
    L = schedule.chunk;
    dqk = schedule.dqkTile;
    dv = schedule.dvSlice;
  }

  KernelOp build(StringRef name);

private:
  using Body = function_ref<Value(ValueRange)>;

  TileType vec(int64_t extent, Type type) { return TileType::get(b.getContext(), {extent}, type); }
  TileType mat(int64_t rows, int64_t columns, Type type) {
    return TileType::get(b.getContext(), {rows, columns}, type);
  }
  Value constant(Type type, double value) {
    return b.create<arith::ConstantOp>(loc, b.getFloatAttr(type, value));
  }
  Value index(int64_t value) { return b.create<arith::ConstantIndexOp>(loc, value); }
  Value splat(TileType type, double value) {
    return b.create<SplatOp>(loc, type, constant(type.getElementType(), value));
  }
  Value add(Value x, Value y) { return b.create<arith::AddFOp>(loc, x, y); }
  Value sub(Value x, Value y) { return b.create<arith::SubFOp>(loc, x, y); }
  Value mul(Value x, Value y) { return b.create<arith::MulFOp>(loc, x, y); }
  Value exp(Value x) { return b.create<math::ExpOp>(loc, x); }
  Value convert(Value x, Type type);
  /// exp(x - y): the difference in the type of gates, the exponential in the accumulation type.
  Value expDifference(Value x, Value y) { return exp(convert(sub(x, y), accumulation)); }
  Value logSigmoid(Value x);
  /// elementwise map; the body gets the elements without their indices.
  Value map(TileType type, ValueRange elems, Body body);
  Value mapMatrix(TileType type, ValueRange elems, ValueRange rows, ValueRange cols, Body body);
  Value matmul(Value lhs, Value rhs, Value accumulator, ArrayRef<int64_t> warps);
  Value transpose(Value x) {
    return b.create<TransposeOp>(loc, cast<TileType>(x.getType()).getTransposed(), x);
  }
  Value load(Tensor tensor, ArrayRef<Value> offsets, ArrayRef<int64_t> axes, TileType type,
             double pad = 0, bool staged = false);
  MemRefType tensorType(Tensor tensor);
  bool hasTensor(Tensor tensor);
  Value tensor(Tensor tensor) { return kernel.getTensor(position[tensor]); }

  void loadState();
  void chunkStep(Value t0);
  void storeState();

  OpBuilder &b;
  mlir::xlstm::MLSTMOp op;
  mlir::xlstm::MLSTMOptions options;
  const ::xlstm::ChunkwiseSchedule &schedule;
  Location loc;
  bool onGPU;
  Type f32, accumulation, gate, operand;
  int64_t L, dqk, dv;
  KernelOp kernel;
  unsigned position[numTensors]; // of each tensor among the kernel's arguments, which are those
                                 // that the cell has
  Value batch, head, slice, dv0; // grid indices; first column of the slice
  Value C, n;                    // the state: C^T [dv, dqk], n [dqk]
  Value m, M; // what C and n are relative to, and the cell's m; scalars of type gate
};

Value ForwardProgram::convert(Value x, Type type) {
  unsigned from = x.getType().getIntOrFloatBitWidth(), to = type.getIntOrFloatBitWidth();
  if (x.getType() == type)
    return x;
  if (from < to)
    return b.create<arith::ExtFOp>(loc, type, x);
  return b.create<arith::TruncFOp>(loc, type, x);
}

/// logsigmoid(x) = min(x, 0) - log1p(exp(-|x|)), which neither overflows nor loses the small
/// values.
Value ForwardProgram::logSigmoid(Value x) {
  Value negative = b.create<arith::NegFOp>(loc, b.create<math::AbsFOp>(loc, x));
  Value low = b.create<arith::MinNumFOp>(loc, x, constant(x.getType(), 0));
  return sub(low, b.create<math::Log1pOp>(loc, exp(negative)));
}

Value ForwardProgram::map(TileType type, ValueRange elems, Body body) {
  size_t rank = type.getShape().size();
  return b.create<MapOp>(loc, type, elems, ValueRange{}, ValueRange{},
                         [&](OpBuilder &inner, Location, ValueRange args) {
                           OpBuilder::InsertionGuard guard(b);
                           b.setInsertionPoint(inner.getInsertionBlock(),
                                               inner.getInsertionPoint());
                           return convert(body(args.drop_front(rank)), type.getElementType());
                         });
}

Value ForwardProgram::mapMatrix(TileType type, ValueRange elems, ValueRange rows, ValueRange cols,
                                Body body) {
  return b.create<MapOp>(
      loc, type, elems, rows, cols, [&](OpBuilder &inner, Location, ValueRange args) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPoint(inner.getInsertionBlock(), inner.getInsertionPoint());
        return convert(body(args), type.getElementType());
      });
}

Value ForwardProgram::matmul(Value lhs, Value rhs, Value accumulator, ArrayRef<int64_t> warps) {
  auto result =
      b.create<MatmulOp>(loc, accumulator.getType(), lhs, rhs, accumulator, DenseI64ArrayAttr());
  if (onGPU)
    result.setWarpsAttr(b.getDenseI64ArrayAttr(warps));
  return result;
}

Value ForwardProgram::load(Tensor tensor, ArrayRef<Value> offsets, ArrayRef<int64_t> axes,
                           TileType type, double pad, bool staged) {
  auto result =
      b.create<LoadOp>(loc, type, this->tensor(tensor), offsets, b.getDenseI64ArrayAttr(axes),
                       b.getF64FloatAttr(pad), IntegerAttr());
  if (staged && onGPU)
    result.setStagesAttr(b.getI64IntegerAttr(schedule.stages));
  return result;
}

bool ForwardProgram::hasTensor(Tensor tensor) {
  if (tensor == N0 || tensor == NLast)
    return options.hasNormalizer();
  if (tensor == M0 || tensor == MLast)
    return options.hasStabilizer();
  return true;
}

MemRefType ForwardProgram::tensorType(Tensor tensor) {
  int64_t any = ShapedType::kDynamic, heads = op.getHeads();
  auto strided = [&](ArrayRef<int64_t> shape, Type type, bool unitStride) {
    SmallVector<int64_t> strides(shape.size(), any);
    if (unitStride)
      strides.back() = 1;
    return MemRefType::get(shape, type, StridedLayoutAttr::get(b.getContext(), 0, strides));
  };
  switch (tensor) {
  case Q:
  case K:
    return strided({any, any, heads, op.getDqk()}, op.getInputType(), true);
  case V:
  case H:
    return strided({any, any, heads, op.getDv()}, op.getInputType(), true);
  case I:
  case F:
    return strided({any, any, heads}, accumulation, false);
  case C0:
  case CLast:
    return strided({any, heads, op.getDqk(), op.getDv()}, accumulation, true);
  case N0:
  case NLast:
    return strided({any, heads, op.getDqk()}, accumulation, true);
  default:
    return strided({any, heads}, accumulation, false);
  }
}

void ForwardProgram::loadState() {
  Value zero = index(0);
  // C^T [dv, dqk] of c0 [B, H, dqk, dv]
  C = load(C0, {batch, head, zero, dv0}, {3, 2}, mat(dv, dqk, accumulation));
  n = options.hasNormalizer() ? load(N0, {batch, head, zero}, {2}, vec(dqk, accumulation))
                              : Value();
  // A state that is given is relative to m0, that of a sigmoid cell to 0.
  Value zeroM = constant(gate, 0);
  M = options.hasStabilizer()
          ? b.create<LoadScalarOp>(loc, gate, tensor(M0), ValueRange{batch, head},
                                   b.getF64FloatAttr(0))
                .getResult()
          : zeroM;
  Value given = b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::sgt,
                                        b.create<memref::DimOp>(loc, tensor(C0), 0), zero);
  m = b.create<arith::SelectOp>(loc, given, M, constant(gate, -big));
}

/// One chunk: stores h and moves C, n, m one chunk on.
void ForwardProgram::chunkStep(Value t0) {
  Value zero = index(0);
  double s = 1.0 / std::sqrt(double(op.getDqk()));
  Value scaleQ = constant(accumulation, options.scaleOn == mlir::xlstm::ScaleOn::Q ? s : 1.0);
  Value scaleK = constant(accumulation, options.scaleOn == mlir::xlstm::ScaleOn::K ? s : 1.0);
  Value scale = constant(accumulation, s);

  Value q = load(Q, {batch, t0, head, zero}, {1, 3}, mat(L, dqk, operand), 0, true);
  Value k = load(K, {batch, t0, head, zero}, {1, 3}, mat(L, dqk, operand), 0, true);
  Value v = load(V, {batch, t0, head, dv0}, {1, 3}, mat(L, dv, operand), 0, true);
  Value gateI = load(I, {batch, t0, head}, {1}, vec(L, accumulation), -big);
  Value gateF = load(F, {batch, t0, head}, {1}, vec(L, accumulation), big);

  // Gates: prefix sums of log f, exponents relative to the chunk's start.
  TileType gates = vec(L, gate), weights = vec(L, accumulation);
  Value logF = map(gates, gateF, [&](ValueRange x) { return logSigmoid(x[0]); });
  Value sumF = b.create<ScanOp>(loc, gates, Combiner::add, logF);
  Value sumAll = b.create<ExtractOp>(loc, gate, sumF, L - 1);
  bool exponential = options.inputGate == mlir::xlstm::InputGate::Exp;
  Value e = map(gates, {gateI, sumF}, [&](ValueRange x) {
    return sub(convert(exponential ? x[0] : logSigmoid(x[0]), gate), x[1]);
  });
  Value highest = b.create<ScanOp>(loc, gates, Combiner::max, e);
  auto atLeast = [&](Value reference) {
    return map(gates, highest, [&](ValueRange x) -> Value {
      return b.create<arith::MaxNumFOp>(loc, x[0], reference);
    });
  };
  Value mu = atLeast(m), muLast = b.create<ExtractOp>(loc, gate, mu, L - 1);
  Value offset = exponential ? atLeast(M) : map(gates, sumF, [&](ValueRange x) -> Value {
    return b.create<arith::NegFOp>(loc, x[0]);
  }); // o
  Value fromState = map(weights, mu, [&](ValueRange x) {
    return mul(expDifference(m, x[0]), scaleQ);
  }); // r, with the scale of q
  Value intoState = map(weights, e, [&](ValueRange x) {
    return mul(expDifference(x[0], muLast), scaleK);
  }); // w, with the scale of k
  Value decay = expDifference(m, muLast);
  Value nextM = add(sumAll, muLast),
        nextOuterM = exponential ? add(sumAll, b.create<ExtractOp>(loc, gate, offset, L - 1)) : M;

  // Scores within the chunk. exp is of min(.,0): above the diagonal the difference may be anything.
  auto [scoreWarpsM, scoreWarpsN] = schedule.scoreWarps();
  SmallVector<int64_t> scoreWarps = {scoreWarpsM, scoreWarpsN},
                       stateWarps = {schedule.warpsM, schedule.warpsN};
  Value S = matmul(q, transpose(k), splat(mat(L, L, accumulation), 0), scoreWarps);
  Value P = mapMatrix(mat(L, L, accumulation), S, mu, e, [&](ValueRange x) -> Value {
    Value causal = b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::sle, x[1], x[0]);
    Value difference = b.create<arith::MinNumFOp>(loc, convert(sub(x[4], x[3]), accumulation),
                                                  constant(accumulation, 0));
    Value weighted = mul(mul(x[2], scale), exp(difference));
    return b.create<arith::SelectOp>(loc, causal, weighted, constant(accumulation, 0));
  });

  // The reciprocal of the denominator, before the numerator: the scores are then needed in 16 bits
  // only.
  Value inverse; // what the numerator is multiplied with
  if (options.hasNormalizer()) {
    Value inner = b.create<ReduceOp>(loc, weights, Combiner::add, P);
    Value outer = b.create<MatvecOp>(loc, weights, q, n, splat(weights, 0));
    Value eps = constant(accumulation, options.eps);
    inverse = map(weights, {inner, outer, fromState, sumF, mu, offset}, [&](ValueRange x) -> Value {
      Value z = b.create<math::AbsFOp>(loc, add(x[0], mul(x[1], x[2])));
      Value floor = exp(convert(b.create<arith::NegFOp>(loc, add(x[3], x[4])), accumulation));
      Value scaledEps = mul(eps, expDifference(x[5], x[4]));
      if (options.denominator == mlir::xlstm::Denominator::MaxWithEps)
        z = b.create<arith::MaxNumFOp>(loc, z, add(floor, scaledEps));
      else
        z = add(b.create<arith::MaxNumFOp>(loc, z, floor), scaledEps);
      return b.create<arith::DivFOp>(loc, constant(accumulation, 1), z);
    });
  } else {
    inverse = map(weights, {sumF, mu},
                  [&](ValueRange x) { return exp(convert(add(x[0], x[1]), accumulation)); });
  }

  // Numerator, transposed: num^T [dv, L] = C^T q^T r + v^T P^T.
  Value operandC = onGPU ? map(mat(dv, dqk, operand), C, [](ValueRange x) { return x[0]; }) : C;
  Value operandP = onGPU ? map(mat(L, L, operand), P, [](ValueRange x) { return x[0]; }) : P;
  Value numerator = matmul(operandC, transpose(q), splat(mat(dv, L, accumulation), 0), stateWarps);
  numerator = mapMatrix(mat(dv, L, accumulation), numerator, {}, fromState,
                        [&](ValueRange x) { return mul(x[2], x[3]); });
  numerator = matmul(transpose(v), transpose(operandP), numerator, stateWarps);
  Value h = mapMatrix(mat(dv, L, accumulation), numerator, {}, inverse,
                      [&](ValueRange x) { return mul(x[2], x[3]); });
  b.create<StoreOp>(loc, h, tensor(H), ValueRange{batch, t0, head, dv0},
                    b.getDenseI64ArrayAttr({3, 1}));

  // The state after the chunk.
  TileType stateType = mat(dv, dqk, accumulation);
  Value weightedV = mapMatrix(mat(dv, L, operand), transpose(v), {}, intoState,
                              [&](ValueRange x) { return mul(convert(x[2], accumulation), x[3]); });
  C = matmul(weightedV, k, map(stateType, C, [&](ValueRange x) { return mul(x[0], decay); }),
             stateWarps);
  if (options.hasNormalizer()) {
    Value decayed = map(vec(dqk, accumulation), n, [&](ValueRange x) { return mul(x[0], decay); });
    n = b.create<MatvecOp>(loc, decayed.getType(), transpose(k), intoState, decayed);
  }
  m = nextM;
  M = nextOuterM;
}

void ForwardProgram::storeState() {
  Value zero = index(0);
  Value toCell = expDifference(m, M); // outside, states are relative to the cell's m
  auto scaled = [&](Value state) {
    return map(cast<TileType>(state.getType()), state,
               [&](ValueRange x) { return mul(x[0], toCell); });
  };
  b.create<StoreOp>(loc, scaled(C), tensor(CLast), ValueRange{batch, head, zero, dv0},
                    b.getDenseI64ArrayAttr({3, 2}));
  if (!options.hasNormalizer())
    return;
  // Every slice has the same n and m; the first one stores them.
  Value first = b.create<arith::CmpIOp>(loc, arith::CmpIPredicate::eq, slice, zero);
  auto branch = b.create<scf::IfOp>(loc, first);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(branch.thenBlock());
  b.create<StoreOp>(loc, scaled(n), tensor(NLast), ValueRange{batch, head, zero},
                    b.getDenseI64ArrayAttr({2}));
  if (options.hasStabilizer())
    b.create<StoreScalarOp>(loc, M, tensor(MLast), ValueRange{batch, head});
}

KernelOp ForwardProgram::build(StringRef name) {
  static const char *const names[numTensors] = {"q",  "k",  "v", "i",      "f",      "c0",
                                                "n0", "m0", "h", "c_last", "n_last", "m_last"};
  SmallVector<std::pair<std::string, MemRefType>> tensors;
  for (int i = 0; i < numTensors; ++i)
    if (hasTensor(Tensor(i))) {
      position[i] = tensors.size();
      tensors.emplace_back(names[i], tensorType(Tensor(i)));
    }
  // Blocks: (batch, head, slice of dv); the slices of a head are neighbours, so they share q and k
  // in the cache.
  kernel = b.create<KernelOp>(
      loc, name, tensors,
      ArrayRef<int64_t>{ShapedType::kDynamic, op.getHeads(), schedule.numSlices(op.getDv())},
      ArrayRef<std::pair<int64_t, int64_t>>{{Q, 0}, {-1, -1}, {-1, -1}});
  kernel.setScheduleAttr(schedule.toAttribute(b.getContext()));
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(&kernel.getBody().front());
  batch = kernel.getGridIndex(0);
  head = kernel.getGridIndex(1);
  slice = kernel.getGridIndex(2);
  dv0 = b.create<arith::MulIOp>(loc, slice, index(dv));
  Value T = b.create<memref::DimOp>(loc, tensor(Q), 1);
  loadState();

  // What a chunk hands on to the next: C, m, and n and M where the cell has them.
  auto state = [&]() {
    SmallVector<Value> values = {C, m};
    if (options.hasNormalizer())
      values.push_back(n);
    if (options.hasStabilizer())
      values.push_back(M);
    return values;
  };
  auto loop = b.create<scf::ForOp>(loc, index(0), T, index(L), state());
  auto rebind = [&](ValueRange values) {
    C = values[0];
    m = values[1];
    if (options.hasNormalizer())
      n = values[2];
    if (options.hasStabilizer())
      M = values.back();
  };
  {
    OpBuilder::InsertionGuard inLoop(b);
    b.setInsertionPointToStart(loop.getBody());
    rebind(loop.getRegionIterArgs());
    chunkStep(loop.getInductionVar());
    b.create<scf::YieldOp>(loc, state());
  }
  rebind(loop.getResults());
  storeState();
  return kernel;
}

} // namespace

namespace xlstm {
KernelOp buildChunkwiseForward(OpBuilder &builder, StringRef name, mlir::xlstm::MLSTMOp op,
                               const ChunkwiseSchedule &schedule) {
  return ForwardProgram(builder, op, schedule).build(name);
}
} // namespace xlstm

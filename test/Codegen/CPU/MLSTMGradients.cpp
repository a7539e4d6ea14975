// SPDX-License-Identifier: Apache-2.0
#include "test/Codegen/CPU/MLSTMGradients.h"

#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "dialect/xlstm/Reference/Compare.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include <cmath>

using namespace xlstm::reference;
namespace dialect = mlir::xlstm;

namespace xlstm::test {

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

static dialect::MLSTMOptions optionsOf(const GradientCell &cell) {
  dialect::MLSTMOptions options;
  const MLSTMOptions &from = cell.options;
  options.inputGate =
      from.inputGate == InputGate::Exp ? dialect::InputGate::Exp : dialect::InputGate::Sigmoid;
  options.normalize = from.normalize;
  options.eps = from.eps;
  options.scaleOn = from.scaleOn == ScaleOn::Q ? dialect::ScaleOn::Q : dialect::ScaleOn::K;
  options.denominator = from.denominator == Denominator::MaxPlusEps
                            ? dialect::Denominator::MaxPlusEps
                            : dialect::Denominator::MaxWithEps;
  options.normalizerGrad = cell.normalizerGrad == NormalizerGrad::Exact
                               ? dialect::NormalizerGrad::Exact
                               : dialect::NormalizerGrad::Dropped;
  return options;
}

GradientKernels::GradientKernels(const GradientCell &cell, const std::string &isa, bool withForward)
    : cell(cell) {
  program = std::make_unique<Program>(source(withForward), isa);
}

/// The kernels as text. Their source is one function of both ops, whose arguments and results have
/// the names of tensors.
std::string GradientKernels::source(bool withForward) {
  using namespace mlir;
  DialectRegistry registry;
  registry.insert<tile::TileDialect, dialect::XLSTMDialect, func::FuncDialect, math::MathDialect,
                  memref::MemRefDialect, scf::SCFDialect, arith::ArithDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  OpBuilder b(&context);
  Location loc = b.getUnknownLoc();
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  b.setInsertionPointToStart(module->getBody());
  auto function = b.create<func::FuncOp>(loc, "source", b.getFunctionType({}, {}));
  Block *block = b.createBlock(&function.getBody());

  auto element = [&](DType type) -> Type {
    return type == DType::F64    ? Type(b.getF64Type())
           : type == DType::F32  ? Type(b.getF32Type())
           : type == DType::BF16 ? Type(b.getBF16Type())
                                 : Type(b.getF16Type());
  };
  constexpr int64_t any = ShapedType::kDynamic;
  int64_t H = cell.heads, K = cell.dqk, V = cell.dv;
  Type input = element(cell.type), acc = element(cell.accumulation());
  std::map<void *, std::string> nameOf;
  auto argument = [&](const char *name, ArrayRef<int64_t> shape, Type type) {
    Value value = block->addArgument(RankedTensorType::get(shape, type), loc);
    nameOf[value.getAsOpaquePointer()] = name;
    return value;
  };
  dialect::MLSTMBackwardOperands o;
  o.q = argument("q", {any, any, H, K}, input);
  o.k = argument("k", {any, any, H, K}, input);
  o.v = argument("v", {any, any, H, V}, input);
  o.i = argument("i", {any, any, H}, acc);
  o.f = argument("f", {any, any, H}, acc);
  o.c0 = argument("c0", {any, H, K, V}, acc);
  if (cell.options.hasNormalizer())
    o.n0 = argument("n0", {any, H, K}, acc);
  if (cell.options.hasStabilizer())
    o.m0 = argument("m0", {any, H}, acc);
  o.cuSeqlens = argument("cu_seqlens", {any}, b.getI32Type());
  o.reset = argument("reset", {any, any}, b.getI8Type());
  o.dh = argument("dh", {any, any, H, V}, input);
  o.dcLast = argument("dc_last", {any, H, K, V}, acc);
  if (cell.options.hasNormalizer())
    o.dnLast = argument("dn_last", {any, H, K}, acc);

  auto forward = b.create<dialect::MLSTMOp>(loc, o, optionsOf(cell), std::nullopt,
                                            /*saveStates=*/true);
  o.cStates = forward.getCStates();
  o.nStates = forward.getNStates();
  o.mStates = forward.getMStates();
  auto backward = b.create<dialect::MLSTMBackwardOp>(loc, o, optionsOf(cell));
  SmallVector<Value> results = {forward.getH()};
  llvm::append_range(results, backward->getResults());
  b.create<func::ReturnOp>(loc, results);
  for (auto [value, name] : {std::pair<Value, const char *>{forward.getH(), "h"},
                             {o.cStates, "c_states"},
                             {o.nStates, "n_states"},
                             {o.mStates, "m_states"},
                             {backward.getDQ(), "dq"},
                             {backward.getDK(), "dk"},
                             {backward.getDV(), "dv"},
                             {backward.getDI(), "di"},
                             {backward.getDF(), "df"},
                             {backward.getDC0(), "dc0"},
                             {backward.getDN0(), "dn0"}})
    if (value)
      nameOf[value.getAsOpaquePointer()] = name;

  ChunkwiseSchedule schedule;
  schedule.target = "cpu";
  schedule.chunk = cell.chunk;
  schedule.dvSlice = V;
  schedule.dqkTile = K;
  for (Operation *op : {forward.getOperation(), backward.getOperation()})
    op->setAttr(scheduleAttrName, schedule.toAttribute(&context));
  b.setInsertionPoint(function);
  auto tensorName = [&](Value value) { return nameOf.at(value.getAsOpaquePointer()); };
  std::vector<FailureOr<tile::KernelOp>> kernels = {
      buildMLSTMBackward(b, "backward", backward, tensorName)};
  Workspace workspace(&context);
  if (withForward)
    kernels.push_back(buildMLSTM(b, "forward", forward, tensorName, workspace));
  for (FailureOr<tile::KernelOp> kernel : kernels)
    for (unsigned i = 0; i < kernel->getNumTensors(); ++i)
      names[kernel->getSymName().str()].push_back(kernel->getTensorName(i).str());
  function.erase();
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  return text;
}

std::vector<Array *> GradientKernels::arguments(const std::string &kernel,
                                                std::map<std::string, Array> &arrays) {
  std::vector<Array *> result;
  for (const std::string &name : names.at(kernel))
    result.push_back(&arrays.at(name));
  return result;
}

void GradientKernels::run(const std::string &kernel, std::map<std::string, Array> &arrays,
                          int64_t sequences) {
  program->run(kernel, arguments(kernel, arrays), 0, sequences * cell.heads);
}

double GradientKernels::seconds(const std::string &kernel, std::map<std::string, Array> &arrays,
                                int64_t sequences) {
  return program->seconds(kernel, arguments(kernel, arrays), sequences * cell.heads, 10);
}

//===----------------------------------------------------------------------===//
// Problems
//===----------------------------------------------------------------------===//

GradientCase::GradientCase(const GradientCell &cell, int64_t batch, int64_t time, double gates)
    : cell(cell), problem(batch, time, cell.heads, cell.dqk, cell.dv, cell.options, gates) {
  dh = problem.normal(batch * time * cell.heads * cell.dv);
}

void GradientCase::addLastGradients() {
  int64_t entries = problem.view().states() * cell.heads;
  dcLast = problem.normal(entries * cell.dqk * cell.dv);
  if (cell.options.hasNormalizer())
    dnLast = problem.normal(entries * cell.dqk);
}

/// An array with the values rounded to its type, or zeros.
void GradientCase::add(const std::string &name, DType type, Array::Index shape,
                       std::vector<double> *values) {
  Array::Index strides(shape.size());
  int64_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride = stride * std::max<int64_t>(shape[axis], 1) + (padded ? 3 : 0);
  }
  Array array(type, shape, strides);
  size_t next = 0;
  if (values)
    array.forEach([&](const Array::Index &i) {
      array.set(i, (*values)[next]);
      (*values)[next++] = array.get(i);
    });
  arrays.emplace(name, std::move(array));
}

void GradientCase::prepare(bool withGaps) {
  padded = withGaps;
  MLSTMProblem &p = problem.view();
  DType type = cell.type, acc = cell.accumulation();
  int64_t B = p.batch, T = p.time, H = p.heads, S = p.states(), K = p.dqk, V = p.dv;
  auto optional = [&](const std::string &name, std::vector<double> &values, Array::Index shape) {
    if (values.empty())
      arrays.emplace(name, Array::absent(acc, shape.size()));
    else
      add(name, acc, shape, &values);
  };
  add("q", type, {B, T, H, K}, &problem.q);
  add("k", type, {B, T, H, K}, &problem.k);
  add("v", type, {B, T, H, V}, &problem.v);
  add("dh", type, {B, T, H, V}, &dh);
  add("i", acc, {B, T, H}, &problem.i);
  add("f", acc, {B, T, H}, &problem.f);
  optional("c0", problem.c0, {S, H, K, V});
  optional("n0", problem.n0, {S, H, K});
  optional("m0", problem.m0, {S, H});
  optional("dc_last", dcLast, {S, H, K, V});
  optional("dn_last", dnLast, {S, H, K});
  add("h", type, {B, T, H, V});
  add("dq", type, {B, T, H, K});
  add("dk", type, {B, T, H, K});
  add("dv", type, {B, T, H, V});
  add("di", acc, {B, T, H});
  add("df", acc, {B, T, H});
  // A gradient exists where the initial state does.
  optional("dc0", problem.c0, {S, H, K, V});
  optional("dn0", problem.n0, {S, H, K});
  if (p.cuSeqlens) {
    add("cu_seqlens", DType::I32, {p.sequences + 1});
    arrays.at("cu_seqlens").fill([&](const Array::Index &i) { return p.cuSeqlens[i[0]]; });
  } else {
    arrays.emplace("cu_seqlens", Array::absent(DType::I32, 1));
  }
  if (p.reset) {
    add("reset", DType::I8, {B, T});
    arrays.at("reset").fill(
        [&](const Array::Index &i) { return int8_t(p.reset[i[0] * T + i[1]]); });
  } else {
    arrays.emplace("reset", Array::absent(DType::I8, 2));
  }
  int64_t rows = B * ((T + cell.chunk - 1) / cell.chunk) + (p.cuSeqlens ? p.sequences : 0);
  padded = false; // the kernels hand these on to each other
  add("c_states", acc, {rows, H, K, V});
  add("n_states", acc, {rows, H, K});
  add("m_states", DType::F64, {rows, H, 2});
  problem.view();
}

//===----------------------------------------------------------------------===//
// Saved states
//===----------------------------------------------------------------------===//

int64_t GradientCase::firstRow(int64_t s, int64_t begin) const {
  return problem.p.cuSeqlens ? begin / cell.chunk + s
                             : s * ((problem.p.time + cell.chunk - 1) / cell.chunk);
}

void GradientCase::saveStates() {
  const MLSTMProblem &p = problem.p;
  for (int64_t s = 0; s < p.states(); ++s)
    if (p.cuSeqlens)
      saveSequence(s, 0, p.cuSeqlens[s], p.cuSeqlens[s + 1]);
    else
      saveSequence(s, s, 0, p.time);
}

/// States are relative to the running maximum of the exponents, whatever the gate.
void GradientCase::saveSequence(int64_t s, int64_t batch, int64_t begin, int64_t end) {
  const MLSTMProblem &p = problem.p;
  bool exponential = cell.options.hasStabilizer(), given = bool(p.c0);
  double scale = cell.options.scaleOn == ScaleOn::K ? 1 / std::sqrt(double(p.dqk)) : 1;
  for (int64_t head = 0; head < p.heads; ++head) {
    int64_t entry = s * p.heads + head;
    std::vector<double> C(p.dqk * p.dv), n(p.dqk);
    double M = p.m0 ? p.m0.at(entry) : 0, m = given ? M : -1e30;
    if (given)
      p.c0.read(entry * p.dqk * p.dv, p.dqk * p.dv, C.data());
    if (p.n0)
      p.n0.read(entry * p.dqk, p.dqk, n.data());
    for (int64_t t = begin; t < end; ++t) {
      if ((t - begin) % cell.chunk == 0) {
        int64_t r = firstRow(s, begin) + (t - begin) / cell.chunk;
        for (int64_t d = 0; d < p.dqk; ++d) {
          for (int64_t e = 0; e < p.dv; ++e)
            arrays.at("c_states").set({r, head, d, e}, C[d * p.dv + e]);
          arrays.at("n_states").set({r, head, d}, n[d]);
        }
        arrays.at("m_states").set({r, head, 0}, m);
        arrays.at("m_states").set({r, head, 1}, M);
      }
      int64_t token = (batch * p.time + t) * p.heads + head;
      if (p.reset && p.reset[batch * p.time + t]) {
        std::fill(C.begin(), C.end(), 0);
        std::fill(n.begin(), n.end(), 0);
        m = -1e30, M = 0;
      }
      double lf = logSigmoid(p.f.at(token)), x = p.i.at(token);
      if (!exponential)
        x = logSigmoid(x);
      double next = std::fmax(lf + m, x), forget = std::exp(lf + m - next),
             input = std::exp(x - next) * scale;
      m = next;
      M = exponential ? std::fmax(lf + M, x) : 0;
      for (int64_t d = 0; d < p.dqk; ++d) {
        double k = p.k.at(token * p.dqk + d);
        n[d] = forget * n[d] + input * k;
        for (int64_t e = 0; e < p.dv; ++e)
          C[d * p.dv + e] = forget * C[d * p.dv + e] + input * k * p.v.at(token * p.dv + e);
      }
    }
  }
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

void GradientCase::check(double tolerance) {
  MLSTMOutputGradients outputs;
  outputs.dh = dh, outputs.dcLast = dcLast, outputs.dnLast = dnLast;
  MLSTMInputGradients expected = mlstmBackward(problem.view(), outputs, cell.normalizerGrad);
  auto compareOne = [&](const char *name, const std::vector<double> &values) {
    const Array &array = arrays.at(name);
    std::vector<double> actual;
    array.forEach([&](const Array::Index &i) { actual.push_back(array.get(i)); });
    if (actual.empty() && problem.c0.empty())
      return; // an initial state that is not given has no gradient
    ASSERT_EQ(actual.size(), values.size()) << name;
    int64_t columns = std::max<int64_t>(array.shape().back(), 1);
    ElementType types[] = {ElementType::F64, ElementType::F32, ElementType::BF16, ElementType::F16};
    Comparison result = compare(actual, values, actual.size() / columns, columns,
                                smallestNormal(types[int(array.type())]));
    EXPECT_EQ(result.nonFinite, 0) << name;
    EXPECT_LE(result.relativeL2, tolerance) << name << ": " << result.str();
  };
  compareOne("dq", expected.dq);
  compareOne("dk", expected.dk);
  compareOne("dv", expected.dv);
  compareOne("di", expected.di);
  compareOne("df", expected.df);
  compareOne("dc0", expected.dc0);
  if (cell.options.hasNormalizer())
    compareOne("dn0", expected.dn0);
}

std::vector<uint64_t> GradientCase::bits() const {
  std::vector<uint64_t> result;
  for (const char *name : {"dq", "dk", "dv", "di", "df", "dc0", "dn0"}) {
    const Array &array = arrays.at(name);
    array.forEach([&](const Array::Index &i) { result.push_back(array.bits(i)); });
  }
  return result;
}

} // namespace xlstm::test

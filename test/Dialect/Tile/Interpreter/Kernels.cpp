// SPDX-License-Identifier: Apache-2.0
#include "test/Dialect/Tile/Interpreter/Kernels.h"

#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "dialect/tile/Transforms/Passes.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "dialect/xlstm/Reference/Compare.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include <stdexcept>

using namespace mlir;

namespace xlstm::test {

using namespace reference;

Kernel::Kernel(const std::string &source, bool verify) {
  DialectRegistry registry;
  registry.insert<mlir::xlstm::XLSTMDialect, tile::TileDialect, func::FuncDialect,
                  math::MathDialect, memref::MemRefDialect, scf::SCFDialect, arith::ArithDialect>();
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  std::string message;
  ScopedDiagnosticHandler handler(context.get(), [&](Diagnostic &diagnostic) {
    message += diagnostic.str() + "\n";
    return success();
  });
  module = parseSourceString<ModuleOp>(source, ParserConfig(context.get(), verify));
  if (!module)
    throw std::runtime_error("the module does not parse: " + message + source);
}

void Kernel::apply(const std::string &passes) {
  static const bool registered = [] {
    registerSelectSchedule();
    registerConvertXLSTMToTile();
    tile::registerTileTransformsPasses();
    return true;
  }();
  (void)registered;
  std::string message;
  ScopedDiagnosticHandler handler(context.get(), [&](Diagnostic &diagnostic) {
    message += diagnostic.str() + "\n";
    return success();
  });
  PassManager manager(context.get());
  if (failed(parsePassPipeline(passes, manager, llvm::errs())) || failed(manager.run(*module)))
    throw std::runtime_error(passes + ": " + message);
}

std::vector<tile::KernelOp> Kernel::ops() {
  auto kernels = module->getOps<tile::KernelOp>();
  return {kernels.begin(), kernels.end()};
}
tile::KernelOp Kernel::op() { return ops().back(); }

std::string Kernel::text() {
  std::string text;
  llvm::raw_string_ostream(text) << *module;
  return text;
}

tile::GlobalTensor &Kernel::tensor(const std::string &name) { return tensors.at(name); }

/// Calls `body` with the name and the type of each tensor argument.
static void forEachTensor(std::vector<tile::KernelOp> kernels,
                          function_ref<void(std::string, MemRefType)> body) {
  for (tile::KernelOp kernel : kernels)
    for (unsigned i = 0; i < kernel.getNumTensors(); ++i)
      body(kernel.getTensorName(i).str(), cast<MemRefType>(kernel.getTensor(i).getType()));
}

void Kernel::absent(const std::string &absent) {
  forEachTensor(ops(), [&](std::string name, MemRefType type) {
    if (name == absent)
      tensors[name] = tile::GlobalTensor::absent(type);
  });
}

void Kernel::allocate(ArrayRef<int64_t> dynamic, StringRef prefix) {
  forEachTensor(ops(), [&](std::string name, MemRefType type) {
    if (!StringRef(name).starts_with(prefix))
      return;
    SmallVector<int64_t> extents(type.getShape());
    const int64_t *next = dynamic.data();
    for (int64_t &extent : extents)
      if (ShapedType::isDynamic(extent))
        extent = *next++;
    tensors.try_emplace(name, type.getElementType(), extents);
  });
}

std::optional<tile::Finding> Kernel::run(const tile::InterpretOptions &options) {
  for (tile::KernelOp kernel : ops()) {
    std::vector<tile::GlobalTensor> arguments;
    for (unsigned i = 0; i < kernel.getNumTensors(); ++i)
      arguments.push_back(tensors.at(kernel.getTensorName(i).str()));
    if (auto finding = tile::interpret(kernel, arguments, options))
      return finding;
    for (unsigned i = 0; i < kernel.getNumTensors(); ++i)
      tensors.at(kernel.getTensorName(i).str()) = arguments[i];
  }
  return std::nullopt;
}

MLSTMOptions sigmoid(bool normalize) {
  MLSTMOptions options;
  options.inputGate = InputGate::Sigmoid;
  options.normalize = normalize;
  return options;
}

std::string Cell::source() const {
  auto tensor = [](std::string extents, const std::string &element) {
    return "tensor<" + extents + element + ">";
  };
  std::string H = std::to_string(heads) + "x", K = std::to_string(dqk) + "x",
              V = std::to_string(dv) + "x";
  std::string q = tensor("?x?x" + H + K, type), v = tensor("?x?x" + H + V, type),
              gate = tensor("?x?x" + H, "f32");
  std::vector<std::pair<std::string, std::string>> states = {
      {"c", tensor("?x" + H + K + V, "f32")}};
  if (options.hasNormalizer())
    states.push_back({"n", tensor("?x" + H + K, "f32")});
  if (options.hasStabilizer())
    states.push_back({"m", tensor("?x" + H, "f32")});
  auto named = [](const std::string &type, const std::string &name) {
    return type + " {xlstm.name = \"" + name + "\"}";
  };
  std::string arguments = "%q: " + named(q, "q") + ", %k: " + named(q, "k") +
                          ", %v: " + named(v, "v") + ", %i: " + named(gate, "i") +
                          ", %f: " + named(gate, "f"),
              results = named(v, "h"), given, returned = "%r#0", types = v;
  for (auto [i, state] : llvm::enumerate(states)) {
    if (!this->state)
      break;
    auto &[name, stateType] = state;
    arguments += ", %" + name + ": " + named(stateType, name + "0");
    given += (i ? ", %" : "%") + name;
    results += ", " + named(stateType, name + "_last");
    returned += ", %r#" + std::to_string(i + 1);
    types += ", " + stateType;
  }
  std::string attributes = "form = chunkwise, eps = " + std::to_string(options.eps);
  if (options.inputGate == InputGate::Sigmoid)
    attributes +=
        std::string(", input_gate = sigmoid") + (options.normalize ? "" : ", normalize = false");
  if (options.scaleOn == ScaleOn::K)
    attributes += ", scale_on = k";
  if (options.denominator == Denominator::MaxWithEps)
    attributes += ", denominator = max_with_eps";
  return "func.func @cell(" + arguments + ") -> (" + results +
         ") {\n  %r:" + std::to_string(1 + states.size()) +
         " = xlstm.mlstm %q, %k, %v gates(%i, %f)" +
         (given.empty() ? "" : " state(" + given + ")") + " {" + attributes + "} : " + q + ", " +
         v + "\n  return " + returned + " : " + types + "\n}\n";
}

std::unique_ptr<Kernel> Cell::kernel(int64_t batch, int64_t time, bool givesState, uint64_t seed,
                                     int64_t segments) const {
  auto kernel = std::make_unique<Kernel>(source());
  kernel->apply("xlstm-select-schedule{target=sm_90a set=roles=1" + set +
                (segments ? " segments=1" : "") + "},convert-xlstm-to-tile" +
                (roles ? ",tile-split-roles" : ""));
  for (const char *name : {"c0", "n0", "m0"})
    if (!givesState)
      kernel->absent(name);
  kernel->allocate({batch, segments}, "w"); // states between kernels: one for each segment
  kernel->allocate({batch, time});
  std::mt19937_64 random(seed);
  auto fill = [&](const char *name, double mean, double deviation) {
    if (!kernel->has(name) || (!givesState && name[1] == '0'))
      return;
    std::normal_distribution<double> normal(mean, deviation);
    tile::GlobalTensor &tensor = kernel->tensor(name);
    tensor.forEach([&](ArrayRef<int64_t> index) { tensor.set(index, normal(random)); });
  };
  for (const char *name : {"q", "k", "v", "c0", "n0", "m0"})
    fill(name, 0, 1);
  fill("i", 0, 2);
  fill("f", 3, 1);
  for (const char *name : {"h", "c_last", "n_last", "m_last"})
    if (kernel->has(name)) { // what a kernel leaves out is seen
      tile::GlobalTensor &tensor = kernel->tensor(name);
      tensor.forEach([&](ArrayRef<int64_t> index) { tensor.set(index, NAN); });
    }
  return kernel;
}

std::string Cell::compare(Kernel &kernel, int64_t batch, int64_t time) const {
  std::map<std::string, std::vector<double>> values;
  auto view = [&](const std::string &name) -> TensorView {
    if (!kernel.has(name) || kernel.tensor(name).bytes.empty())
      return {};
    tile::GlobalTensor &tensor = kernel.tensor(name);
    std::vector<double> &data = values[name];
    tensor.forEach([&](ArrayRef<int64_t> index) { data.push_back(tensor.get(index)); });
    return data;
  };
  MLSTMProblem problem;
  problem.batch = batch, problem.time = time, problem.heads = heads;
  problem.dqk = dqk, problem.dv = dv;
  problem.q = view("q"), problem.k = view("k"), problem.v = view("v");
  problem.i = view("i"), problem.f = view("f");
  problem.c0 = view("c0"), problem.n0 = view("n0"), problem.m0 = view("m0");
  problem.options = options;
  std::string wrong = check(problem);
  if (!wrong.empty())
    return wrong;
  MLSTMPart part;
  part.threads = 1;
  MLSTMResult expected = mlstmRecurrent(problem, part);
  std::string report;
  auto compareWith = [&](const char *name, const std::vector<double> &reference, int64_t columns,
                         double tolerance) {
    if (!kernel.has(name))
      return;
    Comparison comparison = reference::compare(view(name), reference, reference.size() / columns,
                                               columns, smallestNormal(ElementType::F16));
    if (!(comparison.relativeL2 <= tolerance))
      report += std::string(name) + ": " + comparison.str() + "\n";
  };
  // States are made of 16-bit operands: k, and v times a gate rounded again.
  double tolerance = type == "bf16" ? 5e-3 : 2e-3;
  compareWith("h", expected.h, dv, tolerance);
  compareWith("c_last", expected.cLast, dqk * dv, tolerance);
  compareWith("n_last", expected.nLast, dqk, tolerance);
  compareWith("m_last", expected.mLast, 1, 1e-5);
  return report;
}

} // namespace xlstm::test

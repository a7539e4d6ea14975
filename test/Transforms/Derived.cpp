// SPDX-License-Identifier: Apache-2.0
#include "test/Transforms/Derived.h"

#include "compiler/Import/IR/Build.h"
#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "dialect/xlstm/Transforms/Passes.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>

using namespace mlir;
using mlir::xlstm::ScanOp;
using mlir::xlstm::StopGradientOp;
using mlir::xlstm::TensorValue;

namespace xlstm::test {

static OwningOpRef<ModuleOp> import(MLIRContext &context, const std::string &cell) {
  std::string path = testing::TempDir() + "/cell.json";
  std::ofstream(path) << R"json({"xlstm_model": 1, "name": "cell", "dtype": "f64", "cell": )json"
                      << cell << "}";
  std::vector<std::string> notes;
  auto module = importModule(path, context, notes);
  EXPECT_TRUE(bool(module)) << (module ? "" : module.error().str());
  return module ? std::move(*module) : OwningOpRef<ModuleOp>();
}

Derived::Derived(MLIRContext &context, const std::string &cell)
    : Derived(context, import(context, cell)) {}

Derived::Derived(MLIRContext &context, OwningOpRef<ModuleOp> forward) : module(std::move(forward)) {
  if (!module)
    return;
  derive();
  freeze();
}

void Derived::derive() {
  PassManager manager(module->getContext());
  manager.addPass(mlir::xlstm::createDeriveBackward());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  EXPECT_TRUE(succeeded(manager.run(*module)));
}

func::FuncOp Derived::get(const std::string &function) {
  return module->lookupSymbol<func::FuncOp>(function);
}

static std::string nameOf(DictionaryAttr attributes) {
  return attributes.getAs<StringAttr>(mlir::xlstm::nameAttrName).str();
}

bool Derived::hasArgument(const std::string &name) {
  func::FuncOp function = get("forward_backward");
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (nameOf(function.getArgAttrDict(i)) == name)
      return true;
  return false;
}

//===----------------------------------------------------------------------===//
// recording and frozen
//===----------------------------------------------------------------------===//

void Derived::freeze() {
  OpBuilder b(module->getBodyRegion());
  b.setInsertionPointToEnd(module->getBody());
  auto clone = [&](const char *name) {
    auto copy = cast<func::FuncOp>(b.clone(*get("forward")));
    copy.setName(name);
    return copy;
  };
  auto stopped = [](ScanOp scan) {
    return SmallVector<StopGradientOp>(scan.getStepBlock().getOps<StopGradientOp>());
  };
  func::FuncOp recording = clone("recording"), frozen = clone("frozen");
  for (func::FuncOp function : {recording, frozen})
    for (ScanOp scan : llvm::to_vector(function.getOps<ScanOp>())) {
      SmallVector<StopGradientOp> ops = stopped(scan);
      if (ops.empty())
        continue;
      OpBuilder inner(scan);
      auto type =
          mlir::xlstm::getScanSequenceType(cast<RankedTensorType>(scan.getSequences()[0].getType()),
                                           ops.size(), scan.getAccumulationType(), false);
      auto operands = scan.getScanOperands();
      SmallVector<Type> outputs(scan.getOutputs().getTypes());
      if (function == recording) {
        outputs.push_back(type);
      } else {
        unsigned number = function.getNumArguments();
        function.insertArgument(number, type, {}, scan.getLoc());
        function.setArgAttr(number, mlir::xlstm::nameAttrName, inner.getStringAttr("recorded"));
        operands.sequences.push_back(function.getArgument(number));
      }
      auto wider = inner.create<ScanOp>(scan.getLoc(), operands, scan.getOptions(), outputs,
                                        scan.getNumStates());
      unsigned position = scan.getProductArgs().size();
      for (unsigned i = 0; i < scan.getSequences().size(); ++i)
        position += scan.getSequenceArgs(i).size();
      wider.getBody().takeBody(scan.getBody());
      for (StopGradientOp op : ops)
        if (function == recording)
          wider.getYield().getOutputsMutable().append(op.getX());
        else
          op.getResult().replaceAllUsesWith(
              wider.getStepBlock().insertArgument(position++, op.getType(), op.getLoc()));
      for (auto [i, output] : llvm::enumerate(scan.getOutputs()))
        output.replaceAllUsesWith(wider.getOutputs()[i]);
      for (auto [i, last] : llvm::enumerate(scan.getLastStates()))
        last.replaceAllUsesWith(wider.getLastStates()[i]);
      if (function == recording) {
        function.insertResult(function.getNumResults(), type,
                              inner.getDictionaryAttr(inner.getNamedAttr(
                                  mlir::xlstm::nameAttrName, inner.getStringAttr("recorded"))));
        function.front().getTerminator()->insertOperands(function.getNumResults() - 1,
                                                         wider.getOutputs().back());
      }
      scan.erase();
    }
  EXPECT_TRUE(succeeded(verify(*module)));
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Tensors Derived::makeInputs(const Extents &extents, double scale, unsigned seed) {
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal(0, scale);
  int64_t sequences =
      extents.cuSeqlens.empty() ? extents.batch : int64_t(extents.cuSeqlens.size()) - 1;
  std::map<std::string, int64_t> values{
      {"B", extents.batch}, {"T", extents.time}, {"S", sequences}, {"N+1", sequences + 1}};
  Tensors inputs;
  func::FuncOp function = get("forward_backward");
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    DictionaryAttr attributes = function.getArgAttrDict(i);
    std::string name = nameOf(attributes);
    bool isState = attributes.contains(mlir::xlstm::optionalAttrName);
    if ((name == "cu_seqlens" && extents.cuSeqlens.empty()) ||
        (name == "reset" && !extents.resets) ||
        (isState && name.back() == '0' && !extents.states) ||
        (isState && name.front() == 'd' && name.size() > 6 && !extents.lastGradients))
      continue;
    TensorValue value;
    auto dims = attributes.getAs<ArrayAttr>(mlir::xlstm::dimsAttrName);
    unsigned dynamic = 0;
    for (int64_t extent : cast<RankedTensorType>(function.getArgument(i).getType()).getShape())
      value.shape.push_back(ShapedType::isDynamic(extent)
                                ? values.at(cast<StringAttr>(dims[dynamic++]).str())
                                : extent);
    for (int64_t e = 0; e < value.size(); ++e)
      if (name == "cu_seqlens")
        value.data.push_back(extents.cuSeqlens[e]);
      else if (name == "reset")
        value.data.push_back(random() % 3 == 0);
      else if (name == "n0")
        value.data.push_back(1 + std::fabs(normal(random))); // a sum of positive gates
      else
        value.data.push_back(normal(random));
    inputs[name] = value;
  }
  return inputs;
}

Tensors Derived::run(const std::string &name, const Tensors &inputs) {
  func::FuncOp function = get(name);
  std::vector<std::optional<TensorValue>> arguments;
  for (unsigned i = 0; i < function.getNumArguments(); ++i) {
    auto found = inputs.find(nameOf(function.getArgAttrDict(i)));
    arguments.push_back(found == inputs.end() ? std::nullopt
                                              : std::optional<TensorValue>(found->second));
  }
  auto results = mlir::xlstm::interpret(function, arguments);
  Tensors tensors;
  EXPECT_TRUE(succeeded(results));
  if (succeeded(results))
    for (auto [i, value] : llvm::enumerate(*results))
      tensors[nameOf(function.getResultAttrDict(i))] = value;
  return tensors;
}

double Derived::getLoss(const Tensors &inputs, const Tensors &recorded) {
  Tensors all = inputs;
  if (recorded.count("recorded"))
    all["recorded"] = recorded.at("recorded");
  double sum = 0;
  for (auto &[name, value] : run("frozen", all))
    if (auto gradient = inputs.find("d" + name); gradient != inputs.end())
      for (size_t e = 0; e < value.data.size(); ++e)
        sum += gradient->second.data[e] * value.data[e];
  return sum;
}

void expectNear(const std::string &name, const std::vector<double> &a, const std::vector<double> &b,
                double tolerance, double absolute) {
  ASSERT_EQ(a.size(), b.size()) << name;
  double difference = 0, norm = 0;
  for (size_t e = 0; e < a.size(); ++e) {
    difference += (a[e] - b[e]) * (a[e] - b[e]);
    norm += b[e] * b[e];
  }
  // Not <=, which lets NaN pass.
  EXPECT_TRUE(std::sqrt(difference) <= tolerance * std::sqrt(norm) + absolute)
      << name << ": difference " << std::sqrt(difference) << " of " << std::sqrt(norm);
}

void Derived::expectCentralDifferences(const Tensors &inputs, double tolerance) {
  Tensors recorded = run("recording", inputs), results = run("forward_backward", inputs);
  // The forward results stay what they are.
  for (auto &[name, value] : run("forward", inputs))
    expectNear(name, results[name].data, value.data, 1e-14);
  const double step = 1e-5;
  double lossSize = 1 + std::fabs(getLoss(inputs, recorded));
  int compared = 0;
  for (auto &[name, value] : inputs) {
    auto gradient = results.find("d" + name);
    if (gradient == results.end())
      continue;
    ++compared;
    Tensors changed = inputs;
    std::vector<double> differences;
    for (double &element : changed[name].data) {
      double kept = element;
      element = kept + step;
      double above = getLoss(changed, recorded);
      element = kept - step;
      double below = getLoss(changed, recorded);
      element = kept;
      differences.push_back((above - below) / (2 * step));
    }
    // The second part is what rounding of the loss makes of a gradient that is zero.
    expectNear("d" + name, gradient->second.data, differences, tolerance,
               16 * 2.2e-16 * lossSize / step * std::sqrt(double(differences.size())));
  }
  EXPECT_GT(compared, 0);
}

} // namespace xlstm::test

// SPDX-License-Identifier: Apache-2.0
// Tile programs that only GPUs have, run by the tile interpreter: what they compute beside the
// interpreter in f64. What the lowering makes of them is seen on a GPU only.
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "dialect/tile/Interpreter/Interpreter.h"
#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/Interpreter/Interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <random>

using namespace mlir;
using mlir::xlstm::TensorValue;

namespace xlstm {
namespace {

/// A function, and what its kernels for a GPU compute.
class GpuProgram : public testing::Test {
protected:
  GpuProgram() {
    context.loadDialect<tile::TileDialect, mlir::xlstm::XLSTMDialect, func::FuncDialect,
                        math::MathDialect, scf::SCFDialect, arith::ArithDialect,
                        memref::MemRefDialect>();
  }

  /// Parses and schedules; the n-th dynamic extent of a tensor is that of `dims` at its n-th name.
  void compile(const std::string &source, const char *target) {
    function = nullptr;
    reference = parseSourceString<ModuleOp>(source, &context);
    ASSERT_TRUE(reference);
    function = *reference->getOps<func::FuncOp>().begin();
    kernels = reference->clone();
    SelectScheduleOptions select;
    select.target = target;
    PassManager manager(&context);
    manager.addPass(createSelectSchedule(select));
    manager.addPass(createConvertXLSTMToTile());
    ASSERT_TRUE(succeeded(manager.run(*kernels)));
  }

  /// Random inputs, rounded to their types, for these run-time dimensions; names in `absent` are
  /// not given. Expects a relative L2 error of at most `tolerance` of every result.
  void compare(const std::map<std::string, int64_t> &dims, double tolerance,
               const std::vector<std::string> &absent = {}) {
    std::map<std::string, tile::GlobalTensor> tensors;
    std::vector<std::optional<TensorValue>> inputs;
    for (unsigned i = 0; i < function.getNumArguments(); ++i) {
      std::string name = function.getArgAttrOfType<StringAttr>(i, mlir::xlstm::nameAttrName).str();
      auto type = cast<RankedTensorType>(function.getArgumentTypes()[i]);
      if (llvm::is_contained(absent, name)) {
        inputs.emplace_back();
        continue;
      }
      tile::GlobalTensor tensor(type.getElementType(),
                                extentsOf(type, function.getArgAttrDict(i), dims));
      TensorValue value;
      value.shape.assign(tensor.extents.begin(), tensor.extents.end());
      tensor.forEach([&](ArrayRef<int64_t> index) {
        // Slots: every row, in another order.
        double drawn = 0.5 * std::normal_distribution<double>()(random);
        tensor.set(index, name == "slots" ? (index[0] + 2) % tensor.extents[0] : drawn);
        value.data.push_back(tensor.get(index));
      });
      inputs.push_back(value);
      tensors[name] = tensor;
    }
    auto expected = mlir::xlstm::interpret(function, inputs);
    ASSERT_TRUE(succeeded(expected));
    std::vector<std::string> results;
    for (unsigned i = 0; i < function.getNumResults(); ++i) {
      auto name = function.getResultAttrOfType<StringAttr>(i, mlir::xlstm::nameAttrName);
      results.push_back(mlir::xlstm::getInnerResultName(function, name.str()));
      tile::GlobalTensor tensor(
          cast<RankedTensorType>(function.getResultTypes()[i]).getElementType(),
          (*expected)[i].shape);
      // What a kernel leaves out is seen.
      tensor.forEach([&](ArrayRef<int64_t> index) { tensor.set(index, NAN); });
      tensors[results.back()] = tensor;
    }
    run(tensors, dims);
    for (size_t i = 0; i < results.size(); ++i) {
      const tile::GlobalTensor &got = tensors[results[i]];
      const TensorValue &value = (*expected)[i];
      size_t e = 0;
      double error = 0, size = 0; // squares
      got.forEach([&](ArrayRef<int64_t> index) {
        error += std::pow(got.get(index) - value.data[e], 2);
        size += std::pow(value.data[e], 2);
        ++e;
      });
      EXPECT_LE(std::sqrt(error / size), tolerance) << results[i]; // not for NaN
    }
  }

  func::FuncOp function;
  MLIRContext context;
  OwningOpRef<ModuleOp> reference, kernels;
  std::mt19937_64 random{1};

private:
  static SmallVector<int64_t> extentsOf(RankedTensorType type, DictionaryAttr attributes,
                                        const std::map<std::string, int64_t> &dims) {
    SmallVector<int64_t> extents(type.getShape());
    auto names = attributes ? attributes.getAs<ArrayAttr>(mlir::xlstm::dimsAttrName) : ArrayAttr();
    size_t next = 0;
    for (int64_t &extent : extents)
      if (ShapedType::isDynamic(extent))
        extent = dims.at(cast<StringAttr>(names[next++]).str());
    return extents;
  }

  /// The kernels, in the order of their launches. A view takes its owner's bytes and gives them back.
  void run(std::map<std::string, tile::GlobalTensor> &tensors,
           const std::map<std::string, int64_t> &dims) {
    std::map<std::string, std::string> owners;
    if (auto workspace = kernels->getOperation()->getAttrOfType<ArrayAttr>(workspaceAttrName))
      for (auto entry : workspace.getAsRange<DictionaryAttr>()) {
        std::string name = entry.getAs<StringAttr>("name").str();
        auto type = cast<RankedTensorType>(entry.getAs<TypeAttr>("type").getValue());
        SmallVector<int64_t> extents(type.getShape());
        auto sums = entry.getAs<ArrayAttr>("extents");
        size_t next = 0;
        for (int64_t &extent : extents)
          if (ShapedType::isDynamic(extent)) // a sum of one product of one dimension
            extent = dims.at(
                cast<StringAttr>(cast<ArrayAttr>(cast<ArrayAttr>(sums[next++])[0])[0]).str());
        tensors[name] = tile::GlobalTensor(type.getElementType(), extents);
        if (auto owner = entry.getAs<StringAttr>("of"))
          owners[name] = owner.str();
      }
    std::vector<std::pair<tile::KernelOp, std::vector<std::string>>> launches;
    if (auto list = kernels->getOperation()->getAttrOfType<ArrayAttr>(launchesAttrName)) {
      for (auto launch : list.getAsRange<DictionaryAttr>()) {
        std::vector<std::string> names;
        for (Attribute name : launch.getAs<ArrayAttr>("names"))
          names.push_back(cast<StringAttr>(name).str());
        launches.emplace_back(
            kernels->lookupSymbol<tile::KernelOp>(launch.getAs<StringAttr>("kernel")), names);
      }
    } else {
      for (tile::KernelOp kernel : kernels->getOps<tile::KernelOp>()) {
        std::vector<std::string> names;
        for (unsigned i = 0; i < kernel.getNumTensors(); ++i)
          names.push_back(kernel.getTensorName(i).str());
        launches.emplace_back(kernel, names);
      }
    }
    for (auto &[kernel, names] : launches) {
      std::vector<tile::GlobalTensor> arguments;
      for (auto [i, name] : llvm::enumerate(names)) {
        auto type = cast<MemRefType>(kernel.getTensor(i).getType());
        if (!tensors.count(name)) {
          arguments.push_back(tile::GlobalTensor::absent(type));
          continue;
        }
        arguments.push_back(tensors.at(name));
        if (owners.count(name))
          arguments.back().bytes = tensors.at(owners[name]).bytes;
      }
      auto finding = tile::interpret(kernel, arguments);
      ASSERT_FALSE(finding) << kernel.getSymName().str() << ": " << finding->text;
      for (auto [argument, name] : llvm::zip(arguments, names))
        if (owners.count(name))
          tensors.at(owners[name]).bytes = argument.bytes;
        else if (tensors.count(name))
          tensors[name] = argument;
    }
  }
};

std::string projection(int64_t blocks, int64_t outputs, int64_t inputs, const std::string &type,
                       bool transposed = false) {
  auto tensor = [&](int64_t width) {
    return "tensor<?x?x" + std::to_string(blocks * width) + "x" + type + ">";
  };
  int64_t from = transposed ? outputs : inputs, to = transposed ? inputs : outputs;
  std::string weight = "tensor<" + std::to_string(blocks) + "x" + std::to_string(outputs) + "x" +
                       std::to_string(inputs) + "x" + type + ">";
  return "func.func @f(%x: " + tensor(from) +
         " {xlstm.name = \"x\", xlstm.dims = [\"B\", \"T\"]}, %w: " + weight +
         " {xlstm.name = \"w\"}) -> (" + tensor(to) +
         " {xlstm.name = \"y\", xlstm.dims = [\"B\", \"T\"]}) {\n  %y = xlstm.block_linear " +
         (transposed ? "transposed " : "") + "%x, %w : " + tensor(from) + ", " + weight + " -> " +
         tensor(to) + "\n  return %y : " + tensor(to) + "\n}";
}

TEST_F(GpuProgram, BlockDiagonalProjection) {
  for (const char *target : {"sm_90a", "sm_80"})
    for (bool transposed : {false, true})
      for (auto [blocks, outputs, inputs] : {std::tuple{96, 4, 4},
                                             {300, 4, 4},
                                             {16, 12, 10},
                                             {4, 32, 32},
                                             {2, 300, 7},
                                             {1, 5, 48}}) {
        SCOPED_TRACE(std::string(target) + (transposed ? " transposed " : " ") +
                     std::to_string(blocks) + "x" + std::to_string(outputs) + "x" +
                     std::to_string(inputs));
        compile(projection(blocks, outputs, inputs, "f32", transposed), target);
        compare({{"B", 2}, {"T", 3}}, 1e-5);
      }
  compile(projection(96, 4, 4, "bf16"), "sm_90a");
  compare({{"B", 2}, {"T", 3}}, 4e-3);
}

/// With a state, which is written too, and with an activation.
TEST_F(GpuProgram, CausalConvolution) {
  const std::string head = R"(
func.func @f(%x: tensor<?x?x40xTYPE> {xlstm.name = "x", xlstm.dims = ["B", "T"]}, %w: tensor<40x4xf32> {xlstm.name = "w"},
    %b: tensor<40xf32> {xlstm.name = "b"}, %s: tensor<?x3x40xTYPE> {xlstm.name = "state", xlstm.dims = ["B"], xlstm.optional})
    -> (tensor<?x?x40xf32> {xlstm.name = "y", xlstm.dims = ["B", "T"]}, tensor<?x3x40xTYPE> {xlstm.name = "state", xlstm.dims = ["B"]}) {
  %y, %last = xlstm.causal_conv1d %x, %w bias(%b : tensor<40xf32>) state(%s : tensor<?x3x40xTYPE>))",
                    silu = R"( epilogue {
  ^bb0(%sum: f32):
    %0 = xlstm.sigmoid %sum : f32
    %1 = arith.mulf %sum, %0 : f32
    xlstm.yield outputs(%1 : f32)
  })",
                    tail = R"(
      : tensor<?x?x40xTYPE>, tensor<40x4xf32> -> tensor<?x?x40xf32>, tensor<?x3x40xTYPE>
  return %y, %last : tensor<?x?x40xf32>, tensor<?x3x40xTYPE>
})";
  for (const char *target : {"sm_90a", "sm_80"})
    for (const std::string &epilogue : {std::string(), silu})
      for (const char *type : {"f32", "bf16"}) { // of x; y is f32
        SCOPED_TRACE(target + epilogue + type);
        std::string source = head + epilogue + tail;
        for (size_t at; (at = source.find("TYPE")) != std::string::npos;)
          source.replace(at, 4, type);
        compile(source, target);
        for (int64_t time : {1, 2, 5}) {
          SCOPED_TRACE(time);
          compare({{"B", 2}, {"T", time}}, 1e-6);
          compare({{"B", 2}, {"T", time}}, 1e-6, {"state"});
        }
      }
}

/// An mLSTM with all of its states, C of another type. In a step, `slots` name the states' rows.
std::string mlstm(int64_t dqk, int64_t dv, const std::string &kept, bool step) {
  std::string dims = step ? "[\"B\"]" : "[\"B\", \"T\"]", rows = step ? "[\"R\"]" : "[\"B\"]";
  auto tokens = [&](int64_t width, const std::string &type) {
    return std::string("tensor<?x") + (step ? "" : "?x") + "2x" +
           (width ? std::to_string(width) + "x" : "") + type + ">";
  };
  auto named = [&](const std::string &type, const std::string &name, const std::string &dims) {
    return type + " {xlstm.name = \"" + name + "\", xlstm.dims = " + dims + "}";
  };
  std::string q = tokens(dqk, "bf16"), v = tokens(dv, "bf16"), g = tokens(0, "f32"),
              n = "tensor<?x2x" + std::to_string(dqk) + "xf32>",
              c = "tensor<?x2x" + std::to_string(dqk) + "x" + std::to_string(dv) + "x" + kept + ">",
              m = "tensor<?x2xf32>";
  std::string source = "func.func @f(%q: " + named(q, "q", dims) + ", %k: " + named(q, "k", dims) +
                       ", %v: " + named(v, "v", dims) + ", %i: " + named(g, "i", dims) +
                       ", %f: " + named(g, "f", dims) + ", %c: " + named(c, "c", rows) +
                       ", %n: " + named(n, "n", rows) + ", %m: " + named(m, "m", rows);
  if (step)
    source += ", %slots: " + named("tensor<?xi32>", "slots", "[\"B\"]");
  source += ") -> (" + named(v, "h", dims) + ", " + named(c, "c", rows) + ", " +
            named(n, "n", rows) + ", " + named(m, "m", rows) + ") {\n" +
            "  %r:4 = xlstm.mlstm %q, %k, %v gates(%i, %f) state(%c, %n, %m)" +
            (step ? " {form = step}" : "") + " : (" + q + ", " + q + ", " + v + ", " + g + ", " +
            g + ", " + c + ", " + n + ", " + m + ") -> (" + v + ", " + c + ", " + n + ", " + m +
            ")\n  return %r#0, %r#1, %r#2, %r#3 : " + v + ", " + c + ", " + n + ", " + m + "\n}";
  return source;
}

TEST_F(GpuProgram, StatesOfAnMLSTMInSlotsAndIn16Bits) {
  for (const char *target : {"sm_90a", "sm_80"})
    for (const char *kept : {"f32", "bf16", "f16"}) {
      SCOPED_TRACE(std::string(target) + " " + kept);
      compile(mlstm(32, 64, kept, /*step=*/true), target);
      compare({{"B", 3}, {"R", 3}}, 5e-3);
      compile(mlstm(64, 64, kept, /*step=*/false), target);
      compare({{"B", 2}, {"T", 70}}, 1e-2);
    }
}

/// A gated cell: with two recurrent matrices, or with one unit a head and factors.
std::string gatedCell(int64_t heads, int64_t units, const std::string &type, bool step) {
  std::string head = std::to_string(heads) + "x" + std::to_string(units),
              tokens = step ? "?x" : "?x?x", dims = step ? "[\"B\"]" : "[\"B\", \"T\"]";
  std::string x = "tensor<" + tokens + "2x" + head + "x" + type + ">",
              r = "tensor<2x" + head + "x" + std::to_string(units) + "x" + type + ">",
              bias = "tensor<2x" + head + "xf32>", h = "tensor<" + tokens + head + "x" + type + ">",
              state = "tensor<?x" + head + "xf32>";
  std::string ofStates = " {xlstm.name = \"NAME\", xlstm.dims = [\"S\"]";
  auto named = [&](const char *name) {
    std::string text = ofStates;
    return text.replace(text.find("NAME"), 4, name);
  };
  if (step)
    ofStates.replace(ofStates.find("\"S\""), 3, "\"B\"");
  return "func.func @f(%x: " + x + " {xlstm.name = \"x\", xlstm.dims = " + dims + "}, %r: " + r +
         " {xlstm.name = \"r\"}, %b: " + bias + " {xlstm.name = \"b\"}, %h0: " + state +
         named("h0") + ", xlstm.optional}, %c0: " + state + named("c0") +
         ", xlstm.optional}) -> (" + h + " {xlstm.name = \"h\", xlstm.dims = " + dims + "}, " +
         state + named("h_last") + "}, " + state + named("c_last") + R"(}) {
  %h, %hl, %cl = xlstm.scan )" +
         (step ? "step " : "") + "sequences(%x : " + x + ") constants(%b : " + bias +
         ") recurrent(%r : " + r + ") states(%h0, %c0 : " + state + ", " + state + R"() {
  ^bb0(%p0: f32, %p1: f32, %x0: f32, %x1: f32, %b0: f32, %b1: f32, %hs: f32, %cs: f32):
    %0 = arith.addf %p0, %x0 : f32
    %1 = arith.addf %0, %b0 : f32
    %2 = arith.addf %p1, %x1 : f32
    %3 = arith.addf %2, %b1 : f32
    %g = xlstm.sigmoid %1 : f32
    %z = math.tanh %3 : f32
    %k = arith.mulf %g, %cs : f32
    %c = arith.addf %k, %z : f32
    %n = math.tanh %c : f32
    xlstm.yield outputs(%n : f32) states(%n, %c : f32, f32)
  } -> outputs()" +
         h + ") states(" + state + ", " + state + ")\n  return %h, %hl, %cl : " + h + ", " + state +
         ", " + state + "\n}";
}

TEST_F(GpuProgram, RecurrentCell) {
  for (const char *target : {"sm_90a", "sm_80"})
    for (auto [heads, units] : {std::pair{3, 16}, {2, 33}, {70, 1}, {1, 200}})
      for (bool step : {false, true}) {
        SCOPED_TRACE(std::string(target) + (step ? " step " : " ") + std::to_string(heads) + "x" +
                     std::to_string(units));
        compile(gatedCell(heads, units, "f32", step), target);
        compare({{"B", 3}, {"T", 5}, {"S", 3}}, 1e-5);
        compare({{"B", 2}, {"T", 4}, {"S", 2}}, 1e-5, {"h0", "c0"});
      }
  compile(gatedCell(2, 24, "bf16", false), "sm_90a");
  compare({{"B", 2}, {"T", 6}, {"S", 2}}, 5e-3);
}

} // namespace
} // namespace xlstm

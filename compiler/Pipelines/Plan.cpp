// SPDX-License-Identifier: Apache-2.0
#include "compiler/Pipelines/Plan.h"
#include "compiler/Conversion/KernelArguments.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Import/IR/Build.h"
#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

#include <map>
#include <set>

using namespace mlir;

using namespace mlir::xlstm;

namespace xlstm {

static xlstm_dtype dtypeOf(Type type) {
  if (type.isF64())
    return XLSTM_F64;
  if (type.isBF16())
    return XLSTM_BF16;
  if (type.isF16())
    return XLSTM_F16;
  if (type.isF32())
    return XLSTM_F32;
  return type.isInteger(32) ? XLSTM_I32 : type.isInteger(64) ? XLSTM_I64 : XLSTM_U8;
}

/// A run-time extent from its spelling in xlstm.dims: "T", or "N+1".
static package::Factor extentOf(StringRef spelling) {
  auto [dim, add] = spelling.split('+');
  int64_t number = 0;
  (void)add.getAsInteger(10, number); // stays 0 without a number
  return package::Factor(dim.str(), 1, number);
}

/// An argument or result from its type and its attributes.
static package::Tensor tensor(Type type, DictionaryAttr attributes) {
  auto ranked = cast<RankedTensorType>(type);
  package::Tensor result;
  result.name = attributes.getAs<StringAttr>(nameAttrName).getValue().str();
  result.dtype = dtypeOf(ranked.getElementType());
  result.optional = attributes.contains(optionalAttrName);
  result.parameter = attributes.contains(parameterAttrName);
  auto dims = attributes.getAs<ArrayAttr>(dimsAttrName);
  size_t next = 0;
  for (int64_t extent : ranked.getShape())
    if (ShapedType::isDynamic(extent))
      result.shape.push_back(extentOf(cast<StringAttr>(dims[next++]).getValue()));
    else
      result.shape.push_back(package::Factor(extent));
  return result;
}

/// An attribute as JSON.
static llvm::json::Value toJSON(Attribute attribute) {
  if (auto boolean = dyn_cast<BoolAttr>(attribute))
    return boolean.getValue();
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return integer.getInt();
  if (auto number = dyn_cast<FloatAttr>(attribute))
    return number.getValueAsDouble();
  if (auto string = dyn_cast<StringAttr>(attribute))
    return string.getValue().str();
  if (auto list = dyn_cast<DenseI64ArrayAttr>(attribute))
    return llvm::json::Array(list.asArrayRef());
  if (auto list = dyn_cast<ArrayAttr>(attribute)) {
    llvm::json::Array array;
    for (Attribute element : list)
      array.push_back(toJSON(element));
    return array;
  }
  if (auto dictionary = dyn_cast<DictionaryAttr>(attribute)) {
    llvm::json::Object object;
    for (NamedAttribute entry : dictionary)
      object[entry.getName().getValue()] = toJSON(entry.getValue());
    return object;
  }
  return nullptr;
}

static std::string textOf(llvm::json::Value value) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return text;
}

/// The state of one token before, if `value` is the state after it and the kernel that computes it
/// reads a part of the state as a whole before it writes that part; else null.
static Value stateBefore(Value value) {
  Operation *op = value.getDefiningOp();
  if (auto cell = dyn_cast_if_present<MLSTMOp>(op); cell && cell.isStep())
    return value == cell.getCLast()   ? cell.getC0()
           : value == cell.getNLast() ? cell.getN0()
           : value == cell.getMLast() ? cell.getM0()
                                      : Value();
  if (auto conv = dyn_cast_if_present<CausalConv1dOp>(op))
    return value == conv.getStateLast() && conv.getX().getType().getDimSize(1) == 1
               ? conv.getState()
               : Value();
  auto scan = dyn_cast_if_present<ScanOp>(op);
  if (!scan || !scan.getStep())
    return Value();
  auto given = scan.getInitialStates().begin();
  for (auto [i, last] : llvm::enumerate(scan.getLastStates())) {
    ArrayRef<bool> has = scan.getStatesHaveInitial();
    Value initial = !has.empty() && has[i] ? *given++ : Value();
    if (last == value)
      return initial;
  }
  return Value();
}

package::Function describeFunction(func::FuncOp function) {
  package::Function result;
  result.name = function.getName().str();
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    result.inputs.push_back(tensor(type, function.getArgAttrDict(i)));
  for (auto [i, type] : llvm::enumerate(function.getResultTypes())) {
    package::Tensor output = tensor(type, function.getResultAttrDict(i));
    std::string inner = getInnerResultName(function, output.name);
    if (inner != output.name)
      output.as = std::exchange(output.name, inner);
    result.outputs.push_back(output);
  }
  // The gradient of an optional input is there when the input is.
  for (package::Tensor &output : result.outputs)
    for (const package::Tensor &input : result.inputs)
      if (input.optional && output.name == "d" + input.name)
        output.with = input.name;
  // A step may write states over those that it reads, where nothing else reads them.
  Operation *end = function.getBody().front().getTerminator();
  for (auto [output, value] : llvm::zip_equal(result.outputs, end->getOperands()))
    if (auto state = dyn_cast_if_present<BlockArgument>(stateBefore(value));
        state && state.hasOneUse())
      output.inPlace = result.inputs[state.getArgNumber()].name;
  auto hasDim = [&](StringRef name) {
    for (const std::vector<package::Tensor> *list : {&result.inputs, &result.outputs})
      for (const package::Tensor &tensor : *list)
        for (const package::Factor &extent : tensor.shape)
          if (extent.dim == name)
            return true;
    return false;
  };
  if (hasDim("S")) {
    package::DerivedDim sequences{"S", {}};
    for (const char *source : {"N", "B"})
      if (hasDim(source))
        sequences.sources.push_back(source);
    result.derivedDims.push_back(sequences);
  }
  if (hasDim("R"))
    result.derivedDims.push_back({"R", {"B"}, {}, {}, "slots"});
  if (auto cell = function->getAttrOfType<DictionaryAttr>(cellAttrName))
    result.attributes = cellToJson(cell);
  return result;
}

namespace {
/// Extents and arguments of the launches of one implementation.
class Planner {
public:
  Planner(ModuleOp module, const package::Function &function) {
    for (const std::vector<package::Tensor> *list : {&function.inputs, &function.outputs})
      for (const package::Tensor &tensor : *list)
        tensors[tensor.name] = &tensor;
    if (auto list = module->getAttrOfType<ArrayAttr>(workspaceAttrName))
      for (Attribute entry : list)
        workspace.push_back(bufferOf(cast<DictionaryAttr>(entry)));
  }

  /// `names` are those of the kernel's tensors.
  package::Launch launchOf(tile::KernelOp kernel, ArrayAttr names) {
    auto nameOf = [&](unsigned tensor) { return cast<StringAttr>(names[tensor]).str(); };
    package::Launch launch;
    launch.kernel = kernel.getSymName().str();
    for (unsigned i = 0; i < kernel.getNumGridDims(); ++i) {
      auto [tensor, axis] = kernel.getGridDim(i);
      package::Factor extent(kernel.getGridSizes()[i]);
      if (tensor >= 0) {
        extent = extentOfAxis(nameOf(tensor), axis);
        extent.ceilDiv = kernel.getGridDivisor(i);
      }
      launch.grid.push_back(extent);
    }
    for (const KernelArgument &argument : kernelArguments(kernel)) {
      std::string name = nameOf(argument.tensor);
      int merged = kernel.getMerged(argument.tensor);
      int64_t axis = argument.axis ? argument.axis + merged - 1 : 0;
      int ofAxis = argument.axis ? 1 : merged;
      if (argument.kind == KernelArgument::Pointer)
        launch.args.push_back(package::Argument::pointer(name));
      else if (argument.kind == KernelArgument::Dim)
        launch.args.push_back(package::Argument::dim(name, axis, ofAxis));
      else
        launch.args.push_back(package::Argument::stride(name, axis, ofAxis));
    }
    if (auto product = kernel->getAttrOfType<DictionaryAttr>(productAttrName))
      launch.product = productOf(product, nameOf);
    return launch;
  }

  std::vector<package::Workspace> workspace;

private:
  static package::MatrixProduct productOf(DictionaryAttr product,
                                          llvm::function_ref<std::string(unsigned)> nameOf) {
    auto one = [&](StringRef key) {
      auto place = product.getAs<IntegerAttr>(key);
      return place ? nameOf(place.getInt()) : std::string();
    };
    auto all = [&](StringRef key) {
      std::vector<std::string> names;
      for (int64_t place : product.getAs<DenseI64ArrayAttr>(key).asArrayRef())
        names.push_back(nameOf(place));
      return names;
    };
    return {one("x"), all("weights"), all("results"), one("residual"), one("bias")};
  }

  /// An extent of an argument, or of a workspace tensor whose extent is one dimension.
  package::Factor extentOfAxis(StringRef tensor, int64_t axis) {
    if (const package::Tensor *found = tensors.lookup(tensor))
      return found->shape[axis];
    auto buffer =
        llvm::find_if(workspace, [&](const package::Workspace &w) { return w.name == tensor; });
    return buffer->shape[axis].front().front();
  }

  /// {name, type, extents = [[["B", ["T", 64]], ["N"]], …]}: each dynamic extent is a sum of
  /// products of dimensions, or of [dimension, divisor], rounded up.
  static package::Workspace bufferOf(DictionaryAttr entry) {
    auto type = cast<RankedTensorType>(entry.getAs<TypeAttr>("type").getValue());
    package::Workspace buffer;
    buffer.name = entry.getAs<StringAttr>("name").getValue().str();
    if (auto of = entry.getAs<StringAttr>("of"))
      buffer.of = of.getValue().str();
    buffer.dtype = dtypeOf(type.getElementType());
    auto extents = entry.getAs<ArrayAttr>("extents");
    size_t next = 0;
    for (int64_t extent : type.getShape()) {
      package::Sum sum;
      if (!ShapedType::isDynamic(extent)) {
        sum = {{package::Factor(extent)}};
      } else {
        for (Attribute product : cast<ArrayAttr>(extents[next++])) {
          package::Product &factors = sum.emplace_back();
          for (Attribute factor : cast<ArrayAttr>(product))
            factors.push_back(factorOf(factor));
        }
      }
      buffer.shape.push_back(sum);
    }
    return buffer;
  }

  static package::Factor factorOf(Attribute attribute) {
    if (auto dim = dyn_cast<StringAttr>(attribute))
      return package::Factor(dim.getValue().str());
    auto quotient = cast<ArrayAttr>(attribute);
    return package::Factor(cast<StringAttr>(quotient[0]).getValue().str(),
                           cast<IntegerAttr>(quotient[1]).getInt());
  }

  llvm::StringMap<const package::Tensor *> tensors;
};
} // namespace

/// Marks the launches that read nothing but parameters and what such launches have written, and whose
/// buffers and grid have no dimensions. `written` has, for each launch, what its kernel stores to.
static void markPreparing(package::Implementation &implementation,
                          const package::Function &function,
                          ArrayRef<std::set<std::string>> written) {
  std::set<std::string> settled; // parameters, and buffers with nothing but what depends on them
  for (const package::Tensor &input : function.inputs)
    if (input.parameter)
      settled.insert(input.name);
  std::map<std::string, std::string> owners; // of views
  std::set<std::string> buffers, fixed;      // all, and those without dimensions
  auto hasDim = [](const package::Product &product) {
    return llvm::any_of(product, [](const package::Factor &factor) { return !factor.dim.empty(); });
  };
  for (const package::Workspace &buffer : implementation.workspace) {
    buffers.insert(buffer.name);
    if (!buffer.of.empty())
      owners[buffer.name] = buffer.of;
    if (buffer.bytes.empty() && llvm::none_of(buffer.shape, [&](const package::Sum &extent) {
          return llvm::any_of(extent, hasDim);
        }))
      fixed.insert(buffer.name);
  }
  auto ownerOf = [&](const std::string &name) {
    auto found = owners.find(name);
    return found == owners.end() ? name : found->second;
  };
  std::map<std::string, int> writers; // launches that store to a buffer
  for (const std::set<std::string> &names : written)
    for (const std::string &name : names)
      ++writers[ownerOf(name)];
  for (auto [i, launch] : llvm::enumerate(implementation.launches)) {
    const std::set<std::string> &stored = written[i];
    launch.prepare =
        !hasDim(launch.grid) && llvm::all_of(launch.args, [&](const package::Argument &argument) {
          std::string owner = ownerOf(argument.tensor);
          if (buffers.count(argument.tensor) && !fixed.count(argument.tensor))
            return false;
          if (!stored.count(argument.tensor))
            return settled.count(owner) > 0;
          return fixed.count(owner) && writers[owner] == 1;
        });
    if (launch.prepare)
      for (const std::string &name : stored)
        settled.insert(ownerOf(name));
  }
}

/// The tensors that a kernel stores to, by the names that a launch gives them.
static std::set<std::string> storedBy(tile::KernelOp kernel, ArrayAttr names) {
  llvm::SmallDenseSet<Value> tensors;
  kernel.walk([&](tile::StoreOp store) { tensors.insert(store.getTensor()); });
  kernel.walk([&](tile::StoreScalarOp store) { tensors.insert(store.getTensor()); });
  std::set<std::string> result;
  for (unsigned i = 0; i < kernel.getNumTensors(); ++i)
    if (tensors.contains(kernel.getTensor(i)))
      result.insert(cast<StringAttr>(names[i]).str());
  return result;
}

static llvm::json::Value scheduleOf(tile::KernelOp kernel) {
  DictionaryAttr schedule = kernel.getScheduleAttr();
  return schedule ? toJSON(schedule) : llvm::json::Object();
}

std::string scheduleText(tile::KernelOp kernel) { return textOf(scheduleOf(kernel)); }

package::Implementation planOf(ModuleOp module, const package::Function &function,
                               const std::string &target) {
  package::Implementation implementation;
  implementation.target = target;
  Planner planner(module, function);
  implementation.workspace = planner.workspace;
  // One kernel's schedule stands as it is, those of several by the kernels' names.
  llvm::json::Object schedules;
  std::vector<std::set<std::string>> stored; // by each launch
  auto launches = module->getAttrOfType<ArrayAttr>(launchesAttrName);
  for (tile::KernelOp kernel : module.getOps<tile::KernelOp>()) {
    if (!launches) {
      implementation.launches.push_back(planner.launchOf(kernel, kernel.getArgNames()));
      stored.push_back(storedBy(kernel, kernel.getArgNames()));
    }
    schedules[kernel.getSymName()] = scheduleOf(kernel);
  }
  for (Attribute entry : launches ? launches : ArrayAttr::get(module.getContext(), {})) {
    auto launch = cast<DictionaryAttr>(entry);
    auto kernel = module.lookupSymbol<tile::KernelOp>(launch.getAs<StringAttr>("kernel"));
    implementation.launches.push_back(planner.launchOf(kernel, launch.getAs<ArrayAttr>("names")));
    stored.push_back(storedBy(kernel, launch.getAs<ArrayAttr>("names")));
  }
  markPreparing(implementation, function, stored);
  implementation.schedule =
      textOf(schedules.size() == 1 ? llvm::json::Value(std::move(schedules.begin()->second))
                                   : llvm::json::Value(std::move(schedules)));
  return implementation;
}

std::vector<package::DerivedDim> partsOf(ModuleOp module) {
  std::vector<package::DerivedDim> result;
  auto list = module->getAttrOfType<ArrayAttr>(partsAttrName);
  for (Attribute entry : list ? list.getValue() : ArrayRef<Attribute>()) {
    auto part = cast<DictionaryAttr>(entry);
    auto string = [&](StringRef key) { return part.getAs<StringAttr>(key).getValue().str(); };
    auto integer = [&](StringRef key) { return part.getAs<IntegerAttr>(key).getInt(); };
    auto blocks = part.getAs<ArrayAttr>("blocks");
    package::Parts parts;
    parts.of = string("of");
    parts.least = integer("least");
    parts.blocks = {package::Factor(cast<StringAttr>(blocks[0]).getValue().str()),
                    package::Factor(cast<IntegerAttr>(blocks[1]).getInt())};
    parts.mostBlocks = integer("most_blocks");
    result.push_back({string("name"), {}, parts});
  }
  return result;
}

std::vector<package::DerivedDim> rowsOf(func::FuncOp function) {
  package::Function description = describeFunction(function);
  auto hasDim = [&](StringRef name) {
    return llvm::any_of(description.inputs, [&](const package::Tensor &tensor) {
      return llvm::any_of(tensor.shape,
                          [&](const package::Factor &extent) { return extent.dim == name; });
    });
  };
  std::vector<package::DerivedDim> result;
  function.walk([&](mlir::xlstm::LinearOp linear) {
    auto type = cast<RankedTensorType>(linear.getX().getType());
    package::DerivedDim dim{"B"};
    if (type.getNumDynamicDims() > 1)
      dim = {"B*T", {}, {}, {"B", "T"}};
    if (type.getNumDynamicDims() && hasDim("B") && (dim.factors.empty() || hasDim("T")) &&
        llvm::none_of(result, [&](const auto &known) { return known.name == dim.name; }))
      result.push_back(dim);
  });
  return result;
}

std::vector<std::string> narrowTensors(tile::KernelOp kernel) {
  DictionaryAttr schedule = kernel.getScheduleAttr();
  bool all = schedule && schedule.contains("aligned"),
       spread = schedule && schedule.contains("spread");
  if (schedule && schedule.contains("products")) // its matrices are read an element at a time
    return {};
  llvm::SmallDenseSet<Value> matrices;
  auto add = [&](Value tensor, Value tile) {
    ArrayRef<int64_t> shape = cast<tile::TileType>(tile.getType()).getShape();
    if (shape.size() == 2 && shape[0] > 1)
      matrices.insert(tensor);
  };
  kernel.walk([&](tile::LoadOp load) { add(load.getTensor(), load.getTile()); });
  kernel.walk([&](tile::StoreOp store) { add(store.getTensor(), store.getTile()); });
  std::vector<std::string> names;
  for (unsigned i = 0; i < kernel.getNumTensors(); ++i) {
    auto type = cast<MemRefType>(kernel.getTensor(i).getType());
    SmallVector<int64_t> strides;
    int64_t offset;
    (void)getStridesAndOffset(type, strides, offset); // the kernel's verifier has made sure
    bool narrow = type.getElementTypeBitWidth() == 16, hasRows = strides.back() == 1;
    if (spread ? matrices.contains(kernel.getTensor(i)) : narrow ? !all || hasRows : all && hasRows)
      names.push_back(kernel.getTensorName(i).str());
  }
  return names;
}

void finishGPULaunch(package::Launch &launch, LLVM::LLVMFuncOp function,
                     const std::vector<std::string> &aligned) {
  launch.block = function->getAttrOfType<IntegerAttr>("tile.threads").getInt();
  launch.sharedBytes = function->getAttrOfType<IntegerAttr>("tile.shared_bytes").getInt();
  launch.overlaps = function->hasAttr("tile.overlaps");
  launch.early = function->hasAttr("tile.early");
  if (auto cluster = function->getAttrOfType<DenseI32ArrayAttr>("nvvm.cluster_dim"))
    launch.cluster = cluster[0];
  std::vector<std::string> names; // of the tensors, in the order of the kernel's arguments
  for (const package::Argument &argument : launch.args)
    if (argument.kind == package::Argument::Kind::Pointer)
      names.push_back(argument.tensor);
  for (Attribute attribute : function->getAttrOfType<ArrayAttr>("tile.tensor_maps")) {
    auto map = cast<DictionaryAttr>(attribute);
    ArrayRef<int64_t> box = map.getAs<DenseI64ArrayAttr>("box");
    auto merged = map.getAs<IntegerAttr>("merged");
    launch.args.push_back(
        package::Argument::tensorMap(names[map.getAs<IntegerAttr>("tensor").getInt()], box.vec(),
                                     /*swizzle=*/128, merged ? merged.getInt() : 1));
  }
  for (const std::string &name : aligned)
    launch.requirements.push_back({name, 16});
}

int64_t scratchBytes(LLVM::LLVMFuncOp function) {
  return function->getAttrOfType<IntegerAttr>("tile.scratch_bytes").getInt();
}

} // namespace xlstm

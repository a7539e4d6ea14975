// SPDX-License-Identifier: Apache-2.0
#include "compiler/Pipelines/Plan.h"
#include "compiler/Conversion/KernelArguments.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;

namespace xlstm {

static xlstm_dtype dtypeOf(Type type) {
  if (type.isF64())
    return XLSTM_F64;
  if (type.isBF16())
    return XLSTM_BF16;
  return type.isF16() ? XLSTM_F16 : XLSTM_F32;
}

static package::Tensor tensor(StringRef name, Type type, bool optional) {
  auto ranked = cast<RankedTensorType>(type);
  package::Tensor result;
  result.name = name.str();
  result.dtype = dtypeOf(ranked.getElementType());
  result.optional = optional;
  for (int64_t axis = 0; axis < ranked.getRank(); ++axis)
    if (ranked.isDynamicDim(axis))
      result.shape.push_back(package::Factor(axis == 0 ? "B" : "T"));
    else
      result.shape.push_back(package::Factor(ranked.getDimSize(axis)));
  return result;
}

package::Manifest manifestOf(const description::ModelDescription &model, ModuleOp module) {
  package::Manifest manifest;
  manifest.name = model.name;
  manifest.toolVersion = "0.1.0";
  auto function = *module.getOps<func::FuncOp>().begin();
  auto cell = *function.getOps<mlir::xlstm::MLSTMOp>().begin();
  package::Function forward;
  forward.name = function.getName().str();
  forward.inputs = {
      tensor("q", cell.getQ().getType(), false), tensor("k", cell.getK().getType(), false),
      tensor("v", cell.getV().getType(), false), tensor("i", cell.getI().getType(), false),
      tensor("f", cell.getF().getType(), false), tensor("c0", cell.getC0().getType(), true)};
  forward.outputs = {tensor("h", cell.getH().getType(), false),
                     tensor("c_last", cell.getCLast().getType(), true)};
  if (cell.hasNormalizer()) {
    forward.inputs.push_back(tensor("n0", cell.getN0().getType(), true));
    forward.outputs.push_back(tensor("n_last", cell.getNLast().getType(), true));
  }
  if (cell.hasStabilizer()) {
    forward.inputs.push_back(tensor("m0", cell.getM0().getType(), true));
    forward.outputs.push_back(tensor("m_last", cell.getMLast().getType(), true));
  }
  const description::CellDescription &c = *model.cell;
  llvm::json::Object attributes{{"kind", description::spelling(c.kind)},
                                {"heads", c.heads},
                                {"dqk", c.dqk},
                                {"dv", c.dv},
                                {"input_gate", description::spelling(c.inputGate)},
                                {"normalize", c.normalize},
                                {"eps", c.eps},
                                {"scale_on", description::spelling(c.scaleOn)},
                                {"denominator", description::spelling(c.denominator)}};
  forward.attributes.clear();
  llvm::raw_string_ostream(forward.attributes) << llvm::json::Value(std::move(attributes));
  manifest.functions.push_back(std::move(forward));
  return manifest;
}

/// A schedule as JSON.
static std::string toJSON(DictionaryAttr schedule) {
  llvm::json::Object object;
  for (NamedAttribute entry : schedule) {
    if (auto integer = dyn_cast<IntegerAttr>(entry.getValue()))
      object[entry.getName().getValue()] = integer.getInt();
    else if (auto string = dyn_cast<StringAttr>(entry.getValue()))
      object[entry.getName().getValue()] = string.getValue().str();
    else if (auto list = dyn_cast<DenseI64ArrayAttr>(entry.getValue()))
      object[entry.getName().getValue()] = llvm::json::Array(list.asArrayRef());
  }
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(object));
  return text;
}

package::Implementation planOf(tile::KernelOp kernel, const std::string &target) {
  package::Implementation implementation;
  implementation.target = target;
  implementation.schedule = toJSON(kernel.getScheduleAttr());
  package::Launch launch;
  launch.kernel = kernel.getSymName().str();
  for (unsigned i = 0; i < kernel.getNumGridDims(); ++i) {
    auto [tensor, axis] = kernel.getGridDim(i);
    if (tensor < 0)
      launch.grid.push_back(package::Factor(kernel.getGridSizes()[i]));
    else
      launch.grid.push_back(package::Factor(axis == 0 ? "B" : "T"));
  }
  for (const KernelArgument &argument : kernelArguments(kernel)) {
    std::string name = kernel.getTensorName(argument.tensor).str();
    if (argument.kind == KernelArgument::Pointer)
      launch.args.push_back(package::Argument::pointer(name));
    else if (argument.kind == KernelArgument::Dim)
      launch.args.push_back(package::Argument::dim(name, argument.axis));
    else
      launch.args.push_back(package::Argument::stride(name, argument.axis));
  }
  implementation.launches.push_back(std::move(launch));
  return implementation;
}

std::vector<std::string> narrowTensors(tile::KernelOp kernel) {
  std::vector<std::string> names;
  for (unsigned i = 0; i < kernel.getNumTensors(); ++i)
    if (cast<MemRefType>(kernel.getTensor(i).getType()).getElementTypeBitWidth() == 16)
      names.push_back(kernel.getTensorName(i).str());
  return names;
}

void finishGPULaunch(package::Launch &launch, LLVM::LLVMFuncOp function,
                     const std::vector<std::string> &aligned) {
  launch.block = function->getAttrOfType<IntegerAttr>("tile.threads").getInt();
  launch.sharedBytes = function->getAttrOfType<IntegerAttr>("tile.shared_bytes").getInt();
  std::vector<std::string> names; // of the tensors, in the order of the kernel's arguments
  for (const package::Argument &argument : launch.args)
    if (argument.kind == package::Argument::Kind::Pointer)
      names.push_back(argument.tensor);
  for (Attribute attribute : function->getAttrOfType<ArrayAttr>("tile.tensor_maps")) {
    auto map = cast<DictionaryAttr>(attribute);
    ArrayRef<int64_t> box = map.getAs<DenseI64ArrayAttr>("box");
    launch.args.push_back(package::Argument::tensorMap(
        names[map.getAs<IntegerAttr>("tensor").getInt()], box.vec(), /*swizzle=*/128));
  }
  for (const std::string &name : aligned)
    launch.requirements.push_back({name, 16});
}

int64_t scratchBytes(ModuleOp module) {
  int64_t bytes = 0;
  module.walk([&](Operation *op) {
    if (auto attribute = op->getAttrOfType<IntegerAttr>("tile.scratch_bytes"))
      bytes = std::max(bytes, attribute.getInt());
  });
  return bytes;
}

} // namespace xlstm

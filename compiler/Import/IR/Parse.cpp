// SPDX-License-Identifier: Apache-2.0
/// \file
/// An .mlir file as a model: its functions, with names for all tensors.
#include "compiler/Import/IR/Build.h"
#include "compiler/Import/IR/Cell.h"
#include "compiler/Import/IR/Function.h"
#include "compiler/Import/IR/Step.h"
#include "compiler/Import/Value.h"
#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

using namespace mlir;

namespace xlstm {

using description::Check;
using description::Problem;

/// `line 3, column 7`, or nothing for a location that is not in the file.
static std::string place(Location loc) {
  if (auto found = loc->findInstanceOf<FileLineColLoc>())
    return "line " + std::to_string(found.getLine()) + ", column " +
           std::to_string(found.getColumn());
  return "";
}

static std::string spell(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << "'" << type << "'";
  return description::printable(text);
}

namespace {

/// Names the tensors of one function, from its attributes or else from its cells.
class Namer {
public:
  explicit Namer(func::FuncOp function) : function(function) {
    function.walk([&](Operation *op) { llvm::append_range(roles, getRoles(op)); });
  }

  Check run() {
    for (BlockArgument argument : function.getArguments()) {
      unsigned index = argument.getArgNumber();
      FunctionTensor tensor = getArgument(function, index);
      if (Check problem = complete(tensor, argument, "argument " + std::to_string(index)))
        return problem;
      setArgument(function, index, tensor);
    }
    Operation *exit = function.getBody().back().getTerminator();
    for (OpOperand &operand : exit->getOpOperands()) {
      unsigned index = operand.getOperandNumber();
      FunctionTensor tensor = getResult(function, index);
      if (Check problem = complete(tensor, operand.get(), "result " + std::to_string(index)))
        return problem;
      setResult(function, index, tensor);
    }
    return std::nullopt;
  }

private:
  Problem problem(const std::string &message) {
    return {place(function.getLoc()), "@" + function.getName().str() + ": " + message};
  }

  /// Fills in what the attributes do not say, and checks the whole.
  Check complete(FunctionTensor &tensor, Value value, const std::string &which) {
    if (!tensor.type)
      return problem("expected a ranked tensor as " + which + ", got " + spell(value.getType()));
    const Role *role = llvm::find_if(roles, [&](const Role &role) { return role.value == value; });
    if (role == roles.end())
      role = nullptr;
    if (tensor.name.empty()) {
      if (!role || role->name.empty())
        return problem("expected the attribute xlstm.name on " + which +
                       ", which no cell gives a name, got none");
      tensor.name = role->name;
      tensor.isOptional |= role->isOptional;
    }
    std::string name = "'" + description::printable(tensor.name) + "'";
    if (!names.insert(tensor.name).second)
      return problem("expected each name once, got " + name + " again for " + which);
    if (tensor.dims.empty() && role)
      for (auto [extent, axis] : llvm::zip(tensor.type.getShape(), role->axes))
        if (ShapedType::isDynamic(extent))
          tensor.dims.push_back(axis.str());
    if (static_cast<int64_t>(tensor.dims.size()) != tensor.type.getNumDynamicDims())
      return problem("expected in xlstm.dims a name for each of the " +
                     std::to_string(tensor.type.getNumDynamicDims()) + " dynamic extents of " +
                     name + ", got " + std::to_string(tensor.dims.size()));
    for (const std::string &dim : tensor.dims)
      if (!llvm::is_contained({"B", "T", "S", "N", "N+1", "R"}, dim))
        return problem("expected B, T, S, N, N+1 or R in xlstm.dims of " + name + ", got '" +
                       description::printable(dim) + "'");
    return std::nullopt;
  }

  func::FuncOp function;
  SmallVector<Role> roles;
  llvm::StringSet<> names;
};

} // namespace

/// Says which cell a function computes, where that is one.
static void describeCell(func::FuncOp function) {
  if (function->hasAttr(mlir::xlstm::cellAttrName))
    return;
  SmallVector<Operation *> cells;
  function.walk([&](Operation *op) {
    if (isa<mlir::xlstm::MLSTMOp, mlir::xlstm::ScanOp>(op))
      cells.push_back(op);
  });
  if (cells.size() == 1)
    function->setAttr(mlir::xlstm::cellAttrName, cellAttribute(cells.front()));
}

static Check completeModule(ModuleOp module, const std::string &file) {
  if (!module.getName())
    module.setName(llvm::sys::path::stem(file));
  auto forward = module.lookupSymbol<func::FuncOp>("forward");
  if (!forward)
    return Problem{"", "expected func.func @forward, got none"};
  for (Operation &op : *module.getBody()) {
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function || function.isExternal() || !function.getBody().hasOneBlock())
      return Problem{place(op.getLoc()),
                     "expected a func.func with one block, got " +
                         (function && function.isExternal() ? std::string("an external function")
                                                            : op.getName().getStringRef().str())};
    if (!llvm::is_contained({"forward", "forward_backward", "step"}, function.getName()))
      return Problem{place(op.getLoc()),
                     "expected the functions forward, forward_backward and step, got '" +
                         function.getName().str() + "'"};
    if (Check problem = Namer(function).run())
      return problem;
    describeCell(function);
  }
  if (!module.lookupSymbol("step"))
    deriveStep(forward);
  return std::nullopt;
}

description::Result<OwningOpRef<ModuleOp>> parseModule(const std::string &file,
                                                       MLIRContext &context) {
  std::string error;
  std::unique_ptr<llvm::MemoryBuffer> buffer = openInputFile(file, &error);
  if (!buffer)
    return description::Diagnostic{description::printable(file, 4096), "", error};
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(std::move(buffer), llvm::SMLoc());
  std::optional<Problem> first;
  ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
    if (!first && diagnostic.getSeverity() == DiagnosticSeverity::Error)
      first =
          Problem{place(diagnostic.getLocation()), description::printable(diagnostic.str(), 1000)};
    return success();
  });
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  Check problem = first;
  if (!module && !problem)
    problem = Problem{"", "expected a module of MLIR, got none"};
  if (!problem)
    problem = completeModule(*module, file);
  if (problem)
    return description::Diagnostic{description::printable(file, 4096), problem->path,
                                   problem->message};
  return module;
}

description::Result<OwningOpRef<ModuleOp>>
importModule(const std::string &path, MLIRContext &context, std::vector<std::string> &notes,
             std::optional<description::DType> stateDtype) {
  auto stateProblem = [&](const std::string &message) {
    return description::Diagnostic{description::printable(path, 4096), "",
                                   "--state-dtype: " + message};
  };
  if (StringRef(path).ends_with(".mlir")) {
    if (stateDtype)
      return stateProblem("expected a description, got a file of MLIR, which has the types of all "
                          "its tensors");
    return parseModule(path, context);
  }
  auto model = description::importDescription(path);
  if (!model)
    return model.error();
  if (stateDtype)
    if (auto problem = description::setStateDtype(*model, *stateDtype))
      return stateProblem(*problem);
  notes = model->notes;
  return buildModule(*model, path, context);
}

} // namespace xlstm

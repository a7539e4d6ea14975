// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-interpret/Program.h"

#include "compiler/Import/IR/Build.h"
#include "dialect/xlstm/IR/FunctionAttrs.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "dialect/xlstm/Interpreter/Interpreter.h"
#include "dialect/xlstm/Transforms/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Pass/PassManager.h"
#include "runtime/src/support/Failure.h"
#include "tools/common/TensorNames.h"

#include <cstdio>
#include <set>

using namespace mlir;

namespace xlstm::tools {
namespace {

/// While it lives, errors of MLIR are collected; the first becomes a Failure.
class Diagnostics {
public:
  Diagnostics(MLIRContext &context, std::string source)
      : handler(&context,
                [this](Diagnostic &diagnostic) {
                  if (diagnostic.getSeverity() == DiagnosticSeverity::Error && first.empty())
                    first = diagnostic.str();
                  return success();
                }),
        source(std::move(source)) {}

  [[noreturn]] void raise(const char *otherwise) const {
    fail(XLSTM_ERROR_INVALID_INPUT, source, ": ", oneLine(first.empty() ? otherwise : first));
  }

private:
  std::string first;
  ScopedDiagnosticHandler handler;
  std::string source;
};

DType dtypeOf(Type type) {
  if (type.isF64())
    return XLSTM_F64;
  if (type.isF32())
    return XLSTM_F32;
  if (type.isBF16())
    return XLSTM_BF16;
  if (type.isF16())
    return XLSTM_F16;
  return type.isInteger(32) ? XLSTM_I32 : XLSTM_U8;
}

/// `attributes` are those of the argument or result; without a name it gets
/// `fallback`.
DeclaredTensor declared(Type type, DictionaryAttr attributes, std::string fallback,
                        const std::string &model) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    fail(XLSTM_ERROR_INVALID_INPUT, model, ": ", fallback, ": expected a ranked tensor");
  auto name = attributes.getAs<StringAttr>(mlir::xlstm::nameAttrName);
  auto dims = attributes.getAs<ArrayAttr>(mlir::xlstm::dimsAttrName);
  DeclaredTensor result{name ? name.str() : std::move(fallback),
                        dtypeOf(tensor.getElementType()),
                        tensor.getShape().vec(),
                        {},
                        attributes.contains(mlir::xlstm::optionalAttrName)};
  size_t next = 0;
  for (int64_t axis = 0; axis < tensor.getRank(); ++axis) {
    bool named = tensor.isDynamicDim(axis) && dims && next < dims.size();
    std::string dim = named ? cast<StringAttr>(dims[next++]).str() : "";
    result.axes.push_back(dim == "N+1" ? "" : dim);
  }
  return result;
}

/// What --probe asks for, and what has come of it.
class ProbedStates {
public:
  explicit ProbedStates(const std::vector<Probe> &probes) {
    for (auto &[step, states] : statesByStep(probes)) {
      steps.push_back(step);
      for (const std::string &state : states)
        wanted.insert(probeName(state, step));
    }
  }

  mlir::xlstm::Probes request() {
    return {steps, [this](const mlir::xlstm::ProbedState &state) {
              names.insert(state.name);
              std::string name = probeName(state.name, state.step);
              if (wanted.erase(name))
                tensors.push_back(
                    fromNumbers(name, XLSTM_F64, state.value.shape, state.value.data));
            }};
  }

  /// Throws Failure if something that was asked for did not come, in a run over
  /// so many steps.
  void expectAll(const std::string &model, int64_t length) const {
    if (wanted.empty())
      return;
    auto [state, step] = splitProbe(*wanted.begin());
    if (step >= length)
      fail(XLSTM_ERROR_INVALID_INPUT, model, ": --probe: expected a step before ", length,
           ", the number of steps of the inputs, got ", step);
    std::string list;
    for (const std::string &name : names)
      list += (list.empty() ? "" : ", ") + name;
    fail(XLSTM_ERROR_INVALID_INPUT, model, ": --probe: expected a state of the model (", list,
         "), got '", state, "'");
  }

  std::vector<HostTensor> tensors;

private:
  std::vector<int64_t> steps;
  std::set<std::string> wanted, names;
};

} // namespace

Program::Program(const std::string &model, const std::string &function, const std::string &weights)
    : model(model), functionName(function) {
  DialectRegistry registry;
  registry.insert<mlir::xlstm::XLSTMDialect, arith::ArithDialect, func::FuncDialect,
                  math::MathDialect>();
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadAllAvailableDialects();
  importModel();
  expandBlocks();
  if (!weights.empty() || (isDirectory(model) && safetensors::Checkpoint::isThere(model)))
    checkpoint = safetensors::Checkpoint::open(weights.empty() ? model : weights);
  if ((functionName == "forward_backward" || functionName == "loss_grad") &&
      !module->lookupSymbol(functionName))
    deriveBackward();
  this->function = module->lookupSymbol<func::FuncOp>(functionName);
  if (!this->function)
    fail(XLSTM_ERROR_INVALID_INPUT, model, ": expected a function of the model, got '",
         functionName, "'");
  readSignature();
}

Program::~Program() = default;

void Program::importModel() {
  std::vector<std::string> notes;
  auto imported = importModule(model, *context, notes);
  if (!imported)
    fail(XLSTM_ERROR_INVALID_INPUT, imported.error().str());
  for (const std::string &note : notes)
    std::fprintf(stderr, "xlstm-interpret: note: %s\n", note.c_str());
  module = std::move(*imported);
}

void Program::expandBlocks() {
  Diagnostics diagnostics(*context, model);
  PassManager passes(context.get());
  passes.addPass(mlir::xlstm::createExpandBlocks());
  if (failed(passes.run(*module)))
    diagnostics.raise("the blocks cannot be expanded");
}

void Program::deriveBackward() {
  Diagnostics diagnostics(*context, model);
  PassManager passes(context.get());
  mlir::xlstm::DeriveBackwardOptions options;
  options.function = functionName == "loss_grad" ? "loss" : "forward";
  passes.addPass(mlir::xlstm::createDeriveBackward(options));
  if (failed(passes.run(*module)))
    diagnostics.raise("the gradients cannot be derived");
}

void Program::readSignature() {
  auto attributes = [&](DictionaryAttr given) {
    return given ? given : DictionaryAttr::get(context.get());
  };
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    arguments.push_back(declared(function.getArgumentTypes()[i],
                                 attributes(function.getArgAttrDict(i)), cat("argument", i),
                                 model));
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    results.push_back(declared(function.getResultTypes()[i],
                               attributes(function.getResultAttrDict(i)), cat("result", i), model));
}

void Program::run(const std::string &inputFile, const std::string &output,
                  const InterpretOptions &options) {
  auto file = safetensors::File::open(inputFile);
  HostInputs inputs = readInputs(file, arguments, "xlstm-interpret", functionName,
                                 checkpoint ? &*checkpoint : nullptr, model);
  std::vector<std::optional<mlir::xlstm::TensorValue>> values;
  for (const std::optional<HostTensor> &input : inputs) {
    values.emplace_back();
    if (input)
      values.back() = {input->shape, input->numbers()};
  }
  mlir::xlstm::Rounding rounding{options.round == "nearest"  ? rounding.Nearest
                                 : options.round == "random" ? rounding.Random
                                                             : rounding.None,
                                 uint64_t(options.seed)};
  ProbedStates probed(options.probes);
  Diagnostics diagnostics(*context, inputFile);
  FailureOr<std::vector<mlir::xlstm::TensorValue>> outputs =
      mlir::xlstm::interpret(function, values, probed.request(), rounding);
  if (failed(outputs))
    diagnostics.raise("the function cannot be run");
  probed.expectAll(model, stepsOf(inputs));

  std::vector<HostTensor> tensors;
  for (auto [value, result] : llvm::zip(*outputs, results)) {
    tensors.push_back(fromNumbers(result.name, options.declaredTypes ? result.dtype : XLSTM_F64,
                                  value.shape, value.data));
    tensors.back().axes = result.axes;
  }
  tensors.insert(tensors.end(), probed.tensors.begin(), probed.tensors.end());
  writeTensors(output, tensors);
}

} // namespace xlstm::tools

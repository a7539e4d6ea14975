// SPDX-License-Identifier: Apache-2.0
/// \file
/// A FlashRNN configuration: one recurrent cell. Its layouts and batch size are ignored, because
/// tensors here always have the layout of the cell's functions and any batch size.
#include "compiler/Import/Blocks.h"
#include "compiler/Import/Cells.h"
#include "compiler/Import/Formats.h"
#include "compiler/Import/Table.h"

namespace xlstm::description {
namespace {

enum class Function { LSTM, GRU, Elman, SLSTM };

struct FlashConfig {
  Function function = Function::SLSTM;
  std::optional<int64_t> hiddenDim, headDim, numStates, gatesR, gatesW, gatesT;
  int64_t numHeads = 1;
  DType dtype = DType::BF16;
  CellDescription cell;
  double initialValue = 0;
};

const Table<FlashConfig> &flashTable() {
  using F = FlashConfig;
  static const Table<F> table = [] {
    Table<F> result = {
        choice("function", &F::function, "which cell", {"lstm", "gru", "elman", "slstm"})
            .required(),
        integer("hidden_dim", &F::hiddenDim, 1, maxWidth, "heads * head size").nullable(),
        integer("head_dim", &F::headDim, 1, maxHeadSize, "size of each state per head").nullable(),
        integer("num_heads", &F::numHeads, 1, maxHeadSize, "number of heads"),
        integer("num_states", &F::numStates, 1, 16, "number of states").nullable(),
        integer("num_gates_r", &F::gatesR, 0, 16, "number of gates in the recurrent matrix")
            .nullable(),
        integer("num_gates_w", &F::gatesW, 0, 16, "number of gates in the input").nullable(),
        integer("num_gates_t", &F::gatesT, 0, 16, "number of gates in the bias").nullable(),
        choice("dtype", &F::dtype, "type of the activations",
               {"float64", "float32", "bfloat16", "float16"}),
        number("initial_val", &F::initialValue, -1e30, 1e30, "initial value of every state")};
    const std::pair<const char *, std::optional<double> CellDescription::*> clips[] = {
        {"forward_clipval", &CellDescription::forwardClip},
        {"gradient_recurrent_clipval", &CellDescription::recurrentGradClip}};
    for (const auto &[name, member] : clips) {
      Field<F> field;
      Field<CellDescription> inner = number(name, member, 1e-30, 1e30, "clip; null: none");
      static_cast<FieldInfo &>(field) = inner;
      field.store = [store = inner.store](F &config, const Value &value) {
        store(config.cell, value);
      };
      result.push_back(field);
    }
    Field<F> cut = plainField<F>(FieldInfo::Type::Boolean, "gradient_recurrent_cut",
                                 "cut the recurrent gradient");
    cut.store = [](F &config, const Value &value) { config.cell.recurrentGradCut = value.boolean; };
    result.push_back(cut);
    result.push_back(ignored<F>("backend", "accepted and ignored, it only names a kernel"));
    for (const char *name : {"input_shape", "output_shape", "recurrent_shape", "bias_shape",
                             "internal_input_shape", "gate_linear_shape"})
      result.push_back(ignored<F>(
          name, "accepted and ignored, tensors have the layout of the cell's functions"));
    for (const char *name :
         {"num_gates_i", "batch_size", "dtype_b", "dtype_r", "dtype_w", "dtype_g", "dtype_s",
          "dtype_a", "constants", "enable_automatic_mixed_precision"})
      result.push_back(ignored<F>(name));
    return result;
  }();
  return table;
}

/// Numbers of states and gates may be given; they follow from the function.
Check checkCounts(const FlashConfig &config) {
  CellDescription cell = spelledOut(config.cell);
  const std::tuple<const char *, std::optional<int64_t>, size_t> counts[] = {
      {"num_states", config.numStates, cell.states.size()},
      {"num_gates_r", config.gatesR, cell.recurrentGates->size()},
      {"num_gates_w", config.gatesW, cell.inputGates->size()},
      {"num_gates_t", config.gatesT, cell.gates.size()}};
  for (const auto &[name, got, expected] : counts)
    if (got && *got != static_cast<int64_t>(expected))
      return Problem{name, "expected " + std::to_string(expected) + " for " + spelling(cell.kind) +
                               ", got " + std::to_string(*got)};
  return std::nullopt;
}

} // namespace

Result<ModelDescription, Problem> importFlashRNN(const Value &root) {
  FlashConfig config;
  ModelDescription model;
  model.source = Source::FlashRNN;
  if (Check problem = readFields(flashTable(), root, "", "", config, model.notes))
    return *problem;

  const CellKind kinds[] = {CellKind::LSTM, CellKind::GRU, CellKind::Elman, CellKind::SLSTM};
  size_t function = static_cast<size_t>(config.function);
  CellDescription &cell = config.cell;
  cell.kind = kinds[function];
  cell.heads = config.numHeads;
  cell.nRule = cell.kind == CellKind::SLSTM ? NRule::FloorOne : NRule::Plain;
  if (Check problem = checkCounts(config))
    return *problem;
  if (config.initialValue != 0)
    return Problem{"initial_val", "expected 0 (give the initial states as inputs instead), got " +
                                      spell(config.initialValue)};
  if (!config.headDim && !config.hiddenDim)
    return Problem{"", "expected the key 'head_dim' or 'hidden_dim', got neither"};
  if (config.hiddenDim && *config.hiddenDim % cell.heads != 0)
    return Problem{"hidden_dim", "expected a multiple of num_heads (" + std::to_string(cell.heads) +
                                     "), got " + std::to_string(*config.hiddenDim)};
  cell.d = config.headDim.value_or(config.hiddenDim ? *config.hiddenDim / cell.heads : 0);
  if (config.hiddenDim && *config.hiddenDim != cell.heads * cell.d)
    return Problem{"hidden_dim", "expected num_heads * head_dim (" +
                                     std::to_string(cell.heads * cell.d) + "), got " +
                                     std::to_string(*config.hiddenDim)};
  if (cell.d > maxHeadSize)
    return Problem{"hidden_dim", "expected a head size of at most " + std::to_string(maxHeadSize) +
                                     ", got " + std::to_string(cell.d)};
  if (Check problem = checkCell(cell, ""))
    return *problem;
  model.name = spelling(cell.kind);
  model.dtype = config.dtype;
  model.cell = std::move(cell);
  return model;
}

} // namespace xlstm::description

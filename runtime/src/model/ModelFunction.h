// SPDX-License-Identifier: Apache-2.0
// `prefill` or `step` of a model on a device: its tensors by what they are, and a context for each
// implementation, so that each keeps what it computes from parameters alone.
#ifndef XLSTM_RUNTIME_MODEL_MODELFUNCTION_H
#define XLSTM_RUNTIME_MODEL_MODELFUNCTION_H

#include "runtime/src/Function.h"
#include "runtime/src/model/States.h"
#include "runtime/src/safetensors/Parameters.h"

#include <map>

namespace xlstm {

/// The tensors of one run: `in` and `out` have an address for each state, `in` may be empty (the
/// initial state). With `slots` states have `rows` rows, of which those of the batch are named there.
struct ModelRun {
  int64_t batch = 0;
  int64_t length = 0; ///< tokens of each sequence; 1 in a step
  void *tokens = nullptr;
  void *logits = nullptr;
  std::vector<void *> in, out;
  void *slots = nullptr;
  int64_t rows = 0;

  bool operator==(const ModelRun &other) const {
    return batch == other.batch && length == other.length && tokens == other.tokens &&
           logits == other.logits && in == other.in && out == other.out && slots == other.slots &&
           rows == other.rows;
  }
};

class ModelFunction {
public:
  /// Throws Failure: as BoundFunction; INVALID_INPUT if the function is none of a model.
  ModelFunction(std::shared_ptr<const package::Container> container, const std::string &name,
                std::shared_ptr<Device> device, const std::string &target);

  const std::vector<StateType> &states() const { return stateTypes; }
  const std::vector<safetensors::ParameterType> &parameters() const { return parameterTypes; }
  int64_t vocabSize() const { return vocab; }
  DType logitsType() const { return logitsDType; }
  /// Whether a run may have slots.
  bool takesSlots() const { return slots >= 0; }
  /// Whether runs differ in what they choose.
  bool hasChoice() const { return bound->candidateCount() > 1; }

  /// Addresses of the parameters, by name.
  void setParameters(const std::map<std::string, const void *> &addresses);

  /// Bytes of workspace; loads the implementation.
  size_t workspaceSize(const ModelRun &run);
  void run(const ModelRun &run, const DeviceMemory &workspace, void *stream);

  /// Bytes for what the implementations that runs have chosen so far compute from parameters alone.
  size_t preparedSize();
  /// Computes it.
  void prepare(char *memory, void *stream);
  /// Which products of such a run another library computes; after `prepare`.
  void chooseProducts(const ModelRun &run, void *stream);
  /// What was timed for that, a line for each shape of a product.
  std::string productReport() const;

private:
  struct Variant {
    explicit Variant(std::shared_ptr<const BoundFunction> bound) : context(std::move(bound)) {}
    Context context;
    ModelRun sample; ///< a run that chooses it
  };
  struct State {
    int input, output; ///< tensors
  };
  [[noreturn]] void unexpected(const std::string &what) const;
  void readArguments();
  void setTensors(const ModelRun &run);
  Variant &choose(const ModelRun &run);

  std::shared_ptr<const BoundFunction> bound;
  std::vector<StateType> stateTypes;
  std::vector<safetensors::ParameterType> parameterTypes;
  int64_t vocab = 0;
  DType logitsDType = XLSTM_F32;

  // Tensors by their index in the plan: inputs, then outputs.
  std::vector<xlstm_tensor> tensors;
  std::vector<const xlstm_tensor *> given;
  int tokens = -1, logits = -1, slots = -1;
  std::vector<State> stateTensors;
  std::vector<int> parameterTensors;

  Context probe; ///< chooses implementations; runs nothing
  std::map<int, Variant> variants;
};

} // namespace xlstm
#endif

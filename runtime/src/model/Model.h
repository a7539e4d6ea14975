// SPDX-License-Identifier: Apache-2.0
// A model with its weights and the states of its sequences: what model.h describes.
//
//   Model          opening, slots, prefill and step as runs over rows
//   ModelFunction  one of its two functions: tensors and implementations
//   States         where states lie
#ifndef XLSTM_RUNTIME_MODEL_MODEL_H
#define XLSTM_RUNTIME_MODEL_MODEL_H

#include "runtime/include/xlstm/model.h"
#include "runtime/src/model/ModelFunction.h"

#include <optional>

namespace xlstm {

/// Not thread-safe. All calls throw Failure.
class Model {
public:
  Model(const std::string &path, std::shared_ptr<Device> device,
        const xlstm_model_options &options);
  ~Model();

  const xlstm_model_info &info() const { return description; }
  /// What was timed to choose among libraries of products, a line for each shape.
  const std::string &products() const { return productReport; }

  void prefill(const int32_t *tokens, const int64_t *lengths, const int32_t *slots, int32_t count,
               float *logits);
  void step(const int32_t *tokens, const int32_t *slots, int32_t count, float *logits);

  void reset(int32_t slot);
  void copy(int32_t from, int32_t to);
  int64_t length(int32_t slot) const;
  void save(int32_t slot, const std::string &path);
  void load(int32_t slot, const std::string &path);

private:
  /// Tokens of one sequence that one run reads.
  struct Row {
    int32_t slot;
    const int32_t *tokens;
    float *logits; ///< where they go, null if nowhere
  };
  using Rows = std::vector<Row>;
  enum class Kind { Begin, Continue, Step };
  /// Kernels ask for addresses of states at such multiples of bytes at most.
  static constexpr size_t kRowAlignment = 16;

  // Opening.
  void setOptions(const xlstm_model_options &options);
  void checkFunctions() const;
  void readParameters(const std::string &weights);
  size_t weightBytes() const;
  size_t workspaceSize();
  void chooseProducts();
  void reserve();
  void checkFreeMemory(size_t workspaceBytes, size_t preparedBytes);
  void placeParameters();

  // Running.
  void checkSlot(int32_t slot, const char *what) const;
  void checkCall(const int32_t *tokens, const int64_t *lengths, const int32_t *slots,
                 int32_t count) const;
  void runGroup(Rows &rows, int64_t length, Kind kind);
  void runRows(const Row *rows, int64_t count, int64_t length, Kind kind);
  ModelRun place(const Row *rows, int64_t count, int64_t length, Kind kind);
  void moveRows(size_t state, const Row *rows, int64_t count, char *packed, bool toPacked);
  void launch(ModelFunction &function, const ModelRun &run, Kind kind);
  void takeLogits(const Row *rows, int64_t count);
  bool isView(size_t state, const Row *rows, int64_t count) const;
  bool areViews(const Row *rows, int64_t count) const;

  std::shared_ptr<const package::Container> container;
  std::shared_ptr<Device> device;
  DeviceStream stream;
  ModelFunction prefillFunction, stepFunction;
  xlstm_model_info description = {};
  std::string productReport;

  std::string weightsPath;
  std::optional<safetensors::Checkpoint> checkpoint; // mapped where a CPU reads it
  std::vector<std::pair<safetensors::ParameterType, safetensors::Parameter>> parameters;

  States slots;                 // of all sequences
  States staged;                // of one run, where the slots of its rows are no view
  States results;               // of one run, where it cannot write the slots
  std::vector<char> hasResult;  // by state: whether `results` has it
  std::vector<int64_t> lengths; // by slot
  DeviceMemory weightMemory, preparedMemory, stateMemory, workspace;
  char *deviceTokens = nullptr, *deviceSlots = nullptr, *deviceLogits = nullptr; // in stateMemory
  /// The last step of a number of rows, recorded when the same tensors come again.
  struct RecordedStep {
    ModelRun run;
    std::unique_ptr<Recording> recording;
  };
  std::map<int64_t, RecordedStep> recordedSteps;
  bool stepsInSlots = false; // a step reads and writes any slots where they are
  HostMemory hostTokens, hostSlots, hostLogits;
};

} // namespace xlstm
#endif

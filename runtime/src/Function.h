// SPDX-License-Identifier: Apache-2.0
// A function bound to a device, and the context in which one thread runs it.
#ifndef XLSTM_RUNTIME_FUNCTION_H
#define XLSTM_RUNTIME_FUNCTION_H

#include "runtime/src/Plan.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace xlstm {

/// Implementations that the device can run, best first; each is loaded when first chosen.
/// Thread-safe.
class BoundFunction {
public:
  /// `target` restricts the implementations, "" for all. Throws Failure.
  BoundFunction(std::shared_ptr<const package::Container> container, const std::string &name,
                std::shared_ptr<Device> device, const std::string &target);

  struct Candidate {
    Candidate(const FunctionPlan &function, const package::Implementation &implementation,
              int index)
        : plan(function, implementation), index(index) {}
    ImplementationPlan plan;
    int index; ///< in the package
    std::unique_ptr<Program> program;
    std::once_flag loading;
  };

  const package::Container &package() const { return *container; }
  const FunctionPlan &plan() const { return functionPlan; }
  Device &device() const { return *dev; }
  int index() const { return functionIndex; }
  size_t candidateCount() const { return candidates.size(); }
  Candidate &candidate(size_t index) const { return *candidates[index]; }
  /// Loads a candidate unless that was done; throws Failure.
  void load(Candidate &candidate) const;

private:
  std::shared_ptr<const package::Container> container;
  std::shared_ptr<Device> dev;
  int functionIndex;
  FunctionPlan functionPlan;
  std::vector<std::unique_ptr<Candidate>> candidates;
};

/// Index of a function by name. Throws Failure(INVALID_ARGUMENT) that lists the names.
int findFunction(const package::Container &container, const std::string &name);

/// Storage for one run at a time. Not thread-safe.
class Context {
public:
  explicit Context(std::shared_ptr<const BoundFunction> function);
  const BoundFunction &function() const { return *bound; }

  void outputShape(TensorList inputs, int output, int64_t *shape);
  size_t workspaceSize(TensorList inputs, TensorList outputs);
  void run(TensorList inputs, TensorList outputs, void *workspace, size_t workspaceBytes,
           void *stream);
  /// Bytes that hold what these tensors' implementation computes from parameters alone.
  size_t preparedSize(TensorList inputs, TensorList outputs);
  /// Computes it into `memory`; from then on runs of this implementation with these parameters only
  /// read it. Null forgets it.
  void makePrepared(TensorList inputs, TensorList outputs, void *memory, size_t bytes,
                    void *stream);
  /// Which of a library's products these tensors' implementation takes (see ProductChoice); nothing
  /// where no library is to be tried. Times them and waits.
  void chooseProducts(TensorList inputs, TensorList outputs, void *stream);
  /// What chooseProducts has found, a line for each shape.
  const std::string &productReport() const { return report; }
  /// Index in the package of the implementation chosen last, -1 before the first.
  int implementation() const { return chosen ? chosen->index : -1; }

private:
  void prepare(TensorList inputs, TensorList outputs);
  bool isPrepared(TensorList inputs, TensorList outputs) const;
  bool holdsParameters(const BoundFunction::Candidate &candidate) const;
  void timeProducts(TensorList inputs, TensorList outputs, void *stream);
  [[noreturn]] void noCandidate() const;

  std::shared_ptr<const BoundFunction> bound;
  Dimensions dims;
  std::vector<const xlstm_tensor *> given;                 // inputs, then outputs
  std::vector<xlstm_tensor> last;                          // the tensors of the last prepare …
  std::vector<char> lastGiven;                             // … and which of them there were
  std::vector<std::unique_ptr<PreparedLaunches>> launches; // by candidate
  BoundFunction::Candidate *chosen = nullptr;
  PreparedLaunches *prepared = nullptr;
  std::map<const BoundFunction::Candidate *, std::unique_ptr<ProductChoice>> products;
  std::string report;

  // What makePrepared has computed.
  struct {
    const BoundFunction::Candidate *candidate = nullptr; // by what; null: nothing
    char *memory = nullptr;
    std::vector<xlstm_tensor> parameters; // from what: one entry for each input …
    std::vector<char> given;              // … and which of them there were
  } held;
};

} // namespace xlstm
#endif

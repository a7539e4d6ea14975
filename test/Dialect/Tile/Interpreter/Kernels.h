// SPDX-License-Identifier: Apache-2.0
// Kernels for the tile interpreter: parsed, or made from one mLSTM cell, with or without roles.
#ifndef XLSTM_TEST_DIALECT_TILE_INTERPRETER_KERNELS_H
#define XLSTM_TEST_DIALECT_TILE_INTERPRETER_KERNELS_H

#include "dialect/tile/Interpreter/Interpreter.h"
#include "dialect/xlstm/Reference/MLSTM.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"
#include <map>
#include <random>

namespace xlstm::test {

/// A module of kernels that run one after the other, and the tensors of a run.
class Kernel {
public:
  /// Throws std::runtime_error with what went wrong. Without `verify`, also what is not valid.
  explicit Kernel(const std::string &source, bool verify = true);
  Kernel(const Kernel &) = delete;
  /// Throws if the module does not take the passes, given as in a pipeline's text.
  void apply(const std::string &passes);

  mlir::tile::KernelOp op(); ///< the last one
  std::vector<mlir::tile::KernelOp> ops();
  std::string text();
  /// The tensor of this name; absent ones stay absent.
  mlir::tile::GlobalTensor &tensor(const std::string &name);
  void absent(const std::string &name);
  /// Gives every tensor whose name is not known yet, and starts so, zeros; the n-th dynamic extent
  /// of each is the n-th of `dynamic`.
  void allocate(llvm::ArrayRef<int64_t> dynamic, llvm::StringRef prefix = "");
  bool has(const std::string &name) const { return tensors.count(name); }

  std::optional<mlir::tile::Finding> run(const mlir::tile::InterpretOptions &options = {});
  std::optional<mlir::tile::Finding> run(uint64_t seed) {
    mlir::tile::InterpretOptions options;
    options.seed = seed;
    return run(options);
  }

private:
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::map<std::string, mlir::tile::GlobalTensor> tensors;
};

/// One mLSTM cell on an H100's schedule, forward.
struct Cell {
  std::string type = "bf16"; // of q, k, v, h
  int64_t heads = 1, dqk = 64, dv = 128;
  reference::MLSTMOptions options;
  bool state = true; // of the function: initial and last states
  bool roles = true; // else the loop that they come from
  std::string set;   // more schedule parameters, " set=KEY=VALUE"

  std::string source() const;
  /// Its kernel, with tensors for B sequences of T tokens and random inputs.
  /// With `segments`, those that cut each sequence into as many.
  std::unique_ptr<Kernel> kernel(int64_t batch, int64_t time, bool givesState, uint64_t seed,
                                 int64_t segments = 0) const;
  /// Empty if h and the last states are those of the float64 reference within the tolerances of the
  /// type, else what is not.
  std::string compare(Kernel &kernel, int64_t batch, int64_t time) const;
};

reference::MLSTMOptions sigmoid(bool normalize);

} // namespace xlstm::test

#endif

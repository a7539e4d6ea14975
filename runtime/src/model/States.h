// SPDX-License-Identifier: Apache-2.0
// Where the states of several sequences lie: for each state tensor the rows of all sequences, one
// after the other, so that neighbouring ones are a tensor [B, …] without a copy.
//
//   state.0.c   row 0 | row 1 | row 2 | …        each begins at a multiple of 256 bytes
//   state.0.n   row 0 | row 1 | row 2 | …        rows are as long as they are
#ifndef XLSTM_RUNTIME_MODEL_STATES_H
#define XLSTM_RUNTIME_MODEL_STATES_H

#include "runtime/src/model/Memory.h"
#include "runtime/src/support/DType.h"

#include <string>
#include <vector>

namespace xlstm {

/// One state tensor of a model.
struct StateType {
  std::string name; ///< "state.0.c"
  DType dtype;
  std::vector<int64_t> shape; ///< of one sequence, without B
  size_t rowBytes;            ///< of one sequence
  bool inPlace;               ///< a step may write it over the one that it reads
};

/// Rows of states in a device's memory.
class States {
public:
  States() = default;
  /// Rows of those `types` that `wanted` says (one entry each; empty: of all).
  States(const std::vector<StateType> &types, int64_t rows, const std::vector<char> &wanted = {});

  /// What setMemory needs, a multiple of 256.
  size_t bytes() const { return total; }
  void setMemory(char *memory) { base = memory; }
  char *row(size_t state, int64_t row) const {
    return base + offsets[state] + static_cast<size_t>(row) * rowBytes[state];
  }

private:
  std::vector<size_t> offsets, rowBytes;
  size_t total = 0;
  char *base = nullptr;
};

} // namespace xlstm
#endif

// SPDX-License-Identifier: Apache-2.0
// The global tensors of a run, and which block has read and written each element. Blocks are
// independent: none reads or writes what another one writes. Private to the interpreter.
#ifndef XLSTM_DIALECT_TILE_INTERPRETER_GLOBALMEMORY_H
#define XLSTM_DIALECT_TILE_INTERPRETER_GLOBALMEMORY_H

#include "dialect/tile/Interpreter/Interpreter.h"

namespace mlir::tile {

class GlobalMemory {
public:
  explicit GlobalMemory(MutableArrayRef<GlobalTensor> tensors);

  GlobalTensor &tensor(unsigned number) { return tensors[number]; }
  /// An element for a block. `conflict` says why the block may not, if so.
  double read(unsigned tensor, ArrayRef<int64_t> index, int64_t block, std::string &conflict);
  void write(unsigned tensor, ArrayRef<int64_t> index, double value, int64_t block,
             std::string &conflict);

private:
  static constexpr int32_t nobody = -1, several = -2;
  struct Accesses {
    std::vector<int32_t> readers, writers; // of each element: a block, nobody, or several
  };
  MutableArrayRef<GlobalTensor> tensors;
  std::vector<Accesses> accesses;
};

} // namespace mlir::tile

#endif

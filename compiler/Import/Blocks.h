// SPDX-License-Identifier: Apache-2.0
/// \file
/// What follows from the options of a cell or a block, the same for every source format.
#ifndef XLSTM_COMPILER_IMPORT_BLOCKS_H
#define XLSTM_COMPILER_IMPORT_BLOCKS_H

#include "compiler/Import/Description.h"

namespace xlstm::description {

/// A block with the defaults of its kind (xLSTM, appendix; xLSTM 7B, section 3).
BlockDescription defaultBlock(BlockKind kind);

/// Derives inner sizes and the cell of a block of width `embeddingDim`; a problem when they do not
/// come out whole. `path` is where the block stands; the keys named in messages are those of the
/// native form.
Check deriveBlock(BlockDescription &block, int64_t embeddingDim, const std::string &path);

/// Checks what the options of a cell say together.
Check checkCell(const CellDescription &cell, const std::string &path);

/// The smallest multiple of `multiple` that is at least `value`.
int64_t roundUp(double value, int64_t multiple);

} // namespace xlstm::description

#endif // XLSTM_COMPILER_IMPORT_BLOCKS_H

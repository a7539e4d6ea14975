// SPDX-License-Identifier: Apache-2.0
/// \file
/// What the parameters of a network are called in the checkpoints of each form.
#ifndef XLSTM_COMPILER_IMPORT_PARAMETERS_H
#define XLSTM_COMPILER_IMPORT_PARAMETERS_H

#include "compiler/Import/Description.h"

namespace xlstm::description {

/// Names outside of the blocks, and what stands in front of a block's names.
struct ParameterNames {
  std::string embedding, outNorm, head;
  std::string blocks; ///< "backbone.blocks."; the number of the block and a dot follow
};

ParameterNames parameterNames(const ModelDescription &model);

/// Whether the norm after the last block is an RMS norm with a plain weight, as behind
/// xlstm_large_block, or a layer norm whose weight is stored without its one, as behind the others.
bool outNormIsRMS(const NetworkDescription &network);

} // namespace xlstm::description

#endif // XLSTM_COMPILER_IMPORT_PARAMETERS_H

// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/Parameters.h"

namespace xlstm::description {

ParameterNames parameterNames(const ModelDescription &model) {
  switch (model.source) {
  case Source::HuggingFace:
    return {"backbone.embeddings", "backbone.out_norm", "lm_head", "backbone.blocks."};
  case Source::XLSTMLarge:
    return {"embedding", "backbone.out_norm", "lm_head", "backbone.blocks."};
  case Source::BlockStack:
    // A language model holds the stack under a name of its own.
    return model.network && model.network->vocabSize
               ? ParameterNames{"token_embedding", "xlstm_block_stack.post_blocks_norm", "lm_head",
                                "xlstm_block_stack.blocks."}
               : ParameterNames{"", "post_blocks_norm", "", "blocks."};
  case Source::Native:
  case Source::FlashRNN:
    break;
  }
  return {"embedding", "out_norm", "lm_head", "blocks."};
}

bool outNormIsRMS(const NetworkDescription &network) {
  return network.blocks.back().kind == BlockKind::XLSTMLargeBlock;
}

} // namespace xlstm::description

// SPDX-License-Identifier: Apache-2.0
// The tensors of a checkpoint against the parameters of a package.
#ifndef XLSTM_TOOLS_XLSTM_COMPILE_PARAMETERS_H
#define XLSTM_TOOLS_XLSTM_COMPILE_PARAMETERS_H

#include "runtime/src/package/Manifest.h"
#include "runtime/src/safetensors/Checkpoint.h"

namespace xlstm::tools {

/// Names the checkpoint `weights` in the package, or, if that is empty, the folder of the model where
/// it holds one. Throws Failure if the checkpoint lacks a parameter or has it in another shape than
/// the model says.
void bindWeights(const std::string &weights, const std::string &model, package::Manifest &manifest);

} // namespace xlstm::tools
#endif

// SPDX-License-Identifier: Apache-2.0
// The parameters of a model in its checkpoint, checked against what the model says of them.
#ifndef XLSTM_RUNTIME_SAFETENSORS_PARAMETERS_H
#define XLSTM_RUNTIME_SAFETENSORS_PARAMETERS_H

#include "runtime/src/safetensors/Checkpoint.h"

#include <memory>

namespace xlstm::safetensors {

/// What a model says of a parameter.
struct ParameterType {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
};

/// A compact parameter of that type in host memory.
struct Parameter {
  const void *data = nullptr;     ///< aligned for its elements; into the checkpoint's mapping …
  std::shared_ptr<char[]> memory; ///< … or, if that could not be, here
  bool rounded = false; ///< the checkpoint has it in a type with numbers that this one has not
};

/// The parameter from its place in a checkpoint. Floating-point types are converted, rounding to
/// nearest even. Throws Failure(INVALID_INPUT) "<file>: <name>: expected …, got …" for another shape
/// or a type that is none; `model` says in the message who expects it.
Parameter readParameter(const Checkpoint::Entry &entry, const ParameterType &type,
                        const std::string &model);

/// The same by name: no tensor of that name is a Failure(INVALID_INPUT) "<checkpoint>: …" too.
Parameter findParameter(const Checkpoint &checkpoint, const ParameterType &type,
                        const std::string &model);

/// "[3, 2]".
std::string shapeText(const std::vector<int64_t> &shape);

} // namespace xlstm::safetensors
#endif

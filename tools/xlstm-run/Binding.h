// SPDX-License-Identifier: Apache-2.0
// The device tensors of one run of a function.
#ifndef XLSTM_TOOLS_XLSTM_RUN_BINDING_H
#define XLSTM_TOOLS_XLSTM_RUN_BINDING_H

#include "tools/xlstm-run/Inputs.h"
#include "tools/xlstm-run/Options.h"
#include "tools/xlstm-run/Tensors.h"

#include <map>

namespace xlstm::tools {

/// A function of a package, bound to a device. All members outlive the bindings.
struct BoundFunction {
  const Package &package;
  const Device &device;
  const Stream &stream;
  Function &function;
  std::string name;
  int32_t index;
};

/// Inputs on the device, memory for outputs and workspace.
class Binding {
public:
  /// `only`: the outputs to compute, all if it is empty. Throws Failure and RuntimeError.
  Binding(const BoundFunction &bound, const HostInputs &inputs,
          const std::vector<std::string> &only, Layout layout, bool prepare);

  /// Fills output memory with 0xFF bytes, but where it is that of an input.
  void poison();
  void enqueue();
  /// The outputs, as soon as the stream has reached this point.
  std::vector<HostTensor> downloadOutputs();
  /// Values of the run-time dimensions.
  std::map<std::string, int64_t> dimensions() const;
  std::vector<std::pair<std::string, const xlstm_tensor *>> outputTensors() const;

private:
  void makeOutputs(const std::vector<std::string> &only, Layout layout);
  std::shared_ptr<DeviceTensor> findInput(const std::string &name) const; ///< null if not given

  BoundFunction bound;
  std::vector<std::shared_ptr<DeviceTensor>> inputs, outputs; // by declared argument, or null;
                                                              // in place, an output is its input
  Function::Tensors inputPointers, outputPointers;
  Buffer prepared, workspace;
};

} // namespace xlstm::tools
#endif

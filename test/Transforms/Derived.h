// SPDX-License-Identifier: Apache-2.0
// A cell with its derived backward function, run by the interpreter.
//
// A derived function takes what stands under xlstm.stop_gradient for a constant. To compare it with
// central differences, so must the function that is differenced: `frozen` is forward with each
// stop_gradient replaced by the value that it had before the inputs were changed. `recording` is
// forward with these values as one more result, and `frozen` reads them as one more sequence.
#ifndef XLSTM_TEST_TRANSFORMS_DERIVED_H
#define XLSTM_TEST_TRANSFORMS_DERIVED_H

#include "dialect/xlstm/Interpreter/Interpreter.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include <map>
#include <random>
#include <string>

namespace xlstm::test {

using Tensors = std::map<std::string, mlir::xlstm::TensorValue>;

/// What the dynamic extents are, and which optional inputs there are.
struct Extents {
  int64_t batch = 2, time = 5;
  std::vector<int32_t> cuSeqlens; // empty: none
  bool states = true;             // initial states
  bool resets = false;
  bool lastGradients = true; // gradients of the last states
};

class Derived {
public:
  /// From the JSON text of a native description's cell, in f64. Fails the test if it cannot.
  Derived(mlir::MLIRContext &context, const std::string &cell);
  /// From a module with @forward.
  Derived(mlir::MLIRContext &context, mlir::OwningOpRef<mlir::ModuleOp> module);

  /// Random inputs of forward_backward, gradients of outputs included.
  Tensors makeInputs(const Extents &extents, double scale = 1, unsigned seed = 1);

  /// All results of a function by name. Inputs that it does not have are not read.
  Tensors run(const std::string &function, const Tensors &inputs);

  /// Compares each gradient that forward_backward gives with the central differences of the loss
  /// sum_x <dx, x> over the results x of frozen. Relative to the norm of each gradient.
  void expectCentralDifferences(const Tensors &inputs, double tolerance = 1e-6);

  bool hasArgument(const std::string &name);
  mlir::func::FuncOp get(const std::string &function);

  mlir::OwningOpRef<mlir::ModuleOp> module;

private:
  void derive();
  void freeze();
  double getLoss(const Tensors &inputs, const Tensors &recorded);
};

/// ||a - b|| <= tolerance ||b||, and of one size.
void expectNear(const std::string &name, const std::vector<double> &a, const std::vector<double> &b,
                double tolerance, double absolute = 0);

} // namespace xlstm::test

#endif // XLSTM_TEST_TRANSFORMS_DERIVED_H

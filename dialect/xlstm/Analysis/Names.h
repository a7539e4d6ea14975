// SPDX-License-Identifier: Apache-2.0
// What tensors and states are called in messages and reports: by the names that their function
// gives them (FunctionAttrs.h).
#ifndef XLSTM_DIALECT_XLSTM_ANALYSIS_NAMES_H
#define XLSTM_DIALECT_XLSTM_ANALYSIS_NAMES_H

#include "dialect/xlstm/IR/XLSTM.h"

namespace mlir::xlstm {

/// The name of a tensor as an argument of its function or as a result of it, else `otherwise`.
std::string getTensorName(Value tensor, StringRef otherwise);

/// What state_names says; else "c" for the state whose last value is the result c_last, or whose
/// initial value is the argument c0, of the function; else "state <number>".
std::string getStateName(ScanOp scan, unsigned state);

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_ANALYSIS_NAMES_H

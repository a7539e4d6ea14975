// SPDX-License-Identifier: Apache-2.0
// Attributes of the functions of the xlstm dialect: what their tensors are called outside.
#ifndef XLSTM_DIALECT_XLSTM_IR_FUNCTIONATTRS_H
#define XLSTM_DIALECT_XLSTM_IR_FUNCTIONATTRS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::xlstm {

/// Of an argument or result: its name in tensor files (StringAttr).
inline constexpr const char *nameAttrName = "xlstm.name";
/// Of an argument or result: it may be absent (UnitAttr).
inline constexpr const char *optionalAttrName = "xlstm.optional";
/// Of an argument or result: names of its dynamic extents in order, an array of strings: B batch, T
/// time, N packed sequences ("N+1" for cu_seqlens), S sequences (N with cu_seqlens, else B), R rows
/// of states that may be more than B. Of a tensor [R, ..] the function's value has B rows: row b is
/// in memory row slots[b], with the argument `slots` [B]; where that is not given R is B, and row b
/// is row b.
inline constexpr const char *dimsAttrName = "xlstm.dims";
/// Of an argument: it is a parameter of the model, named as in the checkpoint (UnitAttr).
inline constexpr const char *parameterAttrName = "xlstm.parameter";
/// Of a function: the cell as in a native model description (DictionaryAttr), for reports.
inline constexpr const char *cellAttrName = "xlstm.cell";

/// The argument `slots` of a state's function where the state, an argument or a result, has rows R in
/// memory; null elsewhere.
Value getSlots(Value state);

/// The name of a result inside of a package, where no two tensors of a function share one: a state
/// that goes in and comes out has one name outside.
inline std::string getInnerResultName(func::FuncOp function, StringRef name) {
  for (unsigned i = 0; i < function.getNumArguments(); ++i)
    if (auto other = function.getArgAttrOfType<StringAttr>(i, nameAttrName); other && other == name)
      return (name + ".next").str();
  return name.str();
}

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_IR_FUNCTIONATTRS_H

// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/IR/XLSTM.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::xlstm;

#include "dialect/xlstm/IR/XLSTMDialect.cpp.inc"
#include "dialect/xlstm/IR/XLSTMEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "dialect/xlstm/IR/XLSTMAttrs.cpp.inc"

void XLSTMDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialect/xlstm/IR/XLSTMAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialect/xlstm/IR/XLSTMOps.cpp.inc"
      >();
}

// SPDX-License-Identifier: Apache-2.0
// The tile dialect: kernels as grids of block programs over tiles. See TileDialect.td for the page
// that explains it.
#ifndef XLSTM_DIALECT_TILE_IR_TILE_H
#define XLSTM_DIALECT_TILE_IR_TILE_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "dialect/tile/IR/TileDialect.h.inc"
#include "dialect/tile/IR/TileEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialect/tile/IR/TileAttrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialect/tile/IR/TileTypes.h.inc"
#define GET_OP_CLASSES
#include "dialect/tile/IR/TileOps.h.inc"

#endif

// SPDX-License-Identifier: Apache-2.0
// All ops of the dialect, a file for each topic.
#ifndef XLSTM_DIALECT_XLSTM_IR_XLSTMOPS_TD
#define XLSTM_DIALECT_XLSTM_IR_XLSTMOPS_TD

include "dialect/xlstm/IR/BlockOps.td"
include "dialect/xlstm/IR/LayerGradientOps.td"
include "dialect/xlstm/IR/LayerOps.td"
include "dialect/xlstm/IR/LinearOps.td"
include "dialect/xlstm/IR/MLSTMOps.td"
include "dialect/xlstm/IR/MapOps.td"
include "dialect/xlstm/IR/NormOps.td"
include "dialect/xlstm/IR/ScanOps.td"
include "dialect/xlstm/IR/ShapeOps.td"
include "dialect/xlstm/IR/SumOps.td"

#endif // XLSTM_DIALECT_XLSTM_IR_XLSTMOPS_TD

// SPDX-License-Identifier: Apache-2.0
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace xlstm {
#define GEN_PASS_DEF_CONVERTXLSTMTOTILE
#include "compiler/Conversion/XLSTMToTile/Passes.h.inc"

namespace {
/// The cell of a function that is nothing else; an error on the function otherwise.
FailureOr<mlir::xlstm::MLSTMOp> findCell(func::FuncOp function) {
  auto cells = function.getOps<mlir::xlstm::MLSTMOp>();
  if (cells.empty() || std::next(cells.begin()) != cells.end())
    return function.emitError() << "expected one xlstm cell in the function, got "
                                << std::distance(cells.begin(), cells.end());
  mlir::xlstm::MLSTMOp cell = *cells.begin();
  for (Value operand : cell->getOperands())
    if (!isa<BlockArgument>(operand))
      return cell.emitError() << "expected every operand to be an argument of the function";
  for (Operation &op : function.getBody().front())
    if (&op != cell && !isa<func::ReturnOp>(op))
      return op.emitError() << "expected nothing but the cell and a return in the function";
  for (Value value : function.getBody().front().getTerminator()->getOperands())
    if (value.getDefiningOp() != cell)
      return function.emitError() << "expected every returned value to be a result of the cell";
  return cell;
}

struct ConvertXLSTMToTilePass : impl::ConvertXLSTMToTileBase<ConvertXLSTMToTilePass> {
  void runOnOperation() override {
    for (func::FuncOp function :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      FailureOr<mlir::xlstm::MLSTMOp> cell = findCell(function);
      if (failed(cell))
        return signalPassFailure();
      auto attribute = (*cell)->getAttrOfType<DictionaryAttr>(scheduleAttrName);
      if (!attribute) {
        cell->emitError() << "expected the attribute " << scheduleAttrName
                          << "; run --xlstm-select-schedule first";
        return signalPassFailure();
      }
      if (cell->getCuSeqlens() || cell->getReset()) {
        cell->emitError() << "the chunkwise form does not take "
                          << (cell->getReset() ? "reset" : "cu_seqlens")
                          << "; run sequences one by one, or use the interpreter";
        return signalPassFailure();
      }
      OpBuilder builder(function);
      std::string name = function.getName().str();
      function.setName(name + "_source");
      buildChunkwiseForward(builder, name, *cell, ChunkwiseSchedule::fromAttribute(attribute));
      function.erase();
    }
  }
};
} // namespace
} // namespace xlstm

// SPDX-License-Identifier: Apache-2.0
// Dialects and passes are registered one by one: upstream's registerAll functions would link every
// library of MLIR.
#include "tools/xlstm-opt/Register.h"

#include "compiler/Conversion/TileToNVVM/Passes.h"
#include "compiler/Conversion/TileToVector/Passes.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "dialect/tile/IR/Tile.h"
#include "dialect/tile/Interpreter/Passes.h"
#include "dialect/tile/Transforms/Passes.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "dialect/xlstm/Transforms/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Index/IR/IndexDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/Passes.h"

void xlstm::registerXLSTMDialects(mlir::DialectRegistry &registry) {
  registry.insert<mlir::tile::TileDialect, mlir::xlstm::XLSTMDialect>();
  registry.insert<mlir::LLVM::LLVMDialect, mlir::NVVM::NVVMDialect, mlir::arith::ArithDialect,
                  mlir::cf::ControlFlowDialect, mlir::func::FuncDialect, mlir::gpu::GPUDialect,
                  mlir::index::IndexDialect, mlir::math::MathDialect, mlir::memref::MemRefDialect,
                  mlir::scf::SCFDialect, mlir::ub::UBDialect, mlir::vector::VectorDialect>();
}

void xlstm::registerXLSTMPasses() {
  // This project's, in the order of the pipeline.
  mlir::xlstm::registerXLSTMTransformsPasses();
  registerSelectSchedule();
  registerConvertXLSTMToTile();
  mlir::tile::registerTileTransformsPasses();
  mlir::tile::registerTileInterpreterPasses();
  registerConvertTileToNVVM();
  registerConvertTileToVector();
  // Clean-up.
  mlir::registerCanonicalizerPass();
  mlir::registerCSEPass();
  mlir::registerInlinerPass();
  mlir::registerLoopInvariantCodeMotionPass();
  mlir::registerSCCPPass();
  mlir::registerSymbolDCEPass();
  // Lowering to LLVM.
  mlir::registerArithToLLVMConversionPass();
  mlir::registerConvertControlFlowToLLVMPass();
  mlir::registerConvertFuncToLLVMPass();
  mlir::registerConvertIndexToLLVMPass();
  mlir::registerConvertMathToLLVMPass();
  mlir::registerConvertNVVMToLLVMPass();
  mlir::registerConvertVectorToLLVMPass();
  mlir::registerFinalizeMemRefToLLVMConversionPass();
  mlir::registerReconcileUnrealizedCasts();
  mlir::registerSCFToControlFlowPass();
  mlir::arith::registerArithExpandOpsPass();
}

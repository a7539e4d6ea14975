// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_PASSES_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_PASSES_H

#include "compiler/Conversion/XLSTMToTile/Program.h"
#include "compiler/Schedule/ChunkwiseSchedule.h"
#include "compiler/Schedule/StepSchedule.h"
#include "dialect/tile/IR/Tile.h"
#include "dialect/xlstm/IR/XLSTM.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"
#include "llvm/ADT/StringSet.h"

namespace xlstm {

/// Of the module that --convert-xlstm-to-tile leaves: the tensors between its kernels, an array of
/// {name, type, extents}. An extent of a dynamic axis is a sum of products; a factor is the name of
/// a run-time dimension, or [name, divisor] for a quotient that is rounded up. One with `of` is the
/// memory of that tensor under another shape.
inline constexpr const char *workspaceAttrName = "tile.workspace";
/// Likewise the dimensions that are numbers of parts (package::Parts), an array of
/// {name, of, least, blocks = [dimension, factor], most_blocks}.
inline constexpr const char *partsAttrName = "tile.parts";

/// Of the same module, where a kernel serves several ops: the launches in order, an array of
/// {kernel, names}; names are those of the kernel's tensors in this launch.
inline constexpr const char *launchesAttrName = "tile.launches";

/// Of a kernel that is a product and nothing else (package::MatrixProduct), for a GPU: a dictionary of
/// the places of its tensors, {x, weights = [..], results = [..], residual, bias}.
inline constexpr const char *productAttrName = "tile.product";

/// What the kernels of a module hand on to each other beside values of the function.
class Workspace {
public:
  explicit Workspace(mlir::MLIRContext *context) : b(context) {}
  /// No buffer gets this name: it is that of a function's argument or result.
  void reserve(mlir::StringRef name) { reserved.insert(name); }
  /// A buffer whose extents are as in workspaceAttrName, or a view of the tensor `of`; its name.
  std::string add(mlir::RankedTensorType type, mlir::ArrayAttr extents, mlir::StringRef of = "");
  /// A buffer between the kernels of one op; `dims` names its dynamic extents.
  KernelBuffer addBuffer(mlir::RankedTensorType type, mlir::ArrayRef<std::string> dims);
  /// A number of parts, see package::Parts; blocks are `factor` times the dimension `per`. Its name.
  std::string addParts(mlir::StringRef of, int64_t least, mlir::StringRef per, int64_t factor,
                       int64_t mostBlocks);
  /// Writes all of it as attributes of the module.
  void writeTo(mlir::ModuleOp module);

private:
  mlir::Builder b;
  mlir::SmallVector<mlir::Attribute> buffers, parts;
  llvm::StringSet<> reserved;
  int64_t nextName = 0;
};

/// Builds the forward kernel of `op` in its form and with its schedule, which `check` accepts, in
/// front of the builder's insertion point. `names` gives the kernel's tensors their names. An error
/// on the op where there is no such kernel.
mlir::FailureOr<mlir::tile::KernelOp> buildMLSTM(mlir::OpBuilder &builder, mlir::StringRef name,
                                                 mlir::xlstm::MLSTMOp op, TensorNames names,
                                                 Workspace &workspace);
/// The three kernels of a sequence in segments; returns the last one.
mlir::tile::KernelOp buildMLSTMSegments(mlir::OpBuilder &builder, mlir::StringRef name,
                                        mlir::xlstm::MLSTMOp op, const ChunkwiseSchedule &schedule,
                                        TensorNames names, Workspace &workspace);
/// The kernels of a schedule of several, in the order in which they run: `name`_gates, `name`_carry,
/// ..; returns the last one.
mlir::FailureOr<mlir::tile::KernelOp> buildMLSTMKernels(mlir::OpBuilder &builder,
                                                        mlir::StringRef name,
                                                        mlir::xlstm::MLSTMOp op, TensorNames names,
                                                        Workspace &workspace);
/// The forms; `buildMLSTM` chooses among them.
mlir::tile::KernelOp buildMLSTMChunkwise(mlir::OpBuilder &builder, mlir::StringRef name,
                                         mlir::xlstm::MLSTMOp op, const ChunkwiseSchedule &schedule,
                                         TensorNames names);
mlir::tile::KernelOp buildMLSTMParallel(mlir::OpBuilder &builder, mlir::StringRef name,
                                        mlir::xlstm::MLSTMOp op, const ChunkwiseSchedule &schedule,
                                        TensorNames names);
mlir::tile::KernelOp buildMLSTMRecurrent(mlir::OpBuilder &builder, mlir::StringRef name,
                                         mlir::xlstm::MLSTMOp op, const ChunkwiseSchedule &schedule,
                                         TensorNames names);
mlir::tile::KernelOp buildMLSTMStep(mlir::OpBuilder &builder, mlir::StringRef name,
                                    mlir::xlstm::MLSTMOp op, const StepSchedule &schedule,
                                    TensorNames names);

/// Builds the kernel of an op whose attribute xlstm.schedule has a schedule that `check` accepts,
/// in front of the builder's insertion point.
mlir::tile::KernelOp buildScan(mlir::OpBuilder &builder, mlir::StringRef name,
                               mlir::xlstm::ScanOp op, TensorNames names);
mlir::tile::KernelOp buildLinear(mlir::OpBuilder &builder, mlir::StringRef name,
                                 mlir::xlstm::LinearOp op, TensorNames names);
mlir::tile::KernelOp buildWeightGrad(mlir::OpBuilder &builder, mlir::StringRef name,
                                     mlir::xlstm::WeightGradOp op, TensorNames names);
mlir::tile::KernelOp buildOuterSum(mlir::OpBuilder &builder, mlir::StringRef name,
                                   mlir::xlstm::OuterSumOp op, TensorNames names);
mlir::tile::KernelOp buildTimeSum(mlir::OpBuilder &builder, mlir::StringRef name,
                                  mlir::xlstm::TimeSumOp op, TensorNames names);

mlir::tile::KernelOp buildMap(mlir::OpBuilder &builder, mlir::StringRef name, mlir::xlstm::MapOp op,
                              TensorNames names);
mlir::tile::KernelOp buildNorm(mlir::OpBuilder &builder, mlir::StringRef name,
                               mlir::xlstm::NormOp op, TensorNames names);
mlir::tile::KernelOp buildNorm(mlir::OpBuilder &builder, mlir::StringRef name,
                               mlir::xlstm::MultiheadNormOp op, TensorNames names);
mlir::tile::KernelOp buildEmbedding(mlir::OpBuilder &builder, mlir::StringRef name,
                                    mlir::xlstm::EmbeddingOp op, TensorNames names);
/// And one for the last state, where that is used.
mlir::tile::KernelOp buildCausalConv1d(mlir::OpBuilder &builder, mlir::StringRef name,
                                       mlir::xlstm::CausalConv1dOp op, TensorNames names);
mlir::tile::KernelOp buildBlockLinear(mlir::OpBuilder &builder, mlir::StringRef name,
                                      mlir::xlstm::BlockLinearOp op, TensorNames names);
/// The same for a GPU. `x` and `y` are views of the op's tensors with an axis of blocks, [.., N, I]
/// and [.., N, O].
mlir::tile::KernelOp buildBlockLinearToken(mlir::OpBuilder &builder, mlir::StringRef name,
                                           mlir::xlstm::BlockLinearOp op, TensorNames names,
                                           const KernelBuffer &x, const KernelBuffer &y);
/// Gradients of layers; those of a parameter have a kernel of their own, where they are used.
mlir::tile::KernelOp buildNormBackward(mlir::OpBuilder &builder, mlir::StringRef name,
                                       mlir::xlstm::NormBackwardOp op, TensorNames names,
                                       Workspace &workspace);
mlir::tile::KernelOp buildNormBackward(mlir::OpBuilder &builder, mlir::StringRef name,
                                       mlir::xlstm::MultiheadNormBackwardOp op, TensorNames names,
                                       Workspace &workspace);
mlir::tile::KernelOp buildCausalConv1dBackward(mlir::OpBuilder &builder, mlir::StringRef name,
                                               mlir::xlstm::CausalConv1dBackwardOp op,
                                               TensorNames names);
mlir::tile::KernelOp buildLeadingSum(mlir::OpBuilder &builder, mlir::StringRef name,
                                     mlir::xlstm::LeadingSumOp op, TensorNames names);
mlir::tile::KernelOp buildBlockLinearWeight(mlir::OpBuilder &builder, mlir::StringRef name,
                                            mlir::xlstm::BlockLinearWeightOp op, TensorNames names);
mlir::tile::KernelOp buildEmbeddingBackward(mlir::OpBuilder &builder, mlir::StringRef name,
                                            mlir::xlstm::EmbeddingBackwardOp op, TensorNames names);
/// A vector of one number; an error on other constants.
mlir::FailureOr<mlir::tile::KernelOp> buildConstant(mlir::OpBuilder &builder, mlir::StringRef name,
                                                    mlir::arith::ConstantOp op, TensorNames names);
/// Two kernels each.
mlir::tile::KernelOp buildCrossEntropy(mlir::OpBuilder &builder, mlir::StringRef name,
                                       mlir::xlstm::CrossEntropyOp op, TensorNames names,
                                       Workspace &workspace);
mlir::tile::KernelOp buildCrossEntropyBackward(mlir::OpBuilder &builder, mlir::StringRef name,
                                               mlir::xlstm::CrossEntropyBackwardOp op,
                                               TensorNames names, Workspace &workspace);

mlir::tile::KernelOp buildSplit(mlir::OpBuilder &builder, mlir::StringRef name,
                                mlir::xlstm::SplitOp op, TensorNames names);
mlir::tile::KernelOp buildConcat(mlir::OpBuilder &builder, mlir::StringRef name,
                                 mlir::xlstm::ConcatOp op, TensorNames names);
mlir::tile::KernelOp buildPermute(mlir::OpBuilder &builder, mlir::StringRef name,
                                  mlir::xlstm::PermuteOp op, TensorNames names);
mlir::tile::KernelOp buildLastToken(mlir::OpBuilder &builder, mlir::StringRef name,
                                    mlir::xlstm::LastTokenOp op, TensorNames names);

/// Builds the kernel of the gradients likewise. It needs the saved states, which the forward kernel
/// with the same schedule has written.
mlir::FailureOr<mlir::tile::KernelOp> buildMLSTMBackward(mlir::OpBuilder &builder,
                                                         mlir::StringRef name,
                                                         mlir::xlstm::MLSTMBackwardOp op,
                                                         TensorNames names);

#define GEN_PASS_DECL
#include "compiler/Conversion/XLSTMToTile/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "compiler/Conversion/XLSTMToTile/Passes.h.inc"

} // namespace xlstm

#endif

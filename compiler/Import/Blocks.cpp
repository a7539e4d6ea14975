// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/Blocks.h"
#include "compiler/Import/Formulas.h"
#include "compiler/Import/Table.h"

#include <cmath>

namespace xlstm::description {

/// 2^32 values: 16 GiB in f32 for one sequence and one layer. Nothing real is near.
static constexpr int64_t maxStateValues = int64_t{1} << 32;

int64_t roundUp(double value, int64_t multiple) {
  return static_cast<int64_t>(std::ceil(std::floor(value) / static_cast<double>(multiple))) *
         multiple;
}

BlockDescription defaultBlock(BlockKind kind) {
  BlockDescription block;
  block.kind = kind;
  if (kind == BlockKind::XLSTMLargeBlock)
    return block;
  block.normEps = 1e-5;
  block.gateSoftCap = std::nullopt;
  if (kind == BlockKind::SLSTMBlock) {
    block.ffnProjFactor = 1.3;
    block.cell.kind = CellKind::SLSTM;
  } else {
    // The first package scales k, so its C and n carry the scale.
    block.cell.scaleOn = ScaleOn::K;
  }
  return block;
}

Check checkCell(const CellDescription &cell, const std::string &path) {
  if (cell.kind == CellKind::MLSTM) {
    if (!cell.normalize && cell.inputGate == InputGate::Exp)
      return Problem{join(path, "normalize"),
                     "expected true with input_gate 'exp', got false (only the sigmoid input "
                     "gate is defined without the normaliser)"};
    if (cell.heads * cell.dqk > maxStateValues / cell.dv)
      return Problem{path, "expected heads * dqk * dv of at most " +
                               std::to_string(maxStateValues) + ", got " +
                               std::to_string(cell.heads * cell.dqk * cell.dv)};
    return std::nullopt;
  }
  if (cell.heads * cell.d > maxStateValues / cell.d)
    return Problem{path, "expected heads * d * d of at most " + std::to_string(maxStateValues) +
                             ", got " + std::to_string(cell.heads * cell.d * cell.d)};
  if (cell.kind != CellKind::Custom)
    return std::nullopt;
  auto formulas = parseFormulas(cell);
  if (!formulas)
    return Problem{join(path, formulas.error().path), formulas.error().message};
  return std::nullopt;
}

/// The size of each of `heads` equal parts of `width`.
static Check split(int64_t width, int64_t heads, const std::string &what, const std::string &path,
                   int64_t &size) {
  if (width < heads || width % heads != 0)
    return Problem{path, "expected a multiple of heads (" + std::to_string(heads) + ") for " +
                             what + ", got " + std::to_string(width)};
  size = width / heads;
  if (size > maxHeadSize)
    return Problem{path, "expected a head size of at most " + std::to_string(maxHeadSize) +
                             " for " + what + ", got " + std::to_string(size)};
  return std::nullopt;
}

static Check deriveLarge(BlockDescription &block, int64_t width, const std::string &path) {
  // The layers of the public package truncate; the rounding of the HuggingFace properties agrees
  // for all checkpoints.
  auto part = [&](double factor) {
    return static_cast<int64_t>(static_cast<double>(width) * factor);
  };
  std::string of = "embedding_dim * ";
  if (Check problem =
          split(part(block.qkDimFactor), block.heads, of + "qk_dim_factor", path, block.cell.dqk))
    return problem;
  return split(part(block.vDimFactor), block.heads, of + "v_dim_factor", path, block.cell.dv);
}

static Check deriveMLSTM(BlockDescription &block, int64_t width, const std::string &path) {
  block.innerDim = roundUp(block.projFactor * static_cast<double>(width), block.projRoundUpTo);
  if (block.innerDim > maxWidth || block.innerDim < 1)
    return Problem{path, "expected an inner width from 1 to " + std::to_string(maxWidth) +
                             ", got " + std::to_string(block.innerDim)};
  if (block.innerDim % block.qkvProjBlocksize != 0)
    return Problem{path, "expected an inner width that is a multiple of qkv_proj_blocksize (" +
                             std::to_string(block.qkvProjBlocksize) + "), got " +
                             std::to_string(block.innerDim)};
  if (Check problem = split(block.innerDim, block.heads, "the inner width", path, block.cell.dv))
    return problem;
  block.cell.dqk = block.cell.dv;
  return std::nullopt;
}

Check deriveBlock(BlockDescription &block, int64_t embeddingDim, const std::string &path) {
  block.cell.heads = block.heads;
  Check problem;
  switch (block.kind) {
  case BlockKind::MLSTMBlock:
    problem = deriveMLSTM(block, embeddingDim, path);
    break;
  case BlockKind::SLSTMBlock:
    problem = split(embeddingDim, block.heads, "embedding_dim", path, block.cell.d);
    break;
  case BlockKind::XLSTMLargeBlock:
    problem = deriveLarge(block, embeddingDim, path);
    break;
  }
  if (problem)
    return problem;
  bool hasFfn = block.kind == BlockKind::XLSTMLargeBlock ||
                (block.kind == BlockKind::SLSTMBlock && block.ffn);
  if (hasFfn) {
    block.ffnDim =
        roundUp(block.ffnProjFactor * static_cast<double>(embeddingDim), block.ffnRoundUpTo);
    if (block.ffnDim < 1 || block.ffnDim > maxWidth)
      return Problem{path, "expected a feed-forward width from 1 to " + std::to_string(maxWidth) +
                               ", got " + std::to_string(block.ffnDim)};
  }
  return checkCell(block.cell, path);
}

} // namespace xlstm::description

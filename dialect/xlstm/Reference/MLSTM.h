// SPDX-License-Identifier: Apache-2.0
// The mLSTM cell in float64, written for clarity: what every generated kernel is compared with.
//
// Sources: xLSTM (arXiv 2405.04517), equations 19 to 27, for the recurrent form, and 15 to 17 for
// its stabilisation; Tiled Flash Linear Attention (TFLA, arXiv 2503.14376) for the parallel and
// chunkwise forms and for the sigmoid input gate. The same formulas stand in the description of
// xlstm.mlstm (dialect/xlstm/IR/XLSTMOps.td).
#ifndef XLSTM_DIALECT_XLSTM_REFERENCE_MLSTM_H
#define XLSTM_DIALECT_XLSTM_REFERENCE_MLSTM_H

#include "dialect/xlstm/Reference/Rounding.h"
#include <string>

namespace xlstm::reference {

enum class InputGate { Exp, Sigmoid };
enum class ScaleOn { Q, K };
enum class Denominator { MaxPlusEps, MaxWithEps };

/// Options of the cell, by the names of xlstm.mlstm.
struct MLSTMOptions {
  InputGate inputGate = InputGate::Exp;
  bool normalize = true; // false only for the sigmoid gate
  double eps = 1e-6;
  ScaleOn scaleOn = ScaleOn::Q;
  Denominator denominator = Denominator::MaxPlusEps;

  bool hasStabilizer() const { return inputGate == InputGate::Exp; }
  bool hasNormalizer() const { return hasStabilizer() || normalize; }
};

/// Inputs, dense in the given order. The caller keeps what the views point to. S is `sequences`
/// with cu_seqlens, else B.
struct MLSTMProblem {
  int64_t batch = 0, time = 0, heads = 0, dqk = 0, dv = 0;
  TensorView q, k;                    // [B, T, H, dqk]
  TensorView v;                       // [B, T, H, dv]
  TensorView i, f;                    // [B, T, H], before their activations
  TensorView c0;                      // [S, H, dqk, dv]; absent states are zero
  TensorView n0;                      // [S, H, dqk]
  TensorView m0;                      // [S, H]
  const int32_t *cuSeqlens = nullptr; // [N + 1]; then B is 1
  int64_t sequences = 0;              // N, read only with cuSeqlens
  const uint8_t *reset = nullptr;     // [B, T]; not 0: the state before this step is zero
  MLSTMOptions options;
  Rounding rounding; // of what a recurrent step and its gradient compute, to f32

  int64_t states() const { return cuSeqlens ? sequences : batch; }
};

/// Which part to compute, and on how many threads (0: all of the machine). Columns of v are
/// independent of each other, so a test of a large problem may compute a few of them.
struct MLSTMPart {
  int64_t firstColumn = 0;
  int64_t columns = -1; // at least 1 and firstColumn + columns <= dv; or -1: all up to dv
  unsigned threads = 0;
};

/// Outputs in float64; D is the number of columns that were asked for.
struct MLSTMResult {
  std::vector<double> h;     // [B, T, H, D]
  std::vector<double> cLast; // [S, H, dqk, D]
  std::vector<double> nLast; // [S, H, dqk]; empty when the cell has no n
  std::vector<double> mLast; // [S, H]; empty when the cell has no m
};

/// log(sigmoid(x)) without overflow: log(sigmoid(x)) itself is -inf below -745.
double logSigmoid(double x);

/// What is wrong with a problem, in one line, or the empty string. The functions below require the
/// latter.
std::string check(const MLSTMProblem &problem);

/// Step by step. This form is the definition.
MLSTMResult mlstmRecurrent(const MLSTMProblem &problem, const MLSTMPart &part = {});

/// Each h from all steps before it, quadratic in T. With m_i = max(b_i + m_0, max_j Dt_ij): an
/// absent initial state has m_0 = 0, as in the recurrent form, so that eps weighs the same in all
/// three.
MLSTMResult mlstmParallel(const MLSTMProblem &problem, const MLSTMPart &part = {});

/// Parallel within chunks of `chunk` >= 1 steps, recurrent from one chunk to the next.
MLSTMResult mlstmChunkwise(const MLSTMProblem &problem, int64_t chunk, const MLSTMPart &part = {});

} // namespace xlstm::reference

#endif // XLSTM_DIALECT_XLSTM_REFERENCE_MLSTM_H

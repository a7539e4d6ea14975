// SPDX-License-Identifier: Apache-2.0
// Gradients of the mLSTM cell in float64, written for clarity: what every generated backward kernel
// is compared with.
//
// The reverse of the recurrent form (MLSTM.h). The stabiliser m is a constant in it, at every step:
// h does not depend on m except through eps, and C_last and n_last are what is kept relative to a
// given m_last. Where an exact derivative is wanted, exp(m_last) C_last is the state that does not
// depend on m. So there is no gradient of m0 and none comes in for m_last, and the maximum in the
// denominator passes a gradient to z only where |z| is over its floor.
#ifndef XLSTM_DIALECT_XLSTM_REFERENCE_MLSTMBACKWARD_H
#define XLSTM_DIALECT_XLSTM_REFERENCE_MLSTMBACKWARD_H

#include "dialect/xlstm/Reference/MLSTM.h"

namespace xlstm::reference {

/// `Dropped` takes the denominator as a constant.
enum class NormalizerGrad { Exact, Dropped };

/// Gradients of the loss with respect to the outputs, dense. An absent one is zero.
struct MLSTMOutputGradients {
  TensorView dh;     // [B, T, H, dv]
  TensorView dcLast; // [S, H, dqk, dv]
  TensorView dnLast; // [S, H, dqk]; not read when the cell has no n
};

/// Gradients of the loss with respect to the inputs, in float64.
struct MLSTMInputGradients {
  std::vector<double> dq, dk; // [B, T, H, dqk]
  std::vector<double> dv;     // [B, T, H, dv]
  std::vector<double> di, df; // [B, T, H]
  std::vector<double> dc0;    // [S, H, dqk, dv], also where c0 is absent
  std::vector<double> dn0;    // [S, H, dqk]; empty when the cell has no n
};

/// The gradients of a problem for which check() is empty, on `threads` threads (0: all of the
/// machine). With s the scale on q, u = dh / den, and dC, dn running backward from dC_last,
/// dn_last:
///
///   delta_t = -(dh_t . h_t) / den_t sign(z_t) where |z_t| is over its floor, else 0
///   dC += s q_t u_t^T              dn += s delta_t q_t          dq_t = s (C_t u_t + delta_t n_t)
///   dk_t = i' (dC v_t + dn)        dv_t = i' dC^T k_t           di_t = k_t . dk_t
///   dlf_t = f' (<dC, C_{t-1}> + <dn, n_{t-1}>)                  df_t = dlf_t sigmoid(-f_t)
///   dC *= f'                       dn *= f'                     both 0 before a reset
///
/// The sigmoid gate multiplies di_t with sigmoid(-i_t).
MLSTMInputGradients mlstmBackward(const MLSTMProblem &problem, const MLSTMOutputGradients &outputs,
                                  NormalizerGrad normalizerGrad = NormalizerGrad::Exact,
                                  unsigned threads = 0);

} // namespace xlstm::reference

#endif // XLSTM_DIALECT_XLSTM_REFERENCE_MLSTMBACKWARD_H

// SPDX-License-Identifier: Apache-2.0
#include "dialect/xlstm/Reference/MLSTMForms.h"

#include <algorithm>
#include <cmath>

using namespace xlstm::reference;

/// The least magnitude of the normaliser z that counts, for the stabiliser m: exp(-m), which is 1
/// for the sigmoid gate.
static double floorOf(double m, const MLSTMOptions &options) {
  double floor = std::exp(-m);
  return options.denominator == Denominator::MaxPlusEps ? floor : floor + options.eps;
}

/// What the numerator is divided by.
static double denominator(double z, double m, const MLSTMOptions &options) {
  if (!options.hasNormalizer())
    return 1;
  double den = std::max(std::fabs(z), floorOf(m, options));
  return options.denominator == Denominator::MaxPlusEps ? den + options.eps : den;
}

static double dot(const double *a, const double *b, int64_t length) {
  double sum = 0;
  for (int64_t d = 0; d < length; ++d)
    sum += a[d] * b[d];
  return sum;
}

/// y += a x
static void addScaled(double a, const double *x, int64_t length, double *y) {
  for (int64_t d = 0; d < length; ++d)
    y[d] += a * x[d];
}

/// num [D] += weight q^T C
static void addStateProduct(double weight, const double *q, const MLSTMSteps &x,
                            const std::vector<double> &c, double *num) {
  for (int64_t d = 0; d < x.dqk; ++d)
    addScaled(weight * q[d], &c[d * x.dv], x.dv, num);
}

/// C += weight k v^T,  n += weight k
static void addOuterProduct(double weight, const double *k, const double *v, const MLSTMSteps &x,
                            MLSTMState &state) {
  for (int64_t d = 0; d < x.dqk; ++d)
    addScaled(weight * k[d], v, x.dv, &state.c[d * x.dv]);
  addScaled(weight, k, x.dqk, state.n.data());
}

static void scaleState(double weight, MLSTMState &state) {
  for (double &c : state.c)
    c *= weight;
  for (double &n : state.n)
    n *= weight;
}

//===----------------------------------------------------------------------===//
// Recurrent: xLSTM, equations 19 to 27, stabilised as in 15 to 17
//===----------------------------------------------------------------------===//

MLSTMStepFactors xlstm::reference::stepRecurrent(const MLSTMSteps &x, int64_t t,
                                                 const MLSTMOptions &options, MLSTMState &state,
                                                 double *h) {
  const double *q = &x.q[t * x.dqk], *k = &x.k[t * x.dqk], *v = &x.v[t * x.dv];
  MLSTMStepFactors step;
  // m_t = max(lf_t + m_{t-1}, i_t);  f' = exp(lf_t + m_{t-1} - m_t);  i' = exp(i_t - m_t)
  double kept = x.round(x.lf[t] + state.m);
  double m = options.hasStabilizer() ? std::max(kept, x.li[t]) : 0;
  step.forget = x.round(std::exp(x.round(kept - m)));
  step.input = x.round(std::exp(x.round(x.li[t] - m)));
  // C_t = f' C_{t-1} + i' k_t v_t^T;  n_t = f' n_{t-1} + i' k_t
  scaleState(step.forget, state);
  addOuterProduct(step.input, k, v, x, state);
  x.round(state.c), x.round(state.n);
  state.m = m;
  // h_t = q_t^T C_t / max(|q_t^T n_t|, exp(-m_t))
  step.z = x.round(dot(q, state.n.data(), x.dqk));
  step.denominator = x.round(denominator(step.z, m, options));
  step.aboveFloor = options.hasNormalizer() && std::fabs(step.z) > floorOf(m, options);
  std::fill_n(h, x.dv, 0.0);
  addStateProduct(1, q, x, state.c, h);
  for (int64_t d = 0; d < x.dv; ++d)
    h[d] /= step.denominator;
  x.round(h, x.dv);
  return step;
}

void xlstm::reference::runRecurrent(const MLSTMSteps &x, const MLSTMOptions &options,
                                    MLSTMState &state, double *h, int64_t stride) {
  for (int64_t t = 0; t < x.length; ++t)
    stepRecurrent(x, t, options, state, h + t * stride);
}

//===----------------------------------------------------------------------===//
// Parallel: TFLA; the initial state is one more term, as if a step before the first one
// had written it
//===----------------------------------------------------------------------===//

void xlstm::reference::runParallel(const MLSTMSteps &x, const MLSTMOptions &options,
                                   MLSTMState &state, double *h, int64_t stride) {
  MLSTMState last = state;
  std::vector<double> weights(x.length);
  for (int64_t i = 0; i < x.length; ++i) {
    // Dt_ij = sum_{t=j+1..i} lf_t + li_j, summed as it is written, from j = i downwards.
    double decay = 0;
    for (int64_t j = i; j >= 0; --j) {
      weights[j] = decay + x.li[j];
      decay += x.lf[j];
    }
    double initial = decay + state.m; // b_i + m_0
    double m = options.hasStabilizer()
                   ? std::max(initial, *std::max_element(&weights[0], &weights[i] + 1))
                   : 0;
    // h_i = sum_j S_ij D_ij v_j / ..., with S = Q K^T and D = exp(Dt - m_i)
    const double *q = &x.q[i * x.dqk];
    double *num = h + i * stride;
    std::fill_n(num, x.dv, 0.0);
    addStateProduct(std::exp(initial - m), q, x, state.c, num);
    double z = std::exp(initial - m) * dot(q, state.n.data(), x.dqk);
    for (int64_t j = 0; j <= i; ++j) {
      double score = dot(q, &x.k[j * x.dqk], x.dqk) * std::exp(weights[j] - m);
      addScaled(score, &x.v[j * x.dv], x.dv, num);
      z += score;
    }
    double den = denominator(z, m, options);
    for (int64_t d = 0; d < x.dv; ++d)
      num[d] /= den;
    // The last row's weights are those of the last state.
    if (i + 1 == x.length) {
      scaleState(std::exp(initial - m), last);
      for (int64_t j = 0; j <= i; ++j)
        addOuterProduct(std::exp(weights[j] - m), &x.k[j * x.dqk], &x.v[j * x.dv], x, last);
      last.m = m;
    }
  }
  state = last;
}

//===----------------------------------------------------------------------===//
// Chunkwise: TFLA; one chunk of L steps
//===----------------------------------------------------------------------===//

void xlstm::reference::runChunk(const MLSTMSteps &x, const MLSTMOptions &options, MLSTMState &state,
                                double *h, int64_t stride) {
  int64_t chunk = x.length;
  if (chunk == 0)
    return;
  std::vector<double> b(chunk); // b_i = sum_{t<=i} lf_t
  double sum = 0;
  for (int64_t t = 0; t < chunk; ++t)
    b[t] = sum += x.lf[t];

  // Output: num = (q e^{b + m - m_i}) C + (S*D) V with m_i = max(b_i + m, max_{j<=i}(b_i - b_j +
  // li_j))
  for (int64_t i = 0; i < chunk; ++i) {
    double m = 0;
    if (options.hasStabilizer()) {
      m = b[i] + state.m;
      for (int64_t j = 0; j <= i; ++j)
        m = std::max(m, b[i] - b[j] + x.li[j]);
    }
    const double *q = &x.q[i * x.dqk];
    double inter = std::exp(b[i] + state.m - m);
    double *num = h + i * stride;
    std::fill_n(num, x.dv, 0.0);
    addStateProduct(inter, q, x, state.c, num);
    double z = inter * dot(q, state.n.data(), x.dqk);
    for (int64_t j = 0; j <= i; ++j) {
      double score = dot(q, &x.k[j * x.dqk], x.dqk) * std::exp(b[i] - b[j] + x.li[j] - m);
      addScaled(score, &x.v[j * x.dv], x.dv, num);
      z += score;
    }
    double den = denominator(z, m, options);
    for (int64_t d = 0; d < x.dv; ++d)
      num[d] /= den;
  }

  // State: g = b_L, a = g - b + li;  m' = max(g + m, max_j a_j);  C' = e^{g + m - m'} C + (K e^{a -
  // m'})^T V, n likewise
  double g = b[chunk - 1], m = 0;
  if (options.hasStabilizer()) {
    m = g + state.m;
    for (int64_t j = 0; j < chunk; ++j)
      m = std::max(m, g - b[j] + x.li[j]);
  }
  scaleState(std::exp(g + state.m - m), state);
  for (int64_t j = 0; j < chunk; ++j)
    addOuterProduct(std::exp(g - b[j] + x.li[j] - m), &x.k[j * x.dqk], &x.v[j * x.dv], x, state);
  state.m = m;
}

// SPDX-License-Identifier: Apache-2.0
// A model around a cell, and its training: plain loops, Adam, the mean squared error.
//
//   x [B, T] ── w_s x_t for each sequence s of the cell (wx, …) ──► cell ── h ──► v h + c = y [B,
//   T]
//
// Trained are the projections w_s, the cell's own parameters (r, b, …), v and c.
#ifndef XLSTM_EXAMPLES_TRAIN_CELL_MODEL_H
#define XLSTM_EXAMPLES_TRAIN_CELL_MODEL_H

#include "examples/train_cell/Cell.h"

#include <random>

namespace xlstm::example {

/// Numbers that are the same on every machine: the standard says what mt19937 gives, but not what
/// its distributions do.
class Random {
public:
  explicit Random(uint32_t seed) : generator(seed) {}
  /// In [-limit, limit).
  float uniform(float limit) {
    return limit * (static_cast<float>(generator() >> 8) * 0x1p-23f - 1);
  }
  /// -1 or 1.
  float sign() { return generator() >> 31 ? 1.0f : -1.0f; }

private:
  std::mt19937 generator;
};

/// A trained array with the state of Adam (arXiv 1412.6980, algorithm 1).
class Parameter {
public:
  Parameter(float *value, const float *gradient, size_t size)
      : value(value), gradient(gradient), size(size), first(size), second(size) {}
  /// Takes step number `step` (from 1).
  void update(double rate, int64_t step);

private:
  float *value;
  const float *gradient;
  size_t size;
  std::vector<float> first, second; // moments of the gradient
};

class Model {
public:
  /// Draws the weights: projections uniform in [-1, 1); parameters of rank 4 are taken for
  /// recurrent matrices [gates, heads, d, d] and are uniform in [-d^-1/2, d^-1/2); all others are
  /// 0.
  Model(Cell &cell, Random &random);
  /// Sets the biases of a gate (a name of the package, or its index) to values evenly spread from
  /// `first` to `last` over its units. Throws Failure.
  void setBias(const std::string &gate, float first, float last);
  /// One step on x and targets [B, T]; a target counts from token `from` on. Returns the loss
  /// before the step.
  float train(const std::vector<float> &x, const std::vector<float> &targets, int64_t from,
              double rate);

private:
  void project(const std::vector<float> &x);
  /// Loss; writes dh and the gradients of v and c.
  float readOut(const std::vector<float> &targets, int64_t from);
  void projectBackward(const std::vector<float> &x);

  Cell &cell;
  size_t tokens, length, units;                             // B T, T, and elements of h per token
  std::vector<std::vector<float>> weights, weightGradients; // w_s of each sequence
  std::vector<float> readout, readoutGradient;              // v, then c
  std::vector<Parameter> trained;
  int64_t step = 0;
};

} // namespace xlstm::example
#endif

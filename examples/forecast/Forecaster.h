// SPDX-License-Identifier: Apache-2.0
// A forecaster around a recurrent cell, trained on the first part of a series.
//
//   features of value t ── W ──► cell ── h_t ──► V h_t + c = the next `horizon` values
//
// All values are relative to the mean of the last season and in units of the series' scale, so a
// trend needs no treatment of its own. The cell reads the whole series at once: h_t depends on
// values up to t only, so one run gives the forecasts from every origin. Trained are W, the cell's
// own parameters, V and c, on the mean squared error of all values of all origins whose targets end
// before the place where validation begins.
#ifndef XLSTM_EXAMPLES_FORECAST_FORECASTER_H
#define XLSTM_EXAMPLES_FORECAST_FORECASTER_H

#include "examples/forecast/Series.h"
#include "examples/train_cell/Model.h"

namespace xlstm::example {

/// Origins of forecasts: the last value that is known, from `begin` up to `end` - 1.
struct Origins {
  size_t begin, end;
};

class Forecaster {
public:
  /// `training`: values that scale and fit may see.
  Forecaster(Cell &cell, const Series &series, size_t horizon, size_t training, Random &random);

  /// One step of Adam on these origins, with noise of deviation up to `noise` on what the cell reads
  /// of the values, which keeps it from learning a short series by heart. Returns the loss before
  /// the step.
  double train(const Origins &origins, double rate, float noise, Random &random);
  /// Loss over other origins; read() has run.
  double loss(const Origins &origins) const;
  /// Runs the cell over the whole series with the parameters as they are.
  void read();
  /// The values after value t, in units of the series; read() has run.
  std::vector<float> forecast(size_t t) const;

  /// The first origin whose features are there.
  static size_t firstOrigin(const Series &series) { return 2 * series.period - 1; }
  /// Copies of all trained numbers, to return to the best ones.
  std::vector<float> parameters() const;
  void setParameters(const std::vector<float> &values);
  size_t parameterCount() const { return parameters().size(); }

private:
  // Value and trend, of which a forecast depends on noisy data, then the season as sine and cosine.
  static constexpr size_t kValueFeatures = 2, kFeatures = 4;
  struct Values {
    float *data;
    size_t size;
  };

  void read(const std::vector<float> &inputs);
  double predict(size_t t, size_t k) const;
  float target(size_t t, size_t k) const;

  Cell &cell;
  const Series &series;
  size_t horizon, units;
  float scale;
  std::vector<float> features; // [T, kFeatures]
  std::vector<std::vector<float>> weights,
      weightGradients;                         // W of each sequence [elements, kFeatures]
  std::vector<float> readout, readoutGradient; // [horizon, units + 1], c last
  std::vector<Values> all;
  std::vector<Parameter> trained;
  int64_t step = 0;
};

} // namespace xlstm::example
#endif

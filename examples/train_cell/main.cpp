// SPDX-License-Identifier: Apache-2.0
// train_cell: trains the cell of a package on a toy task, whatever its formula is.
//
// The task needs memory: x_t is -1 or 1 at random, the target is x_{t-delay}. A model without
// memory cannot do better than a loss of 1.
#include "examples/train_cell/Model.h"
#include "runtime/src/support/Failure.h"
#include "tools/common/Arguments.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <numeric>

using namespace xlstm;
using namespace xlstm::example;
using tools::UsageError;

namespace {

const char kUsage[] = R"(usage: train_cell PACKAGE [options]

Trains the recurrent cell of a package on the CPU: a random bit a step goes in, the bit of some steps ago is to come
out. Around the cell stand a projection of the input and a linear readout; all of it is trained with Adam on the mean
squared error. The package needs the functions forward and forward_backward of a cell in f32:

  xlstm-compile examples/cells/minimal_gated_unit.json -o cell.xlpkg --target cpu
  train_cell cell.xlpkg

  --delay N             steps to remember (default: 2)
  --length N            steps of a sequence (default: 32)
  --batch N             sequences of a training step (default: 16)
  --steps N             training steps (default: 600)
  --rate X              learning rate (default: 0.01)
  --seed N              of weights and data (default: 1); the same seed gives the same numbers
  --bias GATE=VALUE     initial bias of a gate, by its name in the package or its number; VALUE is a number, or
                        FROM:TO for values spread over its units; may be given several times (default: 0)
  --expect-factor X     exit code 1 unless the mean loss of the last tenth of the steps is below X times the first one
  --print-every N       steps between two lines (default: a tenth of the steps)
  --threads N           threads (default: XLSTM_THREADS, else all CPUs)
  --version, --help

Exit codes: 0 success, 1 the package cannot be trained or the loss did not fall, 2 usage, 3 the environment lacks
something.
)";

float parseFloat(const std::string &option, const std::string &text) {
  float value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
      !std::isfinite(value))
    throw UsageError(cat(option, ": expected a number, got '", text, "'"));
  return value;
}

struct Bias {
  std::string gate;
  float first, last;
};

Bias parseBias(const std::string &text) {
  size_t equals = text.find('='), colon = text.find(':', equals);
  if (equals == std::string::npos)
    throw UsageError(cat("--bias: expected GATE=VALUE, got '", text, "'"));
  std::string first = text.substr(equals + 1, colon - equals - 1);
  std::string last = colon == std::string::npos ? first : text.substr(colon + 1);
  return {text.substr(0, equals), parseFloat("--bias", first), parseFloat("--bias", last)};
}

struct Options {
  std::string package;
  int64_t delay, length, batch, steps, seed, printEvery;
  int32_t threads;
  double rate, factor;
  std::vector<Bias> biases;
};

Options parse(tools::Arguments &arguments) {
  Options options;
  options.delay = arguments.number("--delay", 1, 100000, 2);
  options.length = arguments.number("--length", 2, 100000, 32);
  options.batch = arguments.number("--batch", 1, 100000, 16);
  options.steps = arguments.number("--steps", 1, 1000000000, 600);
  options.seed = arguments.number("--seed", 0, 1000000000, 1);
  options.threads = static_cast<int32_t>(arguments.number("--threads", 1, 1024, 0));
  options.printEvery =
      arguments.number("--print-every", 1, 1000000000, std::max<int64_t>(1, options.steps / 10));
  options.rate = arguments.real("--rate").value_or(0.01);
  options.factor = arguments.real("--expect-factor").value_or(0);
  for (const std::string &text : arguments.values("--bias"))
    options.biases.push_back(parseBias(text));
  std::vector<std::string> operands = arguments.operands();
  if (operands.size() != 1)
    throw UsageError(cat("expected one package, got ", operands.size()));
  if (options.delay >= options.length)
    throw UsageError(
        cat("--delay: expected less than the length ", options.length, ", got ", options.delay));
  options.package = operands.front();
  return options;
}

/// Draws x [B, T] and the targets, x some steps later.
void draw(const Options &options, Random &random, std::vector<float> &x,
          std::vector<float> &targets) {
  for (float &bit : x)
    bit = random.sign();
  for (size_t k = static_cast<size_t>(options.delay); k < x.size(); ++k)
    targets[k] = x[k - static_cast<size_t>(options.delay)];
}

void train(const Options &options) {
  Device device(XLSTM_CPU, 0, xlstm_device_options{options.threads});
  Cell cell(device, options.package, options.batch, options.length);
  Random random(static_cast<uint32_t>(options.seed));
  Model model(cell, random);
  for (const Bias &bias : options.biases)
    model.setBias(bias.gate, bias.first, bias.last);

  size_t steps = static_cast<size_t>(options.steps), last = std::max<size_t>(1, steps / 10);
  std::vector<float> x(static_cast<size_t>(options.batch * options.length)), targets(x), losses;
  tools::Progress progress("training");
  for (size_t step = 0; step < steps; ++step) {
    draw(options, random, x, targets);
    losses.push_back(model.train(x, targets, options.delay, options.rate));
    if (!std::isfinite(losses.back()))
      fail(XLSTM_ERROR_INVALID_INPUT, options.package, ": the loss of step ", step,
           " is not finite");
    if (step % static_cast<size_t>(options.printEvery) == 0) {
      std::printf("step %6zu  loss %.5f\n", step, static_cast<double>(losses.back()));
      std::fflush(stdout);
    }
    progress.update(step + 1, steps);
  }
  double final =
      std::accumulate(losses.end() - static_cast<std::ptrdiff_t>(last), losses.end(), 0.0) /
      static_cast<double>(last);
  double ratio = final / static_cast<double>(losses.front());
  std::printf("loss %.5f -> %.5f (mean of the last %zu steps), factor %.4f\n",
              static_cast<double>(losses.front()), final, last, ratio);
  if (options.factor > 0 && !(ratio < options.factor))
    fail(XLSTM_ERROR_INVALID_INPUT, options.package, ": loss: expected to fall below ",
         options.factor, " of the first, got ", ratio);
}

} // namespace

int main(int argc, char **argv) {
  return tools::runTool("train_cell", kUsage, argc, argv,
                        [](tools::Arguments &arguments) { train(parse(arguments)); });
}

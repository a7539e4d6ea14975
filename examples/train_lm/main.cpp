// SPDX-License-Identifier: Apache-2.0
// train_lm: trains a language model of bytes on a text, saves it, and writes some text with it.
#include "examples/train_lm/Optimizer.h"
#include "runtime/src/support/Failure.h"
#include "tools/common/Arguments.h"

#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iterator>

using namespace xlstm;
using namespace xlstm::example;
using tools::UsageError;

namespace {

const char kUsage[] = R"(usage: train_lm PACKAGE TEXT --config MODEL.json -o FOLDER [options]

Trains a language model of bytes on a text file, on the CPU: AdamW, a warm-up and a cosine schedule, gradients clipped at a
norm of 1. The last twentieth of the text is for validation. The package has the model's loss and gradients:

  xlstm-compile examples/train_lm/train_lm.json -o lm.xlpkg --function loss,loss_grad,prefill,step
  train_lm lm.xlpkg bible.txt --config examples/train_lm/train_lm.json -o lm --minutes 10
  xlstm-compile lm -o trained.xlpkg

  --config FILE         the model description that the package was compiled from; it becomes config.json of the checkpoint
  -o FOLDER             the checkpoint: config.json and model.safetensors
  --minutes X           train for so long (default: 1); the schedule then follows the clock
  --steps N             train for so many steps instead; the same seed then gives the same model
  --batch N             sequences of a step (default: 16)
  --seq-len N           bytes of a sequence (default: 128)
  --piece N             of these, sequences that one thread takes at a time (default: 4); it affects rounding, threads do not
  --lr X                largest learning rate (default: 0.004)
  --seed N              of weights, batches and sample (default: 1)
  --eval-every X        seconds between two validations (default: 5); with --steps, steps between them
  --sample N            bytes to write at the end (default: 400)
  --expect-bits X       exit code 1 unless the last validation is below X bits per character
  --threads N           threads (default: XLSTM_THREADS, else all CPUs)
  --version, --help

Exit codes: 0 success, 1 an input is wrong or the loss is not finite or too high, 2 usage, 3 the environment lacks something.
)";

struct Options {
  std::string package, text, config, output;
  double minutes, rate, evalEvery, expectedBits;
  int64_t steps, batch, piece, length, sample;
  uint32_t seed;
  int32_t threads;
};

Options parse(tools::Arguments &arguments) {
  Options options;
  options.config = arguments.value("--config").value_or("");
  options.output = arguments.value("-o").value_or("");
  auto minutes = arguments.real("--minutes");
  options.minutes = minutes.value_or(1);
  options.steps = arguments.number("--steps", 1, 1000000000, 0);
  options.batch = arguments.number("--batch", 1, 100000, 16);
  options.piece = arguments.number("--piece", 1, 100000, 4);
  options.length = arguments.number("--seq-len", 1, 1000000, 128);
  options.rate = arguments.real("--lr").value_or(0.004);
  options.seed = static_cast<uint32_t>(arguments.number("--seed", 0, 1000000000, 1));
  options.evalEvery = arguments.real("--eval-every").value_or(options.steps ? 50 : 5);
  options.expectedBits = arguments.real("--expect-bits").value_or(0);
  options.sample = arguments.number("--sample", 0, 1000000, 400);
  options.threads = static_cast<int32_t>(arguments.number("--threads", 1, 1024, 0));
  std::vector<std::string> operands = arguments.operands();
  if (operands.size() != 2)
    throw UsageError(cat("expected a package and a text, got ", operands.size(), " operands"));
  if (options.config.empty() || options.output.empty())
    throw UsageError("expected --config MODEL.json and -o FOLDER");
  if (options.steps && minutes)
    throw UsageError("expected --steps or --minutes, got both");
  if (!(options.minutes > 0) || !(options.evalEvery > 0))
    throw UsageError("--minutes, --eval-every: expected more than 0");
  options.package = operands[0];
  options.text = operands[1];
  return options;
}

class Trainer {
public:
  explicit Trainer(const Options &options)
      : options(options), random(options.seed),
        device(XLSTM_CPU, 0, xlstm_device_options{options.threads}),
        model(device, options.package, options.batch, options.length, options.piece, random),
        optimizer(model.parameters, model.team()) {
    std::ifstream file(options.text, std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    validation = text.size() - text.size() / 20;
    size_t least = 20 * static_cast<size_t>(options.length + 1);
    if (!file || text.size() < least)
      fail(XLSTM_ERROR_INVALID_INPUT, options.text, ": expected a text of at least ", least,
           " bytes, got ", text.size());
    for (char byte : text)
      if (static_cast<unsigned char>(byte) >= model.vocabulary())
        fail(XLSTM_ERROR_INVALID_INPUT, options.text, ": expected bytes below the vocabulary of ",
             model.vocabulary(), ", got ", int(static_cast<unsigned char>(byte)));
  }

  void run() {
    size_t count = 0;
    for (const Parameter &parameter : model.parameters)
      count += parameter.value.size();
    std::printf("%zu parameters, %zu bytes of text\n", count, text.size());
    tools::Progress progress("training");
    auto start = std::chrono::steady_clock::now();
    auto seconds = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    double nextEval = options.evalEvery, sum = 0;
    int64_t since = 0;
    for (int64_t step = 0;; ++step) {
      double done = options.steps ? static_cast<double>(step) / static_cast<double>(options.steps)
                                  : seconds() / (60 * options.minutes);
      double position = options.steps ? static_cast<double>(step) : seconds();
      bool isLast = done >= 1;
      if (isLast || position >= nextEval) {
        report(step, seconds(), since ? sum / static_cast<double>(since) : 0);
        nextEval = position + options.evalEvery;
        sum = 0, since = 0;
      }
      if (isLast)
        break;
      draw(0, validation, random);
      float loss = model.lossAndGradients();
      if (!std::isfinite(loss))
        fail(XLSTM_ERROR_INVALID_INPUT, options.package, ": the loss of step ", step,
             " is not finite");
      optimizer.update(learningRate(options.rate, done));
      sum += static_cast<double>(loss), ++since;
      progress.update(static_cast<size_t>(1000 * done), 1000);
    }
    model.save(options.output, options.config);
    std::printf("saved %s\n", options.output.c_str());
    if (options.sample) {
      std::string prompt = text.substr(validation, 64);
      std::printf("---\n%s\n", model.sample(prompt, options.sample, 0.8f, random).c_str());
    }
    if (options.expectedBits > 0 && !(bits < options.expectedBits))
      fail(XLSTM_ERROR_INVALID_INPUT, options.text, ": validation: expected less than ",
           options.expectedBits, " bits per character, got ", bits);
  }

private:
  /// A batch of windows of the text between two places.
  void draw(size_t begin, size_t end, std::mt19937 &generator) {
    size_t length = static_cast<size_t>(options.length);
    std::uniform_int_distribution<size_t> from(begin, end - length - 1);
    for (size_t row = 0; row < static_cast<size_t>(options.batch); ++row) {
      size_t first = from(generator);
      for (size_t t = 0; t < length; ++t) {
        model.tokens()[row * length + t] = static_cast<unsigned char>(text[first + t]);
        model.targets()[row * length + t] = static_cast<unsigned char>(text[first + t + 1]);
      }
    }
  }

  /// On the same windows every time.
  double validate() {
    constexpr int kBatches = 4;
    std::mt19937 fixed(0);
    double sum = 0;
    for (int n = 0; n < kBatches; ++n) {
      draw(validation, text.size(), fixed);
      sum += static_cast<double>(model.loss());
    }
    return sum / kBatches;
  }

  void report(int64_t step, double time, double training) {
    double loss = validate();
    bits = loss / std::log(2.0);
    double tokens = static_cast<double>(step * options.batch * options.length);
    std::printf("step %5ld  %5.0f s  training %.4f  validation %.4f nats, %.4f bits per "
                "character  %.0f tokens/s\n",
                static_cast<long>(step), time, training, loss, bits, time > 0 ? tokens / time : 0);
    std::fflush(stdout);
  }

  const Options &options;
  std::mt19937 random;
  Device device;
  Model model;
  Optimizer optimizer;
  std::string text;
  double bits = 0;       // per character, of the last validation
  size_t validation = 0; // where the text for validation begins
};

} // namespace

int main(int argc, char **argv) {
  return tools::runTool("train_lm", kUsage, argc, argv, [](tools::Arguments &arguments) {
    Options options = parse(arguments);
    Trainer(options).run();
  });
}

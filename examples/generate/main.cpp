// SPDX-License-Identifier: Apache-2.0
// generate: continues a text with a language model of a package, token after token.
#include "examples/generate/Decoder.h"
#include "examples/generate/Sampler.h"
#include "examples/generate/Vocabulary.h"
#include "runtime/src/support/Failure.h"
#include "tools/common/Arguments.h"

#include <chrono>
#include <cstdio>

using namespace xlstm;
using namespace xlstm::example;
using tools::UsageError;

namespace {

using Clock = std::chrono::steady_clock;

const char kUsage[] = R"(usage: generate PACKAGE --prompt TEXT [options]

Continues a text with the language model of a package; each token is written as soon as it is drawn. The package
has the functions prefill and step, and names the checkpoint that it was compiled with:

  xlstm-compile lm -o lm.xlpkg
  generate lm.xlpkg --prompt "In the beginning" --temperature 0.7

  --prompt TEXT         the text to continue
  --weights FILE|DIR    the checkpoint (default: the one that the package names)
  --vocab FILE          texts of the tokens: a JSON array of texts, or an object of tokens by text (default: vocab.json
                        beside the checkpoint; without one tokens are bytes, if the model has no more than 256)
  --tokens N            tokens to write (default: 200)
  --temperature X       logits are divided by it: below 1 is more careful (default: 1)
  --top-k N             draw from the N likeliest tokens only (default: all)
  --top-p X             draw from the fewest likeliest tokens only that have a probability of X together (default: 1)
  --greedy              always the likeliest token
  --seed N              of what is drawn (default: 1); the same seed gives the same text
  --quiet               no times at the end
  --device DEVICE       cpu (default), cuda or cuda:N
  --threads N           threads on a CPU (default: XLSTM_THREADS, else all CPUs)
  --version, --help

The text goes to standard output, times to standard error. Tokens that have no text are not drawn.

Exit codes: 0 success, 1 an input is wrong, 2 usage, 3 the environment lacks something.
)";

struct Options {
  std::string package, prompt, weights, vocabulary;
  int64_t tokens;
  SamplerOptions sampler;
  std::pair<xlstm_device_kind, int> device;
  int32_t threads;
  bool quiet;
};

Options parse(tools::Arguments &arguments) {
  Options options;
  auto prompt = arguments.value("--prompt");
  options.weights = arguments.value("--weights").value_or("");
  options.vocabulary = arguments.value("--vocab").value_or("");
  options.tokens = arguments.number("--tokens", 1, 1000000000, 200);
  auto temperature = arguments.real("--temperature");
  auto topP = arguments.real("--top-p");
  options.sampler.topK = static_cast<size_t>(arguments.number("--top-k", 1, 1000000000, 0));
  options.sampler.greedy = arguments.flag("--greedy");
  options.sampler.seed = static_cast<uint32_t>(arguments.number("--seed", 0, 4294967295, 1));
  options.device = tools::parseDevice(arguments.value("--device").value_or("cpu"));
  options.quiet = arguments.flag("--quiet");
  options.threads = static_cast<int32_t>(arguments.number("--threads", 1, 1024, 0));
  std::vector<std::string> operands = arguments.operands();
  if (operands.size() != 1)
    throw UsageError(cat("expected one package, got ", operands.size()));
  if (!prompt)
    throw UsageError("expected --prompt TEXT");
  if (options.sampler.greedy && (temperature || topP || options.sampler.topK))
    throw UsageError("expected --greedy or what draws (--temperature, --top-k, --top-p), got both");
  options.sampler.temperature = temperature.value_or(1);
  options.sampler.topP = topP.value_or(1);
  if (options.sampler.topP > 1)
    throw UsageError(cat("--top-p: expected at most 1, got ", options.sampler.topP));
  options.package = operands.front();
  options.prompt = *prompt;
  return options;
}

void write(const std::string &text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

void run(const Options &options, Clock::time_point start) {
  auto since = [](Clock::time_point begin) {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  };
  Device device(options.device.first, options.device.second, xlstm_device_options{options.threads});
  Decoder decoder(device, options.package, options.weights);
  Vocabulary vocabulary =
      Vocabulary::find(options.vocabulary, decoder.weights(), decoder.vocabulary());
  std::vector<int32_t> prompt = vocabulary.encode(options.prompt);
  double open = since(start);
  Sampler sampler(options.sampler);
  int32_t token = sampler.draw(decoder.read(prompt), vocabulary.all());
  write(options.prompt + vocabulary.text(token));
  double first = since(start);
  Clock::time_point begin = Clock::now();
  for (int64_t n = 1; n < options.tokens; ++n) {
    token = sampler.draw(decoder.read(token), vocabulary.all());
    write(vocabulary.text(token));
  }
  double rest = since(begin);
  write("\n");
  if (options.quiet)
    return;
  std::fprintf(stderr,
               "first token %.1f ms after the start: %.1f ms to open the package and its "
               "weights, %.1f ms to read %zu tokens\n",
               first, open, first - open, prompt.size());
  if (options.tokens > 1)
    std::fprintf(stderr, "%ld more tokens in %.1f ms: %.0f tokens/s\n",
                 static_cast<long>(options.tokens - 1), rest,
                 static_cast<double>(options.tokens - 1) / (rest / 1000));
}

} // namespace

int main(int argc, char **argv) {
  Clock::time_point start = Clock::now();
  return tools::runTool("generate", kUsage, argc, argv,
                        [start](tools::Arguments &arguments) { run(parse(arguments), start); });
}

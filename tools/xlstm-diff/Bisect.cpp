// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-diff/Bisect.h"

#include "runtime/src/support/Failure.h"
#include "tools/common/Probes.h"
#include "tools/common/Process.h"
#include "tools/xlstm-diff/Difference.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

namespace xlstm::tools {
namespace {

/// Whether a program is a package: a file or folder of packages ends in .xlpkg.
bool isPackage(const std::string &program) {
  return std::filesystem::path(program).extension() == ".xlpkg";
}

class Bisection {
public:
  explicit Bisection(const DiffOptions &options) : options(options) {}

  bool run() {
    compareWhole();
    if (steps == 0)
      return same;
    for (const std::string &state : states)
      findStep(state);
    return same;
  }

private:
  /// Runs both programs; results in first and second.
  void execute(const std::vector<std::string> &more) {
    first = execute(options.first, "first", more, firstFile);
    second = execute(options.second, "second", more, secondFile);
  }

  std::vector<HostTensor> execute(const std::string &program, const std::string &name,
                                  const std::vector<std::string> &more,
                                  std::optional<safetensors::File> &file) {
    const char *tool = isPackage(program) ? "xlstm-run" : "xlstm-interpret";
    std::string output = folder.file(name);
    std::vector<std::string> command = {
        siblingProgram(tool), program,        "--function", options.function,
        "--inputs",           options.inputs, "-o",         output};
    command.insert(command.end(), more.begin(), more.end());
    ProcessResult result = runProcess(command, folder.file("log"));
    if (result.code)
      fail(result.code == 3 ? XLSTM_ERROR_ENVIRONMENT : XLSTM_ERROR_INVALID_INPUT, tool, " gave ",
           result.code, ": ", result.message);
    file = safetensors::File::open(output);
    return allTensors(*file);
  }

  std::optional<Difference> compare(const std::string &name) {
    const HostTensor *one = find(first, name), *other = find(second, name);
    if (!one || !other)
      fail(XLSTM_ERROR_INVALID_INPUT, one ? options.second : options.first,
           ": expected an output named '", name, "', got none");
    return firstDifference(*one, *other,
                           options.bits ? 0 : options.bound.value_or(tolerance(dtype, false)));
  }

  static const HostTensor *find(const std::vector<HostTensor> &tensors, const std::string &name) {
    for (const HostTensor &tensor : tensors)
      if (tensor.name == name)
        return &tensor;
    return nullptr;
  }

  /// Both programs on the whole inputs: how many steps there are, which states, and where h
  /// differs.
  void compareWhole() {
    execute({});
    dtype = narrowestType(first, second);
    const HostTensor *h = find(first, "h");
    if (!h || axesOf(*h).time < 0)
      fail(XLSTM_ERROR_INVALID_INPUT, options.first, ": expected ", options.function,
           " to have an output h over time");
    steps = h->shape[axesOf(*h).time];
    if (auto difference = compare("h")) {
      same = false;
      hStep = difference->step;
      printDifference("h", -1, *difference, options.json);
    }
    states = options.states;
    for (const HostTensor &tensor : first)
      if (size_t at = tensor.name.rfind("_last");
          options.states.empty() && at != std::string::npos && at + 5 == tensor.name.size())
        states.push_back(tensor.name.substr(0, at));
    if (states.empty())
      fail(XLSTM_ERROR_INVALID_INPUT, options.first, ": expected ", options.function,
           " to have an output of a state, got none");
    for (const std::string &state : states)
      atEnd.push_back(compare(state + "_last").has_value());
  }

  std::optional<Difference> after(const std::string &state, int64_t step) {
    execute({"--probe", probeName(state, step)});
    return compare(probeName(state, step));
  }

  void findStep(const std::string &state) {
    size_t place = std::find(states.begin(), states.end(), state) - states.begin();
    // A state may agree again at the end; then the step where h differs is the place to look.
    int64_t bad = atEnd[place] ? steps - 1 : hStep;
    std::optional<Difference> difference;
    if (bad >= 0)
      difference = after(state, bad);
    if (!difference) {
      if (options.json)
        printJsonLine({{"state", state}, {"same", true}});
      else
        std::printf("%-10s no difference found\n", state.c_str());
      return;
    }
    same = false;
    int64_t good = -1; // the initial states are the same
    Progress progress("xlstm-diff: bisecting " + state);
    for (size_t round = 0; bad - good > 1; ++round) {
      progress.update(round, round + 1);
      int64_t middle = good + (bad - good) / 2;
      std::optional<Difference> found = after(state, middle);
      if (found)
        difference = found;
      (found ? bad : good) = middle;
    }
    printDifference(state, bad, *difference, options.json);
  }

  const DiffOptions &options;
  TemporaryFolder folder;
  std::optional<safetensors::File> firstFile, secondFile;
  std::vector<HostTensor> first, second;
  DType dtype = XLSTM_F64;
  int64_t steps = 0, hStep = -1;
  std::vector<std::string> states;
  std::vector<bool> atEnd; // whether the last value differs
  bool same = true;
};

} // namespace

bool bisect(const DiffOptions &options) { return Bisection(options).run(); }

} // namespace xlstm::tools

// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-compile/Options.h"

#include "compiler/Schedule/Device.h"
#include "runtime/include/xlstm/runtime.hpp"
#include "runtime/src/support/Failure.h"
#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace xlstm::tools {

const char *const compileUsage =
    R"(usage: xlstm-compile MODEL -o OUT.xlpkg [options]

Compiles a model description (.json, .yaml, .mlir, or a directory with a configuration) into a package that xlstm-run and
the runtime library load.

  -o FILE               the package; a name that ends in / makes a directory with one file per kernel
  --target LIST         cpu, sm_80, sm_90a, separated by commas (default: cpu)
  --function LIST       of a cell: forward, forward_backward, step; of a model of blocks: logits, prefill, step
                        (default: all that the model and a target have)
  --weights FILE|DIR    the parameters: safetensors, or a folder of model*.safetensors (default: MODEL, if it is a folder
                        with weights). They are checked and named in the package, not copied into it
  --state-dtype TYPE    f32, bf16 or f16 (f64 of a model of f64): the type of the mLSTM cells' C from call to call, instead
                        of the one that the model names (default there: f32); n, m and all arithmetic stay f32
  --set KEY=VALUE       overrides a decision; may be repeated. form: recurrent, chunkwise or parallel, of forward; schedule
                        parameters of mlstm: chunk, dv_slice, dqk_tile and on GPUs warps_m, warps_n, stages, matrix_unit, copy;
                        of recurrent cells: batch, heads; of their weights' gradients: sum_rows, sum_tokens.
                        widen: none, activations or operands, what of a model in bf16 or f16 is computed in f32
  --isa LIST            CPU instruction sets: x86-64-v4 (AVX-512), x86-64-v3 (AVX2), x86-64, or native for the
                        best of this machine alone, which compiles faster (default: x86-64-v4,x86-64-v3)
  --compile-to PHASE    stop after a phase and print its IR: import, derive, schedule, tile, lowered, llvm
  --dump-dir DIR        write the IR after each phase, and all PTX
  --report              print each kernel's schedule, registers, shared memory and size
  --explain             print what was decided and why: forms, what the backward pass saves, why a kernel is not a faster one
  --json                print the report as one JSON object per kernel
  --help, --version
)";

static void expectOneOf(const std::string &option, const std::vector<std::string> &values,
                        const std::vector<std::string> &allowed) {
  for (const std::string &value : values)
    if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
      std::string list;
      for (const std::string &name : allowed)
        list += (list.empty() ? "" : ", ") + name;
      throw UsageError(cat(option, ": expected ", list, ", got '", value, "'"));
    }
}

static std::string nativeISA() {
  xlstm_device_info info;
  check(xlstm_device_query(XLSTM_CPU, 0, &info));
  return info.isa;
}

CompileCommand parseCompileCommand(Arguments &arguments) {
  CompileCommand command;
  if (auto text = arguments.value("--target"))
    command.options.targets = splitList(*text);
  expectOneOf("--target", command.options.targets, deviceNames());
  if (auto text = arguments.value("--isa"))
    command.options.isas = *text == "native" ? std::vector{nativeISA()} : splitList(*text);
  expectOneOf("--isa", command.options.isas, {"x86-64-v4", "x86-64-v3", "x86-64"});
  if (auto text = arguments.value("--function"))
    command.options.functions = splitList(*text);
  std::vector<std::string> known(std::begin(cellFunctions), std::end(cellFunctions));
  known.insert(known.end(), std::begin(modelFunctions), std::end(modelFunctions));
  known.insert(known.end(), std::begin(trainingFunctions), std::end(trainingFunctions));
  expectOneOf("--function", command.options.functions, known);
  if (auto text = arguments.value("--state-dtype")) {
    const std::vector<std::string> &types = description::spellings<description::DType>();
    expectOneOf("--state-dtype", {*text}, types);
    command.stateDtype =
        description::DType(std::find(types.begin(), types.end(), *text) - types.begin());
  }
  for (const std::string &text : arguments.values("--set")) {
    size_t equals = text.find('=');
    if (equals == std::string::npos)
      throw UsageError(cat("--set: expected KEY=VALUE, got '", text, "'"));
    command.options.overrides[text.substr(0, equals)] = text.substr(equals + 1);
  }
  if (auto text = arguments.value("--compile-to")) {
    command.options.compileTo = *text;
    expectOneOf("--compile-to", {*text}, {std::begin(phases), std::prev(std::end(phases))});
  }
  command.weights = arguments.value("--weights").value_or("");
  command.options.dumpDirectory = arguments.value("--dump-dir").value_or("");
  command.output = arguments.value("-o").value_or("");
  command.explain = arguments.flag("--explain");
  command.report = arguments.flag("--report");
  command.json = arguments.flag("--json");
  std::vector<std::string> operands = arguments.operands();
  if (operands.size() != 1)
    throw UsageError(cat("expected one MODEL, got ", operands.size()));
  command.model = operands.front();
  if (command.output.empty() && command.options.compileTo.empty())
    throw UsageError("expected -o OUT.xlpkg");
  if (!command.output.empty() && command.output.back() == '/') {
    command.directory = true;
    command.output.pop_back();
  }
  return command;
}

void printReport(const CompileCommand &command, const Compilation &compilation,
                 const std::vector<std::string> &notes, double seconds) {
  for (const std::string &note : notes)
    std::fprintf(stderr, "xlstm-compile: note: %s\n", note.c_str());
  for (const KernelReport &kernel : compilation.kernels) {
    if (command.json) {
      nlohmann::json row = {{"function", kernel.function},
                            {"kernel", kernel.kernel},
                            {"target", kernel.target},
                            {"variant", kernel.variant},
                            {"schedule", nlohmann::json::parse(kernel.schedule)},
                            {"code_bytes", kernel.codeBytes},
                            {"remarks", kernel.remarks}};
      if (kernel.registers >= 0)
        row.update({{"registers", kernel.registers}, {"spill_bytes", kernel.spillBytes}});
      if (kernel.sharedBytes >= 0)
        row["shared_bytes"] = kernel.sharedBytes;
      std::printf("%s\n", row.dump().c_str());
      continue;
    }
    if (command.report) {
      std::printf("%-20s %-7s %-11s %6.1f KB code", kernel.kernel.c_str(), kernel.target.c_str(),
                  kernel.variant.c_str(), kernel.codeBytes / 1024.0);
      if (kernel.registers >= 0)
        std::printf(", %ld registers, %ld bytes spilled", long(kernel.registers),
                    long(kernel.spillBytes));
      if (kernel.sharedBytes >= 0)
        std::printf(", %.1f KB shared", kernel.sharedBytes / 1024.0);
      std::printf("\n        %s\n", kernel.schedule.c_str());
    }
    if (command.explain)
      for (const std::string &remark : kernel.remarks)
        std::printf("%-20s %-7s %-11s remark: %s\n", kernel.kernel.c_str(), kernel.target.c_str(),
                    kernel.variant.c_str(), remark.c_str());
  }
  if (command.explain && !command.json)
    for (const std::string &remark : compilation.remarks)
      std::printf("remark: %s\n", remark.c_str());
  if (command.report && !command.json)
    std::printf("compiled %zu kernels in %.2f s\n", compilation.kernels.size(), seconds);
}

} // namespace xlstm::tools

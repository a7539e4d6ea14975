// SPDX-License-Identifier: Apache-2.0
// xlstm-doctor: what this machine offers to compiled xLSTM packages.
#include "tools/xlstm-doctor/Doctor.h"

using namespace xlstm::tools;

static const char kUsage[] = R"(usage: xlstm-doctor [--json]

Prints what is here: CPU instruction sets and threads, GPUs and driver (or why none can be used), ptxas, and
the package format that xlstm-run reads. Always exits with 0 when it could look.

  --json                print one JSON object
  --version, --help
)";

int main(int argc, char **argv) {
  return runTool("xlstm-doctor", kUsage, argc, argv, [](Arguments &arguments) {
    bool json = arguments.flag("--json");
    if (!arguments.operands().empty())
      throw UsageError("expected no operands");
    printFindings(json);
  });
}

// SPDX-License-Identifier: Apache-2.0
// xlstm-check: runs the cells of compiled packages through xlstm-run and compares with float64.
#include "tools/xlstm-check/Options.h"
#include "tools/xlstm-check/Suite.h"

using namespace xlstm::tools;

int main(int argc, char **argv) {
  bool passed = true;
  int code = runTool("xlstm-check", kCheckUsage, argc, argv, [&](Arguments &arguments) {
    CheckOptions options = parseCheckOptions(arguments);
    passed = runSuite(options);
  });
  return code ? code : passed ? 0 : 1;
}

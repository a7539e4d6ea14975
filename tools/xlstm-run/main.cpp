// SPDX-License-Identifier: Apache-2.0
// xlstm-run: runs a function of a package on tensors from a file or on random ones.
#include "tools/xlstm-run/Options.h"
#include "tools/xlstm-run/Report.h"
#include "tools/xlstm-run/Session.h"

using namespace xlstm::tools;

int main(int argc, char **argv) {
  Stopwatch sinceStart;
  return runTool("xlstm-run", kRunUsage, argc, argv, [&](Arguments &arguments) {
    RunOptions options = parseRunOptions(arguments);
    if (options.list) {
      listPackage(options);
      return;
    }
    Session session(options, sinceStart);
    session.run();
    if (options.bench)
      session.bench();
    session.runProbes();
    session.writeOutputs();
    session.report();
    session.compare();
  });
}

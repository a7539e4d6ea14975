// SPDX-License-Identifier: Apache-2.0
// xlstm-bench: times compiled cells over suites of shapes.
#include "tools/xlstm-bench/Options.h"
#include "tools/xlstm-bench/Packages.h"
#include "tools/xlstm-bench/Rows.h"

using namespace xlstm::tools;

int main(int argc, char **argv) {
  return runTool("xlstm-bench", kBenchUsage, argc, argv, [](Arguments &arguments) {
    BenchOptions options = parseBenchOptions(arguments);
    if (options.list)
      listSuites(options.json);
    else if (!options.packagesFor.empty())
      writePackages(options);
    else
      runSuites(options);
  });
}

// SPDX-License-Identifier: Apache-2.0
// xlstm-diff: where two results, or two programs, differ first.
#include "tools/xlstm-diff/Bisect.h"
#include "tools/xlstm-diff/Difference.h"
#include "tools/xlstm-diff/Options.h"

using namespace xlstm::tools;

int main(int argc, char **argv) {
  bool same = true;
  int code = runTool("xlstm-diff", kDiffUsage, argc, argv, [&](Arguments &arguments) {
    DiffOptions options = parseDiffOptions(arguments);
    same = options.bisect ? bisect(options) : compareFiles(options);
  });
  return code ? code : same ? 0 : 1;
}

// SPDX-License-Identifier: Apache-2.0
// Where the packages of a benchmark come from: a folder, or the compiler.
#ifndef XLSTM_TOOLS_XLSTM_BENCH_PACKAGES_H
#define XLSTM_TOOLS_XLSTM_BENCH_PACKAGES_H

#include "runtime/src/support/Failure.h"
#include "tools/common/Process.h"
#include "tools/xlstm-bench/Options.h"

#include <map>
#include <memory>
#include <optional>

namespace xlstm::tools {

class PackageStore {
public:
  /// `targets` is what a package that has to be compiled is compiled for.
  PackageStore(const BenchOptions &options, std::vector<std::string> targets);
  /// Path of the case's package. Throws Failure: ENVIRONMENT if there is neither a package nor a
  /// compiler, INVALID_INPUT with the compiler's message if that refuses the model.
  std::string find(const Case &benchCase);
  /// Compiles the case's function into `folder`/NAME.xlpkg and returns that path. Throws Failure.
  std::string compile(const Case &benchCase, const std::string &folder);

private:
  TemporaryFolder &scratch();

  const BenchOptions &options;
  std::vector<std::string> targets;
  std::unique_ptr<TemporaryFolder> temporary;
  struct Outcome {
    std::string path; ///< "" if it failed
    std::optional<Failure> failure;
  };
  std::map<std::string, Outcome> compiled; // by name of the package; each is tried once
};

/// Carries out --packages-for: compiles every package of the suites and prints a line for each.
/// Throws Failure if one could not be compiled, after trying all.
void writePackages(const BenchOptions &options);

} // namespace xlstm::tools
#endif

// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-bench/Packages.h"

#include "runtime/src/support/File.h"

#include <cstdio>
#include <filesystem>
#include <unistd.h>

namespace xlstm::tools {
namespace {

/// The targets that can run the case, separated by commas; "" if none can.
std::string targetsFor(const Case &benchCase, const std::vector<std::string> &targets) {
  std::string list;
  for (const std::string &target : targets)
    if (target == "cpu" || benchCase.runsOnGpu())
      list += cat(list.empty() ? "" : ",", target);
  return list;
}

} // namespace

PackageStore::PackageStore(const BenchOptions &options, std::vector<std::string> targets)
    : options(options), targets(std::move(targets)) {}

TemporaryFolder &PackageStore::scratch() {
  if (!temporary)
    temporary = std::make_unique<TemporaryFolder>();
  return *temporary;
}

std::string PackageStore::find(const Case &benchCase) {
  if (!options.packages.empty()) {
    std::string path = cat(options.packages, "/", benchCase.package(), ".xlpkg");
    if (std::filesystem::exists(path))
      return path;
  }
  auto [entry, isNew] = compiled.try_emplace(benchCase.package());
  Outcome &outcome = entry->second;
  if (isNew) {
    try {
      outcome.path = compile(benchCase, scratch().file("."));
    } catch (const Failure &failure) {
      outcome.failure = failure;
    }
  }
  if (outcome.failure)
    throw Failure(*outcome.failure);
  return outcome.path;
}

std::string PackageStore::compile(const Case &benchCase, const std::string &folder) {
  std::string compiler =
      options.compiler.empty() ? siblingProgram("xlstm-compile") : options.compiler;
  if (::access(compiler.c_str(), X_OK) != 0)
    fail(XLSTM_ERROR_ENVIRONMENT, benchCase.package(),
         ".xlpkg: there is no such package and no compiler to make it (", compiler,
         "); give --packages FOLDER or --compiler PROGRAM");
  const Model &model = benchCase.model;
  std::string description = scratch().file(model.name() + ".json"), text = model.description();
  AtomicFile file(description);
  file.write(text.data(), text.size());
  file.commit();
  std::string path = cat(folder, "/", benchCase.package(), ".xlpkg");
  ProcessResult done = runProcess({compiler, description, "-o", path, "--function",
                                   benchCase.function, "--target", targetsFor(benchCase, targets)},
                                  scratch().file("log"));
  if (done.code)
    fail(done.code == 3 ? XLSTM_ERROR_ENVIRONMENT : XLSTM_ERROR_INVALID_INPUT, benchCase.package(),
         ": cannot be compiled: ", done.message);
  return path;
}

void writePackages(const BenchOptions &options) {
  std::error_code error;
  std::filesystem::create_directories(options.packagesFor, error);
  if (error)
    fail(XLSTM_ERROR_INVALID_INPUT, options.packagesFor, ": cannot create: ", error.message());
  PackageStore store(options, options.targets);
  std::vector<Case> cases = packagesOf(options.suites);
  std::vector<Failure> failures;
  for (const Case &benchCase : cases) {
    std::string list = targetsFor(benchCase, options.targets);
    if (list.empty())
      continue;
    try {
      std::string path = store.compile(benchCase, options.packagesFor);
      std::printf("%s for %s\n", path.c_str(), list.c_str());
    } catch (const Failure &failure) {
      if (failure.status() == XLSTM_ERROR_ENVIRONMENT)
        throw;
      std::printf("%s: %s\n", benchCase.package().c_str(), failure.what());
      failures.push_back(failure);
    }
    std::fflush(stdout);
  }
  if (!failures.empty())
    fail(failures.front().status(), failures.size(), " of ", cases.size(),
         " packages are missing; the first: ", failures.front().what());
}

} // namespace xlstm::tools

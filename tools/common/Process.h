// SPDX-License-Identifier: Apache-2.0
// Running another program, and a folder for what it reads and writes.
#ifndef XLSTM_TOOLS_COMMON_PROCESS_H
#define XLSTM_TOOLS_COMMON_PROCESS_H

#include <string>
#include <vector>

namespace xlstm::tools {

/// A new folder under TMPDIR (or /tmp) that is removed with its contents. Throws Failure.
class TemporaryFolder {
public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder &) = delete;
  TemporaryFolder &operator=(const TemporaryFolder &) = delete;
  ~TemporaryFolder();
  std::string file(const std::string &name) const { return path + "/" + name; }

private:
  std::string path;
};

struct ProcessResult {
  int code = 0;        ///< exit code; 128 + n when signal n ended it
  std::string message; ///< last line that it wrote to standard output or error
};

/// Runs a program and waits. Its output goes to the file `log`. Throws Failure if it cannot be
/// started.
ProcessResult runProcess(const std::vector<std::string> &command, const std::string &log);

/// Path of a program in the folder of this one.
std::string siblingProgram(const std::string &name);

} // namespace xlstm::tools
#endif

// SPDX-License-Identifier: Apache-2.0
#include "tools/common/Process.h"

#include "runtime/src/support/Failure.h"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

namespace xlstm::tools {
namespace {

std::string lastLine(const std::string &path) {
  std::ifstream file(path);
  std::string line, last;
  while (std::getline(file, line))
    if (!line.empty())
      last = line;
  return oneLine(last);
}

} // namespace

TemporaryFolder::TemporaryFolder() {
  const char *base = std::getenv("TMPDIR");
  path = cat(base && *base ? base : "/tmp", "/xlstm-XXXXXX");
  if (!::mkdtemp(path.data()))
    fail(XLSTM_ERROR_ENVIRONMENT, path,
         ": cannot create a temporary folder: ", std::strerror(errno));
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path, ignored);
}

ProcessResult runProcess(const std::vector<std::string> &command, const std::string &log) {
  std::vector<char *> arguments;
  for (const std::string &word : command)
    arguments.push_back(const_cast<char *>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child;
  int error = ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error)
    fail(XLSTM_ERROR_ENVIRONMENT, command[0], ": cannot be started: ", std::strerror(error));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  ProcessResult result;
  result.code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  if (result.code)
    result.message =
        WIFSIGNALED(status) ? cat("ended by signal ", WTERMSIG(status)) : lastLine(log);
  return result;
}

std::string siblingProgram(const std::string &name) {
  std::error_code error;
  std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? name : (self.parent_path() / name).string();
}

} // namespace xlstm::tools

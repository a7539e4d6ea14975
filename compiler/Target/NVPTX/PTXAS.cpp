// SPDX-License-Identifier: Apache-2.0
#include "compiler/Target/CodeGen.h"
#include "compiler/Target/NVPTX/NVPTX.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include "llvm/Support/Regex.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace xlstm {

std::optional<std::string> findPTXAS() {
  if (std::optional<std::string> path = sys::Process::GetEnv("XLSTM_PTXAS"))
    return sys::fs::can_execute(*path) ? path : std::nullopt;
  if (ErrorOr<std::string> path = sys::findProgramByName("ptxas"))
    return *path;
  std::vector<std::string> roots = {"/usr/local/cuda"};
  if (std::optional<std::string> home = sys::Process::GetEnv("CUDA_HOME"))
    roots.insert(roots.begin(), *home);
  for (const std::string &root : roots)
    if (std::string path = root + "/bin/ptxas"; sys::fs::can_execute(path))
      return path;
  return std::nullopt;
}

/// The first number that a pattern's group matches in the text, or 0.
static int64_t number(StringRef text, StringRef pattern) {
  SmallVector<StringRef> groups;
  int64_t value = 0;
  if (Regex(pattern).match(text, &groups))
    groups[1].getAsInteger(10, value);
  return value;
}

Expected<PTXASReport> assemble(StringRef ptxas, StringRef ptx, StringRef chip) {
  TemporaryFile source("ptx"), cubin("cubin"), log("log");
  if (source.failed || cubin.failed || log.failed)
    return codeGenError("cannot create a temporary file for ptxas");
  {
    std::error_code error;
    raw_fd_ostream stream(source.path, error);
    stream << ptx;
  }
  std::string architecture = ("-arch=" + chip).str();
  SmallVector<StringRef> arguments = {ptxas,       "-v", "-O3",     architecture,
                                      source.path, "-o", cubin.path};
  std::optional<StringRef> redirects[] = {std::nullopt, StringRef(log.path), StringRef(log.path)};
  std::string message;
  int code = sys::ExecuteAndWait(ptxas, arguments, std::nullopt, redirects, /*SecondsToWait=*/300,
                                 0, &message);
  ErrorOr<std::unique_ptr<MemoryBuffer>> output = MemoryBuffer::getFile(log.path);
  StringRef text = output ? (*output)->getBuffer() : StringRef();
  if (code != 0)
    return codeGenError("ptxas failed (" + join(arguments, " ") + "): " + message + text);
  ErrorOr<std::unique_ptr<MemoryBuffer>> binary = MemoryBuffer::getFile(cubin.path);
  if (!binary)
    return codeGenError("ptxas wrote no cubin");
  PTXASReport report;
  report.cubin.assign((*binary)->getBufferStart(), (*binary)->getBufferEnd());
  report.registers = number(text, "Used ([0-9]+) registers");
  report.spillStoreBytes = number(text, "([0-9]+) bytes spill stores");
  report.spillLoadBytes = number(text, "([0-9]+) bytes spill loads");
  report.stackBytes = number(text, "([0-9]+) bytes stack frame");
  for (StringRef line : split(text, '\n'))
    if (line.contains("warning") || line.contains("(C7"))
      report.warnings.push_back(line.trim().str());
  return report;
}

} // namespace xlstm

// SPDX-License-Identifier: Apache-2.0
#include "tools/common/Arguments.h"

#include "runtime/include/xlstm/runtime.h"
#include "runtime/include/xlstm/runtime.hpp"
#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <unistd.h>

namespace xlstm::tools {
namespace {

std::optional<int64_t> parseNumber(std::string_view text) {
  int64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return number;
}

int exitCode(xlstm_status status) {
  switch (status) {
  case XLSTM_OK:
    return 0;
  case XLSTM_ERROR_ENVIRONMENT:
  case XLSTM_ERROR_OUT_OF_MEMORY:
  case XLSTM_ERROR_DEVICE:
    return 3;
  default:
    return 1;
  }
}

int complain(const char *tool, const std::string &message, int code) {
  std::fprintf(stderr, "%s: error: %s\n", tool, message.c_str());
  return code;
}

} // namespace

bool Arguments::flag(const std::string &name) {
  known.push_back(name);
  auto end = std::remove(rest.begin(), rest.end(), name);
  bool given = end != rest.end();
  rest.erase(end, rest.end());
  return given;
}

std::vector<std::string> Arguments::values(const std::string &name) {
  known.push_back(name);
  std::vector<std::string> result;
  for (size_t i = 0; i < rest.size();) {
    bool joined = name.size() > 2 && rest[i].compare(0, name.size() + 1, name + "=") == 0;
    if (!joined && rest[i] != name) {
      ++i;
      continue;
    }
    if (!joined && i + 1 == rest.size())
      throw UsageError(cat(name, ": expected a value, got none"));
    result.push_back(joined ? rest[i].substr(name.size() + 1) : rest[i + 1]);
    rest.erase(rest.begin() + i, rest.begin() + i + (joined ? 1 : 2));
  }
  return result;
}

std::optional<std::string> Arguments::value(const std::string &name) {
  std::vector<std::string> all = values(name);
  if (all.size() > 1)
    throw UsageError(cat(name, ": given twice"));
  return all.empty() ? std::optional<std::string>() : all.front();
}

int64_t Arguments::number(const std::string &name, int64_t min, int64_t max, int64_t fallback) {
  std::optional<std::string> text = value(name);
  if (!text)
    return fallback;
  std::optional<int64_t> number = parseNumber(*text);
  if (!number || *number < min || *number > max)
    throw UsageError(
        cat(name, ": expected a number from ", min, " to ", max, ", got '", *text, "'"));
  return *number;
}

std::optional<double> Arguments::real(const std::string &name) {
  std::optional<std::string> text = value(name);
  if (!text)
    return std::nullopt;
  double number = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (text->empty() || error != std::errc() || end != text->data() + text->size() ||
      !(number > 0) || !std::isfinite(number))
    throw UsageError(cat(name, ": expected a positive number, got '", *text, "'"));
  return number;
}

std::vector<std::string> Arguments::operands() {
  for (const std::string &text : rest) {
    if (text.size() < 2 || text[0] != '-')
      continue;
    std::string name = text.substr(0, text.find('='));
    std::string near = nearestName(name, known);
    throw UsageError(
        cat("unknown option ", name, near.empty() ? "" : cat(", did you mean ", near, "?")));
  }
  return rest;
}

std::vector<std::string> splitList(const std::string &text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::string shortNumber(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

std::vector<std::pair<std::string, int64_t>> parseDims(const std::string &option,
                                                       const std::string &text) {
  std::vector<std::pair<std::string, int64_t>> dims;
  for (const std::string &part : splitList(text)) {
    size_t equals = part.find('=');
    std::optional<int64_t> extent = equals == std::string::npos
                                        ? std::nullopt
                                        : parseNumber(std::string_view(part).substr(equals + 1));
    if (!extent || *extent < 0 || equals == 0)
      throw UsageError(cat(option, ": expected NAME=NUMBER,…, got '", part, "'"));
    dims.emplace_back(part.substr(0, equals), *extent);
  }
  return dims;
}

std::pair<xlstm_device_kind, int> parseDevice(const std::string &text) {
  if (text == "cpu")
    return {XLSTM_CPU, 0};
  if (text == "cuda")
    return {XLSTM_CUDA, 0};
  if (text.compare(0, 5, "cuda:") == 0 && text.size() < 9)
    if (std::optional<int64_t> index = parseNumber(std::string_view(text).substr(5)))
      if (*index >= 0)
        return {XLSTM_CUDA, static_cast<int>(*index)};
  throw UsageError(cat("--device: expected cpu, cuda or cuda:N, got '", text, "'"));
}

int runTool(const char *tool, const char *usage, int argc, char **argv,
            const std::function<void(Arguments &)> &body) {
  Arguments arguments(argc, argv);
  if (arguments.flag("--help") || arguments.flag("-h")) {
    std::fputs(usage, stdout);
    return 0;
  }
  if (arguments.flag("--version")) {
    std::printf("%s %s, package format %d\n", tool, xlstm_version(),
                xlstm_package_format_version());
    return 0;
  }
  try {
    body(arguments);
    if (std::fflush(stdout) != 0)
      return complain(tool, "cannot write to standard output", 1);
    return 0;
  } catch (const UsageError &error) {
    return complain(tool, cat(error.what(), " (see ", tool, " --help)"), 2);
  } catch (const Failure &failure) {
    return complain(tool, failure.what(), exitCode(failure.status()));
  } catch (const RuntimeError &error) {
    return complain(tool, error.what(), exitCode(error.status()));
  } catch (const std::bad_alloc &) {
    return complain(tool, "out of memory", 3);
  } catch (const std::exception &error) {
    return complain(tool, oneLine(error.what()), 1);
  }
}

Progress::Progress(std::string label)
    : label(std::move(label)), start(std::chrono::steady_clock::now()), terminal(::isatty(2) == 1) {
}

void Progress::update(size_t done, size_t total) {
  if (!terminal || std::chrono::steady_clock::now() - start < std::chrono::seconds(2))
    return;
  std::fprintf(stderr, "\r%s: %zu of %zu", label.c_str(), done, total);
  shown = true;
}

Progress::~Progress() {
  if (shown)
    std::fputs("\r\033[K", stderr);
}

} // namespace xlstm::tools

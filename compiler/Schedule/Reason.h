// SPDX-License-Identifier: Apache-2.0
// How the schedule families say why something cannot be.
#ifndef XLSTM_COMPILER_SCHEDULE_REASON_H
#define XLSTM_COMPILER_SCHEDULE_REASON_H

#include <cstdlib>
#include <sstream>
#include <string>

namespace xlstm {

/// A reason in words with the numbers of the inequality that does not hold, or the empty string.
using Reason = std::string;

template <typename... Parts> Reason say(Parts &&...parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

/// Reads an integer parameter of a schedule.
inline Reason putInteger(const std::string &key, const std::string &text, int64_t &value) {
  char *end = nullptr;
  value = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end)
    return say("schedule parameter '", key, "' expects an integer, got '", text, "'");
  return {};
}

} // namespace xlstm

#endif

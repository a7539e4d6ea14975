// SPDX-License-Identifier: Apache-2.0
// The one exception of the runtime's inside. The C border (api/) turns it into a status and a
// message.
#ifndef XLSTM_RUNTIME_SUPPORT_FAILURE_H
#define XLSTM_RUNTIME_SUPPORT_FAILURE_H

#include "runtime/include/xlstm/runtime.h"

#include <stdexcept>
#include <string>
#include <string_view>

namespace xlstm {

/// A failed operation: a status and a one-line message in the form `<file>: <path in it>: expected
/// …, got …`.
class Failure : public std::runtime_error {
public:
  Failure(xlstm_status status, const std::string &message);
  xlstm_status status() const { return code; }

private:
  xlstm_status code;
};

namespace detail {
inline void append(std::string &out, std::string_view text) { out.append(text); }
inline void append(std::string &out, const char *text) { out.append(text); }
inline void append(std::string &out, char text) { out.push_back(text); }
template <typename T>
std::enable_if_t<std::is_arithmetic_v<T> && !std::is_same_v<T, char>> append(std::string &out,
                                                                             T n) {
  out.append(std::to_string(n));
}
} // namespace detail

/// Concatenates strings, characters and numbers.
template <typename... Parts> std::string cat(const Parts &...parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

/// Throws a Failure with the concatenated parts as its message.
template <typename... Parts> [[noreturn]] void fail(xlstm_status status, const Parts &...parts) {
  throw Failure(status, cat(parts...));
}

/// The text on one line: line breaks become "; ", other control characters '?'.
std::string oneLine(std::string_view text);

/// The name in `names` that differs from `name` by the fewest edits, "" if none is near.
template <typename Names> std::string nearestName(std::string_view name, const Names &names);
size_t editDistance(std::string_view a, std::string_view b);

template <typename Names> std::string nearestName(std::string_view name, const Names &names) {
  std::string best;
  size_t bestDistance = name.size() / 2 + 1;
  for (const auto &candidate : names) {
    size_t distance = editDistance(name, candidate);
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

} // namespace xlstm
#endif

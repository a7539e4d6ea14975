// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <vector>

namespace xlstm {

Failure::Failure(xlstm_status status, const std::string &message)
    : std::runtime_error(oneLine(message)), code(status) {}

std::string oneLine(std::string_view text) {
  while (!text.empty() &&
         (text.back() == '\n' || text.back() == '\r' || text.back() == ' ' || text.back() == '\0'))
    text.remove_suffix(1);
  std::string out;
  for (char c : text) {
    if (c == '\n')
      out += "; ";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += c == '\r' ? "" : (c == '\t' ? " " : "?");
    else
      out += c;
  }
  return out;
}

size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j)
    row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t previous = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1])});
      diagonal = previous;
    }
  }
  return row[b.size()];
}

} // namespace xlstm

// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/Value.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <numeric>

namespace xlstm::description {

std::string Diagnostic::str() const {
  return file + ": " + (path.empty() ? "" : path + ": ") + message;
}

Value Value::ofBoolean(bool value) {
  Value result;
  result.kind = Kind::Boolean;
  result.boolean = value;
  return result;
}

Value Value::ofInteger(int64_t value) {
  Value result;
  result.kind = Kind::Integer;
  result.integer = value;
  result.number = static_cast<double>(value);
  return result;
}

Value Value::ofNumber(double value) {
  Value result;
  result.kind = Kind::Number;
  result.number = value;
  return result;
}

Value Value::ofString(std::string value) {
  Value result;
  result.kind = Kind::String;
  result.string = std::move(value);
  return result;
}

const Value *Value::find(std::string_view name) const {
  for (const Member &member : members)
    if (member.name == name)
      return &member.value;
  return nullptr;
}

std::string Value::describe() const {
  switch (kind) {
  case Kind::Null:
    return "null";
  case Kind::Boolean:
    return boolean ? "true" : "false";
  case Kind::Integer:
    return std::to_string(integer);
  case Kind::Number: {
    std::string spelled = spell(number);
    return spelled.find_first_not_of("-0123456789") == std::string::npos ? spelled + ".0" : spelled;
  }
  case Kind::String:
    return "the string \"" + printable(string) + "\"";
  case Kind::Array:
    return elements.empty() ? "an empty array" : "an array";
  case Kind::Object:
    return members.empty() ? "an empty object" : "an object";
  }
  return "";
}

std::string spell(double value) {
  char buffer[40];
  auto [end, status] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return std::string(buffer, end);
}

/// The length of the UTF-8 character at the start of `text`, or 0 when there is none (RFC 3629,
/// section 4).
static size_t characterLength(std::string_view text) {
  auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char first = byte(0);
  size_t length = first < 0x80   ? 1
                  : first < 0xc2 ? 0
                  : first < 0xe0 ? 2
                  : first < 0xf0 ? 3
                  : first < 0xf5 ? 4
                                 : 0;
  if (length > text.size())
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0) != 0x80)
      return 0;
  bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  bool surrogate = first == 0xed && byte(1) > 0x9f;
  bool beyond = first == 0xf4 && byte(1) > 0x8f;
  return overlong || surrogate || beyond ? 0 : length;
}

static std::string hex(unsigned char byte) {
  char buffer[8];
  std::snprintf(buffer, sizeof buffer, "0x%02x", byte);
  return buffer;
}

Check checkText(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    unsigned char byte = text[at];
    size_t length = characterLength(text.substr(at));
    if (length == 0)
      return Problem{position(text, at), "expected UTF-8 text, got the byte " + hex(byte)};
    if (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r')
      return Problem{position(text, at), "expected text, got the control character " + hex(byte)};
    at += length;
  }
  return std::nullopt;
}

std::string position(std::string_view text, size_t offset) {
  std::string_view before = text.substr(0, std::min(offset, text.size()));
  size_t line = 1 + std::count(before.begin(), before.end(), '\n');
  size_t lineStart = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return "line " + std::to_string(line) + ", column " +
         std::to_string(before.size() - lineStart + 1);
}

std::string printable(std::string_view text, size_t limit) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    size_t length = characterLength(text.substr(at));
    unsigned char byte = text[at];
    if (result.size() + std::max<size_t>(length, 4) > limit)
      return result + "...";
    if (length == 0 || byte < 0x20 || byte == 0x7f) {
      result += "\\x" + hex(byte).substr(2);
      ++at;
      continue;
    }
    result += text.substr(at, length);
    at += length;
  }
  return result;
}

std::string join(const std::string &path, std::string_view name) {
  return (path.empty() ? "" : path + ".") + printable(name);
}

std::string join(const std::string &path, size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

/// Edits (insert, delete, replace, swap of neighbours) that turn one word into the other.
static size_t editDistance(std::string_view from, std::string_view to) {
  std::vector<size_t> before, last(to.size() + 1), row(to.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= from.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= to.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (from[i - 1] != to[j - 1])});
      if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = last;
    last = row;
  }
  return last.back();
}

std::string nearest(std::string_view name, const std::vector<std::string> &names) {
  if (name.size() > 64)
    return "";
  std::string best;
  size_t bestDistance = std::max<size_t>(1, name.size() / 3) + 1;
  for (const std::string &candidate : names) {
    size_t distance = editDistance(name, candidate);
    if (distance < bestDistance && distance < candidate.size()) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

std::string suggestion(std::string_view name, const std::vector<std::string> &names) {
  std::string near = nearest(name, names);
  if (!near.empty())
    return ", did you mean '" + near + "'?";
  constexpr size_t readable = 20;
  return names.size() > readable ? ", expected a key of this form (none is near)"
                                 : ", expected one of " + list(names);
}

std::string list(const std::vector<std::string> &names) {
  std::string result;
  for (const std::string &name : names)
    result += (result.empty() ? "" : ", ") + name;
  return result;
}

} // namespace xlstm::description

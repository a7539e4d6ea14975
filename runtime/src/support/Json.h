// SPDX-License-Identifier: Apache-2.0
// Reading JSON from files nobody vouches for: depth, size and duplicate keys are checked, and every
// error names the file and the path of the value.
#ifndef XLSTM_RUNTIME_SUPPORT_JSON_H
#define XLSTM_RUNTIME_SUPPORT_JSON_H

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace xlstm {

/// Parses `text`. Throws Failure(INVALID_INPUT) "<source>: …" when it is not JSON, nests deeper
/// than `maxDepth`, or gives a key twice in one object.
nlohmann::json parseJson(std::string_view text, const std::string &source, int maxDepth = 32);

/// A value and where it stands. Every accessor throws Failure(INVALID_INPUT)
/// "<source>: <path>: expected …, got …" when the value is not what it asks for.
class JsonNode {
public:
  JsonNode(const nlohmann::json &value, const std::string &source, std::string path = "")
      : value(&value), source(&source), where(std::move(path)) {}

  const nlohmann::json &json() const { return *value; }
  const std::string &path() const { return where; }

  const JsonNode &object() const;
  const JsonNode &array(size_t maxSize) const;
  size_t size() const { return value->size(); }
  JsonNode operator[](size_t index) const;
  /// Member `key`; an error if it is missing.
  JsonNode at(const char *key) const;
  std::optional<JsonNode> find(const char *key) const;
  /// Member by a key that is known to exist.
  JsonNode member(const std::string &key) const;

  std::string string(size_t maxLength = 4096) const;
  int64_t integer(int64_t min, int64_t max) const;
  bool boolean() const;
  bool isString() const { return value->is_string(); }
  bool isArray() const { return value->is_array(); }
  bool isObject() const { return value->is_object(); }

  /// Throws "<source>: <path>: expected <expected>, got <this value>".
  [[noreturn]] void expected(const std::string &expected) const;

private:
  const nlohmann::json *value;
  const std::string *source;
  std::string where;
};

} // namespace xlstm
#endif

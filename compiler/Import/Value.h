// SPDX-License-Identifier: Apache-2.0
/// \file
/// A document as a tree. JSON and YAML are read into the same tree, so every format below has one
/// reader.
#ifndef XLSTM_COMPILER_IMPORT_VALUE_H
#define XLSTM_COMPILER_IMPORT_VALUE_H

#include "compiler/Import/Diagnostic.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace xlstm::description {

/// Limits that keep a hostile file from costing more than a moment.
constexpr size_t maxFileBytes = size_t{64} << 20;
constexpr size_t maxYamlBytes = size_t{1} << 20;
constexpr size_t maxDepth = 64;
constexpr size_t maxValues = 200000;

struct Member;

/// One value of a document. Members keep their order: the order of a custom cell's updates matters.
struct Value {
  enum class Kind { Null, Boolean, Integer, Number, String, Array, Object };

  Kind kind = Kind::Null;
  bool boolean = false;
  int64_t integer = 0;
  double number = 0; ///< also set for an Integer
  std::string string;
  std::vector<Value> elements;
  std::vector<Member> members;

  static Value ofBoolean(bool value);
  static Value ofInteger(int64_t value);
  static Value ofNumber(double value);
  static Value ofString(std::string value);

  bool isNull() const { return kind == Kind::Null; }
  bool isString() const { return kind == Kind::String; }
  bool isArray() const { return kind == Kind::Array; }
  bool isObject() const { return kind == Kind::Object; }

  /// The member of this name, or null when there is none or this is no object.
  const Value *find(std::string_view name) const;

  /// For the "got …" half of a message: `null`, `3`, `the string "x"`, `an array`, `an object`.
  std::string describe() const;
};

struct Member {
  std::string name;
  Value value;
};

/// Reads one JSON document. `text` is valid UTF-8 without a byte order mark (see `checkText`).
Result<Value, Problem> readJson(std::string_view text);

/// Reads one YAML document: the core schema, aliases (bounded), no tags of other languages.
Result<Value, Problem> readYaml(std::string_view text);

/// Checks the encoding: UTF-8 without control characters other than tab and line ends.
Check checkText(std::string_view text);

/// `line 3, column 7` of the byte at `offset`; both count from 1, the column counts bytes.
std::string position(std::string_view text, size_t offset);

/// `text` with control characters escaped, cut to `limit` bytes at a character border.
std::string printable(std::string_view text, size_t limit = 60);

/// `path.name`, or `name` at the top.
std::string join(const std::string &path, std::string_view name);
/// `path[index]`.
std::string join(const std::string &path, size_t index);

/// The name of `names` that a person most likely meant by `name`; empty when none is near.
std::string nearest(std::string_view name, const std::vector<std::string> &names);

/// `, did you mean 'x'?`, or `, expected one of a, b, c` when no name is near (without the names
/// when they are many).
std::string suggestion(std::string_view name, const std::vector<std::string> &names);

/// `a, b, c`.
std::string list(const std::vector<std::string> &names);

/// The shortest decimal spelling that reads back as `value`.
std::string spell(double value);

} // namespace xlstm::description

#endif // XLSTM_COMPILER_IMPORT_VALUE_H

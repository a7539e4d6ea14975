// SPDX-License-Identifier: Apache-2.0
/// \file
/// JSON text to a Value. The library's event interface is used: it keeps its state in a vector, so
/// the depth of a document never costs stack, and limits stop the reading where they are passed.
#include "compiler/Import/Value.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

namespace xlstm::description {
namespace {

class Builder : public nlohmann::json_sax<nlohmann::json> {
public:
  explicit Builder(std::string_view text) : text(text) {}

  Value root;
  std::optional<Problem> problem;

  bool null() override { return add(Value()); }
  bool boolean(bool value) override { return add(Value::ofBoolean(value)); }
  bool number_integer(number_integer_t value) override { return add(Value::ofInteger(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return fail("expected an integer of at most 63 bits, got " + std::to_string(value));
    return add(Value::ofInteger(static_cast<int64_t>(value)));
  }
  bool number_float(number_float_t value, const string_t &) override {
    return add(Value::ofNumber(value));
  }
  bool string(string_t &value) override { return add(Value::ofString(std::move(value))); }
  bool binary(binary_t &) override { return false; }

  bool start_object(size_t) override { return open(Value::Kind::Object); }
  bool start_array(size_t) override { return open(Value::Kind::Array); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t &name) override {
    Frame &frame = stack.back();
    if (!frame.names.insert(name).second)
      return fail("expected each key once, got '" + printable(name) + "' again", name);
    frame.key = std::move(name);
    return true;
  }

  bool parse_error(size_t offset, const std::string &,
                   const nlohmann::detail::exception &error) override {
    // The message reads "[json.exception…] parse error at line 1, column 2: syntax error while …";
    // the position is ours, and the text that was last read may be long or not printable.
    std::string what = error.what();
    if (size_t end = what.find("syntax error "); end != std::string::npos)
      what = what.substr(end + 13);
    else if (size_t bracket = what.find("] "); bracket != std::string::npos)
      what = what.substr(bracket + 2);
    problem = Problem{position(text, offset == 0 ? 0 : offset - 1),
                      "malformed JSON " + printable(what, 160)};
    return false;
  }

private:
  struct Frame {
    Value *value;
    std::string key;
    std::set<std::string> names;
  };

  std::string path() const {
    std::string result;
    for (const Frame &frame : stack)
      result = frame.value->isArray() ? join(result, frame.value->elements.size())
                                      : join(result, frame.key);
    return result;
  }

  bool fail(std::string message) {
    problem = Problem{path(), std::move(message)};
    return false;
  }
  bool fail(std::string message, const std::string &key) {
    stack.back().key = key;
    return fail(std::move(message));
  }

  /// Puts a value where the document stands; null when the document has too many.
  Value *place(Value value) {
    if (++count > maxValues) {
      fail("expected at most " + std::to_string(maxValues) + " values in the document, got more");
      return nullptr;
    }
    if (stack.empty()) {
      root = std::move(value);
      return &root;
    }
    Value &parent = *stack.back().value;
    if (parent.isArray()) {
      parent.elements.push_back(std::move(value));
      return &parent.elements.back();
    }
    parent.members.push_back({stack.back().key, std::move(value)});
    return &parent.members.back().value;
  }

  bool add(Value value) { return place(std::move(value)) != nullptr; }

  bool open(Value::Kind kind) {
    if (stack.size() == maxDepth)
      return problem = Problem{"", "expected at most " + std::to_string(maxDepth) +
                                       " levels of nesting, got more"},
             false;
    Value value;
    value.kind = kind;
    Value *placed = place(std::move(value));
    if (placed)
      stack.push_back({placed, "", {}});
    return placed != nullptr;
  }

  bool close() {
    stack.pop_back();
    return true;
  }

  std::string_view text;
  std::vector<Frame> stack;
  size_t count = 0;
};

} // namespace

Result<Value, Problem> readJson(std::string_view text) {
  Builder builder(text);
  try {
    if (nlohmann::json::sax_parse(text.begin(), text.end(), &builder))
      return std::move(builder.root);
  } catch (const std::exception &error) {
    return Problem{"", "malformed JSON: " + printable(error.what(), 160)};
  }
  return builder.problem.value_or(Problem{"", "malformed JSON"});
}

} // namespace xlstm::description

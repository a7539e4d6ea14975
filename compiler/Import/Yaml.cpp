// SPDX-License-Identifier: Apache-2.0
/// \file
/// YAML text to a Value, from the library's events. Plain scalars follow the core schema of
/// YAML 1.2; an alias is a copy that counts against the limits, so a document that doubles itself
/// ends early.
#include "compiler/Import/Value.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <sstream>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

namespace xlstm::description {
namespace {

std::string place(const YAML::Mark &mark) {
  return "line " + std::to_string(mark.line + 1) + ", column " + std::to_string(mark.column + 1);
}

bool among(const std::string &text, std::initializer_list<const char *> words) {
  return std::any_of(words.begin(), words.end(), [&](const char *word) { return text == word; });
}

/// A plain scalar by the core schema; anything that is no number, boolean or null is a string.
Value resolve(const std::string &text) {
  if (among(text, {"", "~", "null", "Null", "NULL"}))
    return Value();
  if (among(text, {"true", "True", "TRUE"}))
    return Value::ofBoolean(true);
  if (among(text, {"false", "False", "FALSE"}))
    return Value::ofBoolean(false);
  if (among(text, {".nan", ".NaN", ".NAN"}))
    return Value::ofNumber(std::numeric_limits<double>::quiet_NaN());
  if (among(text, {".inf", ".Inf", ".INF", "+.inf", "-.inf"}))
    return Value::ofNumber(text[0] == '-' ? -HUGE_VAL : HUGE_VAL);
  const char *begin = text.data(), *end = begin + text.size();
  if (*begin == '+')
    ++begin;
  bool numeric =
      begin != end && std::all_of(begin, end, [](char c) {
        return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
      });
  if (!numeric || (begin != text.data() && *begin == '-'))
    return Value::ofString(text);
  int64_t integer = 0;
  if (auto [stop, status] = std::from_chars(begin, end, integer);
      stop == end && status == std::errc())
    return Value::ofInteger(integer);
  double number = 0;
  if (auto [stop, status] = std::from_chars(begin, end, number); stop == end)
    return Value::ofNumber(status == std::errc() ? number : HUGE_VAL);
  return Value::ofString(text);
}

size_t depthOf(const Value &value) {
  size_t depth = 0;
  for (const Value &element : value.elements)
    depth = std::max(depth, depthOf(element));
  for (const Member &member : value.members)
    depth = std::max(depth, depthOf(member.value));
  return depth + (value.isArray() || value.isObject());
}

/// What a copy of the value costs, in values; a long string counts as several.
size_t countOf(const Value &value) {
  size_t count = 1 + value.string.size() / 16;
  for (const Value &element : value.elements)
    count += countOf(element);
  for (const Member &member : value.members)
    count += countOf(member.value) + member.name.size() / 16;
  return count;
}

class Builder : public YAML::EventHandler {
public:
  Value root;

  void OnDocumentStart(const YAML::Mark &mark) override {
    if (++documents > 1)
      throw Problem{place(mark), "expected one YAML document, got a second one"};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark &mark, YAML::anchor_t anchor) override {
    scalar(mark, anchor, Value(), "");
  }
  void OnScalar(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                const std::string &text) override {
    bool quoted = tag == "!" || tag == "tag:yaml.org,2002:str";
    bool plain = among(tag, {"", "?", "tag:yaml.org,2002:int", "tag:yaml.org,2002:float",
                             "tag:yaml.org,2002:bool"});
    if (!quoted && !plain)
      rejectTag(mark, tag);
    scalar(mark, anchor, quoted ? Value::ofString(text) : resolve(text), text);
  }
  void OnAlias(const YAML::Mark &mark, YAML::anchor_t anchor) override {
    auto found = anchors.find(anchor);
    if (found == anchors.end())
      throw Problem{place(mark),
                    "expected an alias of a finished value, got one of an enclosing value"};
    if (wantsKey())
      throw Problem{place(mark), "expected a plain key, got an alias"};
    if (stack.size() + depthOf(found->second) > maxDepth)
      tooDeep(mark);
    count += countOf(found->second) - 1;
    add(mark, found->second);
  }
  void OnSequenceStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Value::Kind::Array);
  }
  void OnMapStart(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Value::Kind::Object);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapEnd() override { close(); }

private:
  struct Frame {
    Value *value;
    YAML::anchor_t anchor;
    std::string key;
    bool hasKey;
    std::set<std::string> names;
  };

  [[noreturn]] static void rejectTag(const YAML::Mark &mark, const std::string &tag) {
    throw Problem{place(mark), "expected plain YAML, got the tag '" + printable(tag) + "'"};
  }
  [[noreturn]] static void tooDeep(const YAML::Mark &mark) {
    throw Problem{place(mark),
                  "expected at most " + std::to_string(maxDepth) + " levels of nesting, got more"};
  }

  bool wantsKey() const {
    return !stack.empty() && stack.back().value->isObject() && !stack.back().hasKey;
  }

  Value *add(const YAML::Mark &mark, Value value) {
    if (++count > maxValues)
      throw Problem{place(mark), "expected at most " + std::to_string(maxValues) +
                                     " values in the document, got more"};
    if (stack.empty()) {
      root = std::move(value);
      return &root;
    }
    Frame &frame = stack.back();
    if (frame.value->isArray()) {
      frame.value->elements.push_back(std::move(value));
      return &frame.value->elements.back();
    }
    frame.hasKey = false;
    frame.value->members.push_back({frame.key, std::move(value)});
    return &frame.value->members.back().value;
  }

  void scalar(const YAML::Mark &mark, YAML::anchor_t anchor, Value value, const std::string &text) {
    if (wantsKey()) {
      Frame &frame = stack.back();
      if (!frame.names.insert(text).second)
        throw Problem{place(mark), "expected each key once, got '" + printable(text) + "' again"};
      frame.key = text;
      frame.hasKey = true;
      return;
    }
    Value *placed = add(mark, std::move(value));
    if (anchor)
      anchors[anchor] = *placed;
  }

  void open(const YAML::Mark &mark, const std::string &tag, YAML::anchor_t anchor,
            Value::Kind kind) {
    if (!among(tag, {"", "?", "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}))
      rejectTag(mark, tag);
    if (wantsKey())
      throw Problem{place(mark), "expected a plain key, got a sequence or a mapping"};
    if (stack.size() == maxDepth)
      tooDeep(mark);
    Value value;
    value.kind = kind;
    stack.push_back({add(mark, std::move(value)), anchor, "", false, {}});
  }

  void close() {
    if (stack.back().anchor) {
      count += countOf(*stack.back().value);
      anchors[stack.back().anchor] = *stack.back().value;
    }
    stack.pop_back();
  }

  std::vector<Frame> stack;
  std::map<YAML::anchor_t, Value> anchors;
  size_t count = 0;
  int documents = 0;
};

} // namespace

Result<Value, Problem> readYaml(std::string_view text) {
  if (text.size() > maxYamlBytes)
    return Problem{"", "expected at most " + std::to_string(maxYamlBytes) + " bytes of YAML, got " +
                           std::to_string(text.size())};
  Builder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return std::move(builder.root);
  } catch (const Problem &problem) {
    return problem;
  } catch (const YAML::Exception &error) {
    return Problem{place(error.mark), "malformed YAML: " + printable(error.msg, 160)};
  } catch (const std::exception &error) {
    return Problem{"", "malformed YAML: " + printable(error.what(), 160)};
  }
}

} // namespace xlstm::description

// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/support/Json.h"

#include "runtime/src/support/Failure.h"

#include <set>
#include <vector>

using nlohmann::json;

namespace xlstm {

json parseJson(std::string_view text, const std::string &source, int maxDepth) {
  // One set of keys per open object; the parser reports an object's depth with its keys.
  std::vector<std::set<std::string>> keys;
  json::parser_callback_t check = [&](int depth, json::parse_event_t event, json &parsed) {
    using Event = json::parse_event_t;
    if ((event == Event::object_start || event == Event::array_start) && depth >= maxDepth)
      fail(XLSTM_ERROR_INVALID_INPUT, source, ": JSON nests deeper than ", maxDepth, " levels");
    if (event == Event::object_start) {
      keys.resize(depth + 2);
      keys[depth + 1].clear();
    }
    if (event == Event::key && !keys[depth].insert(parsed.get_ref<const std::string &>()).second)
      fail(XLSTM_ERROR_INVALID_INPUT, source, ": key ",
           parsed.dump(-1, ' ', true, json::error_handler_t::replace),
           " is given twice in one JSON object");
    return true;
  };
  try {
    return json::parse(text.begin(), text.end(), check);
  } catch (const json::exception &error) {
    // Drop the library's "[json.exception.parse_error.101] " in front.
    std::string what = error.what();
    size_t bracket = what.find("] ");
    fail(XLSTM_ERROR_INVALID_INPUT, source,
         ": not valid JSON: ", bracket == std::string::npos ? what : what.substr(bracket + 2));
  }
}

void JsonNode::expected(const std::string &expected) const {
  std::string got = value->is_structured()
                        ? std::string(value->type_name())
                        : value->dump(-1, ' ', true, json::error_handler_t::replace);
  if (got.size() > 60)
    got = got.substr(0, 57) + "...";
  fail(XLSTM_ERROR_INVALID_INPUT, *source, ": ", where.empty() ? "top level" : where, ": expected ",
       expected, ", got ", got);
}

const JsonNode &JsonNode::object() const {
  if (!value->is_object())
    expected("an object");
  return *this;
}

const JsonNode &JsonNode::array(size_t maxSize) const {
  if (!value->is_array())
    expected("an array");
  if (value->size() > maxSize)
    fail(XLSTM_ERROR_INVALID_INPUT, *source, ": ", where, ": expected at most ", maxSize,
         " elements, got ", value->size());
  return *this;
}

JsonNode JsonNode::operator[](size_t index) const {
  return JsonNode((*value)[index], *source, cat(where, "[", index, "]"));
}

JsonNode JsonNode::at(const char *key) const {
  if (auto found = find(key))
    return *found;
  fail(XLSTM_ERROR_INVALID_INPUT, *source, ": ", where.empty() ? "" : cat(where, ": "),
       "expected the key \"", key, "\", got none");
}

std::optional<JsonNode> JsonNode::find(const char *key) const {
  object();
  auto found = value->find(key);
  if (found == value->end())
    return std::nullopt;
  return JsonNode(*found, *source, where.empty() ? std::string(key) : cat(where, ".", key));
}

JsonNode JsonNode::member(const std::string &key) const {
  return JsonNode((*value)[key], *source, where.empty() ? key : cat(where, ".", key));
}

std::string JsonNode::string(size_t maxLength) const {
  if (!value->is_string())
    expected("a string");
  const std::string &text = value->get_ref<const std::string &>();
  if (text.size() > maxLength)
    expected(cat("a string of at most ", maxLength, " bytes"));
  return text;
}

int64_t JsonNode::integer(int64_t min, int64_t max) const {
  bool fits =
      value->is_number_integer() &&
      !(value->is_number_unsigned() && value->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX));
  if (!fits || value->get<int64_t>() < min || value->get<int64_t>() > max)
    expected(max == INT64_MAX ? cat("an integer of at least ", min)
                              : cat("an integer from ", min, " to ", max));
  return value->get<int64_t>();
}

bool JsonNode::boolean() const {
  if (!value->is_boolean())
    expected("true or false");
  return value->get<bool>();
}

} // namespace xlstm

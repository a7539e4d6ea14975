// SPDX-License-Identifier: Apache-2.0
/// \file
/// The tables of the native form as a JSON schema (draft 2020-12).
#include "compiler/Import/Blocks.h"
#include "compiler/Import/Native.h"

#include <nlohmann/json.hpp>

namespace xlstm::description {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char *identifier = "^[A-Za-z_][A-Za-z0-9_]*$";

Json toJson(const Value &value) {
  switch (value.kind) {
  case Value::Kind::Boolean:
    return value.boolean;
  case Value::Kind::Integer:
    return value.integer;
  case Value::Kind::Number:
    return value.number;
  case Value::Kind::String:
    return value.string;
  case Value::Kind::Object: // a default: no expressions
    return Json::object();
  default:
    return nullptr;
  }
}

Json ofField(const FieldInfo &field) {
  using Type = FieldInfo::Type;
  Json schema = Json::object();
  auto numeric = [&](const char *type) {
    schema["type"] = field.isNullable ? Json{type, "null"} : Json(type);
    schema["minimum"] = field.min;
    schema["maximum"] = field.max;
  };
  switch (field.type) {
  case Type::Any:
    break;
  case Type::Boolean:
    schema["type"] = "boolean";
    break;
  case Type::Integer:
    numeric("integer");
    schema["minimum"] = static_cast<int64_t>(field.min);
    schema["maximum"] = static_cast<int64_t>(field.max);
    break;
  case Type::Number:
    numeric("number");
    break;
  case Type::String:
    schema["type"] = "string";
    break;
  case Type::Choice:
    schema["enum"] = field.choices;
    break;
  case Type::Names:
    schema["type"] = field.isNullable ? Json{"array", "null"} : Json("array");
    schema["items"] = {{"type", "string"}, {"pattern", identifier}};
    schema["minItems"] = static_cast<int64_t>(field.min);
    schema["uniqueItems"] = true;
    break;
  case Type::Expressions:
    schema["type"] = "object";
    schema["propertyNames"] = {{"pattern", identifier}};
    schema["additionalProperties"] = {{"type", "string"}};
    break;
  case Type::Nested:
    schema["$ref"] = "#/$defs/" + field.nested;
    break;
  }
  if (!field.doc.empty())
    schema["description"] = field.doc;
  return schema;
}

/// The object of one kind: exactly the fields that apply to it. `defaults` is an object as it is
/// before any key.
template <class T>
Json ofTable(const Table<T> &table, const std::string &kind, const T &defaults, bool hasKind) {
  Json properties = Json::object(), required = Json::array();
  for (const Field<T> &field : table) {
    if (!field.appliesTo(kind))
      continue;
    Json schema = ofField(field);
    if (hasKind && field.name == "kind")
      schema = {{"const", kind}};
    else if (field.load && !field.isRequired)
      schema["default"] = toJson(field.load(defaults));
    properties[field.name] = std::move(schema);
    if (field.isRequired)
      required.push_back(field.name);
  }
  return {{"type", "object"},
          {"properties", properties},
          {"required", required},
          {"additionalProperties", false}};
}

} // namespace

std::string nativeSchema() {
  Json cells = Json::array(), blocks = Json::array();
  for (const std::string &kind : spellings<CellKind>())
    cells.push_back(ofTable(nativeCellTable(), kind, CellDescription(), true));
  for (size_t i = 0; i < spellings<BlockKind>().size(); ++i)
    blocks.push_back(ofTable(nativeBlockTable(), spellings<BlockKind>()[i],
                             defaultBlock(static_cast<BlockKind>(i)), true));
  Json schema = {
      {"$schema", "https://json-schema.org/draft/2020-12/schema"},
      {"title", "xLSTM model description, native form, version 1"},
      {"oneOf", Json::array({ofTable(nativeModelTable(), nativeCellModel, NativeModel(), false),
                             ofTable(nativeModelTable(), nativeBlockModel, NativeModel(), false)})},
      {"$defs",
       {{"cell", {{"oneOf", cells}}},
        {"block", {{"oneOf", blocks}}},
        {"blocks",
         {{"type", "array"},
          {"items", {{"$ref", "#/$defs/block"}}},
          {"minItems", 1},
          {"maxItems", maxBlocks}}}}}};
  return schema.dump(2) + "\n";
}

} // namespace xlstm::description

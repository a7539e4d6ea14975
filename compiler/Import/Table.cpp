// SPDX-License-Identifier: Apache-2.0
#include "compiler/Import/Table.h"

#include <algorithm>
#include <cmath>

namespace xlstm::description {

bool FieldInfo::appliesTo(const std::string &kind) const {
  return kinds.empty() || std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

static std::string range(const FieldInfo &field) {
  return " from " + spell(field.min) + " to " + spell(field.max);
}

/// What the field wants, or an empty string when the value is that.
static std::string unmet(const FieldInfo &field, const Value &value) {
  using Type = FieldInfo::Type;
  bool within =
      std::isfinite(value.number) && value.number >= field.min && value.number <= field.max;
  switch (field.type) {
  case Type::Any:
  case Type::Nested:
    return "";
  case Type::Boolean:
    return value.kind == Value::Kind::Boolean ? "" : "true or false";
  case Type::Integer:
    return value.kind == Value::Kind::Integer && within ? "" : "an integer" + range(field);
  case Type::Number: {
    bool isNumber = value.kind == Value::Kind::Integer || value.kind == Value::Kind::Number;
    return isNumber && within ? "" : "a number" + range(field);
  }
  case Type::String:
    return value.isString() ? "" : "a string";
  case Type::Choice:
    if (value.isString() &&
        std::find(field.choices.begin(), field.choices.end(), value.string) != field.choices.end())
      return "";
    return (field.choices.size() == 1 ? "" : "one of ") + list(field.choices);
  case Type::Names:
    return value.isArray() ? "" : "an array of names";
  case Type::Expressions:
    return value.isObject() ? "" : "an object of names and expressions";
  }
  return "";
}

Check checkValue(const FieldInfo &field, const Value &value, const std::string &path) {
  if (value.isNull() && field.isNullable)
    return std::nullopt;
  std::string wanted = unmet(field, value);
  if (wanted.empty())
    return std::nullopt;
  std::string hint;
  if (field.type == FieldInfo::Type::Choice && value.isString())
    if (std::string near = nearest(value.string, field.choices); !near.empty())
      hint = ", did you mean '" + near + "'?";
  return Problem{path, "expected " + wanted + ", got " + value.describe() + hint};
}

Check checkKeys(const std::vector<const FieldInfo *> &fields, const Value &object,
                const std::string &path, const std::string &kind) {
  if (!object.isObject())
    return Problem{path, "expected an object, got " + object.describe()};
  std::vector<std::string> known;
  for (const FieldInfo *field : fields)
    if (field->appliesTo(kind))
      known.push_back(field->name);
  for (const Member &member : object.members) {
    if (std::find(known.begin(), known.end(), member.name) != known.end())
      continue;
    std::vector<std::string> owners;
    for (const FieldInfo *field : fields)
      if (field->name == member.name)
        owners.insert(owners.end(), field->kinds.begin(), field->kinds.end());
    std::string place = join(path, member.name), name = "'" + printable(member.name) + "'";
    if (!owners.empty())
      return Problem{place, name + " does not apply to " + kind + ", expected it only with " +
                                list(owners)};
    return Problem{place, "unknown key " + name + suggestion(member.name, known)};
  }
  for (const FieldInfo *field : fields)
    if (field->isRequired && field->appliesTo(kind) && !object.find(field->name))
      return Problem{path, "expected the key '" + field->name + "' (" + field->doc + "), got none"};
  return std::nullopt;
}

Check readKind(const Value &object, const std::string &path, const std::vector<std::string> &kinds,
               size_t &index) {
  if (!object.isObject())
    return Problem{path, "expected an object, got " + object.describe()};
  const Value *kind = object.find("kind");
  if (!kind)
    return Problem{path, "expected the key 'kind' (one of " + list(kinds) + "), got none"};
  FieldInfo field;
  field.type = FieldInfo::Type::Choice;
  field.choices = kinds;
  if (Check problem = checkValue(field, *kind, join(path, "kind")))
    return problem;
  index = std::find(kinds.begin(), kinds.end(), kind->string) - kinds.begin();
  return std::nullopt;
}

} // namespace xlstm::description

// SPDX-License-Identifier: Apache-2.0
/// \file
/// A table of fields describes one kind of object: which keys it knows, what each may hold, and
/// where the value goes. The validator, the nearest-name hints and the JSON schema all read the
/// same table.
#ifndef XLSTM_COMPILER_IMPORT_TABLE_H
#define XLSTM_COMPILER_IMPORT_TABLE_H

#include "compiler/Import/Description.h"
#include "compiler/Import/Value.h"

#include <functional>
#include <limits>

namespace xlstm::description {

/// A field without the struct it belongs to.
struct FieldInfo {
  enum class Type {
    Any,     ///< accepted whatever it is
    Boolean, ///< true or false
    Integer, ///< in [min, max]
    Number,  ///< finite, in [min, max]
    String,
    Choice,      ///< one of `choices`
    Names,       ///< array of identifiers, at least `min`
    Expressions, ///< object of identifier to expression
    Nested       ///< an object or array that has a reader of its own
  };

  std::string name;
  Type type = Type::Any;
  std::string doc;
  double min = 0;
  double max = 0;
  std::vector<std::string> choices;
  std::string nested;             ///< definition of the schema that a Nested field refers to
  std::vector<std::string> kinds; ///< kinds of object that have this field; empty: all
  bool isRequired = false;
  bool isNullable = false; ///< null means absent
  bool isNullOff = false;  ///< null is a value: it switches the option off
  std::string noteText;    ///< not empty: the key is accepted and ignored with this note

  bool appliesTo(const std::string &kind) const;
};

/// Largest values that sizes may take: nothing downstream can overflow 64 bits.
constexpr int64_t maxHeadSize = 65536;
constexpr int64_t maxWidth = int64_t{1} << 20;
constexpr int64_t maxBlocks = 4096;
constexpr int64_t maxVocabulary = int64_t{1} << 26;

/// Checks one value against its field.
Check checkValue(const FieldInfo &field, const Value &value, const std::string &path);

/// Checks that every key of `object` is known and applies to `kind`, and that no required key is
/// missing.
Check checkKeys(const std::vector<const FieldInfo *> &fields, const Value &object,
                const std::string &path, const std::string &kind);

template <class T> struct Field : FieldInfo {
  std::function<void(T &, const Value &)> store;
  std::function<Value(const T &)> load; ///< the default, for the schema

  Field &required() { return isRequired = true, *this; }
  Field &nullable() { return isNullable = true, *this; }
  Field &note(std::string text) { return noteText = std::move(text), *this; }
  Field &only(std::vector<std::string> names) { return kinds = std::move(names), *this; }
};

template <class T> using Table = std::vector<Field<T>>;

template <class T> Field<T> plainField(FieldInfo::Type type, std::string name, std::string doc) {
  Field<T> field;
  field.name = std::move(name);
  field.type = type;
  field.doc = std::move(doc);
  return field;
}

template <class T> Field<T> boolean(std::string name, bool T::*member, std::string doc) {
  Field<T> field = plainField<T>(FieldInfo::Type::Boolean, std::move(name), std::move(doc));
  field.store = [=](T &object, const Value &value) { object.*member = value.boolean; };
  field.load = [=](const T &object) { return Value::ofBoolean(object.*member); };
  return field;
}

/// `M` is int64_t or std::optional<int64_t>.
template <class T, class M>
Field<T> integer(std::string name, M T::*member, int64_t min, int64_t max, std::string doc) {
  Field<T> field = plainField<T>(FieldInfo::Type::Integer, std::move(name), std::move(doc));
  field.min = static_cast<double>(min);
  field.max = static_cast<double>(max);
  field.store = [=](T &object, const Value &value) { object.*member = value.integer; };
  if constexpr (std::is_same_v<M, int64_t>)
    field.load = [=](const T &object) { return Value::ofInteger(object.*member); };
  return field;
}

/// `M` is double or std::optional<double>; null switches an optional one off.
template <class T, class M>
Field<T> number(std::string name, M T::*member, double min, double max, std::string doc) {
  Field<T> field = plainField<T>(FieldInfo::Type::Number, std::move(name), std::move(doc));
  field.min = min;
  field.max = max;
  if constexpr (std::is_same_v<M, double>) {
    field.store = [=](T &object, const Value &value) { object.*member = value.number; };
    field.load = [=](const T &object) { return Value::ofNumber(object.*member); };
  } else {
    field.isNullable = field.isNullOff = true;
    field.store = [=](T &object, const Value &value) {
      object.*member = value.isNull() ? std::nullopt : std::optional<double>(value.number);
    };
    field.load = [=](const T &object) {
      return object.*member ? Value::ofNumber(*(object.*member)) : Value();
    };
  }
  return field;
}

template <class T> Field<T> text(std::string name, std::string T::*member, std::string doc) {
  Field<T> field = plainField<T>(FieldInfo::Type::String, std::move(name), std::move(doc));
  field.store = [=](T &object, const Value &value) { object.*member = value.string; };
  field.load = [=](const T &object) { return Value::ofString(object.*member); };
  return field;
}

/// An enumeration written with `names`, which default to its native spellings.
template <class T, class E>
Field<T> choice(std::string name, E T::*member, std::string doc,
                std::vector<std::string> names = spellings<E>()) {
  Field<T> field = plainField<T>(FieldInfo::Type::Choice, std::move(name), std::move(doc));
  field.choices = names;
  field.store = [=](T &object, const Value &value) {
    for (size_t i = 0; i < names.size(); ++i)
      if (names[i] == value.string)
        object.*member = static_cast<E>(i);
  };
  field.load = [=](const T &object) {
    return Value::ofString(names[static_cast<size_t>(object.*member)]);
  };
  return field;
}

/// A string of a fixed set that stays a string.
template <class T>
Field<T> word(std::string name, std::string T::*member, std::vector<std::string> names,
              std::string doc) {
  Field<T> field = text(std::move(name), member, std::move(doc));
  field.type = FieldInfo::Type::Choice;
  field.choices = std::move(names);
  return field;
}

/// An object or array with a reader of its own.
template <class T> Field<T> nested(std::string name, std::string definition, std::string doc) {
  Field<T> field = plainField<T>(FieldInfo::Type::Nested, std::move(name), std::move(doc));
  field.nested = std::move(definition);
  return field;
}

/// A key that is accepted and has no effect; with a note when the user should know.
template <class T> Field<T> ignored(std::string name, std::string note = "") {
  Field<T> field = plainField<T>(FieldInfo::Type::Any, std::move(name), "accepted and ignored");
  field.noteText = std::move(note);
  return field;
}

/// Adds fields at the end of a table.
template <class T> void append(Table<T> &table, Table<T> more) {
  for (Field<T> &field : more)
    table.push_back(std::move(field));
}

template <class T> std::vector<const FieldInfo *> infos(const Table<T> &table) {
  std::vector<const FieldInfo *> result;
  for (const Field<T> &field : table)
    result.push_back(&field);
  return result;
}

/// Validates `object` against the table and stores its values in `into`. `kind` picks the fields
/// that apply; notes about ignored keys go to `notes`.
template <class T>
Check readFields(const Table<T> &table, const Value &object, const std::string &path,
                 const std::string &kind, T &into, std::vector<std::string> &notes) {
  if (Check problem = checkKeys(infos(table), object, path, kind))
    return problem;
  for (const Member &member : object.members) {
    const Field<T> *field = nullptr;
    for (const Field<T> &candidate : table)
      if (candidate.name == member.name && candidate.appliesTo(kind))
        field = &candidate;
    if (!field) // checkKeys lets private keys (`_name_or_path`) pass where a table says so
      continue;
    std::string place = join(path, member.name);
    if (Check problem = checkValue(*field, member.value, place))
      return problem;
    if (field->store && (field->isNullOff || !member.value.isNull()))
      field->store(into, member.value);
    if (!field->noteText.empty())
      notes.push_back(place + ": " + field->noteText);
  }
  return std::nullopt;
}

/// Reads the choice field `kind` of an object, which decides what else the object may hold.
Check readKind(const Value &object, const std::string &path, const std::vector<std::string> &kinds,
               size_t &index);

} // namespace xlstm::description

#endif // XLSTM_COMPILER_IMPORT_TABLE_H

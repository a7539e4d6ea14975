// SPDX-License-Identifier: Apache-2.0
/// \file
/// The schema and the validator know the same keys. The validator is asked, key by key, through its
/// public entry.
#include "compiler/Import/Description.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <set>

using namespace xlstm::description;
using Json = nlohmann::json;

static Json schema() { return Json::parse(nativeSchema()); }

static bool isUnknown(const Json &document, const std::string &key) {
  auto model = importDescriptionFromText(document.dump(), "s.json");
  return !model && (model.error().message.find("unknown key '" + key + "'") == 0 ||
                    model.error().message.find("'" + key + "' does not apply to") == 0);
}

/// The smallest object of a kind that the validator accepts.
static Json smallest(const std::string &kind) {
  if (kind == "mlstm")
    return {{"kind", kind}, {"heads", 1}, {"dqk", 1}, {"dv", 1}};
  if (kind == "custom")
    return {{"kind", kind},    {"heads", 1},     {"d", 1},
            {"states", {"h"}}, {"gates", {"z"}}, {"update", {{"h", "z"}}}};
  if (kind.find("block") != std::string::npos)
    return {{"kind", kind}, {"heads", 1}};
  return {{"kind", kind}, {"heads", 1}, {"d", 1}};
}

static Json document(const Json &part) {
  Json result = {{"xlstm_model", 1}, {"name", "s"}, {"dtype", "f32"}};
  if (part["kind"].get<std::string>().find("block") == std::string::npos) {
    result["cell"] = part;
  } else {
    result["embedding_dim"] = 64;
    result["blocks"] = Json::array({part});
  }
  return result;
}

/// Every key that the schema names anywhere.
static std::set<std::string> allKeys() {
  std::set<std::string> keys;
  Json root = schema();
  for (const Json &list :
       {root["oneOf"], root["$defs"]["cell"]["oneOf"], root["$defs"]["block"]["oneOf"]})
    for (const Json &object : list)
      for (const auto &item : object["properties"].items())
        keys.insert(item.key());
  return keys;
}

TEST(Schema, KnowsExactlyTheKeysOfTheValidator) {
  Json root = schema();
  std::set<std::string> keys = allKeys();
  keys.insert("nonsense");
  int objects = 0;
  for (const char *definition : {"cell", "block"})
    for (const Json &object : root["$defs"][definition]["oneOf"]) {
      std::string kind = object["properties"]["kind"]["const"];
      ASSERT_TRUE(importDescriptionFromText(document(smallest(kind)).dump(), "s.json")) << kind;
      for (const std::string &key : keys) {
        Json part = smallest(kind);
        if (!part.contains(key))
          part[key] = Json::object(); // of no field's type, so a known key fails with another
                                      // message or passes
        EXPECT_EQ(isUnknown(document(part), key), !object["properties"].contains(key))
            << kind << " " << key;
      }
      ++objects;
    }
  EXPECT_EQ(objects, 9);
}

TEST(Schema, TopLevelKeys) {
  Json root = schema();
  const char *kinds[] = {"lstm", "mlstm_block"};
  for (int form = 0; form < 2; ++form)
    for (const std::string &key : allKeys()) {
      Json whole = document(smallest(kinds[form]));
      if (key == (form ? "cell" : "blocks"))
        continue; // both together is a message of its own
      if (!whole.contains(key))
        whole[key] = Json::object();
      EXPECT_EQ(isUnknown(whole, key), !root["oneOf"][form]["properties"].contains(key)) << key;
    }
}

TEST(Schema, RequiredKeysAreRequired) {
  for (const char *definition : {"cell", "block"})
    for (const Json &object : schema()["$defs"][definition]["oneOf"]) {
      std::string kind = object["properties"]["kind"]["const"];
      std::set<std::string> required = object["required"];
      for (const auto &item : smallest(kind).items()) {
        Json part = smallest(kind);
        EXPECT_EQ(required.count(item.key()), 1u) << kind << " " << item.key();
        if (item.key() == "kind")
          continue;
        part.erase(item.key());
        EXPECT_FALSE(importDescriptionFromText(document(part).dump(), "s.json"))
            << kind << " " << item.key();
      }
      EXPECT_EQ(required.size(), smallest(kind).size());
    }
}

TEST(Schema, DefaultsAreAcceptedAndChoicesListed) {
  for (const char *definition : {"cell", "block"})
    for (const Json &object : schema()["$defs"][definition]["oneOf"]) {
      Json part = smallest(object["properties"]["kind"]["const"]);
      for (const auto &item : object["properties"].items())
        if (item.value().contains("default"))
          part[item.key()] = item.value()["default"];
      auto model = importDescriptionFromText(document(part).dump(), "s.json");
      EXPECT_TRUE(model) << model.error().str();
    }
  Json mlstm = schema()["$defs"]["cell"]["oneOf"][0]["properties"];
  EXPECT_EQ(mlstm["input_gate"]["enum"], Json({"exp", "sigmoid"}));
  EXPECT_EQ(mlstm["input_gate"]["default"], "exp");
  EXPECT_EQ(mlstm["heads"]["minimum"], 1);
  EXPECT_EQ(schema()["$defs"]["blocks"]["items"], Json::parse(R"({"$ref": "#/$defs/block"})"));
}

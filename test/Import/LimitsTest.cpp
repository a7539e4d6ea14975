// SPDX-License-Identifier: Apache-2.0
/// \file
/// Documents that are made to hurt: deep, wide, long, self-doubling. Each ends in one line, and
/// soon.
#include "compiler/Import/Description.h"

#include <chrono>
#include <gtest/gtest.h>

using namespace xlstm::description;

static std::string failure(const std::string &text, const std::string &file) {
  auto start = std::chrono::steady_clock::now();
  auto model = importDescriptionFromText(text, file);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_FALSE(model);
  return model ? "" : model.error().str();
}

static std::string repeat(const std::string &text, size_t count) {
  std::string result;
  for (size_t i = 0; i < count; ++i)
    result += text;
  return result;
}

TEST(Limits, DepthOfJson) {
  for (const std::string &open : {std::string("["), std::string("{\"a\":")})
    for (size_t depth : {65, 1000000})
      EXPECT_EQ(failure(repeat(open, depth), "m.json"),
                "m.json: expected at most 64 levels of nesting, got more");
  // One level less is malformed only because it does not end.
  EXPECT_NE(failure(repeat("[", 64), "m.json").find("malformed JSON"), std::string::npos);
}

TEST(Limits, DepthOfYaml) {
  EXPECT_EQ(failure("a: " + repeat("[", 1000) + repeat("]", 1000), "m.yaml"),
            "m.yaml: line 1, column 67: expected at most 64 levels of nesting, got more");
  EXPECT_EQ(failure(repeat("- ", 1000) + "1", "m.yaml"),
            "m.yaml: line 1, column 129: expected at most 64 levels of nesting, got more");
  failure(repeat("[", 1000000), "m.yaml");
  failure(repeat("- ", 500000), "m.yaml");
  failure(repeat("? ", 500000), "m.yaml");
  failure(repeat("{a: ", 250000), "m.yaml");
}

TEST(Limits, NumberOfValues) {
  const std::string message = "expected at most 200000 values in the document, got more";
  EXPECT_NE(failure("[" + repeat("0,", 300000) + "0]", "m.json").find(message), std::string::npos);
  EXPECT_NE(failure("[" + repeat("0,", 300000) + "0]", "m.yaml").find(message), std::string::npos);
}

TEST(Limits, AliasesThatDoubleThemselves) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    std::string last = "*a" + std::to_string(i - 1), name = "a" + std::to_string(i);
    text += name + ": &" + name + " [" + repeat(last + ", ", 8) + last + "]\n";
  }
  EXPECT_NE(failure(text, "m.yaml").find("expected at most 200000 values"), std::string::npos);
  std::string chain = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i)
    chain += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) +
             "]\n";
  EXPECT_NE(failure(chain, "m.yaml").find("expected at most 64 levels of nesting"),
            std::string::npos);
  std::string longText =
      "a: &a " + std::string(500000, 'x') + "\nb: [" + repeat("*a, ", 100000) + "*a]\n";
  EXPECT_NE(failure(longText, "m.yaml").find("expected at most 200000 values"), std::string::npos);
}

TEST(Limits, InterpolationsThatMultiply) {
  std::string text = "mlstm_block: {}\nbig: [" + repeat("1, ", 50000) + "1]\n";
  for (int i = 0; i < 100; ++i)
    text += "k" + std::to_string(i) + ": ${big}\n";
  EXPECT_EQ(failure(text, "m.yaml"),
            "m.yaml: k3: expected at most 200000 interpolated values, got more");
}

TEST(Limits, Bytes) {
  EXPECT_EQ(failure(std::string((64 << 20) + 1, ' '), "m.json"),
            "m.json: expected at most 64 MiB, got more");
  EXPECT_EQ(failure(std::string((1 << 20) + 1, 'a'), "m.yaml"),
            "m.yaml: expected at most 1048576 bytes of YAML, got 1048577");
  EXPECT_LT(failure("{\"" + std::string(1 << 20, 'k') + "\": 1, \"xlstm_model\": 1, \"cell\": 1}",
                    "m.json")
                .size(),
            500u);
  EXPECT_LT(failure("{\"model_type\": \"" + std::string(1 << 20, 'k') + "\"}", "m.json").size(),
            500u);
}

TEST(Limits, AnyTruncationIsAnError) {
  const std::string text =
      R"({"xlstm_model": 1, "name": "x", "dtype": "f32", "cell": {"kind": "mlstm", "heads": 8,)"
      R"( "dqk": 256, "dv": 512, "eps": 1e-6}})";
  ASSERT_TRUE(importDescriptionFromText(text, "m.json"));
  for (size_t size = 0; size < text.size(); ++size) {
    std::string line = failure(text.substr(0, size), "m.json");
    EXPECT_EQ(line.find('\n'), std::string::npos);
  }
}

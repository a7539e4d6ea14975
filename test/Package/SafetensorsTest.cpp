// SPDX-License-Identifier: Apache-2.0
// safetensors: round trip, and headers that lie.
#include "runtime/src/safetensors/Safetensors.h"
#include "runtime/src/support/Failure.h"
#include "test/Package/Fixture.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace xlstm;

namespace {

std::string file(const std::string &header, const std::string &data) {
  std::string out;
  for (int i = 0; i < 8; ++i)
    out += static_cast<char>(header.size() >> (8 * i));
  return out + header + data;
}

std::string errorOf(const std::string &bytes) {
  try {
    safetensors::File::fromMemory(bytes, "s");
  } catch (const Failure &failure) {
    EXPECT_EQ(failure.status(), XLSTM_ERROR_INVALID_INPUT);
    EXPECT_EQ(std::string(failure.what()).find('\n'), std::string::npos);
    return failure.what();
  }
  return "accepted";
}

std::string errorWith(const std::string &tensor) {
  return errorOf(file("{\"a\":" + tensor + "}", "12345678"));
}

TEST(Safetensors, RoundTrip) {
  test::TemporaryFolder folder;
  float values[6] = {1, 2, 3, 4, 5, 6};
  uint8_t flag = 7;
  std::vector<safetensors::TensorView> list(3);
  list[0].name = "u", list[0].dtype = XLSTM_U8, list[0].shape = {1}, list[0].data = &flag;
  list[1].name = "a", list[1].shape = {2, 3}, list[1].data = values;
  list[2].name = "empty", list[2].dtype = XLSTM_BF16, list[2].shape = {4, 0};
  safetensors::write(folder.path("t"), list, {{"format", "pt"}});
  EXPECT_EQ(folder.list(), "t");
  auto file = safetensors::File::open(folder.path("t"));
  ASSERT_EQ(file.tensors().size(), 3u);
  EXPECT_EQ(file.find("a")->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(std::memcmp(file.find("a")->data, values, sizeof values), 0);
  EXPECT_EQ(*static_cast<const uint8_t *>(file.find("u")->data), 7);
  EXPECT_EQ(file.find("empty")->bytes, 0u);
  EXPECT_EQ(file.find("none"), nullptr);
  EXPECT_EQ(file.metadata().at("format"), "pt");
}

TEST(Safetensors, ScalarsAndBooleans) {
  auto bytes = file(R"({"s":{"dtype":"F32","shape":[],"data_offsets":[0,4]},)"
                    R"("b":{"dtype":"BOOL","shape":[4],"data_offsets":[4,8]}})",
                    "12345678");
  auto read = safetensors::File::fromMemory(bytes, "s");
  EXPECT_EQ(read.find("b")->dtype, XLSTM_U8);
  EXPECT_EQ(read.find("s")->shape.size(), 0u);
}

TEST(Safetensors, Lengths) {
  EXPECT_EQ(errorOf("1234567"), "s: not a safetensors file: expected at least 8 bytes, got 7");
  EXPECT_EQ(errorOf(std::string("\x02\0\0\0\0\0\0\0{", 9)),
            "s: truncated: expected a header of 2 bytes, got 1");
  EXPECT_EQ(errorOf(std::string(8, '\xff')), "s: not a safetensors file: expected a header of at "
                                             "most 104857600 bytes, got 18446744073709551615");
  EXPECT_EQ(errorOf(file("{}", "")), "accepted");
}

TEST(Safetensors, Headers) {
  EXPECT_EQ(errorOf(file("", "")).substr(0, 19), "s: not valid JSON: ");
  EXPECT_EQ(errorOf(file("[]", "")), "s: top level: expected an object, got array");
  EXPECT_EQ(errorOf(file(std::string(1000, '['), "")), "s: JSON nests deeper than 4 levels");
  EXPECT_EQ(errorOf(file(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},)"
                         R"("a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}})",
                         "")),
            "s: key \"a\" is given twice in one JSON object");
  EXPECT_EQ(errorOf(file(R"({"__metadata__":{"a":1}})", "")),
            "s: __metadata__.a: expected a string, got 1");
}

TEST(Safetensors, Tensors) {
  EXPECT_EQ(errorWith(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})"), "accepted");
  EXPECT_EQ(errorWith("3"), "s: a: expected an object, got 3");
  EXPECT_EQ(errorWith(R"({"shape":[2],"data_offsets":[0,8]})"),
            "s: a: expected the key \"dtype\", got none");
  EXPECT_EQ(errorWith(R"({"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]})"),
            "s: a.dtype: expected one of F64 F32 BF16 F16 I64 I32 U8 BOOL, got \"F8_E4M3\"");
  EXPECT_EQ(errorWith(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
            "s: a.shape[0]: expected an integer of at least 0, got -2");
  EXPECT_EQ(errorWith(R"({"dtype":"F32","shape":[2],"data_offsets":[0,9]})"),
            "s: a.data_offsets: expected a range inside the 8 bytes of data, got [0, 9]");
  EXPECT_EQ(errorWith(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"),
            "s: a.data_offsets: expected a range inside the 8 bytes of data, got [8, 0]");
  EXPECT_EQ(errorWith(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"),
            "s: a.data_offsets: expected [begin, end], got array");
  EXPECT_EQ(errorWith(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"),
            "s: a: expected 12 bytes for F32 [3], got data_offsets of 8");
  // 2^62 elements of 4 bytes are 2^64 = 0 in 64 bits.
  EXPECT_EQ(
      errorWith(R"({"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]})"),
      "s: a: expected more than 2^63 bytes for F32 [4611686018427387904], got data_offsets of 0");
  EXPECT_EQ(errorWith(R"({"dtype":"F32","shape":[4611686018427387904,4,0],"data_offsets":[0,0]})"),
            "accepted");
}

TEST(Safetensors, Overlap) {
  EXPECT_EQ(errorOf(file(R"({"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},)"
                         R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
                         "12345678")),
            "s: b.data_offsets: expected data of its own, got bytes of a");
}

TEST(Safetensors, WriterLeavesNothingBehind) {
  test::TemporaryFolder folder;
  std::vector<safetensors::TensorView> list(2);
  list[0].name = list[1].name = "same";
  list[0].shape = list[1].shape = {0};
  EXPECT_THROW(safetensors::write(folder.path("t"), list), Failure);
  EXPECT_THROW(safetensors::write(folder.path("none/t"), {}), Failure);
  EXPECT_EQ(folder.list(), "");
}

} // namespace

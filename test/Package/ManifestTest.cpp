// SPDX-License-Identifier: Apache-2.0
// Manifests: what is written is read back, and what is wrong is named with its place.
#include "runtime/src/package/Manifest.h"
#include "runtime/src/support/Failure.h"
#include "test/Package/Fixture.h"

#include <nlohmann/json.hpp>

#include <gtest/gtest.h>

using namespace xlstm;
using namespace xlstm::package;
using nlohmann::json;

namespace {

std::string errorOf(const std::string &text) {
  try {
    parseManifest(text, "m");
  } catch (const Failure &failure) {
    EXPECT_EQ(failure.status(), XLSTM_ERROR_INVALID_INPUT);
    EXPECT_EQ(std::string(failure.what()).find('\n'), std::string::npos);
    return failure.what();
  }
  return "accepted";
}

json fixtureJson() {
  Manifest manifest = test::fixtureManifest();
  manifest.blobs = {{"fixture.cpu.x86-64.so", 0, 3, 7}};
  return json::parse(toJson(manifest));
}

/// The error after replacing one value of the fixture's manifest.
std::string errorWith(const char *pointer, json value) {
  json manifest = fixtureJson();
  manifest[json::json_pointer(pointer)] = std::move(value);
  return errorOf(manifest.dump());
}

std::string errorWithout(const char *parent, const char *key) {
  json manifest = fixtureJson();
  manifest[json::json_pointer(parent)].erase(key);
  return errorOf(manifest.dump());
}

TEST(Manifest, RoundTrip) {
  std::string text = fixtureJson().dump();
  Manifest manifest = parseManifest(text, "m");
  EXPECT_EQ(json::parse(toJson(manifest)), json::parse(text));
  ASSERT_EQ(manifest.functions.size(), 3u);
  const Launch &addRows = manifest.functions[1].implementations[0].launches[1];
  EXPECT_EQ(addRows.grid[1].dim, "T");
  EXPECT_EQ(addRows.grid[1].ceilDiv, 64);
  EXPECT_EQ(manifest.blobs[0].xxh64, 7u);
}

TEST(Manifest, AttributesKeepTheOrderOfTheirMembers) {
  Manifest manifest = test::fixtureManifest();
  manifest.blobs = {{"fixture.cpu.x86-64.so", 0, 3, 7}};
  manifest.functions[0].attributes = R"({"update":{"m":"i","c":"new.m","h":"new.c"}})";
  EXPECT_EQ(parseManifest(toJson(manifest), "m").functions[0].attributes,
            manifest.functions[0].attributes);
}

TEST(Manifest, RunTimeSizesRoundTrip) {
  Manifest manifest;
  Function function;
  function.name = "f";
  Tensor gradient{"dc0", XLSTM_F32, {"S", 4}, true};
  gradient.with = "c0";
  function.inputs = {{"x", XLSTM_BF16, {"B", "T"}, false},
                     {"c0", XLSTM_F32, {"S", 4}, true},
                     {"cu_seqlens", XLSTM_I32, {Factor("N", 1, 1)}, true},
                     {"rows", XLSTM_F32, {"R"}, true}};
  Tensor last{"c_last", XLSTM_F32, {"S", 4}, true};
  last.inPlace = "c0";
  function.outputs = {gradient, last};
  function.derivedDims = {
      {"S", {"N", "B"}}, {"G", {}, Parts{"T", 512, {"S", 32}, 132}}, {"R", {"B"}, {}, {}, "c0"}};
  Workspace chunks;
  chunks.name = "w0";
  chunks.dtype = XLSTM_F64;
  chunks.shape = {{{"B", Factor("T", 64)}, {"N"}}, {{3}}};
  Launch launch;
  launch.kernel = "k";
  launch.blob = "b";
  launch.grid = {"S"};
  launch.requirements = {{"cu_seqlens", 1, /*absent=*/true}};
  launch.args = {Argument::pointer("w0"), Argument::dim("w0", 0), Argument::stride("w0", 1)};
  function.implementations = {{"cpu", "x86-64", "{}", {chunks}, {launch}}};
  function.implementations[0].when = {{"G", 2}, {"B", 0, 7}};
  manifest.functions = {function};
  manifest.blobs = {{"b", 0, 0, 0}};
  std::string text = toJson(manifest);
  Manifest read = parseManifest(text, "m");
  EXPECT_EQ(json::parse(toJson(read)), json::parse(text));
  const Function &f = read.functions[0];
  EXPECT_EQ(f.outputs[0].with, "c0");
  EXPECT_EQ(f.outputs[1].inPlace, "c0");
  EXPECT_EQ(f.inputs[2].shape[0].add, 1);
  ASSERT_EQ(f.derivedDims.size(), 3u);
  EXPECT_EQ(f.derivedDims[0].unless, "");
  EXPECT_EQ(f.derivedDims[2].unless, "c0");
  EXPECT_EQ(f.derivedDims[0].sources, (std::vector<std::string>{"N", "B"}));
  ASSERT_TRUE(f.derivedDims[1].parts);
  EXPECT_EQ(f.derivedDims[1].parts->of, "T");
  EXPECT_EQ(f.derivedDims[1].parts->least, 512);
  EXPECT_EQ(f.derivedDims[1].parts->blocks[1].value, 32);
  EXPECT_EQ(f.derivedDims[1].parts->mostBlocks, 132);
  ASSERT_EQ(f.implementations[0].when.size(), 2u);
  EXPECT_EQ(f.implementations[0].when[0].atLeast, 2);
  EXPECT_EQ(f.implementations[0].when[1].atMost, 7);
  const Workspace &workspace = f.implementations[0].workspace[0];
  EXPECT_EQ(workspace.dtype, XLSTM_F64);
  ASSERT_EQ(workspace.shape.size(), 2u);
  EXPECT_EQ(workspace.shape[0][0][1].ceilDiv, 64);
  EXPECT_TRUE(f.implementations[0].launches[0].requirements[0].absent);

  json wrong = json::parse(text);
  wrong["functions"][0]["outputs"][0]["with"] = "x";
  EXPECT_EQ(errorOf(wrong.dump()),
            "m: functions[0].outputs: dc0: with: expected an optional input, got 'x'");
  for (const char *other : {"x", "y", "cu_seqlens"}) {
    wrong = json::parse(text);
    wrong["functions"][0]["outputs"][1]["in_place"] = other;
    EXPECT_EQ(errorOf(wrong.dump()),
              std::string("m: functions[0].outputs: c_last: in_place: "
                          "expected an input of the same type and shape, got '") +
                  other + "'");
  }
  wrong = json::parse(text);
  wrong["functions"][0]["derived_dims"][0]["first_of"][0] = "K";
  EXPECT_EQ(errorOf(wrong.dump()), "m: functions[0].derived_dims: S: expected dimensions of the "
                                   "function's tensors, got 'K'");
  wrong = json::parse(text);
  wrong["functions"][0]["derived_dims"][2]["unless"] = "x"; // which is not optional
  EXPECT_EQ(errorOf(wrong.dump()), "m: functions[0].derived_dims: R: unless: expected an optional "
                                   "input, with first_of, got 'x'");
  wrong = json::parse(text);
  wrong["functions"][0]["derived_dims"][1]["parts"]["of"] = "K";
  EXPECT_EQ(errorOf(wrong.dump()), "m: functions[0].derived_dims: expected a dimension of the "
                                   "function's tensors, got 'K'");
  wrong = json::parse(text);
  wrong["functions"][0]["derived_dims"][1]["name"] = "T";
  EXPECT_EQ(errorOf(wrong.dump()),
            "m: functions[0].derived_dims: expected a new name, got 'T' again");
  wrong = json::parse(text);
  wrong["functions"][0]["implementations"][0]["when"][0]["dim"] = "K";
  EXPECT_EQ(errorOf(wrong.dump()), "m: functions[0].implementations[0].when: expected a dimension "
                                   "of the function's tensors, got 'K'");
  wrong = json::parse(text);
  wrong["functions"][0]["implementations"][0]["launches"][0]["args"][1]["dim"][1] = 2;
  EXPECT_EQ(errorOf(wrong.dump()), "m: functions[0].implementations[0].launches[0].args[1]: "
                                   "expected an axis of w0, which has 2, got 2");
}

TEST(Manifest, GpuRoundTrip) {
  Manifest manifest = test::gpuFixture("ptx", "cubin", 1000).manifest();
  manifest.functions[0].implementations[1].launches[0].requirements = {{"x", 16}};
  manifest.functions[0].implementations[1].launches[0].cluster = 8;
  manifest.functions[0].implementations[1].launches[0].overlaps = true;
  manifest.functions[0].implementations[1].launches[0].registers = 168;
  std::string text = toJson(manifest);
  EXPECT_EQ(toJson(parseManifest(text, "m")), text);
  EXPECT_NE(text.find("\"registers\": 168"), std::string::npos);
}

TEST(Manifest, MatrixProducts) {
  Manifest manifest = test::gpuFixture("ptx", "cubin", 1000).manifest();
  Launch &launch = manifest.functions[0].implementations[0].launches[0];
  launch.product = MatrixProduct{"x", {"x"}, {"y"}, "x"};
  std::string text = toJson(manifest);
  EXPECT_EQ(toJson(parseManifest(text, "m")), text);
  EXPECT_NE(text.find("\"residual\": \"x\""), std::string::npos);
  const std::string path = "m: functions[0].implementations[0].launches[0].product: expected ";
  launch.product = MatrixProduct{"x", {"x", "x"}, {"y"}};
  EXPECT_EQ(errorOf(toJson(manifest)), path + "weights and a result for each, got 2 and 1");
  launch.product = MatrixProduct{"x", {"x", "x"}, {"y", "y"}, "", "x"};
  EXPECT_EQ(errorOf(toJson(manifest)), path + "one weight with residual or bias, got 2");
  launch.product = MatrixProduct{"x", {"z"}, {"y"}};
  EXPECT_EQ(errorOf(toJson(manifest)), path + "a pointer among the arguments, got 'z'");
}

TEST(Manifest, PreparingLaunches) {
  // The sums of x, whose extents are dimensions.
  const char *launch = "/functions/1/implementations/0/launches/0";
  const std::string path = "m: functions[1].implementations[0].launches[0]: prepare: expected ";
  json manifest = fixtureJson();
  json::json_pointer grid(std::string(launch) + "/grid");
  manifest[json::json_pointer(std::string(launch) + "/prepare")] = true;
  EXPECT_EQ(errorOf(manifest.dump()), path + "a grid without dimensions");
  manifest[grid] = {2};
  EXPECT_EQ(errorOf(manifest.dump()), path + "parameters and buffers, got 'x'");
  manifest["functions"][1]["inputs"][0]["parameter"] = true;
  EXPECT_EQ(errorOf(manifest.dump()), path + "buffers without dimensions, got 'sums'");
  manifest["functions"][1]["implementations"][0]["workspace"][0]["bytes"] = {{2, 4, 4}};
  EXPECT_EQ(errorOf(manifest.dump()), "accepted");
  std::string text = toJson(parseManifest(manifest.dump(), "m"));
  EXPECT_NE(text.find("\"prepare\": true"), std::string::npos);
  EXPECT_EQ(toJson(parseManifest(text, "m")), text);
}

TEST(Manifest, UnknownKeysAreIgnored) {
  EXPECT_EQ(errorWith("/a_later_key", 1), "accepted");
  EXPECT_EQ(errorWith("/functions/0/implementations/0/launches/0/a_later_key", json::object()),
            "accepted");
}

TEST(Manifest, NotJson) {
  EXPECT_EQ(errorOf("").substr(0, 19), "m: not valid JSON: ");
  EXPECT_EQ(errorOf("{\"xlstm_package\": 1,").substr(0, 19), "m: not valid JSON: ");
  EXPECT_EQ(errorOf("\xff\xfe\n\x01").substr(0, 19), "m: not valid JSON: ");
  EXPECT_EQ(errorOf("[]"), "m: top level: expected an object, got array");
  EXPECT_EQ(errorOf("{}"), "m: expected the key \"xlstm_package\", got none");
}

TEST(Manifest, DeepAndRepeated) {
  EXPECT_EQ(errorOf(std::string(100000, '[')), "m: JSON nests deeper than 32 levels");
  std::string objects;
  for (int i = 0; i < 50000; ++i)
    objects += "{\"a\":";
  EXPECT_EQ(errorOf(objects), "m: JSON nests deeper than 32 levels");
  EXPECT_EQ(errorOf("{\"a\": {\"b\": 1}, \"c\": {\"b\": 1, \"b\": 2}}"),
            "m: key \"b\" is given twice in one JSON object");
}

TEST(Manifest, Versions) {
  EXPECT_EQ(errorWith("/xlstm_package", 2),
            "m: package format version 2 is not known to this runtime, which reads version 1");
  EXPECT_EQ(errorWith("/xlstm_package", "1"),
            "m: xlstm_package: expected an integer of at least 0, got \"1\"");
}

TEST(Manifest, WrongTypes) {
  EXPECT_EQ(errorWith("/functions", 3), "m: functions: expected an array, got 3");
  EXPECT_EQ(errorWith("/functions/0", "f"), "m: functions[0]: expected an object, got \"f\"");
  EXPECT_EQ(
      errorWith("/functions/0/inputs/0/dtype", "f31"),
      "m: functions[0].inputs[0].dtype: expected one of f64 f32 bf16 f16 i64 i32 u8, got \"f31\"");
  EXPECT_EQ(errorWith("/functions/0/inputs/0/shape/2", -4),
            "m: functions[0].inputs[0].shape[2]: expected an integer of at least 0, got -4");
  EXPECT_EQ(errorWith("/functions/0/inputs/0/shape/2", 4.5),
            "m: functions[0].inputs[0].shape[2]: expected a number, a dimension name or {\"dim\", "
            "\"ceil_div\", \"add\"}, got 4.5");
  EXPECT_EQ(errorWith("/functions/0/inputs/0/shape/2", 18446744073709551615u),
            "m: functions[0].inputs[0].shape[2]: expected an integer of at least 0, got "
            "18446744073709551615");
  EXPECT_EQ(errorWith("/functions/0/inputs/0/shape", json::array({1, 1, 1, 1, 1, 1, 1, 1, 1})),
            "m: functions[0].inputs[0].shape: expected at most 8 elements, got 9");
  EXPECT_EQ(errorWith("/functions/0/inputs/1/optional", 1),
            "m: functions[0].inputs[1].optional: expected true or false, got 1");
  EXPECT_EQ(errorWith("/functions/0/name", "../up"),
            "m: functions[0].name: expected a name without spaces, slashes or a leading dot, got "
            "\"../up\"");
  EXPECT_EQ(errorWith("/blobs/0/xxh64", "12"),
            "m: blobs[0].xxh64: expected 16 hexadecimal digits, got \"12\"");
  EXPECT_EQ(errorWith("/blobs/0/size", -1),
            "m: blobs[0].size: expected an integer of at least 0, got -1");
}

TEST(Manifest, MissingKeys) {
  EXPECT_EQ(errorWithout("/functions/0", "outputs"),
            "m: functions[0]: expected the key \"outputs\", got none");
  EXPECT_EQ(errorWithout("/functions/0/implementations/0", "isa"),
            "m: functions[0].implementations[0]: expected the key \"isa\", got none");
  EXPECT_EQ(errorWithout("/functions/0/implementations/0/launches/0", "blob"),
            "m: functions[0].implementations[0].launches[0]: expected the key \"blob\", got none");
}

TEST(Manifest, References) {
  const char *at = "m: functions[0].implementations[0].launches[0]";
  EXPECT_EQ(errorWith("/functions/0/implementations/0/launches/0/blob", "other.so"),
            cat(at, ": expected a blob of the package, got 'other.so'"));
  EXPECT_EQ(errorWith("/functions/0/implementations/0/launches/0/args/0", {{"ptr", "z"}}),
            cat(at, ".args[0]: expected a tensor of the function, got 'z'"));
  EXPECT_EQ(errorWith("/functions/0/implementations/0/launches/0/args/0", {{"dim", {"x", 3}}}),
            cat(at, ".args[0]: expected an axis of x, which has 3, got 3"));
  EXPECT_EQ(errorWith("/functions/0/implementations/0/launches/0/args/0", {{"dim", {"x"}}}),
            cat(at, ".args[0].dim: expected [tensor name, axis] or [tensor name, axis, number of "
                    "axes], got array"));
  EXPECT_EQ(errorWith("/functions/0/implementations/0/launches/0/args/0", {{"pointer", "x"}}),
            cat(at, ".args[0]: expected an object with ptr, dim, stride or tensormap, got object"));
  EXPECT_EQ(errorWith("/functions/0/implementations/0/launches/0/grid", {"N"}),
            cat(at, ".grid: expected a dimension of the function's tensors, got 'N'"));
  EXPECT_EQ(errorWith("/functions/0/implementations/0/launches/0/requires",
                      {{{"tensor", "x"}, {"align", 24}}}),
            cat(at, ".requires: align: expected a power of two, got 24"));
  EXPECT_EQ(errorWith("/functions/0/inputs/1/name", "x"),
            "m: functions[0].inputs[1]: expected a new name, got 'x' again");
  EXPECT_EQ(errorWith("/functions/1/name", "scale"),
            "m: functions[1]: expected a new name, got 'scale' again");
  EXPECT_EQ(errorWith("/functions/0/implementations/0/launches", json::array()),
            "m: functions[0].implementations[0]: launches: expected at least one, got none");
  EXPECT_EQ(errorWith("/functions/1/implementations/0/workspace/0/name", "x"),
            "m: functions[1].implementations[0].workspace: expected a new name, got 'x' again");
}

TEST(Manifest, TensorMaps) {
  auto errorOfMap = [](std::vector<int64_t> box, int swizzle, const char *target) {
    Manifest manifest = test::gpuFixture("ptx", "", 0).manifest();
    manifest.functions[0].implementations[1].target = target;
    manifest.functions[0].implementations[1].launches[0].args[3] =
        Argument::tensorMap("x", box, swizzle);
    return errorOf(toJson(manifest));
  };
  const char *at = "m: functions[0].implementations[1].launches[0].args[3]";
  EXPECT_EQ(errorOfMap({32}, 128, "sm_90a"), "accepted");
  EXPECT_EQ(errorOfMap({64, 1}, 0, "sm_90a"),
            cat(at, ": box: expected one extent for each of the 1 axes of x (1 to 5), got 2"));
  EXPECT_EQ(errorOfMap({64}, 128, "sm_90a"),
            cat(at, ": box: expected an inner extent that is a multiple of 16 bytes and at most "
                    "128, got 256"));
  EXPECT_EQ(errorOfMap({3}, 0, "sm_90a"),
            cat(at, ": box: expected an inner extent that is a multiple of 16 bytes, got 12"));
  EXPECT_EQ(errorOfMap({64}, 48, "sm_90a"),
            cat(at, ".tensormap.swizzle: expected 0, 32, 64 or 128, got 48"));
  EXPECT_EQ(
      errorOfMap({64}, 0, "gfx942"),
      "m: functions[0].implementations[1]: target: expected cpu or sm_<capability>, got 'gfx942'");
}

TEST(Manifest, MergedAxes) {
  auto errorOfArgument = [](Argument argument) {
    Manifest manifest = test::gpuFixture("ptx", "", 0).manifest();
    Workspace buffer;
    buffer.name = "w7";
    buffer.dtype = XLSTM_BF16;
    buffer.shape = {{{4}}, {{3}}, {{128}}};
    manifest.functions[0].implementations[1].target = "sm_90a";
    manifest.functions[0].implementations[1].workspace = {buffer};
    manifest.functions[0].implementations[1].launches[0].args[3] = argument;
    std::string text = toJson(manifest), error = errorOf(text);
    if (error == "accepted") {
      const Argument &read =
          parseManifest(text, "m").functions[0].implementations[1].launches[0].args[3];
      EXPECT_EQ(read.merged, argument.merged);
      EXPECT_EQ(int(read.kind), int(argument.kind));
    }
    return error;
  };
  const char *at = "m: functions[0].implementations[1].launches[0].args[3]";
  EXPECT_EQ(errorOfArgument(Argument::dim("w7", 0, 2)), "accepted");
  EXPECT_EQ(errorOfArgument(Argument::stride("w7", 0, 3)), "accepted");
  EXPECT_EQ(errorOfArgument(Argument::tensorMap("w7", {64, 4}, 128, 2)), "accepted");
  EXPECT_EQ(errorOfArgument(Argument::dim("w7", 0, 4)),
            cat(at, ": expected to merge 1 to 3 axes of w7 from axis 0, got 4 from axis 0"));
  EXPECT_EQ(errorOfArgument(Argument::stride("w7", 1, 2)),
            cat(at, ": expected to merge 1 to 3 axes of w7 from axis 0, got 2 from axis 1"));
  EXPECT_EQ(errorOfArgument(Argument::tensorMap("w7", {64, 4, 1}, 128, 2)),
            cat(at, ": box: expected one extent for each of the 2 axes of w7 (1 to 5), got 3"));
}

TEST(Manifest, TensorMapsOfWorkspaceTensors) {
  auto errorOfMap = [](std::vector<int64_t> box) {
    Manifest manifest = test::gpuFixture("ptx", "", 0).manifest();
    Workspace buffer;
    buffer.name = "w7";
    buffer.dtype = XLSTM_BF16;
    buffer.shape = {{{4}}, {{128}}};
    manifest.functions[0].implementations[1].target = "sm_90a";
    manifest.functions[0].implementations[1].workspace = {buffer};
    manifest.functions[0].implementations[1].launches[0].args[3] =
        Argument::tensorMap("w7", box, 128);
    return errorOf(toJson(manifest));
  };
  const char *at = "m: functions[0].implementations[1].launches[0].args[3]";
  EXPECT_EQ(errorOfMap({64, 4}), "accepted");
  EXPECT_EQ(errorOfMap({64}),
            cat(at, ": box: expected one extent for each of the 2 axes of w7 (1 to 5), got 1"));
  EXPECT_EQ(errorOfMap({128, 4}),
            cat(at, ": box: expected an inner extent that is a multiple of 16 bytes and at most "
                    "128, got 256"));
}

TEST(Manifest, Views) {
  auto errorOfView = [](const char *of, DType dtype, std::vector<Sum> shape) {
    Manifest manifest = test::gpuFixture("ptx", "", 0).manifest();
    Workspace buffer, view;
    buffer.name = "w7", buffer.dtype = XLSTM_BF16, buffer.shape = {{{4}}, {{128}}};
    view.name = "w8", view.of = of, view.dtype = dtype, view.shape = std::move(shape);
    manifest.functions[0].implementations[1].workspace = {buffer, view};
    return errorOf(toJson(manifest));
  };
  const char *at = "m: functions[0].implementations[1].workspace: of: ";
  EXPECT_EQ(errorOfView("w7", XLSTM_BF16, {{{512}}}), "accepted");
  EXPECT_EQ(errorOfView("w7", XLSTM_F32, {{{512}}}),
            cat(at, "expected a shape and the type bf16 of w7, got f32"));
  EXPECT_EQ(errorOfView("w8", XLSTM_BF16, {{{512}}}),
            "m: functions[0].implementations[1].workspace: expected a tensor of the function, got "
            "'w8'");
}

TEST(Manifest, Targets) {
  GpuTarget target;
  ASSERT_TRUE(parseGpuTarget("sm_90a", target));
  EXPECT_EQ(target.major, 9);
  EXPECT_EQ(target.minor, 0);
  EXPECT_TRUE(target.exact);
  ASSERT_TRUE(parseGpuTarget("sm_120", target));
  EXPECT_EQ(target.major, 12);
  EXPECT_FALSE(target.exact);
  for (const char *bad : {"sm_", "sm_9", "sm_a", "sm_90b", "sm_90aa", "cpu", "", "sm_1000"})
    EXPECT_FALSE(parseGpuTarget(bad, target)) << bad;
}

} // namespace

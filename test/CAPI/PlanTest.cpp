// SPDX-License-Identifier: Apache-2.0
// Dimensions, layouts, grids and arguments, without a device.
#include "runtime/src/Plan.h"
#include "runtime/src/support/Failure.h"

#include <gtest/gtest.h>

#include <map>

using namespace xlstm;
using namespace xlstm::package;

namespace {

/// q [B, T, 2, 8] bf16, c0? [B, 2, 8] f32 -> h [B, T, 2, 8] bf16. The kernel takes all of q's
/// strides but the last, and none of c0's; q must be 16-byte aligned.
Function makeFunction() {
  Function function;
  function.name = "f";
  function.inputs = {{"q", XLSTM_BF16, {"B", "T", 2, 8}, false},
                     {"c0", XLSTM_F32, {"B", 2, 8}, true}};
  function.outputs = {{"h", XLSTM_BF16, {"B", "T", 2, 8}, false}};
  Launch launch;
  launch.kernel = "k";
  launch.blob = "b";
  launch.grid = {"B", 2, Factor("T", 64)};
  launch.requirements = {{"q", 16}};
  launch.args = {Argument::pointer("q"),   Argument::pointer("c0"),  Argument::pointer("w1"),
                 Argument::pointer("h"),   Argument::dim("q", 1),    Argument::dim("c0", 0),
                 Argument::dim("c0", 1),   Argument::stride("q", 0), Argument::stride("q", 1),
                 Argument::stride("q", 2), Argument::stride("h", 0), Argument::stride("h", 1),
                 Argument::stride("h", 2), Argument::pointer("w0")};
  Implementation implementation{
      "cpu", "x86-64", "{}", {{"w0", {{"B", 3}, {5}}}, {"w1", {{"T", "B"}}}}, {launch}};
  function.implementations = {implementation};
  return function;
}

class PlanTest : public ::testing::Test {
protected:
  Function function = makeFunction();
  FunctionPlan plan{function};
  ImplementationPlan implementation{plan, function.implementations[0]};
  Dimensions dims = plan.makeDimensions();
  xlstm_device_info cpu = {};
  xlstm_tensor q, c0, h;
  alignas(64) char memory[4096];

  PlanTest() {
    cpu.kind = XLSTM_CPU;
    init(q, XLSTM_BF16, {2, 65, 2, 8});
    init(c0, XLSTM_F32, {2, 2, 8});
    init(h, XLSTM_BF16, {2, 65, 2, 8});
  }
  void init(xlstm_tensor &tensor, DType dtype, std::vector<int64_t> shape) {
    ASSERT_EQ(xlstm_tensor_init(&tensor, memory, dtype, static_cast<int>(shape.size()),
                                shape.data(), XLSTM_CPU, 0),
              XLSTM_OK);
  }
  std::string resolve(bool withState = true) {
    const xlstm_tensor *given[] = {&q, withState ? &c0 : nullptr, &h};
    try {
      plan.resolve(given, 3, cpu, dims);
    } catch (const Failure &failure) {
      EXPECT_EQ(failure.status(), XLSTM_ERROR_INVALID_INPUT);
      return failure.what();
    }
    return "accepted";
  }
  std::string layout() {
    const xlstm_tensor *given[] = {&q, &c0, &h};
    std::string reason = "accepted";
    implementation.accepts(given, dims, &reason);
    return reason;
  }
};

class NoDevice : public Device {
  xlstm_device_info none = {};
  const xlstm_device_info &info() const override { return none; }
  int preference(const Implementation &, std::string &) const override { return 0; }
  std::unique_ptr<Program> load(const Container &, const Implementation &) override {
    return nullptr;
  }
  void encodeTensorMap(const Argument &, const xlstm_tensor &tensor, void *) override {
    encoded.push_back(tensor);
  }
  void *allocate(size_t) override { return nullptr; }
  void release(void *) noexcept override {}
  void *allocateHost(size_t) override { return nullptr; }
  void releaseHost(void *) noexcept override {}
  void upload(void *, const void *, size_t, void *) override {}
  void download(void *, const void *, size_t, void *) override {}
  void fill(void *, uint8_t, size_t, void *) override {}
  void copy(void *, const void *, size_t, void *) override {}
  size_t freeMemory() override { return 0; }
  void *createStream() override { return nullptr; }
  void destroyStream(void *) noexcept override {}
  void synchronize(void *) override {}
  void *createEvent() override { return nullptr; }
  void destroyEvent(void *) noexcept override {}
  void recordEvent(void *, void *) override {}
  float elapsed(void *, void *) override { return 0; }

public:
  std::vector<xlstm_tensor> encoded; // what tensor maps were made of
};

/// x [B, T] or packed [1, T] with cu_seqlens [N + 1] -> h [B, T], c_last [S, 4]; dc0 [S, 4] with
/// c0.
Function makePackedFunction() {
  Function function;
  function.name = "packed";
  Tensor dc0{"dc0", XLSTM_F32, {"S", 4}, true};
  dc0.with = "c0";
  function.inputs = {{"x", XLSTM_F32, {"B", "T"}, false},
                     {"c0", XLSTM_F32, {"S", 4}, true},
                     {"cu_seqlens", XLSTM_I32, {Factor("N", 1, 1)}, true}};
  function.outputs = {
      {"h", XLSTM_F32, {"B", "T"}, false}, {"c_last", XLSTM_F32, {"S", 4}, true, "", "c0"}, dc0};
  function.derivedDims = {{"S", {"N", "B"}}};
  Workspace chunks;
  chunks.name = "w0"; // [B * ceil(T / 64) + N, 3]
  chunks.dtype = XLSTM_F64;
  chunks.shape = {{{"B", Factor("T", 64)}, {"N"}}, {{3}}};
  Launch launch;
  launch.kernel = "k";
  launch.blob = "b";
  launch.grid = {"S", 2};
  launch.args = {Argument::pointer("x"), Argument::pointer("w0"), Argument::dim("w0", 0),
                 Argument::stride("w0", 0), Argument::stride("w0", 1)};
  function.implementations = {{"cpu", "x86-64", "{}", {chunks}, {launch}}};
  return function;
}

class PackedPlanTest : public ::testing::Test {
protected:
  Function function = makePackedFunction();
  FunctionPlan plan{function};
  Dimensions dims = plan.makeDimensions();
  xlstm_device_info cpu = {};
  std::map<std::string, xlstm_tensor> tensors;
  alignas(64) char memory[4096];

  PackedPlanTest() { cpu.kind = XLSTM_CPU; }
  void give(const char *name, DType dtype, std::vector<int64_t> shape) {
    ASSERT_EQ(xlstm_tensor_init(&tensors[name], memory, dtype, static_cast<int>(shape.size()),
                                shape.data(), XLSTM_CPU, 0),
              XLSTM_OK);
  }
  std::vector<const xlstm_tensor *> given() {
    std::vector<const xlstm_tensor *> list;
    for (const char *name : {"x", "c0", "cu_seqlens", "h", "c_last", "dc0"})
      list.push_back(tensors.count(name) ? &tensors[name] : nullptr);
    return list;
  }
  std::string resolve() {
    try {
      plan.resolve(given().data(), plan.tensorCount(), cpu, dims);
    } catch (const Failure &failure) {
      return failure.what();
    }
    return "accepted";
  }
  int64_t sequences() { return plan.evaluate(plan.compile(Product{"S"}), dims, "grid"); }
};

TEST_F(PackedPlanTest, SequencesAreTheBatchOrThePackedOnes) {
  give("x", XLSTM_F32, {3, 100});
  give("h", XLSTM_F32, {3, 100});
  EXPECT_EQ(resolve(), "accepted");
  EXPECT_EQ(sequences(), 3);
  give("c_last", XLSTM_F32, {2, 4});
  EXPECT_EQ(resolve(), "c_last: axis 0: expected B = 3 as in x, got 2");
  give("x", XLSTM_F32, {1, 100});
  give("h", XLSTM_F32, {1, 100});
  give("cu_seqlens", XLSTM_I32, {3});
  EXPECT_EQ(resolve(), "accepted");
  EXPECT_EQ(sequences(), 2);
  int64_t shape[2];
  plan.shape(2, dims, shape);
  EXPECT_EQ(shape[0], 3);
  plan.shape(4, dims, shape);
  EXPECT_EQ(shape[0], 2);
  give("cu_seqlens", XLSTM_I32, {0});
  EXPECT_EQ(resolve(), "cu_seqlens: axis 0: expected at least 1, got 0");
}

TEST_F(PackedPlanTest, OutputsInPlaceAreTheirInputs) {
  give("x", XLSTM_F32, {3, 100});
  give("h", XLSTM_F32, {3, 100});
  give("c0", XLSTM_F32, {3, 4});
  give("c_last", XLSTM_F32, {3, 4}); // the same memory
  EXPECT_EQ(resolve(), "accepted");
  tensors["c_last"].strides[0] = 8;
  EXPECT_EQ(resolve(),
            "c_last: axis 0: expected a stride of 4 as in c0, whose memory it is, got 8");
  tensors["c_last"].data = memory + 1024; // memory of its own
  EXPECT_EQ(resolve(), "accepted");
}

TEST_F(PackedPlanTest, PackedSequencesLieInOneRow) {
  give("x", XLSTM_F32, {2, 100});
  give("h", XLSTM_F32, {2, 100});
  give("cu_seqlens", XLSTM_I32, {4});
  EXPECT_EQ(resolve(), "x: axis 0: expected B = 1 because S follows from cu_seqlens, got 2");
}

TEST_F(PackedPlanTest, BoundariesAreChecked) {
  give("x", XLSTM_F32, {1, 20});
  give("h", XLSTM_F32, {1, 20});
  auto check = [&](std::vector<int32_t> starts) -> std::string {
    give("cu_seqlens", XLSTM_I32, {static_cast<int64_t>(starts.size())});
    tensors["cu_seqlens"].data = starts.data();
    EXPECT_EQ(resolve(), "accepted");
    try {
      plan.checkBoundaries(given().data(), dims);
    } catch (const Failure &failure) {
      EXPECT_EQ(failure.status(), XLSTM_ERROR_INVALID_INPUT);
      return failure.what();
    }
    return "accepted";
  };
  EXPECT_EQ(check({0, 5, 20}), "accepted");
  EXPECT_EQ(check({0, 0, 20, 20}), "accepted");
  EXPECT_EQ(check({3, 20}), "cu_seqlens: element 0: expected 0, got 3");
  EXPECT_EQ(check({0, 9, 5, 20}),
            "cu_seqlens: element 2: expected at least 9 as in the one before, got 5");
  EXPECT_EQ(check({0, 5, 18}), "cu_seqlens: element 2: expected T = 20, got 18");
  EXPECT_EQ(check({0, 2000000000}), "cu_seqlens: element 1: expected T = 20, got 2000000000");
  EXPECT_EQ(check({0}), "cu_seqlens: element 0: expected T = 20, got 0");
}

TEST_F(PackedPlanTest, AGradientNeedsItsInput) {
  give("x", XLSTM_F32, {2, 10});
  give("h", XLSTM_F32, {2, 10});
  give("dc0", XLSTM_F32, {2, 4});
  EXPECT_EQ(resolve(), "dc0: expected none, because c0 is not given");
  give("c0", XLSTM_F32, {2, 4});
  EXPECT_EQ(resolve(), "accepted");
}

TEST_F(PackedPlanTest, TensorMapsOfWorkspaceTensorsFollowItsAddress) {
  function.implementations[0].target = "sm_90a";
  function.implementations[0].workspace[0].dtype = XLSTM_BF16;
  function.implementations[0].launches[0].args = {Argument::tensorMap("w0", {3, 8}, 0)};
  ImplementationPlan implementation(plan, function.implementations[0]);
  PreparedLaunches prepared(implementation);
  give("x", XLSTM_F32, {2, 100});
  give("h", XLSTM_F32, {2, 100});
  ASSERT_EQ(resolve(), "accepted");
  NoDevice device;
  prepared.prepare(given().data(), dims, device);
  EXPECT_TRUE(device.encoded.empty()) << "the address is not known yet";
  char *places[] = {reinterpret_cast<char *>(uintptr_t(0x1000)),
                    reinterpret_cast<char *>(uintptr_t(0x2000))};
  prepared.setWorkspace(places[0]);
  prepared.setWorkspace(places[0]); // nothing to do anew
  prepared.setWorkspace(places[1]);
  ASSERT_EQ(device.encoded.size(), 2u);
  for (int i = 0; i < 2; ++i) {
    const xlstm_tensor &map = device.encoded[i];
    EXPECT_EQ(map.data, places[i]);
    EXPECT_EQ(map.dtype, XLSTM_BF16);
    ASSERT_EQ(map.rank, 2);
    EXPECT_EQ(map.shape[0], 4); // 2 * ceil(100 / 64)
    EXPECT_EQ(map.shape[1], 3);
    EXPECT_EQ(map.strides[0], 3);
    EXPECT_EQ(map.strides[1], 1);
  }
}

TEST_F(PackedPlanTest, MergedAxesAreOne) {
  function.implementations[0].target = "sm_90a";
  function.inputs[0].shape = {"B", "T", 6};
  function.outputs[0].shape = {"B", "T", 6};
  Launch &launch = function.implementations[0].launches[0];
  launch.requirements.clear();
  launch.args = {Argument::pointer("x"), Argument::dim("x", 0, 2), Argument::stride("x", 0, 2),
                 Argument::tensorMap("x", {6, 8}, 0, 2)};
  FunctionPlan plan(function);
  ImplementationPlan implementation(plan, function.implementations[0]);
  struct {
    std::vector<int64_t> shape, strides;
    int64_t rows, stride;
    std::string reason;
  } cases[] = {
      {{3, 5, 6}, {40, 8, 1}, 15, 8, ""},
      {{3, 1, 6}, {16, 99, 1}, 3, 16, ""}, // an axis of one element has any stride
      {{1, 5, 6}, {99, 16, 1}, 5, 16, ""},
      {{1, 1, 6}, {7, 24, 1}, 1, 24, ""},
      {{3, 5, 6}, {48, 8, 1}, 0, 0, "x: axis 0: expected a stride of 40 elements, got 48"},
      {{3, 5, 6}, {80, 16, 2}, 0, 0, "x: axis 2: expected a stride of 1 elements, got 2"},
  };
  for (auto &c : cases) {
    xlstm_tensor x = {}, h = {};
    alignas(16) static char memory[16];
    for (xlstm_tensor *tensor : {&x, &h}) {
      xlstm_tensor_init(tensor, memory, XLSTM_BF16, 3, c.shape.data(), XLSTM_CPU, 0);
      std::copy(c.strides.begin(), c.strides.end(), tensor->strides);
    }
    std::vector<const xlstm_tensor *> given(plan.tensorCount(), nullptr);
    given[plan.findTensor("x")] = &x;
    given[plan.findTensor("h")] = &h;
    Dimensions dims = plan.makeDimensions();
    std::string reason;
    EXPECT_EQ(implementation.accepts(given.data(), dims, &reason), c.reason.empty()) << reason;
    EXPECT_EQ(reason, c.reason);
    if (!c.reason.empty())
      continue;
    for (auto &value : dims.values)
      value.extent = 1;
    PreparedLaunches prepared(implementation);
    NoDevice device;
    prepared.prepare(given.data(), dims, device);
    EXPECT_EQ(prepared[0].values[1], c.rows);
    EXPECT_EQ(prepared[0].values[2], c.stride);
    ASSERT_EQ(device.encoded.size(), 1u);
    EXPECT_EQ(device.encoded[0].rank, 2);
    EXPECT_EQ(device.encoded[0].shape[0], c.rows);
    EXPECT_EQ(device.encoded[0].shape[1], 6);
    EXPECT_EQ(device.encoded[0].strides[0], c.stride);
  }
}

TEST_F(PackedPlanTest, WorkspaceTensorsAreCompact) {
  give("x", XLSTM_F32, {1, 130});
  give("h", XLSTM_F32, {1, 130});
  for (int64_t packed : {0, 5}) {
    if (packed)
      give("cu_seqlens", XLSTM_I32, {packed + 1});
    ASSERT_EQ(resolve(), "accepted");
    ImplementationPlan implementation(plan, function.implementations[0]);
    PreparedLaunches launches(implementation);
    NoDevice device;
    launches.prepare(given().data(), dims, device);
    EXPECT_EQ(launches.workspaceBytes(), size_t((3 + packed) * 3 * 8 + 255) / 256 * 256);
    EXPECT_EQ(launches[0].values[2], 3 + packed);
    EXPECT_EQ(launches[0].values[3], 3);
    EXPECT_EQ(launches[0].values[4], 1);
  }
}

/// x [B, 6] -> y [B, 6] by four kernels, which hand on a, b and c; v is x with other axes, u is b.
Function makeChain() {
  Function function;
  function.name = "f";
  function.inputs = {{"x", XLSTM_F32, {"B", 6}, false}};
  function.outputs = {{"y", XLSTM_F32, {"B", 6}, false}};
  auto buffer = [](const char *name, std::vector<Sum> shape, const char *of = "") {
    Workspace result;
    result.name = name, result.shape = std::move(shape), result.of = of;
    return result;
  };
  auto launch = [](std::vector<Argument> args) {
    Launch result;
    result.kernel = "k", result.blob = "b", result.grid = {"B"}, result.args = std::move(args);
    return result;
  };
  Sum rows = {{"B"}};
  Implementation implementation{"cpu", "x86-64", "{}", {}, {}};
  implementation.workspace = {buffer("a", {rows, {{6}}}), buffer("b", {rows, {{6}}}),
                              buffer("c", {rows, {{6}}}), buffer("v", {rows, {{2}}, {{3}}}, "x"),
                              buffer("u", {{{1}}, rows, {{6}}}, "b")};
  implementation.launches = {
      launch({Argument::pointer("v"), Argument::pointer("a"), Argument::dim("v", 1),
              Argument::stride("v", 0), Argument::stride("v", 1)}),
      launch({Argument::pointer("a"), Argument::pointer("b")}),
      launch({Argument::pointer("u"), Argument::pointer("c"), Argument::dim("u", 1)}),
      launch({Argument::pointer("c"), Argument::pointer("y")})};
  function.implementations = {implementation};
  return function;
}

class PlanWorkspaceTest : public ::testing::Test {
protected:
  Function function = makeChain();
  FunctionPlan plan{function};
  ImplementationPlan implementation{plan, function.implementations[0]};
  Dimensions dims = plan.makeDimensions();
  xlstm_device_info cpu = {};
  xlstm_tensor x, y;
  char memory[4096];

  PlanWorkspaceTest() {
    cpu.kind = XLSTM_CPU;
    int64_t shape[] = {20, 6}; // 480 bytes: 512 in the workspace
    for (xlstm_tensor *tensor : {&x, &y})
      EXPECT_EQ(xlstm_tensor_init(tensor, memory, XLSTM_F32, 2, shape, XLSTM_CPU, 0), XLSTM_OK);
  }
};

// a lives during launches 0 and 1, b during 1 and 2 (as u), c during 2 and 3: a and c share memory.
TEST_F(PlanWorkspaceTest, BuffersThatNoLaunchNeedsTogetherShareMemory) {
  NoDevice device;
  PreparedLaunches prepared(implementation);
  const xlstm_tensor *given[] = {&x, &y};
  plan.resolve(given, 2, cpu, dims);
  prepared.prepare(given, dims, device);
  EXPECT_EQ(prepared.workspaceBytes(), 1024u);
  prepared.setWorkspace(reinterpret_cast<char *>(uintptr_t(0x10000)));
  EXPECT_EQ(prepared[0].values[1], 0x10000);       // a
  EXPECT_EQ(prepared[1].values[1], 0x10000 + 512); // b
  EXPECT_EQ(prepared[2].values[0], 0x10000 + 512); // u
  EXPECT_EQ(prepared[2].values[2], 20);
  EXPECT_EQ(prepared[2].values[1], 0x10000); // c
  EXPECT_EQ(prepared[3].values[0], 0x10000);
}

TEST_F(PlanWorkspaceTest, AViewIsTheArgumentUnderAnotherShape) {
  NoDevice device;
  PreparedLaunches prepared(implementation);
  const xlstm_tensor *given[] = {&x, &y};
  plan.resolve(given, 2, cpu, dims);
  prepared.prepare(given, dims, device);
  prepared.setWorkspace(reinterpret_cast<char *>(uintptr_t(0x10000)));
  EXPECT_EQ(prepared[0].values[0], static_cast<int64_t>(reinterpret_cast<intptr_t>(memory)));
  EXPECT_EQ(prepared[0].values[2], 2);
  EXPECT_EQ(prepared[0].values[3], 6);
  EXPECT_EQ(prepared[0].values[4], 3);
  // Only compact memory has the view's shape.
  std::string reason;
  EXPECT_TRUE(implementation.accepts(given, dims, &reason)) << reason;
  x.strides[0] = 8;
  EXPECT_FALSE(implementation.accepts(given, dims, &reason));
  EXPECT_EQ(reason, "x: axis 0: expected a stride of 6 elements, got 8");
}

TEST(PlanSlotsTest, RowsOfStatesAreTheBatchUnlessSlotsNameThem) {
  Function function;
  function.name = "step";
  function.inputs = {{"tokens", XLSTM_I32, {"B"}, false},
                     {"state", XLSTM_F32, {"R", 4}, true},
                     {"slots", XLSTM_I32, {"B"}, true}};
  function.outputs = {{"state.next", XLSTM_F32, {"R", 4}, true, "", "state"}};
  function.derivedDims = {{"R", {"B"}, {}, {}, "slots"}};
  FunctionPlan plan{function};
  Dimensions dims = plan.makeDimensions();
  xlstm_device_info cpu = {};
  cpu.kind = XLSTM_CPU;
  int32_t numbers[] = {4, 0};
  xlstm_tensor tokens = {}, slots = {}, state = {};
  int64_t two = 2, fiveRows[] = {5, 4};
  ASSERT_EQ(xlstm_tensor_init(&tokens, numbers, XLSTM_I32, 1, &two, XLSTM_CPU, 0), XLSTM_OK);
  ASSERT_EQ(xlstm_tensor_init(&slots, numbers, XLSTM_I32, 1, &two, XLSTM_CPU, 0), XLSTM_OK);
  ASSERT_EQ(xlstm_tensor_init(&state, numbers, XLSTM_F32, 2, fiveRows, XLSTM_CPU, 0), XLSTM_OK);
  auto resolve = [&](const xlstm_tensor *states, const xlstm_tensor *names) -> std::string {
    const xlstm_tensor *given[] = {&tokens, states, names, states};
    try {
      plan.resolve(given, 4, cpu, dims);
      plan.checkSlots(given, dims);
    } catch (const Failure &failure) {
      return failure.what();
    }
    return "accepted";
  };
  EXPECT_EQ(resolve(&state, nullptr), "state: axis 0: expected B = 2 as in tokens, got 5");
  EXPECT_EQ(resolve(&state, &slots), "accepted");
  EXPECT_EQ(dims.values[plan.findDim("R")].extent, 5);
  EXPECT_EQ(resolve(nullptr, nullptr), "accepted");
  EXPECT_EQ(dims.values[plan.findDim("R")].extent, 2);
  for (int32_t wrong : {-1, 5}) {
    numbers[1] = wrong;
    EXPECT_EQ(resolve(&state, &slots), "slots: element 1: expected at least 0 and less than R = 5, "
                                       "got " +
                                           std::to_string(wrong));
  }
}

TEST(PlanPartsTest, PartsFillADevice) {
  Function function = makePackedFunction();
  function.derivedDims.push_back({"G", {}, Parts{"T", 512, {"S", 32}, 132}});
  function.implementations[0].when = {{"G", 2}};
  FunctionPlan plan{function};
  ImplementationPlan implementation(plan, function.implementations[0]);
  Dimensions dims = plan.makeDimensions();
  xlstm_device_info cpu = {};
  cpu.kind = XLSTM_CPU;
  auto parts = [&](int64_t B, int64_t T) {
    float data = 0;
    xlstm_tensor x = {}, h = {};
    int64_t shape[] = {B, T};
    for (xlstm_tensor *tensor : {&x, &h})
      EXPECT_EQ(xlstm_tensor_init(tensor, &data, XLSTM_F32, 2, shape, XLSTM_CPU, 0), XLSTM_OK);
    const xlstm_tensor *given[] = {&x, nullptr, nullptr, &h, nullptr, nullptr};
    plan.resolve(given, 6, cpu, dims);
    int64_t G = dims.values[plan.findDim("G")].extent;
    std::string reason;
    EXPECT_EQ(implementation.accepts(given, dims, &reason), G >= 2);
    EXPECT_EQ(reason, G >= 2 ? "" : "G: expected at least 2, got " + std::to_string(G));
    return G;
  };
  EXPECT_EQ(parts(1, 65536), 4); // 4 * 32 blocks of 132
  EXPECT_EQ(parts(2, 65536), 2);
  EXPECT_EQ(parts(3, 65536), 1);
  EXPECT_EQ(parts(1, 1025), 3); // none shorter than 512, but the last
  EXPECT_EQ(parts(1, 512), 1);
  EXPECT_EQ(parts(1, 0), 1);
  EXPECT_EQ(parts(0, 5000), 10); // nothing to do, in as many parts as T allows
}

TEST_F(PackedPlanTest, AnInputThatKernelsIgnoreIsRefused) {
  function.implementations[0].launches[0].requirements = {{"cu_seqlens", 1, /*absent=*/true}};
  ImplementationPlan implementation(plan, function.implementations[0]);
  give("x", XLSTM_F32, {1, 10});
  give("h", XLSTM_F32, {1, 10});
  std::string reason;
  EXPECT_TRUE(implementation.accepts(given().data(), dims, &reason));
  give("cu_seqlens", XLSTM_I32, {2});
  EXPECT_FALSE(implementation.accepts(given().data(), dims, &reason));
  EXPECT_EQ(reason, "cu_seqlens: expected none: no kernel of target cpu takes it");
}

TEST_F(PlanTest, Contradictions) {
  EXPECT_EQ(resolve(), "accepted");
  init(h, XLSTM_BF16, {2, 64, 2, 8});
  EXPECT_EQ(resolve(), "h: axis 1: expected T = 65 as in axis 1 of q, got 64");
  init(c0, XLSTM_F32, {3, 2, 8});
  EXPECT_EQ(resolve(), "c0: axis 0: expected B = 2 as in axis 0 of q, got 3");
  init(c0, XLSTM_F32, {2, 2, 9});
  EXPECT_EQ(resolve(), "c0: axis 2: expected 8, got 9");
}

TEST_F(PlanTest, WrongTensors) {
  q.dtype = XLSTM_F16;
  EXPECT_EQ(resolve(), "q: expected bf16, got f16");
  init(q, XLSTM_BF16, {2, 65, 2});
  EXPECT_EQ(resolve(), "q: expected 4 axes, got 3");
  init(q, XLSTM_BF16, {2, 65, 2, 8});
  q.shape[1] = -1;
  EXPECT_EQ(resolve(), "q: axis 1: expected an extent of at least 0, got -1");
  init(q, XLSTM_BF16, {2, 65, 2, 8});
  q.strides[0] = -1;
  EXPECT_EQ(resolve(), "q: axis 0: expected a stride of at least 0, got -1");
  q.strides[0] = INT64_MAX / 2;
  EXPECT_EQ(resolve(),
            "q: expected a tensor that fits in memory, got extents and strides over 2^63 bytes");
  init(q, XLSTM_BF16, {2, 65, 2, 8});
  q.data = nullptr;
  EXPECT_EQ(resolve(), "q: expected an address, got NULL for a tensor that is not empty");
  init(q, XLSTM_BF16, {2, 65, 2, 8});
  q.device_kind = XLSTM_CUDA;
  q.device_index = 1;
  EXPECT_EQ(resolve(), "q: expected a tensor on cpu, got one on cuda:1");
  init(q, XLSTM_BF16, {2, 65, 2, 8});
  h.strides[1] = 0;
  EXPECT_EQ(resolve(), "h: axis 1: expected a stride of at least 1, got 0");
  const xlstm_tensor *missing[] = {nullptr, nullptr, nullptr};
  EXPECT_THROW(plan.resolve(missing, 3, cpu, dims), Failure);
}

TEST_F(PlanTest, Layouts) {
  EXPECT_EQ(layout(), "accepted");
  // [B, H, T, D] in memory.
  q.strides[1] = 8, q.strides[2] = 65 * 8;
  EXPECT_EQ(layout(), "accepted");
  q.strides[3] = 2;
  EXPECT_EQ(layout(), "q: axis 3: expected a stride of 1 elements, got 2");
  q.strides[3] = 1, q.strides[1] = 12;
  EXPECT_EQ(layout(), "q: axis 1: expected a stride that is a multiple of 16 bytes, got 24");
  q.strides[1] = 8, q.data = memory + 2;
  EXPECT_EQ(layout(), "q: expected an address that is a multiple of 16");
  q.data = memory, c0.strides[0] = 32;
  EXPECT_EQ(layout(), "c0: axis 0: expected a stride of 16 elements, got 32");
  // The stride of an axis of one element does not matter, nor do those of an empty tensor.
  c0.shape[0] = 1;
  EXPECT_EQ(layout(), "accepted");
  q.shape[1] = 0, q.strides[3] = 7;
  EXPECT_EQ(layout(), "accepted");
}

TEST_F(PlanTest, GridWorkspaceAndArguments) {
  NoDevice device;
  PreparedLaunches prepared(implementation);
  ASSERT_EQ(resolve(), "accepted");
  const xlstm_tensor *given[] = {&q, &c0, &h};
  prepared.prepare(given, dims, device);
  EXPECT_EQ(prepared[0].blocks, 2 * 2 * 2);
  EXPECT_EQ(prepared.workspaceBytes(), 256u + 256u); // 2*3 + 5 and 65*2 bytes, each rounded to 256
  prepared.setWorkspace(reinterpret_cast<char *>(uintptr_t(0x10000)));
  auto address = static_cast<int64_t>(reinterpret_cast<intptr_t>(memory));
  std::vector<int64_t> expected = {address, address, 0x10000 + 256, address, 65, 2, 2, 1040,
                                   16,      8,       1040,          16,      8};
  EXPECT_EQ(std::vector<int64_t>(prepared[0].values, prepared[0].values + expected.size()),
            expected);
  EXPECT_EQ(*static_cast<int64_t *>(prepared[0].parameters[4]), 65);
}

TEST_F(PlanTest, AbsentOptionalTensor) {
  NoDevice device;
  PreparedLaunches prepared(implementation);
  ASSERT_EQ(resolve(/*withState=*/false), "accepted");
  const xlstm_tensor *given[] = {&q, nullptr, &h};
  prepared.prepare(given, dims, device);
  EXPECT_EQ(prepared[0].values[1], 0); // pointer
  EXPECT_EQ(prepared[0].values[5], 0); // axis 0
  EXPECT_EQ(prepared[0].values[6], 2); // a static axis
}

TEST_F(PlanTest, EmptyAndHugeGrids) {
  NoDevice device;
  PreparedLaunches prepared(implementation);
  init(q, XLSTM_BF16, {2, 0, 2, 8});
  init(h, XLSTM_BF16, {2, 0, 2, 8});
  ASSERT_EQ(resolve(), "accepted");
  const xlstm_tensor *given[] = {&q, &c0, &h};
  prepared.prepare(given, dims, device);
  EXPECT_EQ(prepared[0].blocks, 0);
  EXPECT_THROW(plan.evaluate(plan.compile({int64_t(1) << 40, int64_t(1) << 40}), dims, "grid"),
               Failure);
  EXPECT_EQ(plan.evaluate(plan.compile({int64_t(1) << 40, int64_t(1) << 40, 0}), dims, "grid"), 0);
}

TEST_F(PlanTest, OpenDimension) {
  int64_t shape[XLSTM_MAX_RANK];
  Dimensions open = plan.makeDimensions();
  EXPECT_THROW(plan.shape(2, open, shape), Failure);
  EXPECT_THROW(plan.evaluate(plan.compile({"T"}), open, "grid"), Failure);
}

} // namespace

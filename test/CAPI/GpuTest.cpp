// SPDX-License-Identifier: Apache-2.0
// The runtime on a real GPU, with hand-written PTX: values, tensor maps, CUDA graphs; and a compiled
// step. Skipped without one.
#include "test/Package/Fixture.h"
#include "tools/common/Graph.h"
#include "xlstm/runtime.hpp"

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <gtest/gtest.h>
#include <random>
#include <unistd.h>

using namespace xlstm;

namespace {

// y[k] = 2 x[k]; parameters x, y, N; 64 threads a block.
const char kPlain[] = R"(.version 8.0
.target sm_80
.address_size 64
.visible .entry double_it(.param .u64 x, .param .u64 y, .param .u64 n) {
  .reg .pred %p; .reg .b32 %r<4>; .reg .f32 %f; .reg .b64 %d<6>;
  ld.param.u64 %d0, [x]; ld.param.u64 %d1, [y]; ld.param.u64 %d2, [n];
  mov.u32 %r0, %ctaid.x; mov.u32 %r1, %tid.x; mad.lo.u32 %r2, %r0, 64, %r1;
  cvt.u64.u32 %d3, %r2; setp.ge.u64 %p, %d3, %d2; @%p ret;
  shl.b64 %d3, %d3, 2; add.u64 %d0, %d0, %d3; add.u64 %d1, %d1, %d3;
  ld.global.f32 %f, [%d0]; add.f32 %f, %f, %f; st.global.f32 [%d1], %f; ret;
}
)";

// The same, with a tile of 64 numbers fetched through a tensor map.
const char kMapped[] = R"(.version 8.0
.target sm_90a
.address_size 64
.visible .entry double_mapped(.param .u64 x, .param .u64 y, .param .u64 n, .param .align 64 .b8 map[128]) {
  .reg .pred %p<4>; .reg .b32 %r<8>; .reg .f32 %f; .reg .b64 %d<8>;
  .shared .align 128 .b8 tile[256]; .shared .align 8 .b64 barrier;
  ld.param.u64 %d1, [y]; ld.param.u64 %d2, [n];
  mov.u32 %r0, %ctaid.x; mov.u32 %r1, %tid.x; shl.b32 %r3, %r0, 6; add.u32 %r2, %r3, %r1;
  mov.u32 %r4, tile; mov.u32 %r5, barrier; mov.b64 %d4, map; cvta.param.u64 %d4, %d4;
  setp.ne.u32 %p0, %r1, 0; @%p0 bra after_init;
  mbarrier.init.shared::cta.b64 [%r5], 1;
  fence.proxy.async;
  mbarrier.arrive.expect_tx.shared::cta.b64 %d5, [%r5], 256;
  cp.async.bulk.tensor.1d.shared::cluster.global.mbarrier::complete_tx::bytes [%r4], [%d4, {%r3}], [%r5];
after_init:
  bar.sync 0;
wait:
  mbarrier.try_wait.parity.shared::cta.b64 %p1, [%r5], 0; @!%p1 bra wait;
  cvt.u64.u32 %d3, %r2; setp.ge.u64 %p2, %d3, %d2; @%p2 ret;
  shl.b32 %r6, %r1, 2; add.u32 %r6, %r4, %r6; ld.shared.f32 %f, [%r6];
  shl.b64 %d3, %d3, 2; add.u64 %d1, %d1, %d3; add.f32 %f, %f, %f; st.global.f32 [%d1], %f; ret;
}
)";

package::PackageWriter gpuPackage() {
  package::Manifest manifest = test::gpuFixture("x", "", 0).manifest();
  manifest.functions[0].implementations[0].launches[0].ptx = "plain.ptx";
  manifest.functions[0].implementations[1].launches[0].ptx = "mapped.ptx";
  package::PackageWriter writer(manifest);
  writer.addBlob("plain.ptx", kPlain);
  writer.addBlob("mapped.ptx", kMapped);
  return writer;
}

class GpuTest : public ::testing::Test {
protected:
  test::TemporaryFolder folder;
  std::unique_ptr<Package> package;
  std::unique_ptr<Device> device;
  std::unique_ptr<Stream> stream;
  static constexpr int64_t count = 1000;
  Buffer in, out;
  xlstm_tensor x, y;

  void SetUp() override {
    xlstm_device_info info;
    if (xlstm_device_query(XLSTM_CUDA, 0, &info) != XLSTM_OK || info.capability_major < 8)
      GTEST_SKIP() << "no GPU of capability 8.0 or later";
    gpuPackage().write(folder.path("p.xlpkg"));
    package = std::make_unique<Package>(folder.path("p.xlpkg"));
    device = std::make_unique<Device>(XLSTM_CUDA);
    stream = std::make_unique<Stream>(*device);
    in = Buffer(*device, count * 4 + 16);
    out = Buffer(*device, count * 4);
    int64_t shape[] = {count};
    check(xlstm_tensor_init(&x, in.data(), XLSTM_F32, 1, shape, XLSTM_CUDA, 0));
    check(xlstm_tensor_init(&y, out.data(), XLSTM_F32, 1, shape, XLSTM_CUDA, 0));
  }
  void fillInput(float first) {
    std::vector<float> values(count);
    for (int64_t k = 0; k < count; ++k)
      values[static_cast<size_t>(k)] = first + static_cast<float>(k);
    check(xlstm_device_upload(device->get(), x.data, values.data(), count * 4, stream->get()));
    check(xlstm_device_fill(device->get(), y.data, 0xFF, count * 4, stream->get()));
    stream->synchronize();
  }
  void expectOutput(float first) {
    std::vector<float> values(count);
    check(xlstm_device_download(device->get(), values.data(), y.data, count * 4, stream->get()));
    stream->synchronize();
    for (int64_t k = 0; k < count; ++k)
      ASSERT_EQ(values[static_cast<size_t>(k)], 2 * (first + static_cast<float>(k))) << k;
  }
};

TEST_F(GpuTest, PlainKernel) {
  Function function(*package, "double", *device, "sm_80");
  fillInput(3);
  function.run({&x}, {&y}, Buffer(), *stream);
  EXPECT_EQ(function.implementation(), 0);
  expectOutput(3);
}

TEST_F(GpuTest, TensorMapOrTheOtherKernel) {
  Function function(*package, "double", *device);
  bool hopper = device->info().capability_major == 9;
  fillInput(5);
  function.run({&x}, {&y}, Buffer(), *stream);
  EXPECT_EQ(function.implementation(), hopper ? 1 : 0);
  expectOutput(5);
  x.data = static_cast<char *>(in.data()) + 4; // no tensor map starts there
  fillInput(7);
  function.run({&x}, {&y}, Buffer(), *stream);
  EXPECT_EQ(function.implementation(), 0);
  expectOutput(7);
}

TEST_F(GpuTest, CapturedInAGraph) {
  void *driver = ::dlopen("libcuda.so.1", RTLD_NOW);
  auto begin = reinterpret_cast<int (*)(void *, int)>(::dlsym(driver, "cuStreamBeginCapture_v2"));
  auto end = reinterpret_cast<int (*)(void *, void **)>(::dlsym(driver, "cuStreamEndCapture"));
  auto instantiate = reinterpret_cast<int (*)(void **, void *, unsigned long long)>(
      ::dlsym(driver, "cuGraphInstantiateWithFlags"));
  auto launch = reinterpret_cast<int (*)(void *, void *)>(::dlsym(driver, "cuGraphLaunch"));
  auto retain =
      reinterpret_cast<int (*)(void **, int)>(::dlsym(driver, "cuDevicePrimaryCtxRetain"));
  auto setCurrent = reinterpret_cast<int (*)(void *)>(::dlsym(driver, "cuCtxSetCurrent"));
  ASSERT_TRUE(begin && end && instantiate && launch && retain && setCurrent);
  void *context = nullptr; // the caller's business, as in a program of the CUDA runtime API
  ASSERT_EQ(retain(&context, 0), 0);
  ASSERT_EQ(setCurrent(context), 0);
  Function function(*package, "double", *device);
  function.workspaceSize({&x}, {&y});
  fillInput(1);
  void *graph = nullptr, *executable = nullptr;
  ASSERT_EQ(begin(stream->get(), 0 /* global */), 0);
  function.run({&x}, {&y}, Buffer(), *stream);
  ASSERT_EQ(end(stream->get(), &graph), 0);
  ASSERT_EQ(instantiate(&executable, graph, 0), 0);
  for (float first : {10.0f, 20.0f}) {
    fillInput(first);
    ASSERT_EQ(launch(executable, stream->get()), 0);
    expectOutput(first);
  }
}

/// A compiled step of an mLSTM whose state is written in place.
struct Decoder {
  static constexpr int64_t batch = 3;
  Decoder(const Package &package, const Device &device, const Stream &stream)
      : device(device), stream(stream), step(package, "step", device) {
    int32_t index = step.index();
    xlstm_function_info info = package.function(index);
    tensors.resize(static_cast<size_t>(info.inputs + info.outputs));
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (int32_t k = 0; k < info.inputs + info.outputs; ++k) {
      bool isInput = k < info.inputs;
      xlstm_argument_info argument =
          isInput ? package.input(index, k) : package.output(index, k - info.inputs);
      xlstm_tensor &tensor = tensors[static_cast<size_t>(k)];
      (isInput ? inputs : outputs).push_back(&tensor);
      if (argument.in_place) {
        for (int32_t source = 0; source < info.inputs; ++source)
          if (!std::strcmp(package.input(index, source).name, argument.in_place))
            tensor = tensors[static_cast<size_t>(source)];
        continue;
      }
      int64_t shape[XLSTM_MAX_RANK], count = 1;
      for (int32_t axis = 0; axis < argument.rank; ++axis)
        count *= shape[axis] = argument.shape[axis] < 0 ? batch : argument.shape[axis];
      std::vector<float> values(static_cast<size_t>(count)); // of f32 tensors
      for (float &value : values)
        value = normal(random);
      memory.emplace_back(device, values.size() * sizeof(float));
      counts.push_back(count);
      check(xlstm_device_upload(device.get(), memory.back().data(), values.data(),
                                values.size() * sizeof(float), stream.get()));
      check(xlstm_tensor_init(&tensor, memory.back().data(), argument.dtype, argument.rank, shape,
                              XLSTM_CUDA, 0));
      stream.synchronize();
    }
    EXPECT_EQ(step.workspaceSize(inputs, outputs), 0u);
  }
  void run() { step.run(inputs, outputs, Buffer(), stream); }
  std::vector<float> everything() {
    std::vector<float> all;
    for (size_t k = 0; k < memory.size(); ++k) {
      std::vector<float> values(static_cast<size_t>(counts[k]));
      check(xlstm_device_download(device.get(), values.data(), memory[k].data(),
                                  values.size() * sizeof(float), stream.get()));
      stream.synchronize();
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }

  const Device &device;
  const Stream &stream;
  Function step;
  std::vector<xlstm_tensor> tensors;
  std::vector<Buffer> memory;
  std::vector<int64_t> counts;
  Function::Tensors inputs, outputs;
};

// What a graph replays is what direct launches do, bit by bit, each step from the state that the one
// before it has written in place; against float64 steps are compared by xlstm-check.
TEST_F(GpuTest, StepsInPlaceInAGraph) {
  std::string compiler = XLSTM_BINARY_DIR "/bin/xlstm-compile", model = folder.path("m.json");
  if (::access(compiler.c_str(), X_OK))
    GTEST_SKIP() << compiler << " is not there";
  std::ofstream(model) << R"({"xlstm_model": 1, "name": "m", "dtype": "f32",
    "cell": {"kind": "mlstm", "heads": 2, "dqk": 64, "dv": 256}})";
  std::string command = compiler + " " + model + " -o " + folder.path("m.xlpkg") +
                        " --function step --target sm_80,sm_90a";
  ASSERT_EQ(std::system(command.c_str()), 0);
  Package compiled(folder.path("m.xlpkg"));
  Decoder direct(compiled, *device, *stream), replayed(compiled, *device, *stream);
  std::vector<float> before = direct.everything();
  ASSERT_EQ(replayed.everything(), before);
  constexpr int steps = 5;
  tools::Graph graph(*device, *stream, [&] { replayed.run(); });
  for (int k = 0; k < steps; ++k) {
    direct.run();
    graph.launch();
  }
  std::vector<float> after = direct.everything();
  EXPECT_NE(after, before);
  EXPECT_EQ(replayed.everything(), after);
  for (float value : after)
    ASSERT_TRUE(std::isfinite(value));
}

TEST_F(GpuTest, EventsMeasure) {
  Function function(*package, "double", *device);
  Event before(*device), after(*device);
  before.record(*stream);
  function.run({&x}, {&y}, Buffer(), *stream);
  after.record(*stream);
  EXPECT_GT(before.millisecondsUntil(after), 0.0f);
}

TEST_F(GpuTest, DriverLogOfBadPtx) {
  package::PackageWriter writer(gpuPackage().manifest());
  writer.addBlob("plain.ptx", std::string(kPlain) + "nonsense");
  writer.addBlob("mapped.ptx", kMapped);
  writer.write(folder.path("bad.xlpkg"));
  Package bad(folder.path("bad.xlpkg"));
  try {
    Function(bad, "double", *device, "sm_80");
    ADD_FAILURE() << "loaded";
  } catch (const RuntimeError &error) {
    EXPECT_EQ(error.status(), XLSTM_ERROR_DEVICE);
    EXPECT_NE(std::string(error.what()).find("nonsense"), std::string::npos) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
  }
}

} // namespace

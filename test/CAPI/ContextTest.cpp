// SPDX-License-Identifier: Apache-2.0
// Running on a CPU: values, strides, optional tensors, several threads, and no allocation.
#include "test/Package/Fixture.h"
#include "xlstm/runtime.hpp"

#include <atomic>
#include <cstdlib>
#include <gtest/gtest.h>
#include <new>
#include <thread>

static std::atomic<int64_t> allocations{0};

// Counts every allocation of the process through operator new. Sanitizers bring their own.
#if defined(__has_feature)
#define XLSTM_SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define XLSTM_SANITIZED 1
#else
#define XLSTM_SANITIZED 0
#endif
#if !XLSTM_SANITIZED
void *operator new(size_t bytes) {
  ++allocations;
  if (void *memory = std::malloc(bytes ? bytes : 1))
    return memory;
  throw std::bad_alloc();
}
void operator delete(void *memory) noexcept { std::free(memory); }
void operator delete(void *memory, size_t) noexcept { std::free(memory); }
#endif

using namespace xlstm;

namespace {

class ContextTest : public ::testing::Test {
protected:
  test::TemporaryFolder folder;
  std::string path = folder.path("p.xlpkg");
  std::unique_ptr<Package> package;
  std::unique_ptr<Device> device;

  ContextTest() {
    test::fixturePackage().write(path);
    package = std::make_unique<Package>(path);
    device = std::make_unique<Device>(XLSTM_CPU, 0, xlstm_device_options{2});
  }
  static xlstm_tensor tensor(std::vector<float> &data, std::vector<int64_t> shape) {
    xlstm_tensor result;
    check(xlstm_tensor_init(&result, data.data(), XLSTM_F32, static_cast<int>(shape.size()),
                            shape.data(), XLSTM_CPU, 0));
    return result;
  }
  static std::vector<float> ramp(size_t count) {
    std::vector<float> values(count);
    for (size_t k = 0; k < count; ++k)
      values[k] = static_cast<float>(k % 97);
    return values;
  }
};

TEST_F(ContextTest, ValuesAndOptionalTensors) {
  Function function(*package, "scale", *device);
  Stream stream(*device);
  auto in = ramp(2 * 3 * 4), bias = ramp(8), out = std::vector<float>(24),
       end = std::vector<float>(8);
  xlstm_tensor x = tensor(in, {2, 3, 4}), b = tensor(bias, {2, 4}), y = tensor(out, {2, 3, 4}),
               l = tensor(end, {2, 4});
  function.run({&x, nullptr}, {&y, nullptr}, Buffer(), stream);
  for (size_t k = 0; k < 24; ++k)
    EXPECT_EQ(out[k], 2 * in[k]);
  function.run({&x, &b}, {&y, &l}, Buffer(), stream);
  for (size_t k = 0; k < 24; ++k)
    EXPECT_EQ(out[k], 2 * in[k] + bias[k / 12 * 4 + k % 4]);
  EXPECT_EQ(end[5], out[12 + 2 * 4 + 1]);
  EXPECT_EQ(function.outputShape({&x, nullptr}, 1, 2), (std::vector<int64_t>{2, 4}));
}

/// y [2, T, 4] = x + the sums over time of the parameter w [2, 3, 4], which a launch of its own makes.
package::Manifest preparingManifest() {
  package::Manifest manifest = test::fixtureManifest();
  package::Function &function = manifest.functions[1];
  for (package::Tensor *tensor : {&function.inputs[0], &function.outputs[0]})
    tensor->shape[0] = package::Factor(2);
  package::Tensor w{"w", XLSTM_F32, {2, 3, 4}, false};
  w.parameter = true;
  function.inputs.push_back(w);
  package::Implementation &implementation = function.implementations[0];
  implementation.workspace = {{"sums", {{2, 4, 4}}}};
  package::Launch &sum = implementation.launches[0], &add = implementation.launches[1];
  sum.args[0].tensor = sum.args[2].tensor = "w";
  sum.grid = {2};
  sum.prepare = true;
  add.grid = {2, package::Factor("T", 64)};
  return manifest;
}

TEST_F(ContextTest, PreparedParameters) {
  test::fixturePackage(preparingManifest()).write(folder.path("prepared.xlpkg"));
  Package prepared(folder.path("prepared.xlpkg"));
  Function function(prepared, "two_step", *device);
  Stream stream(*device);
  auto in = ramp(2 * 70 * 4), weight = std::vector<float>(24, 1.0f), other = weight,
       out = std::vector<float>(in.size());
  xlstm_tensor x = tensor(in, {2, 70, 4}), y = tensor(out, {2, 70, 4}),
               w = tensor(weight, {2, 3, 4}), v = tensor(other, {2, 3, 4});
  xlstm_tensor shortX = tensor(in, {2, 5, 4}), shortY = tensor(out, {2, 5, 4});
  auto offset = [&](const Function::Tensors &inputs, const Function::Tensors &outputs) {
    std::fill(out.begin(), out.end(), -1.0f);
    size_t bytes = function.workspaceSize(inputs, outputs);
    Buffer workspace = bytes ? Buffer(*device, bytes) : Buffer();
    function.run(inputs, outputs, workspace, stream);
    float first = out[0] - in[0];
    for (int64_t k = 0; k < 2 * outputs[0]->shape[1] * 4; ++k)
      EXPECT_EQ(out[k] - in[k], first) << k;
    return first;
  };
  auto fill = [](std::vector<float> &values, float value) {
    std::fill(values.begin(), values.end(), value);
  };
  EXPECT_EQ(function.preparedSize({&x, &w}, {&y}), 256u);
  EXPECT_EQ(function.workspaceSize({&x, &w}, {&y}), 256u);
  EXPECT_EQ(offset({&x, &w}, {&y}), 3.0f);

  Buffer memory(*device, 256);
  function.prepare({&x, &w}, {&y}, memory, stream);
  EXPECT_EQ(function.workspaceSize({&x, &w}, {&y}), 0u);
  EXPECT_EQ(offset({&x, &w}, {&y}), 3.0f);
  // What was prepared is read, also by runs of other extents, and not computed again.
  fill(weight, 2.0f);
  EXPECT_EQ(offset({&shortX, &w}, {&shortY}), 3.0f);
  EXPECT_EQ(offset({&x, &w}, {&y}), 3.0f);
  // Other parameters are not those that were prepared.
  fill(other, 5.0f);
  EXPECT_EQ(function.workspaceSize({&x, &v}, {&y}), 256u);
  EXPECT_EQ(offset({&x, &v}, {&y}), 15.0f);
  EXPECT_EQ(offset({&x, &w}, {&y}), 3.0f);
  function.prepare({&x, &w}, {&y}, memory, stream);
  EXPECT_EQ(offset({&x, &w}, {&y}), 6.0f);
  function.prepare({&x, &w}, {&y}, Buffer(), stream); // forgets
  fill(weight, 4.0f);
  EXPECT_EQ(function.workspaceSize({&x, &w}, {&y}), 256u);
  EXPECT_EQ(offset({&x, &w}, {&y}), 12.0f);

  Buffer small(*device, 255);
  try {
    function.prepare({&x, &w}, {&y}, small, stream);
    FAIL() << "expected an error";
  } catch (const RuntimeError &error) {
    EXPECT_STREQ(error.what(), "prepared parameters: expected 256 bytes, got 255");
  }
}

TEST_F(ContextTest, Strides) {
  Function function(*package, "scale", *device);
  Stream stream(*device);
  auto in = ramp(100), out = std::vector<float>(100, -1.0f);
  xlstm_tensor x = tensor(in, {2, 3, 4}), y = tensor(out, {2, 3, 4});
  x.strides[0] = 4, x.strides[1] = 16; // [T, B, D] with gaps
  y.strides[0] = 40, y.strides[1] = 5;
  function.run({&x, nullptr}, {&y, nullptr}, Buffer(), stream);
  for (int b = 0; b < 2; ++b)
    for (int t = 0; t < 3; ++t)
      for (int d = 0; d < 4; ++d)
        EXPECT_EQ(out[b * 40 + t * 5 + d], 2 * in[b * 4 + t * 16 + d]);
  EXPECT_EQ(out[4], -1.0f);
  x.strides[2] = 2;
  const xlstm_tensor *inputs[] = {&x, nullptr}, *outputs[] = {&y, nullptr};
  xlstm_function *bound = nullptr;
  xlstm_context *context = nullptr;
  check(xlstm_function_bind(package->get(), "scale", device->get(), nullptr, &bound));
  check(xlstm_context_create(bound, &context));
  EXPECT_EQ(xlstm_context_run(context, inputs, outputs, nullptr, 0, nullptr),
            XLSTM_ERROR_INVALID_INPUT);
  EXPECT_STREQ(xlstm_last_error(), "scale: no kernel reads tensors laid out like this: "
                                   "x: axis 2: expected a stride of 1 elements, got 2");
  inputs[0] = nullptr;
  EXPECT_EQ(xlstm_context_run(context, inputs, outputs, nullptr, 0, nullptr),
            XLSTM_ERROR_INVALID_INPUT);
  EXPECT_STREQ(xlstm_last_error(), "x: expected a tensor for this required input, got none");
  int32_t index = -1;
  check(xlstm_function_find_input(bound, "bias", &index));
  EXPECT_EQ(index, 1);
  EXPECT_EQ(xlstm_function_find_output(bound, "bias", &index), XLSTM_ERROR_INVALID_ARGUMENT);
  EXPECT_STREQ(xlstm_last_error(), "expected an output (y, last), got 'bias'");
  xlstm_context_destroy(context);
  xlstm_function_release(bound);
}

TEST_F(ContextTest, EmptyTensors) {
  Function function(*package, "scale", *device);
  Stream stream(*device);
  std::vector<float> none(1), bias = ramp(8), end(8, -1.0f);
  xlstm_tensor x = tensor(none, {2, 0, 4}), y = x, b = tensor(bias, {2, 4}),
               l = tensor(end, {2, 4});
  x.data = y.data = nullptr;
  function.run({&x, &b}, {&y, &l}, Buffer(), stream);
  EXPECT_EQ(end, bias);
  x = y = tensor(none, {0, 5, 4}), b = l = tensor(none, {0, 4});
  function.run({&x, &b}, {&y, &l}, Buffer(), stream); // a grid of no blocks
}

TEST_F(ContextTest, Workspace) {
  Function function(*package, "two_step", *device);
  Stream stream(*device);
  auto in = ramp(2 * 130 * 4), out = std::vector<float>(in.size());
  xlstm_tensor x = tensor(in, {2, 130, 4}), y = tensor(out, {2, 130, 4});
  size_t bytes = function.workspaceSize({&x}, {&y});
  EXPECT_EQ(bytes, 256u);
  try {
    function.run({&x}, {&y}, Buffer(), stream);
    ADD_FAILURE() << "ran without a workspace";
  } catch (const RuntimeError &error) {
    EXPECT_EQ(error.status(), XLSTM_ERROR_INVALID_ARGUMENT);
    EXPECT_STREQ(error.what(), "workspace: expected 256 bytes, got 0");
  }
  Buffer workspace(*device, bytes);
  function.run({&x}, {&y}, workspace, stream);
  for (int b = 0; b < 2; ++b)
    for (int d = 0; d < 4; ++d) {
      float sum = 0;
      for (int t = 0; t < 130; ++t)
        sum += in[static_cast<size_t>(b * 130 + t) * 4 + d];
      EXPECT_EQ(out[static_cast<size_t>(b * 130 + 129) * 4 + d],
                in[static_cast<size_t>(b * 130 + 129) * 4 + d] + sum);
    }
}

TEST_F(ContextTest, NothingIsAllocatedWhileRunning) {
  Function function(*package, "two_step", *device);
  Stream stream(*device);
  auto in = ramp(8 * 300 * 4), out = std::vector<float>(in.size());
  xlstm_tensor x = tensor(in, {8, 300, 4}), y = tensor(out, {8, 300, 4}), shorter = x,
               shorterOut = y;
  shorter.shape[1] = shorterOut.shape[1] = 200;
  shorter.strides[0] = shorterOut.strides[0] = 800;
  Buffer workspace(*device, function.workspaceSize({&x}, {&y}));
  Function::Tensors inputs{&x}, outputs{&y}, otherInputs{&shorter}, otherOutputs{&shorterOut};
  function.run(inputs, outputs, workspace, stream); // starts the threads
  int64_t before = allocations;
#if !XLSTM_SANITIZED
  ASSERT_GT(before, 0); // the counter works
#endif
  for (int i = 0; i < 10; ++i) {
    function.run(inputs, outputs, workspace, stream);
    function.run(otherInputs, otherOutputs, workspace, stream); // new shapes
  }
  EXPECT_EQ(allocations - before, 0);
}

TEST_F(ContextTest, ThreadsWithTheirOwnContexts) {
  auto work = [&](int seed) {
    Function function(*package, "two_step", *device);
    Stream stream(*device);
    int64_t length = 50 + seed;
    std::vector<float> in(static_cast<size_t>(length) * 4, static_cast<float>(seed)),
        out(in.size());
    xlstm_tensor x = tensor(in, {1, length, 4}), y = tensor(out, {1, length, 4});
    Buffer workspace(*device, function.workspaceSize({&x}, {&y}));
    for (int i = 0; i < 100; ++i) {
      std::fill(out.begin(), out.end(), -1.0f);
      function.run({&x}, {&y}, workspace, stream);
      for (float value : out)
        ASSERT_EQ(value, static_cast<float>(seed * (length + 1)));
    }
  };
  std::vector<std::thread> threads;
  for (int seed = 0; seed < 4; ++seed)
    threads.emplace_back(work, seed);
  for (std::thread &thread : threads)
    thread.join();
}

TEST_F(ContextTest, ReleasedPackageStillRuns) {
  Package released(XLSTM_SOURCE_DIR "/test/Package/Inputs/v1.xlpkg");
  Function function(released, "scale", *device);
  Stream stream(*device);
  auto in = ramp(4), out = std::vector<float>(4);
  xlstm_tensor x = tensor(in, {1, 1, 4}), y = tensor(out, {1, 1, 4});
  function.run({&x, nullptr}, {&y, nullptr}, Buffer(), stream);
  EXPECT_EQ(out, (std::vector<float>{0, 2, 4, 6}));
}

} // namespace

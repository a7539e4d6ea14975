// SPDX-License-Identifier: Apache-2.0
// The C API on a CPU: introspection, binding, errors.
#include "xlstm/runtime.hpp"
#include "test/Package/Fixture.h"

#include <cstdlib>
#include <gtest/gtest.h>
#include <thread>

using namespace xlstm;

namespace {

/// Sets an environment variable for a scope.
struct Environment {
  Environment(const char *name, const char *value) : name(name) { ::setenv(name, value, 1); }
  ~Environment() { ::unsetenv(name); }
  const char *name;
};

class RuntimeTest : public ::testing::Test {
protected:
  test::TemporaryFolder folder;
  std::string path = folder.path("p.xlpkg");
  RuntimeTest() { test::fixturePackage().write(path); }
};

TEST_F(RuntimeTest, Introspection) {
  Package package(path);
  EXPECT_STREQ(xlstm_package_name(package.get()), "fixture");
  EXPECT_STREQ(xlstm_package_tool_version(package.get()), "0.1.0");
  ASSERT_EQ(package.functionCount(), 3);
  EXPECT_EQ(package.findFunction("two_step"), 1);
  xlstm_function_info function = package.function(0);
  EXPECT_STREQ(function.name, "scale");
  EXPECT_STREQ(function.attributes, "{\"purpose\":\"test\"}");
  EXPECT_EQ(function.inputs, 2);
  EXPECT_EQ(function.outputs, 2);
  xlstm_argument_info bias = package.input(0, 1);
  EXPECT_STREQ(bias.name, "bias");
  EXPECT_EQ(bias.optional, 1);
  EXPECT_EQ(bias.rank, 2);
  EXPECT_EQ(bias.shape[0], -1);
  EXPECT_STREQ(bias.symbols[0], "B");
  EXPECT_EQ(bias.shape[1], 4);
  EXPECT_EQ(bias.symbols[1], nullptr);
  xlstm_implementation_info implementation = package.implementation(1, 0);
  EXPECT_STREQ(implementation.target, "cpu");
  EXPECT_STREQ(implementation.isa, "x86-64");
  EXPECT_EQ(implementation.launches, 2);
  EXPECT_EQ(implementation.scratch_bytes, 16);
  EXPECT_EQ(implementation.registers, -1);
}

TEST_F(RuntimeTest, WrongCalls) {
  Package package(path);
  xlstm_function_info info;
  EXPECT_EQ(xlstm_package_function(package.get(), 3, &info), XLSTM_ERROR_INVALID_ARGUMENT);
  EXPECT_STREQ(xlstm_last_error(), "function: expected an index below 3, got 3");
  EXPECT_EQ(xlstm_package_function(package.get(), -1, &info), XLSTM_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(xlstm_package_function(nullptr, 0, &info), XLSTM_ERROR_INVALID_ARGUMENT);
  EXPECT_STREQ(xlstm_last_error(),
               "xlstm_package_function: expected handles and addresses, got NULL");
  int32_t index = 0;
  EXPECT_EQ(xlstm_package_find_function(package.get(), "scales", &index),
            XLSTM_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(std::string(xlstm_last_error()),
            path + ": expected a function of the package (scale, two_step, gate), got 'scales'");
  xlstm_device *device = nullptr;
  EXPECT_EQ(xlstm_device_open(XLSTM_CPU, 1, nullptr, &device), XLSTM_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(xlstm_device_open(static_cast<xlstm_device_kind>(9), 0, nullptr, &device),
            XLSTM_ERROR_INVALID_ARGUMENT);
  xlstm_tensor tensor;
  int64_t huge[] = {INT64_MAX, 2};
  EXPECT_EQ(xlstm_tensor_init(&tensor, nullptr, XLSTM_F32, 2, huge, XLSTM_CPU, 0),
            XLSTM_ERROR_INVALID_ARGUMENT);
  EXPECT_EQ(xlstm_tensor_init(&tensor, nullptr, XLSTM_F32, 9, huge, XLSTM_CPU, 0),
            XLSTM_ERROR_INVALID_ARGUMENT);
  // Releasing nothing is allowed.
  xlstm_package_close(nullptr);
  xlstm_device_close(nullptr);
  xlstm_function_release(nullptr);
  xlstm_context_destroy(nullptr);
}

TEST_F(RuntimeTest, ErrorsAreOfTheThread) {
  xlstm_package *package = nullptr;
  EXPECT_NE(xlstm_package_open("/none", &package), XLSTM_OK);
  std::string mine = xlstm_last_error(), other = "?";
  std::thread([&] { other = xlstm_last_error(); }).join();
  EXPECT_NE(mine, "");
  EXPECT_EQ(other, "");
}

TEST_F(RuntimeTest, PackageInMemory) {
  std::string bytes = test::readFile(path);
  xlstm_package *package = nullptr;
  ASSERT_EQ(xlstm_package_open_memory(bytes.data(), bytes.size(), "mine", &package), XLSTM_OK);
  EXPECT_EQ(xlstm_package_function_count(package), 3);
  xlstm_package_close(package);
  EXPECT_EQ(xlstm_package_open_memory(bytes.data(), 10, "mine", &package),
            XLSTM_ERROR_INVALID_INPUT);
  EXPECT_STREQ(xlstm_last_error(), "mine: truncated: expected a header of 24 bytes, got 10");
}

TEST_F(RuntimeTest, CpuDevice) {
  xlstm_device_info info = Device(XLSTM_CPU, 0, {3}).info();
  EXPECT_EQ(info.threads, 3);
  EXPECT_STRNE(info.name, "");
  {
    Environment threads("XLSTM_THREADS", "5");
    EXPECT_EQ(Device(XLSTM_CPU).info().threads, 5);
    EXPECT_EQ(Device(XLSTM_CPU, 0, {2}).info().threads, 2);
  }
  {
    Environment threads("XLSTM_THREADS", "many");
    xlstm_device *device = nullptr;
    EXPECT_EQ(xlstm_device_open(XLSTM_CPU, 0, nullptr, &device), XLSTM_ERROR_ENVIRONMENT);
    EXPECT_STREQ(xlstm_last_error(), "XLSTM_THREADS: expected a number from 1 to 1024, got 'many'");
  }
  Environment isa("XLSTM_ISA", "x86-64");
  EXPECT_STREQ(Device(XLSTM_CPU).info().isa, "x86-64");
}

/// Two implementations of `scale`, for the baseline and v3; the manifest lists the lesser first.
package::PackageWriter twoLevels() {
  package::Manifest manifest = test::fixtureManifest();
  auto &list = manifest.functions[0].implementations;
  list.push_back(list[0]);
  list[1].isa = "x86-64-v3";
  package::PackageWriter writer(manifest);
  writer.addBlob("fixture.cpu.x86-64.so",
                 test::readFile(XLSTM_BINARY_DIR "/test/Inputs/fixture_kernels.so"));
  return writer;
}

TEST_F(RuntimeTest, BestInstructionSet) {
  twoLevels().write(path);
  Package package(path);
  float values[4] = {1, 2, 3, 4}, results[4];
  int64_t shape[] = {1, 1, 4};
  xlstm_tensor x, y;
  check(xlstm_tensor_init(&x, values, XLSTM_F32, 3, shape, XLSTM_CPU, 0));
  check(xlstm_tensor_init(&y, results, XLSTM_F32, 3, shape, XLSTM_CPU, 0));
  auto chosen = [&] {
    Device device(XLSTM_CPU);
    Function function(package, "scale", device);
    EXPECT_EQ(function.implementation(), -1);
    function.workspaceSize({&x, nullptr}, {&y, nullptr});
    return function.implementation();
  };
  if (__builtin_cpu_supports("x86-64-v3")) {
    EXPECT_EQ(chosen(), 1);
  }
  Environment isa("XLSTM_ISA", "x86-64");
  EXPECT_EQ(chosen(), 0);
}

TEST_F(RuntimeTest, NothingRunsHere) {
  package::Manifest manifest = test::fixtureManifest();
  manifest.functions[0].implementations[0].isa = "x86-64-v9";
  package::PackageWriter writer(manifest);
  writer.addBlob("fixture.cpu.x86-64.so", "");
  writer.write(path);
  Environment isa("XLSTM_ISA", "x86-64");
  Package package(path);
  Device device(XLSTM_CPU);
  xlstm_function *function = nullptr;
  EXPECT_EQ(xlstm_function_bind(package.get(), "scale", device.get(), nullptr, &function),
            XLSTM_ERROR_ENVIRONMENT);
  std::string message = xlstm_last_error();
  EXPECT_NE(
      message.find("cpu x86-64-v9: needs the instruction set x86-64-v9, this CPU offers x86-64"),
      std::string::npos)
      << message;
  xlstm_bind_options options{"sm_80"};
  EXPECT_EQ(xlstm_function_bind(package.get(), "scale", device.get(), &options, &function),
            XLSTM_ERROR_ENVIRONMENT);
  // The blob is empty: no shared object.
  EXPECT_EQ(xlstm_function_bind(package.get(), "two_step", device.get(), nullptr, &function),
            XLSTM_ERROR_INVALID_INPUT);
  message = xlstm_last_error();
  EXPECT_NE(message.find("fixture.cpu.x86-64.so: cannot load the kernel library"),
            std::string::npos)
      << message;
}

TEST_F(RuntimeTest, MissingKernel) {
  package::Manifest manifest = test::fixtureManifest();
  manifest.functions[0].implementations[0].launches[0].kernel = "scales";
  package::PackageWriter writer(manifest);
  writer.addBlob("fixture.cpu.x86-64.so",
                 test::readFile(XLSTM_BINARY_DIR "/test/Inputs/fixture_kernels.so"));
  writer.write(path);
  Package package(path);
  Device device(XLSTM_CPU);
  xlstm_function *function = nullptr;
  EXPECT_EQ(xlstm_function_bind(package.get(), "scale", device.get(), nullptr, &function),
            XLSTM_ERROR_INVALID_INPUT);
  EXPECT_STREQ(xlstm_last_error(),
               "fixture.cpu.x86-64.so: expected a kernel named 'scales', got none");
}

} // namespace

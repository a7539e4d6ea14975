// SPDX-License-Identifier: Apache-2.0
// What the runtime does with a CUDA driver, on a stand-in for the driver (fake_cuda.c).
#include "test/Package/Fixture.h"
#include "xlstm/runtime.hpp"

#include <cstdlib>
#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace xlstm;

namespace {

// One driver serves a process; it is chosen before the first use.
const int chosen = ::setenv("XLSTM_CUDA_DRIVER", XLSTM_FAKE_CUDA, 1);

class CudaTest : public ::testing::Test {
protected:
  test::TemporaryFolder folder;
  void *library = ::dlopen(XLSTM_FAKE_CUDA, RTLD_NOW);

  CudaTest() {
    for (const char *name : {"FAKE_CUDA_CAPABILITY", "FAKE_CUDA_SHARED", "FAKE_CUDA_DEVICES"})
      ::unsetenv(name);
    reinterpret_cast<void (*)()>(::dlsym(library, "fake_cuda_clear"))();
  }
  std::string journal() {
    return reinterpret_cast<const char *(*)()>(::dlsym(library, "fake_cuda_journal"))();
  }

  Package package(const std::string &ptx, const std::string &cubin, int64_t shared = 1000) {
    test::gpuFixture(ptx, cubin, shared).write(folder.path("p.xlpkg"));
    return Package(folder.path("p.xlpkg"));
  }
  /// Doubles 100 numbers and returns what the driver was asked to do for the run, or the error.
  std::string run(const Package &package, size_t offset = 0, const char *target = nullptr) {
    try {
      Device device(XLSTM_CUDA);
      Function function(package, "double", device, target);
      Stream stream(device);
      Buffer in(device, 512), out(device, 512);
      float values[100], results[100] = {};
      for (int k = 0; k < 100; ++k)
        values[k] = static_cast<float>(k);
      int64_t shape[] = {100};
      xlstm_tensor x, y;
      void *start = static_cast<char *>(in.data()) + offset;
      check(xlstm_tensor_init(&x, start, XLSTM_F32, 1, shape, XLSTM_CUDA, 0));
      check(xlstm_tensor_init(&y, out.data(), XLSTM_F32, 1, shape, XLSTM_CUDA, 0));
      check(xlstm_device_upload(device.get(), start, values, sizeof values, stream.get()));
      function.workspaceSize({&x}, {&y});
      function.run({&x}, {&y}, Buffer(), stream);
      check(xlstm_device_download(device.get(), results, out.data(), sizeof results, stream.get()));
      for (int k = 0; k < 100; ++k)
        EXPECT_EQ(results[k], 2.0f * static_cast<float>(k));
      return journal();
    } catch (const RuntimeError &error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return std::string(error.status() == XLSTM_ERROR_ENVIRONMENT ? "environment: " : "") +
             error.what();
    }
  }
};

const char kPlain[] = "launch plain grid 2 1 1 block 64 1 1 shared 1000;";
// float32 is CU_TENSOR_MAP_DATA_TYPE_FLOAT32 = 7; no interleave, no swizzle, 256-byte promotion,
// zero fill.
const char kMapped[] = "map type 7 rank 1 extent 100 box 64 step 1 modes 0 0 3 0;"
                       "launch mapped grid 2 1 1 block 64 1 1 shared 1000;";

TEST_F(CudaTest, Describes) {
  xlstm_device_info info = Device(XLSTM_CUDA).info();
  EXPECT_STREQ(info.name, "Fake GPU");
  EXPECT_EQ(info.capability_major, 9);
  EXPECT_EQ(info.driver_version, 12040);
  EXPECT_EQ(info.shared_bytes, 232448);
  xlstm_device *device = nullptr;
  EXPECT_EQ(xlstm_device_open(XLSTM_CUDA, 1, nullptr, &device), XLSTM_ERROR_ENVIRONMENT);
  EXPECT_STREQ(xlstm_last_error(), "cuda:1: expected a GPU from 0 to 0");
  ::setenv("FAKE_CUDA_DEVICES", "0", 1);
  EXPECT_EQ(xlstm_device_open(XLSTM_CUDA, 0, nullptr, &device), XLSTM_ERROR_ENVIRONMENT);
  EXPECT_EQ(std::string(xlstm_last_error()).substr(0, 21), "no GPU can be used: t");
}

TEST_F(CudaTest, PrefersCubinsAndTheExactTarget) {
  EXPECT_EQ(run(package("ptx", "cubin")), std::string("load cubin;") + kMapped);
}

TEST_F(CudaTest, CompilesPtxWithoutCubin) {
  EXPECT_EQ(run(package("ptx", "")), std::string("load ptx;") + kMapped);
}

TEST_F(CudaTest, CompilesPtxWhenTheCubinIsRefused) {
  EXPECT_EQ(run(package("ptx", "garbage")), std::string("load ptx;") + kMapped);
}

TEST_F(CudaTest, ChosenTarget) {
  // An sm_80 cubin does not run on capability 9.0, its PTX does.
  EXPECT_EQ(run(package("ptx", "cubin"), 0, "sm_80"), std::string("load ptx;") + kPlain);
}

TEST_F(CudaTest, Capabilities) {
  ::setenv("FAKE_CUDA_CAPABILITY", "86", 1);
  EXPECT_EQ(run(package("ptx", "cubin")), std::string("load cubin;") + kPlain);
}

TEST_F(CudaTest, LaterCapabilitiesTakePtx) {
  ::setenv("FAKE_CUDA_CAPABILITY", "100", 1);
  EXPECT_EQ(run(package("ptx", "cubin")), std::string("load ptx;") + kPlain);
}

TEST_F(CudaTest, TooOldGpu) {
  ::setenv("FAKE_CUDA_CAPABILITY", "75", 1);
  EXPECT_EQ(run(package("ptx", "cubin")),
            "environment: " + folder.path("p.xlpkg") +
                ": double has no implementation that runs on Fake GPU: "
                "sm_80: needs compute capability 8.0 or later, this GPU has 7.5; "
                "sm_90a: needs compute capability 9.0 exactly, this GPU has 7.5");
}

TEST_F(CudaTest, UnalignedTensorsTakeTheOtherImplementation) {
  // A tensor map needs 16-byte alignment, the sm_80 kernel does not. Binding has loaded the first
  // one.
  EXPECT_EQ(run(package("ptx", "cubin"), 4), std::string("load cubin;load ptx;") + kPlain);
}

TEST_F(CudaTest, SharedMemory) {
  EXPECT_NE(run(package("ptx", "", 100000)).find("attribute 8 = 100000;"), std::string::npos);
  ::setenv("FAKE_CUDA_SHARED", "99000", 1);
  std::string error = run(package("ptx", "", 100000));
  EXPECT_NE(
      error.find(
          "kernel double_it needs 100000 bytes of shared memory per block, this GPU has 99000"),
      std::string::npos)
      << error;
}

TEST_F(CudaTest, CompilerLog) {
  EXPECT_EQ(run(package("bad ptx", "")),
            folder.path("p.xlpkg") +
                ": the driver cannot compile code.ptx: CUDA_ERROR_INVALID_PTX: fake failure; "
                "ptxas fatal: line 1;; unknown opcode");
}

TEST_F(CudaTest, DriverTooOld) {
  EXPECT_EQ(run(package("new ptx", "")).substr(0, 13), "environment: ");
  EXPECT_NE(run(package("new ptx", ""))
                .find("the NVIDIA driver (CUDA 12.4) is too old for the PTX in code.ptx"),
            std::string::npos);
}

TEST_F(CudaTest, CubinOnlyPackage) {
  EXPECT_EQ(run(package("", "cubin")), std::string("load cubin;") + kMapped);
  ::setenv("FAKE_CUDA_CAPABILITY", "100", 1);
  EXPECT_NE(run(package("", "cubin"))
                .find("code.cubin runs on capability 8.x only and the package has no PTX for it"),
            std::string::npos);
}

TEST_F(CudaTest, MemoryRunsOut) {
  Device device(XLSTM_CUDA);
  void *data = nullptr;
  EXPECT_EQ(xlstm_device_allocate(device.get(), size_t(2) << 30, &data), XLSTM_ERROR_OUT_OF_MEMORY);
  EXPECT_STREQ(xlstm_last_error(),
               "cannot allocate 2147483648 bytes on Fake GPU, which has 1073741824");
}

TEST_F(CudaTest, RunNeverSynchronises) {
  EXPECT_EQ(run(package("ptx", "")).find("synchronize"), std::string::npos);
}

TEST_F(CudaTest, NoBlocksNoLaunch) {
  Device device(XLSTM_CUDA);
  Package p = package("ptx", "");
  Function function(p, "double", device);
  Stream stream(device);
  int64_t shape[] = {0};
  xlstm_tensor x, y;
  check(xlstm_tensor_init(&x, nullptr, XLSTM_F32, 1, shape, XLSTM_CUDA, 0));
  check(xlstm_tensor_init(&y, nullptr, XLSTM_F32, 1, shape, XLSTM_CUDA, 0));
  function.run({&x}, {&y}, Buffer(), stream);
  EXPECT_EQ(journal(), "load ptx;");
}

} // namespace

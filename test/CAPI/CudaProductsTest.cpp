// SPDX-License-Identifier: Apache-2.0
// Products that cuBLASLt computes in place of a package's kernels, on stand-ins for it and for the
// driver.
#include "runtime/src/Products.h"
#include "test/Package/Fixture.h"
#include "xlstm/runtime.hpp"

#include <cstdlib>
#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace xlstm;

namespace {

const int chosenDriver = ::setenv("XLSTM_CUDA_DRIVER", XLSTM_FAKE_CUDA, 1);
const int chosenLibrary = ::setenv("XLSTM_CUBLASLT", XLSTM_FAKE_CUBLAS, 1);

/// t = x w^T + b, of one column; y = 2 t. The kernel of both doubles: with w = 3 and b = 1 one sees
/// who has computed t.
package::PackageWriter productFixture(const std::string &added) {
  using namespace package;
  Tensor x{"x", XLSTM_F32, {"M", 1}}, w{"w", XLSTM_F32, {1, 1}}, y{"y", XLSTM_F32, {"M", 1}},
      b{"b", XLSTM_F32, {1}}, r{"r", XLSTM_F32, {"M", 1}};
  w.parameter = b.parameter = true;
  Workspace t{"t", {}, XLSTM_F32, {{{"M"}}, {{1}}}};
  Launch product;
  product.kernel = "double_it";
  product.ptx = "code.ptx";
  product.grid = {1};
  product.block = 64;
  product.args = {Argument::pointer("x"), Argument::pointer("t"), Argument::dim("x", 0),
                  Argument::pointer("w"), Argument::pointer("b"), Argument::pointer("r")};
  Launch twice = product;
  twice.args = {Argument::pointer("t"), Argument::pointer("y"), Argument::dim("x", 0)};
  product.product =
      MatrixProduct{"x", {"w"}, {"t"}, added == "r" ? "r" : "", added == "b" ? "b" : ""};
  Manifest manifest;
  manifest.name = "product";
  manifest.toolVersion = "0.1.0";
  manifest.functions = {
      {"f", {x, w, b, r}, {y}, "{}", {{"sm_80", "", "{}", {t}, {product, twice}}}}};
  PackageWriter writer(manifest);
  writer.addBlob("code.ptx", "ptx");
  return writer;
}

class CudaProducts : public ::testing::Test {
protected:
  test::TemporaryFolder folder;
  void *library = ::dlopen(XLSTM_FAKE_CUBLAS, RTLD_NOW);

  CudaProducts() {
    for (const char *name :
         {"FAKE_CUDA_CAPABILITY", "FAKE_CUDA_SHARED", "FAKE_CUDA_DEVICES", "FAKE_CUDA_LAUNCH_US",
          "FAKE_CUDA_MOST", "FAKE_CUBLAS_MOST_ROWS", "XLSTM_CUBLAS"})
      ::unsetenv(name);
    clear();
  }
  void clear() { reinterpret_cast<void (*)()>(::dlsym(library, "fake_cublas_clear"))(); }
  std::string journal() {
    return reinterpret_cast<const char *(*)()>(::dlsym(library, "fake_cublas_journal"))();
  }

  /// A function with its tensors, prepared for `rows`.
  struct Session {
    Session(const std::string &path, int64_t rows)
        : package(path), device(XLSTM_CUDA), function(package, "f", device), stream(device) {
      float weight = 3, bias = 1;
      set(w, {1, 1}, &weight);
      set(b, {1}, &bias);
      resize(rows);
      function.prepare(inputs(), {&y.tensor}, Buffer(), stream);
    }
    struct Given {
      Buffer memory;
      xlstm_tensor tensor;
    };
    void set(Given &given, std::vector<int64_t> shape, const float *values) {
      int64_t count = 1;
      for (int64_t extent : shape)
        count *= extent;
      given.memory = Buffer(device, static_cast<size_t>(count) * 4);
      check(xlstm_tensor_init(&given.tensor, given.memory.data(), XLSTM_F32,
                              static_cast<int32_t>(shape.size()), shape.data(), XLSTM_CUDA, 0));
      check(xlstm_device_upload(device.get(), given.memory.data(), values,
                                static_cast<size_t>(count) * 4, stream.get()));
    }
    void resize(int64_t rows) {
      std::vector<float> values(rows), residuals(rows, 10);
      for (int64_t m = 0; m < rows; ++m)
        values[m] = static_cast<float>(m);
      set(x, {rows, 1}, values.data());
      set(r, {rows, 1}, residuals.data());
      set(y, {rows, 1}, values.data());
    }
    Function::Tensors inputs() { return {&x.tensor, &w.tensor, &b.tensor, &r.tensor}; }
    /// y of x = 1.
    float run() {
      size_t bytes = function.workspaceSize(inputs(), {&y.tensor});
      function.run(inputs(), {&y.tensor}, Buffer(device, bytes), stream);
      return static_cast<const float *>(y.memory.data())[1];
    }
    Package package;
    Device device;
    Function function;
    Stream stream;
    Given x, w, b, r, y;
  };
  std::string write(const std::string &added = "") {
    productFixture(added).write(folder.path("p.xlpkg"));
    return folder.path("p.xlpkg");
  }
};

constexpr float kOwn = 4; // twice twice 1

TEST_F(CudaProducts, OffUnlessWanted) {
  for (const char *value : {"", "off"}) {
    ::setenv("XLSTM_CUBLAS", value, 1);
    Session session(write(), 100);
    EXPECT_EQ(session.function.products(), "");
    EXPECT_EQ(session.run(), kOwn);
    EXPECT_EQ(journal(), "");
  }
  ::setenv("XLSTM_CUBLAS", "on", 1);
  EXPECT_THROW(
      {
        try {
          Session(write(), 100);
        } catch (const RuntimeError &error) {
          EXPECT_STREQ(error.what(), "XLSTM_CUBLAS: expected off or auto, got 'on'");
          throw;
        }
      },
      RuntimeError);
}

TEST_F(CudaProducts, TheFasterOne) {
  ::setenv("XLSTM_CUBLAS", "auto", 1);
  {
    Session session(write(), 100); // both take as long: the package's kernel stays
    EXPECT_EQ(session.function.products(),
              "product 100 x 1 x 1 f32: 1.5000 ms, cuBLASLt 13.1 1.5000 ms: own kernel\n");
    EXPECT_EQ(session.run(), kOwn);
  }
  ::setenv("FAKE_CUDA_LAUNCH_US", "500", 1);
  clear();
  Session session(write(), 100);
  EXPECT_EQ(session.function.products(),
            "product 100 x 1 x 1 f32: 2.0000 ms, cuBLASLt 13.1 1.5000 ms: cuBLASLt 13.1\n");
  EXPECT_EQ(journal().substr(0, journal().find(';')),
            "find 100 x 1 x 1 strides 1 1 1 1 epilogue 0");
  clear();
  EXPECT_EQ(session.run(), 2 * 3);
  EXPECT_EQ(journal(), "matmul;");
  // Down to more than half of the rows; others stay with the package.
  for (auto [rows, expected] :
       {std::pair<int64_t, float>{51, 6}, {50, kOwn}, {101, kOwn}, {99, 6}}) {
    session.resize(rows);
    EXPECT_EQ(session.run(), expected) << rows;
  }
}

TEST_F(CudaProducts, ResidualAndBias) {
  ::setenv("XLSTM_CUBLAS", "auto", 1);
  ::setenv("FAKE_CUDA_LAUNCH_US", "500", 1);
  EXPECT_EQ(Session(write("r"), 10).run(), 2 * (3 + 10));
  EXPECT_EQ(Session(write("b"), 10).run(), 2 * (3 + 1));
}

TEST_F(CudaProducts, WhatTheLibraryHasNot) {
  ::setenv("XLSTM_CUBLAS", "auto", 1);
  ::setenv("FAKE_CUDA_LAUNCH_US", "500", 1);
  ::setenv("FAKE_CUBLAS_MOST_ROWS", "64", 1);
  Session session(write(), 100);
  EXPECT_EQ(session.function.products(),
            "product 100 x 1 x 1 f32: 2.0000 ms, cuBLASLt 13.1 has none: own kernel\n");
  EXPECT_EQ(session.run(), kOwn);
}

/// The library's workspace does not fit: no reason not to run.
TEST_F(CudaProducts, NoMemory) {
  ::setenv("XLSTM_CUBLAS", "auto", 1);
  ::setenv("FAKE_CUDA_MOST", "1000000", 1);
  Session session(write(), 100);
  EXPECT_EQ(session.function.products(),
            "products: own kernels, as there is no memory to time others: workspace of cuBLASLt: "
            "CUDA_ERROR: fake failure\n");
  EXPECT_EQ(session.run(), kOwn);
}

TEST_F(CudaProducts, PreparedAgain) {
  ::setenv("XLSTM_CUBLAS", "auto", 1);
  ::setenv("FAKE_CUDA_LAUNCH_US", "500", 1);
  Session session(write(), 100);
  EXPECT_EQ(session.run(), 6);
  ::setenv("XLSTM_CUBLAS", "off", 1);
  session.function.prepare(session.inputs(), {&session.y.tensor}, Buffer(), session.stream);
  EXPECT_EQ(session.function.products(), "");
  EXPECT_EQ(session.run(), kOwn);
}

TEST(ProductChoice, RowsBetweenThoseThatWereTimed) {
  ProductChoice choice(nullptr);
  ProductShape shape;
  shape.n = 8, shape.k = 16;
  auto of = [&](int64_t m) {
    shape.m = m;
    return shape;
  };
  struct Named : ProductLibrary {
    const std::string &name() const override { return text; }
    bool plan(const ProductShape &) override { return true; }
    void run(const ProductShape &, const ProductOperands &, void *) override {}
    std::string text = "theirs";
  };
  choice = ProductChoice(std::make_shared<Named>());
  choice.add(of(64), 1.0, 2.0);
  choice.add(of(128), 1.0, 0.5);
  choice.add(of(256), 1.0, 0.98); // not clearly less
  choice.add(of(512), 1.0, std::nullopt);
  for (auto [m, expected] : {std::pair<int64_t, bool>{32, false},
                             {64, false},
                             {65, true},
                             {128, true},
                             {129, false},
                             {256, false},
                             {300, false},
                             {600, false}})
    EXPECT_EQ(choice.usesLibrary(of(m)), expected) << m;
  shape.n = 9;
  EXPECT_FALSE(choice.usesLibrary(of(128)));
}

} // namespace

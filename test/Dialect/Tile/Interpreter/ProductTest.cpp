// SPDX-License-Identifier: Apache-2.0
// A matrix product by roles: tiles one after the other, in each a loop along the depth, and stores
// that go out while the next tile is copied.
#include "test/Dialect/Tile/Interpreter/Kernels.h"

#include <cmath>
#include <gtest/gtest.h>

using namespace xlstm::test;

namespace {

/// y [M, 128] = x [M, 320] w [128, 320]^T, in tiles of 64 x 128 and steps of 64 along the depth; two
/// blocks take turns. The rings' use goes on from one tile to the next.
const std::string source = R"(
!rows = !tile.ring<3 : !tile.tile<64x64xbf16>>
!columns = !tile.ring<2 : !tile.tile<128x64xbf16>>
!x = memref<?x320xbf16, strided<[?, 1]>>
!w = memref<128x320xbf16, strided<[?, 1]>>
!y = memref<?x128xbf16, strided<[?, 1]>>
tile.kernel @product(%x: !x, %w: !w, %y: !y) names ["x", "w", "y"] grid(%block: 2) {
  %rows = tile.ring : !rows
  %columns = tile.ring : !columns
  tile.role "multiply" warps [0, 4] registers 208 {
    %c0 = arith.constant 0 : index
    %c64 = arith.constant 64 : index
    %c128 = arith.constant 128 : index
    %c320 = arith.constant 320 : index
    %m = memref.dim %x, %c0 : !x
    %first = arith.muli %block, %c64 : index
    scf.for %i = %first to %m step %c128 {
      %zero = arith.constant 0.0 : f32
      %start = tile.splat %zero : f32 -> !tile.tile<64x128xf32>
      %sums = scf.for %k = %c0 to %c320 step %c64 iter_args(%sum = %start) -> (!tile.tile<64x128xf32>) {
        %a = tile.get %rows : !rows -> !tile.tile<64x64xbf16>
        %b = tile.get %columns : !columns -> !tile.tile<128x64xbf16>
        %t = tile.transpose %b : !tile.tile<128x64xbf16> -> !tile.tile<64x128xbf16>
        %next = tile.matmul %a, %t, %sum : !tile.tile<64x64xbf16>, !tile.tile<64x128xbf16>, !tile.tile<64x128xf32> -> !tile.tile<64x128xf32>
        tile.release %rows : !rows
        tile.release %columns : !columns
        scf.yield %next : !tile.tile<64x128xf32>
      }
      STORE
    }
  }
  tile.role "load" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    %c64 = arith.constant 64 : index
    %c128 = arith.constant 128 : index
    %c320 = arith.constant 320 : index
    %m = memref.dim %x, %c0 : !x
    %first = arith.muli %block, %c64 : index
    scf.for %i = %first to %m step %c128 {
      scf.for %k = %c0 to %c320 step %c64 {
        tile.fetch %x[%i, %k] axes [0, 1] into %rows : !x, !rows
        tile.fetch %w[%c0, %k] axes [0, 1] into %columns : !w, !columns
      }
    }
  }
}
)";

const char *alongRows = "tile.store %sums, %y[%i, %c0] axes [0, 1] : !tile.tile<64x128xf32>, !y";
const char *alongColumns =
    R"(%out = tile.map elems(%sums : !tile.tile<64x128xf32>) -> !tile.tile<64x128xf32> {
      ^bb0(%r: index, %c: index, %e: f32):
        tile.yield %e : f32
      }
      %turned = tile.transpose %out : !tile.tile<64x128xf32> -> !tile.tile<128x64xf32>
      tile.store %turned, %y[%i, %c0] axes [1, 0] : !tile.tile<128x64xf32>, !y)";

TEST(Product, PersistentInTwoLoops) {
  for (const char *store : {alongRows, alongColumns}) {
    std::string text = source;
    text.replace(text.find("STORE"), 5, store);
    Kernel kernel(text);
    kernel.allocate({300});
    auto &x = kernel.tensor("x"), &w = kernel.tensor("w");
    x.forEach([&](llvm::ArrayRef<int64_t> i) { x.set(i, std::sin(i[0] * 3 + i[1])); });
    w.forEach([&](llvm::ArrayRef<int64_t> i) { w.set(i, std::cos(i[0] - i[1] * 5)); });
    std::vector<double> sums;
    auto &y = kernel.tensor("y");
    y.forEach([&](llvm::ArrayRef<int64_t> i) {
      double sum = 0;
      for (int64_t k = 0; k < 320; ++k)
        sum += x.get({i[0], k}) * w.get({i[1], k});
      sums.push_back(sum);
    });
    for (int seed = 0; seed < 6; ++seed) {
      y.forEach([&](llvm::ArrayRef<int64_t> i) { y.set(i, NAN); });
      auto finding = kernel.run(seed);
      ASSERT_FALSE(finding) << finding->text;
      const double *sum = sums.data();
      y.forEach([&](llvm::ArrayRef<int64_t> i) {
        // Half a place of bf16, and sums in f32.
        EXPECT_NEAR(y.get(i), *sum, std::fabs(*sum) * 0x1p-8 + 1e-4) << i[0] << " " << i[1];
        ++sum;
      });
    }
  }
}

} // namespace

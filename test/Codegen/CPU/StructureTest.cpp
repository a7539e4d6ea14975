// SPDX-License-Identifier: Apache-2.0
// Blocks, loops that carry tiles and scalars, branches.
#include "test/Codegen/CPU/Program.h"

#include <cmath>

using namespace xlstm::test;

namespace {

class Structure : public OnISA {};
XLSTM_ON_EVERY_ISA(Structure);

using Index = Array::Index;

TEST_P(Structure, RangesRunOnlyTheirBlocks) {
  Program program(R"(
tile.kernel @k(%n: memref<?x2xf32, strided<[?, ?]>>, %y: memref<?x3x2x16xf32, strided<[?, ?, ?, ?]>>) names ["n", "y"]
    grid(%a: dim(0, 0), %b: 3, %c: dim(0, 1)) {
  %c0 = arith.constant 0 : index
  %ten = arith.constant 10 : index
  %0 = arith.muli %a, %ten : index
  %1 = arith.addi %0, %b : index
  %2 = arith.muli %1, %ten : index
  %3 = arith.addi %2, %c : index
  %4 = arith.index_cast %3 : index to i32
  %5 = arith.sitofp %4 : i32 to f32
  %t = tile.splat %5 : f32 -> !tile.tile<16xf32>
  tile.store %t, %y[%a, %b, %c, %c0] axes [3] : !tile.tile<16xf32>, memref<?x3x2x16xf32, strided<[?, ?, ?, ?]>>
})",
                  isa());
  EXPECT_EQ(program.scratchBytes("k"), 64);
  Array n(DType::F32, {4, 2});
  for (int64_t begin = 0; begin <= 24; ++begin)
    for (int64_t end : {begin - 1, begin, begin + 1, begin + 7, int64_t(24)}) {
      if (end > 24)
        continue;
      Array y(DType::F32, {4, 3, 2, 16});
      y.fill([] { return -1.0; });
      program.run("k", {&n, &y}, begin, end);
      EXPECT_EQ(difference(y,
                           [&](const Index &i) {
                             int64_t block = (i[0] * 3 + i[1]) * 2 + i[2];
                             return begin <= block && block < end ? 100 * i[0] + 10 * i[1] + i[2]
                                                                  : -1;
                           }),
                "")
          << "blocks " << begin << " .. " << end;
    }
}

// Fibonacci with tiles: the second is yielded in the first one's place.
TEST_P(Structure, LoopsCarryTilesAndScalarsAndSwapThem) {
  Program program(R"(
tile.kernel @k(%x: memref<?xf32>, %a: memref<20x20xf32>, %b: memref<20x20xf32>, %y: memref<20x20xf32>, %z: memref<20x20xf32>, %s: memref<3xf64>)
    names ["x", "a", "b", "y", "z", "s"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %one = arith.constant 1.0 : f64
  %two = arith.constant 2.0 : f64
  %p = tile.load %a[%c0, %c0] axes [0, 1] : memref<20x20xf32> -> !tile.tile<20x20xf32>
  %q = tile.load %b[%c0, %c0] axes [0, 1] : memref<20x20xf32> -> !tile.tile<20x20xf32>
  %r:5 = scf.for %i = %c0 to %n step %c1 iter_args(%u = %p, %d = %one, %v = %q, %e = %two, %count = %c0)
      -> (!tile.tile<20x20xf32>, f64, !tile.tile<20x20xf32>, f64, index) {
    %sum = tile.map elems(%u, %v : !tile.tile<20x20xf32>, !tile.tile<20x20xf32>) -> !tile.tile<20x20xf32> {
    ^bb0(%row: index, %column: index, %f: f32, %h: f32):
      %0 = arith.addf %f, %h : f32
      tile.yield %0 : f32
    }
    %1 = arith.addf %d, %e : f64
    %2 = arith.addi %count, %i : index
    scf.yield %v, %e, %sum, %1, %2 : !tile.tile<20x20xf32>, f64, !tile.tile<20x20xf32>, f64, index
  }
  tile.store %r#0, %y[%c0, %c0] axes [0, 1] : !tile.tile<20x20xf32>, memref<20x20xf32>
  tile.store %r#2, %z[%c0, %c0] axes [0, 1] : !tile.tile<20x20xf32>, memref<20x20xf32>
  tile.store_scalar %r#1, %s[%c0] : f64, memref<3xf64>
  tile.store_scalar %r#3, %s[%c1] : f64, memref<3xf64>
  %3 = arith.index_cast %r#4 : index to i64
  %4 = arith.sitofp %3 : i64 to f64
  tile.store_scalar %4, %s[%c2] : f64, memref<3xf64>
}
tile.kernel @swap(%x: memref<?xf32>, %a: memref<20x20xf32>, %b: memref<20x20xf32>, %y: memref<20x20xf32>, %z: memref<20x20xf32>)
    names ["x", "a", "b", "y", "z"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %x, %c0 : memref<?xf32>
  %p = tile.load %a[%c0, %c0] axes [0, 1] : memref<20x20xf32> -> !tile.tile<20x20xf32>
  %q = tile.load %b[%c0, %c0] axes [1, 0] : memref<20x20xf32> -> !tile.tile<20x20xf32>
  %r:2 = scf.for %i = %c0 to %n step %c1 iter_args(%u = %p, %v = %q) -> (!tile.tile<20x20xf32>, !tile.tile<20x20xf32>) {
    scf.yield %v, %u : !tile.tile<20x20xf32>, !tile.tile<20x20xf32>
  }
  tile.store %r#0, %y[%c0, %c0] axes [0, 1] : !tile.tile<20x20xf32>, memref<20x20xf32>
  tile.store %r#1, %z[%c0, %c0] axes [0, 1] : !tile.tile<20x20xf32>, memref<20x20xf32>
})",
                  isa());
  for (int64_t n = 0; n < 8; ++n) {
    Array x(DType::F32, {std::max<int64_t>(n, 1)}), a(DType::F32, {20, 20}),
        b(DType::F32, {20, 20}), y(DType::F32, {20, 20}), z(DType::F32, {20, 20}),
        s(DType::F64, {3});
    Array none = Array::absent(DType::F32, 1);
    Array *length = n ? &x : &none;
    a.fill([&] { return std::round(8 * normal()); }); // small integers: sums are exact
    b.fill([&] { return std::round(8 * normal()); });
    program.run("k", {length, &a, &b, &y, &z, &s});
    auto nth = [&](double u, double v) {
      for (int64_t i = 0; i < n; ++i)
        std::tie(u, v) = std::make_pair(v, u + v);
      return std::make_pair(u, v);
    };
    EXPECT_EQ(difference(y, [&](const Index &i) { return nth(a.get(i), b.get(i)).first; }), "")
        << n << " iterations";
    EXPECT_EQ(difference(z, [&](const Index &i) { return nth(a.get(i), b.get(i)).second; }), "")
        << n << " iterations";
    EXPECT_EQ(s.get({0}), nth(1, 2).first);
    EXPECT_EQ(s.get({1}), nth(1, 2).second);
    EXPECT_EQ(s.get({2}), n * (n - 1) / 2);

    program.run("swap", {length, &a, &b, &y, &z});
    bool even = n % 2 == 0;
    auto u = [&](const Index &i) { return a.get(i); };
    auto v = [&](const Index &i) { return b.get({i[1], i[0]}); };
    EXPECT_EQ(difference(y, [&](const Index &i) { return even ? u(i) : v(i); }), "")
        << n << " swaps";
    EXPECT_EQ(difference(z, [&](const Index &i) { return even ? v(i) : u(i); }), "")
        << n << " swaps";
  }
}

// One tile begins as two, which then go their own ways; the tile itself is read after the loop in
// @later.
TEST_P(Structure, OneTileMayInitialiseTwo) {
  std::string kernel = R"(
tile.kernel @$name(%a: memref<20x20xf32>, %y: memref<20x20xf32>, %z: memref<20x20xf32>, %w: memref<20x20xf32>) names ["a", "y", "z", "w"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %one = arith.constant 1.0 : f32
  %p = tile.load %a[%c0, %c0] axes [0, 1] : memref<20x20xf32> -> !tile.tile<20x20xf32>
  %t = tile.transpose %p : !tile.tile<20x20xf32> -> !tile.tile<20x20xf32>
  %r:2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%u = %p, %v = $second) -> (!tile.tile<20x20xf32>, !tile.tile<20x20xf32>) {
    %up = tile.map elems(%u : !tile.tile<20x20xf32>) -> !tile.tile<20x20xf32> {
    ^bb0(%row: index, %column: index, %f: f32):
      %0 = arith.addf %f, %one : f32
      tile.yield %0 : f32
    }
    %down = tile.map elems(%v : !tile.tile<20x20xf32>) -> !tile.tile<20x20xf32> {
    ^bb0(%row: index, %column: index, %f: f32):
      %0 = arith.subf %f, %one : f32
      tile.yield %0 : f32
    }
    scf.yield %up, %down : !tile.tile<20x20xf32>, !tile.tile<20x20xf32>
  }
  tile.store %r#0, %y[%c0, %c0] axes [0, 1] : !tile.tile<20x20xf32>, memref<20x20xf32>
  tile.store %r#1, %z[%c0, %c0] axes [0, 1] : !tile.tile<20x20xf32>, memref<20x20xf32>
  $last
}
)";
  std::string last =
      "tile.store %p, %w[%c0, %c0] axes [0, 1] : !tile.tile<20x20xf32>, memref<20x20xf32>";
  Program program(substitute(kernel, {{"name", "same"}, {"second", "%p"}, {"last", ""}}) +
                      substitute(kernel, {{"name", "transposed"}, {"second", "%t"}, {"last", ""}}) +
                      substitute(kernel, {{"name", "later"}, {"second", "%p"}, {"last", last}}),
                  isa());
  Array a(DType::F32, {20, 20}), y(DType::F32, {20, 20}), z(DType::F32, {20, 20}),
      w(DType::F32, {20, 20});
  a.fill([&](const Index &i) { return 20 * i[0] + i[1]; });
  for (const char *kernel : {"same", "transposed", "later"}) {
    program.run(kernel, {&a, &y, &z, &w});
    bool isTransposed = *kernel == 't', isReadLater = *kernel == 'l';
    EXPECT_EQ(difference(y, [&](const Index &i) { return a.get(i) + 3; }), "") << kernel;
    EXPECT_EQ(
        difference(z,
                   [&](const Index &i) { return a.get(isTransposed ? Index{i[1], i[0]} : i) - 3; }),
        "")
        << kernel;
    EXPECT_EQ(difference(w, [&](const Index &i) { return isReadLater ? a.get(i) : 0; }), "")
        << kernel;
  }
}

// A matrix state updated by nested loops, from a splat, and a tile from outside that every
// iteration reads.
TEST_P(Structure, NestedLoopsAccumulate) {
  Program program(R"(
tile.kernel @k(%a: memref<12x10x18xf32>, %b: memref<10x33xf32>, %y: memref<18x33xf32>, %z: memref<18x33xf32>) names ["a", "b", "y", "z"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  %rhs = tile.load %b[%c0, %c0] axes [0, 1] : memref<10x33xf32> -> !tile.tile<10x33xf32>
  %begin = tile.splat %zero : f32 -> !tile.tile<18x33xf32>
  %r:2 = scf.for %i = %c0 to %c3 step %c1 iter_args(%u = %begin, %v = %begin) -> (!tile.tile<18x33xf32>, !tile.tile<18x33xf32>) {
    %0 = arith.muli %i, %c4 : index
    %inner = scf.for %j = %c0 to %c4 step %c1 iter_args(%w = %u) -> (!tile.tile<18x33xf32>) {
      %1 = arith.addi %0, %j : index
      %lhs = tile.load %a[%1, %c0, %c0] axes [2, 1] : memref<12x10x18xf32> -> !tile.tile<18x10xf32>
      %sum = tile.matmul %lhs, %rhs, %w : !tile.tile<18x10xf32>, !tile.tile<10x33xf32>, !tile.tile<18x33xf32> -> !tile.tile<18x33xf32>
      scf.yield %sum : !tile.tile<18x33xf32>
    }
    %first = arith.cmpi eq, %i, %c0 : index
    scf.if %first {
      tile.store %inner, %z[%c0, %c0] axes [0, 1] : !tile.tile<18x33xf32>, memref<18x33xf32>
    } else {
      %twice = tile.map elems(%inner : !tile.tile<18x33xf32>) -> !tile.tile<18x33xf32> {
      ^bb0(%row: index, %column: index, %f: f32):
        %2 = arith.addf %f, %f : f32
        tile.yield %2 : f32
      }
      %last = arith.cmpi eq, %i, %c1 : index
      scf.if %last {
        tile.store %twice, %z[%c0, %c0] axes [0, 1] : !tile.tile<18x33xf32>, memref<18x33xf32>
      }
    }
    scf.yield %inner, %u : !tile.tile<18x33xf32>, !tile.tile<18x33xf32>
  }
  tile.store %r#0, %y[%c0, %c0] axes [0, 1] : !tile.tile<18x33xf32>, memref<18x33xf32>
})",
                  isa());
  Array a(DType::F32, {12, 10, 18}), b(DType::F32, {10, 33}), y(DType::F32, {18, 33}),
      z(DType::F32, {18, 33});
  a.fill([&] { return normal(); });
  b.fill([&] { return normal(); });
  program.run("k", {&a, &b, &y, &z});
  auto sum = [&](int64_t matrices, const Index &at) {
    double result = 0;
    for (int64_t t = 0; t < matrices; ++t)
      for (int64_t k = 0; k < 10; ++k)
        result += a.get({t, k, at[0]}) * b.get({k, at[1]});
    return result;
  };
  EXPECT_EQ(difference(y, [&](const Index &i) { return sum(12, i); }, 1e-4), "");
  EXPECT_EQ(difference(z, [&](const Index &i) { return 2 * sum(8, i); }, 1e-4), "");
}

// Index arithmetic of the surrounding program, as i64: select, min, division, comparison.
TEST_P(Structure, ScalarsOfTypeIndex) {
  Program program(R"(
tile.kernel @k(%y: memref<10xf64>) names ["y"] grid(%g: 10) {
  %c3 = arith.constant 3 : index
  %c7 = arith.constant 7 : index
  %0 = arith.divsi %g, %c3 : index
  %1 = arith.remsi %g, %c3 : index
  %2 = arith.cmpi slt, %0, %1 : index
  %3 = arith.select %2, %g, %c7 : index
  %4 = arith.minsi %3, %c7 : index
  %5 = arith.index_cast %4 : index to i32
  %6 = arith.index_cast %5 : i32 to index
  %7 = arith.subi %6, %c7 : index
  %8 = arith.index_cast %7 : index to i64
  %9 = arith.sitofp %8 : i64 to f64
  tile.store_scalar %9, %y[%g] : f64, memref<10xf64>
})",
                  isa());
  Array y(DType::F64, {10});
  program.run("k", {&y}, 0, 10);
  for (int64_t g = 0; g < 10; ++g)
    EXPECT_EQ(y.get({g}), std::min<int64_t>(g / 3 < g % 3 ? g : 7, 7) - 7);
}

} // namespace

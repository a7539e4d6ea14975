// SPDX-License-Identifier: Apache-2.0
// tile.load, tile.store and their scalar forms: places, bounds, absent tensors, conversions between
// element types.
#include "test/Codegen/CPU/Program.h"

#include <cmath>

using namespace xlstm::test;

namespace {

class Memory : public OnISA {};
XLSTM_ON_EVERY_ISA(Memory);

using Index = Array::Index;

// 81 blocks, each with a tile of 8 x 16 along two axes of a tensor of rank 4. The last blocks along
// every axis are partly or wholly outside of the tensor: 13 = 8 + 5 rows, 37 = 16 + 16 + 5 columns,
// 2 places along the other axes.
const char *const loadKernel = R"(
tile.kernel @load(%x: memref<?x?x?x?xf32, strided<[?, ?, ?, $last]>>, %y: memref<3x3x3x3x8x16xf32>) names ["x", "y"]
    grid(%a: 3, %b: 3, %c: 3, %d: 3) {
  %c0 = arith.constant 0 : index
  %rows = arith.constant 8 : index
  %columns = arith.constant 16 : index
  %one = arith.constant 1 : index
  %0 = arith.muli %a, $s0 : index
  %1 = arith.muli %b, $s1 : index
  %2 = arith.muli %c, $s2 : index
  %3 = arith.muli %d, $s3 : index
  %t = tile.load %x[%0, %1, %2, %3] axes [$p, $q] pad -2.5 : memref<?x?x?x?xf32, strided<[?, ?, ?, $last]>> -> !tile.tile<8x16xf32>
  tile.store %t, %y[%a, %b, %c, %d, %c0, %c0] axes [4, 5] : !tile.tile<8x16xf32>, memref<3x3x3x3x8x16xf32>
})";
const char *const storeKernel = R"(
tile.kernel @store(%y: memref<3x3x3x3x8x16xf32>, %x: memref<?x?x?x?xf32, strided<[?, ?, ?, $last]>>) names ["y", "x"]
    grid(%a: 3, %b: 3, %c: 3, %d: 3) {
  %c0 = arith.constant 0 : index
  %rows = arith.constant 8 : index
  %columns = arith.constant 16 : index
  %one = arith.constant 1 : index
  %0 = arith.muli %a, $s0 : index
  %1 = arith.muli %b, $s1 : index
  %2 = arith.muli %c, $s2 : index
  %3 = arith.muli %d, $s3 : index
  %t = tile.load %y[%a, %b, %c, %d, %c0, %c0] axes [4, 5] : memref<3x3x3x3x8x16xf32> -> !tile.tile<8x16xf32>
  tile.store %t, %x[%0, %1, %2, %3] axes [$p, $q] : !tile.tile<8x16xf32>, memref<?x?x?x?xf32, strided<[?, ?, ?, $last]>>
})";

struct Case {
  int64_t p, q;
  bool contiguous; // the last axis has the static stride 1
  Index shape() const {
    Index result(4, 2);
    result[p] = 13;
    result[q] = 37;
    return result;
  }
  /// Strides with gaps along every axis that may have one; axis 1 is the outermost.
  Index strides() const {
    Index sizes = shape(), result(4);
    int64_t step = contiguous ? 1 : 3;
    for (int64_t axis : {3, 2, 0, 1}) {
      result[axis] = step;
      step = step * sizes[axis] + 5;
    }
    return result;
  }
  /// Where element (i, j) of a block's tile is in the tensor.
  Index place(const Index &block, int64_t i, int64_t j) const {
    Index result(4);
    for (int64_t axis = 0; axis < 4; ++axis)
      result[axis] = axis == p   ? 8 * block[axis] + i
                     : axis == q ? 16 * block[axis] + j
                                 : block[axis];
    return result;
  }
  std::string source(const char *text) const {
    std::map<std::string, std::string> values{
        {"p", std::to_string(p)}, {"q", std::to_string(q)}, {"last", contiguous ? "1" : "?"}};
    for (int64_t axis = 0; axis < 4; ++axis)
      values["s" + std::to_string(axis)] = axis == p ? "%rows" : axis == q ? "%columns" : "%one";
    return substitute(text, values);
  }
};

std::vector<Case> cases() {
  std::vector<Case> result;
  for (int64_t p = 0; p < 4; ++p)
    for (int64_t q = 0; q < 4; ++q)
      for (bool contiguous : {false, true})
        if (p != q)
          result.push_back({p, q, contiguous});
  return result;
}

bool inside(const Index &place, const Index &shape) {
  for (size_t axis = 0; axis < shape.size(); ++axis)
    if (place[axis] < 0 || place[axis] >= shape[axis])
      return false;
  return true;
}

Index blockOf(const Index &index) { return Index(index.begin(), index.begin() + 4); }

TEST_P(Memory, LoadsEveryPairOfAxesWithBoundsAndStrides) {
  for (const Case &c : cases()) {
    SCOPED_TRACE("axes " + std::to_string(c.p) + ", " + std::to_string(c.q));
    Program program(c.source(loadKernel), isa());
    Array x(DType::F32, c.shape(), c.strides()), y(DType::F32, {3, 3, 3, 3, 8, 16});
    x.fill([&] { return normal(); });
    program.run("load", {&x, &y}, 0, 81);
    EXPECT_EQ(difference(y,
                         [&](const Index &index) {
                           Index place = c.place(blockOf(index), index[4], index[5]);
                           return inside(place, c.shape()) ? x.get(place) : -2.5;
                         }),
              "");
  }
}

TEST_P(Memory, StoresEveryPairOfAxesWithBoundsAndStrides) {
  for (const Case &c : cases()) {
    SCOPED_TRACE("axes " + std::to_string(c.p) + ", " + std::to_string(c.q));
    Program program(c.source(storeKernel), isa());
    Array y(DType::F32, {3, 3, 3, 3, 8, 16}), x(DType::F32, c.shape(), c.strides());
    y.fill([&] { return normal(); });
    program.run("store", {&y, &x}, 0, 81);
    int64_t stored = 0, wrong = 0;
    y.forEach([&](const Index &index) {
      Index place = c.place(blockOf(index), index[4], index[5]);
      if (inside(place, c.shape())) {
        wrong += x.get(place) != y.get(index);
        ++stored;
      }
    });
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(stored, 13 * 37 * 2 * 2);
  }
}

// 1-D tiles along an inner axis, and scalars beside them, with the same bounds.
TEST_P(Memory, VectorsAndScalarsHaveBounds) {
  Program program(R"(
tile.kernel @k(%x: memref<?x?x5xf32, strided<[?, ?, ?]>>, %y: memref<6x7x40xf32>, %z: memref<6x7xf64>, %w: memref<?x?xbf16, strided<[?, ?]>>)
    names ["x", "y", "z", "w"] grid(%a: 6, %b: 7) {
  %c0 = arith.constant 0 : index
  %c3 = arith.constant 3 : index
  %t = tile.load %x[%c3, %a, %b] axes [0] pad 4.0 : memref<?x?x5xf32, strided<[?, ?, ?]>> -> !tile.tile<40xf32>
  tile.store %t, %y[%a, %b, %c0] axes [2] : !tile.tile<40xf32>, memref<6x7x40xf32>
  %s = tile.load_scalar %x[%c3, %a, %b] pad 8.0 : memref<?x?x5xf32, strided<[?, ?, ?]>> -> f64
  tile.store_scalar %s, %z[%a, %b] : f64, memref<6x7xf64>
  tile.store_scalar %s, %w[%a, %b] : f64, memref<?x?xbf16, strided<[?, ?]>>
})",
                  isa());
  Array x(DType::F32, {33, 4, 5}, {1, 70, 300}), y(DType::F32, {6, 7, 40}), z(DType::F64, {6, 7}),
      w(DType::BF16, {3, 6}, {2, 9});
  x.fill([&] { return normal(); });
  program.run("k", {&x, &y, &z, &w}, 0, 42);
  auto at = [&](const Index &place, double pad) {
    return inside(place, x.shape()) ? x.get(place) : pad;
  };
  EXPECT_EQ(difference(y, [&](const Index &i) { return at({3 + i[2], i[0], i[1]}, 4.0); }), "");
  EXPECT_EQ(difference(z, [&](const Index &i) { return at({3, i[0], i[1]}, 8.0); }), "");
  EXPECT_EQ(difference(w, [&](const Index &i) { return roundTo(z.get(i), DType::BF16); }), "");
}

TEST_P(Memory, OffsetsMayBeNegative) {
  Program program(R"(
tile.kernel @k(%x: memref<?x?xf32, strided<[?, 1]>>, %y: memref<3x3x8x40xf32>, %z: memref<3x3xf32>, %w: memref<?x?xf32, strided<[?, 1]>>)
    names ["x", "y", "z", "w"] grid(%a: 3, %b: 3) {
  %c0 = arith.constant 0 : index
  %down = arith.constant -3 : index
  %left = arith.constant -21 : index
  %i = arith.muli %a, %down : index
  %j = arith.muli %b, %left : index
  %t = tile.load %x[%i, %j] axes [0, 1] pad 4.0 : memref<?x?xf32, strided<[?, 1]>> -> !tile.tile<8x40xf32>
  tile.store %t, %y[%a, %b, %c0, %c0] axes [2, 3] : !tile.tile<8x40xf32>, memref<3x3x8x40xf32>
  %s = tile.load_scalar %x[%i, %j] pad 8.0 : memref<?x?xf32, strided<[?, 1]>> -> f32
  tile.store_scalar %s, %z[%a, %b] : f32, memref<3x3xf32>
  tile.store_scalar %s, %w[%i, %j] : f32, memref<?x?xf32, strided<[?, 1]>>
  tile.store %t, %w[%i, %j] axes [0, 1] : !tile.tile<8x40xf32>, memref<?x?xf32, strided<[?, 1]>>
})",
                  isa());
  Array x(DType::F32, {5, 37}), y(DType::F32, {3, 3, 8, 40}), z(DType::F32, {3, 3}),
      w(DType::F32, {5, 37});
  x.fill([&] { return normal(); });
  program.run("k", {&x, &y, &z, &w}, 0, 9);
  EXPECT_EQ(difference(y,
                       [&](const Index &i) {
                         Index place = {-3 * i[0] + i[2], -21 * i[1] + i[3]};
                         return inside(place, x.shape()) ? x.get(place) : 4.0;
                       }),
            "");
  EXPECT_EQ(difference(z, [&](const Index &i) { return i[0] + i[1] ? 8.0 : x.get({0, 0}); }), "");
  EXPECT_EQ(difference(w, [&](const Index &i) { return x.get(i); }), "");
}

// An absent tensor has a null address: touching it would end the test.
TEST_P(Memory, AbsentTensorsGiveThePadAndTakeNothing) {
  Program program(R"(
tile.kernel @k(%x: memref<?x4x64xf32, strided<[?, ?, 1]>>, %m: memref<?x4xf32, strided<[?, ?]>>, %y: memref<?x4x64xf32, strided<[?, ?, 1]>>,
               %l: memref<?x4xf32, strided<[?, ?]>>, %z: memref<2x4x32x65xf32>) names ["x", "m", "y", "l", "z"] grid(%a: 2, %b: 4) {
  %c0 = arith.constant 0 : index
  %c64 = arith.constant 64 : index
  %t = tile.load %x[%a, %b, %c0] axes [2] : memref<?x4x64xf32, strided<[?, ?, 1]>> -> !tile.tile<64xf32>
  %u = tile.load %x[%a, %b, %c0] axes [0, 2] pad 3.0 : memref<?x4x64xf32, strided<[?, ?, 1]>> -> !tile.tile<32x64xf32>
  %s = tile.load_scalar %m[%a, %b] pad 2.0 : memref<?x4xf32, strided<[?, ?]>> -> f32
  tile.store %t, %y[%a, %b, %c0] axes [2] : !tile.tile<64xf32>, memref<?x4x64xf32, strided<[?, ?, 1]>>
  tile.store %u, %y[%a, %b, %c0] axes [0, 2] : !tile.tile<32x64xf32>, memref<?x4x64xf32, strided<[?, ?, 1]>>
  tile.store_scalar %s, %l[%a, %b] : f32, memref<?x4xf32, strided<[?, ?]>>
  %v = tile.map elems(%u : !tile.tile<32x64xf32>) cols(%t : !tile.tile<64xf32>) -> !tile.tile<32x64xf32> {
  ^bb0(%i: index, %j: index, %p: f32, %q: f32):
    %0 = arith.addf %p, %q : f32
    %1 = arith.addf %0, %s : f32
    tile.yield %1 : f32
  }
  tile.store %v, %z[%a, %b, %c0, %c0] axes [2, 3] : !tile.tile<32x64xf32>, memref<2x4x32x65xf32>
})",
                  isa());
  Array none3 = Array::absent(DType::F32, 3), none2 = Array::absent(DType::F32, 2);
  Array z(DType::F32, {2, 4, 32, 65});
  program.run("k", {&none3, &none2, &none3, &none2, &z}, 0, 8);
  EXPECT_EQ(difference(z, [&](const Index &i) { return i[3] < 64 ? 5.0 : 0.0; }), "");
}

TEST_P(Memory, TensorsOfRankZeroAreScalars) {
  Program program(R"(
tile.kernel @k(%x: memref<f32>, %y: memref<f64>) names ["x", "y"] grid(%a: 1) {
  %s = tile.load_scalar %x[] : memref<f32> -> f64
  tile.store_scalar %s, %y[] : f64, memref<f64>
})",
                  isa());
  Array x(DType::F32, {}), y(DType::F64, {});
  x.set({}, 1.5);
  program.run("k", {&x, &y});
  EXPECT_EQ(y.get({}), 1.5);
}

//===----------------------------------------------------------------------===//
// Element types
//===----------------------------------------------------------------------===//

/// Values that sit on, next to and far from the places where rounding to a 16-bit type or to f32
/// decides.
std::vector<double> hardValues(std::mt19937_64 &random) {
  std::vector<double> values = {0.0,
                                -0.0,
                                INFINITY,
                                -INFINITY,
                                NAN,
                                -NAN,
                                65504,
                                65519.99,
                                65520,
                                65536,
                                1e38,
                                3.4e38,
                                3.4028235e38,
                                3.39e38,
                                3.3961775292304e38,
                                1e300,
                                1e-300,
                                1e-38,
                                1e-40,
                                1e-45,
                                7e-46,
                                9.2e-41,
                                4.6e-41,
                                5.96e-8,
                                2.98e-8,
                                2.9802322387695312e-8,
                                8.9e-8,
                                6.1e-5,
                                6.0975e-5};
  for (DType type : {DType::BF16, DType::F16, DType::F32})
    for (int i = 0; i < 300; ++i) {
      int64_t size = 8 * bytesOf(type);
      uint64_t bits = random() >> (64 - size);
      double low = decode(bits, type), high = decode(bits + 1, type);
      double tie = low / 2 + high / 2;
      for (double x : {low, tie, std::nextafter(tie, low), std::nextafter(tie, high)})
        values.push_back(x);
      values.push_back(double(std::nextafterf(float(tie), float(low))));
      values.push_back(double(std::nextafterf(float(tie), float(high))));
    }
  return values;
}

/// Bits with every NaN made one: which NaN is not specified, that it is one is.
uint64_t oneNaN(uint64_t bits, DType type) {
  return std::isnan(decode(bits, type)) ? encode(NAN, type) : bits;
}

TEST_P(Memory, ConversionsRoundToNearestEven) {
  // Tensor of type A -> tile of type B -> tensor of type C, all 64 combinations, vectors of 77
  // elements so that both whole vectors and single elements convert.
  std::string source;
  for (DType a : allDTypes)
    for (DType b : allDTypes)
      for (DType c : allDTypes)
        source += substitute(R"(
tile.kernel @k_$a_$b_$c(%x: memref<?x$a>, %y: memref<?x$c>) names ["x", "y"] grid(%i: dim(0, 0)) {
  %c77 = arith.constant 77 : index
  %0 = arith.muli %i, %c77 : index
  %t = tile.load %x[%0] axes [0] : memref<?x$a> -> !tile.tile<77x$b>
  tile.store %t, %y[%0] axes [0] : !tile.tile<77x$b>, memref<?x$c>
})",
                             {{"a", name(a)}, {"b", name(b)}, {"c", name(c)}});
  Program program(source, isa());
  std::vector<double> values = hardValues(random);
  int64_t n = values.size();
  for (DType a : allDTypes)
    for (DType b : allDTypes)
      for (DType c : allDTypes) {
        std::string kernel = std::string("k_") + name(a) + "_" + name(b) + "_" + name(c);
        Array x(a, {n}), y(c, {n});
        x.fill([&](const Index &i) { return values[i[0]]; });
        program.run(kernel, {&x, &y}, 0, (n + 76) / 77);
        int64_t wrong = 0;
        std::string example;
        y.forEach([&](const Index &i) {
          uint64_t expected = encode(roundTo(x.get(i), b), c);
          if (oneNaN(y.bits(i), c) != oneNaN(expected, c) && !wrong++)
            example = testing::PrintToString(x.get(i)) + " gave " +
                      testing::PrintToString(y.get(i)) + ", expected " +
                      testing::PrintToString(decode(expected, c));
        });
        EXPECT_EQ(wrong, 0) << kernel << ": " << example;
      }
}

TEST_P(Memory, ScalarConversionsRoundToNearestEven) {
  for (DType a : allDTypes)
    for (DType c : allDTypes) {
      Program program(substitute(R"(
tile.kernel @k(%x: memref<?x$a>, %y: memref<?x$c>) names ["x", "y"] grid(%i: dim(0, 0)) {
  %s = tile.load_scalar %x[%i] : memref<?x$a> -> f64
  tile.store_scalar %s, %y[%i] : f64, memref<?x$c>
})",
                                 {{"a", name(a)}, {"c", name(c)}}),
                      isa());
      std::vector<double> values = hardValues(random);
      int64_t n = values.size(), wrong = 0;
      Array x(a, {n}), y(c, {n});
      x.fill([&](const Index &i) { return values[i[0]]; });
      program.run("k", {&x, &y}, 0, n);
      y.forEach(
          [&](const Index &i) { wrong += oneNaN(y.bits(i), c) != oneNaN(encode(x.get(i), c), c); });
      EXPECT_EQ(wrong, 0) << name(a) << " to " << name(c);
    }
}

// A splat and a map of a 16-bit type are kept in f32 and have the values of the 16-bit type.
TEST_P(Memory, TilesOfBFloatHoldRoundedValues) {
  Program program(R"(
tile.kernel @k(%x: memref<64xf32>, %y: memref<64xf32>, %z: memref<64xf32>, %w: memref<64xf32>, %v: memref<64xf32>, %u1: memref<f32>)
    names ["x", "y", "z", "w", "v", "u"] grid(%i: 1) {
  %c0 = arith.constant 0 : index
  %t = tile.load %x[%c0] axes [0] : memref<64xf32> -> !tile.tile<64xf32>
  %r = tile.map elems(%t : !tile.tile<64xf32>) -> !tile.tile<64xbf16> {
  ^bb0(%j: index, %e: f32):
    %0 = arith.truncf %e : f32 to bf16
    tile.yield %0 : bf16
  }
  tile.store %r, %y[%c0] axes [0] : !tile.tile<64xbf16>, memref<64xf32>
  %s = arith.constant 1.5 : bf16
  %u = tile.splat %s : bf16 -> !tile.tile<64xbf16>
  tile.store %u, %z[%c0] axes [0] : !tile.tile<64xbf16>, memref<64xf32>
  %sum = tile.map elems(%r, %u : !tile.tile<64xbf16>, !tile.tile<64xbf16>) -> !tile.tile<64xf32> {
  ^bb0(%j: index, %e: bf16, %f: bf16):
    %0 = arith.extf %e : bf16 to f32
    %1 = arith.extf %f : bf16 to f32
    %2 = arith.addf %0, %1 : f32
    tile.yield %2 : f32
  }
  tile.store %sum, %w[%c0] axes [0] : !tile.tile<64xf32>, memref<64xf32>
  %one = tile.extract %r[3] : !tile.tile<64xbf16> -> bf16
  %wide = arith.extf %one : bf16 to f32
  %three = arith.constant 3.0 : f32
  %product = arith.mulf %wide, %three : f32
  %short = arith.truncf %product : f32 to bf16
  tile.store_scalar %one, %u1[] : bf16, memref<f32>
  %all = tile.splat %short : bf16 -> !tile.tile<64xbf16>
  tile.store %all, %v[%c0] axes [0] : !tile.tile<64xbf16>, memref<64xf32>
})",
                  isa());
  Array x(DType::F32, {64}), y(DType::F32, {64}), z(DType::F32, {64}), w(DType::F32, {64}),
      v(DType::F32, {64}), u(DType::F32, {});
  x.fill([&] { return normal(); });
  program.run("k", {&x, &y, &z, &w, &v, &u});
  auto rounded = [&](const Index &i) { return roundTo(x.get(i), DType::BF16); };
  EXPECT_EQ(difference(y, rounded), "");
  EXPECT_EQ(difference(z, [&](const Index &) { return 1.5; }), "");
  EXPECT_EQ(difference(w, [&](const Index &i) { return roundTo(rounded(i) + 1.5, DType::F32); }),
            "");
  EXPECT_EQ(difference(v, [&](const Index &) { return roundTo(rounded({3}) * 3, DType::BF16); }),
            "");
  EXPECT_EQ(difference(u, [&](const Index &) { return rounded({3}); }), "");
}

// Elements at or behind a limit that the kernel reads from another tensor are outside, whichever
// way the tile runs; integers are read as they are.
TEST_P(Memory, LimitsFromIntegers) {
  Program program(R"(
tile.kernel @k(%x: memref<?x?xf32, strided<[?, 1]>>, %ends: memref<?xi32, strided<[?]>>, %flags: memref<?xi8, strided<[?]>>,
               %y: memref<?x?xf32, strided<[?, 1]>>, %z: memref<?x?xf32, strided<[?, 1]>>, %w: memref<2xf64>)
    names ["x", "ends", "flags", "y", "z", "w"] grid(%g: 1) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %end = tile.load_scalar %ends[%c1] pad 7.0 : memref<?xi32, strided<[?]>> -> index
  %rows = tile.load %x[%c2, %c0] axes [0, 1] below %end pad 5.0 : memref<?x?xf32, strided<[?, 1]>> -> !tile.tile<20x33xf32>
  tile.store %rows, %y[%c2, %c0] axes [0, 1] : !tile.tile<20x33xf32>, memref<?x?xf32, strided<[?, 1]>>
  %columns = tile.load %x[%c0, %c2] axes [1, 0] : memref<?x?xf32, strided<[?, 1]>> -> !tile.tile<33x20xf32>
  tile.store %columns, %z[%c0, %c2] axes [1, 0] below %end : !tile.tile<33x20xf32>, memref<?x?xf32, strided<[?, 1]>>
  %0 = arith.index_cast %end : index to i64
  %1 = arith.sitofp %0 : i64 to f64
  tile.store_scalar %1, %w[%c0] : f64, memref<2xf64>
  %flag = tile.load_scalar %flags[%c1] pad -3.0 : memref<?xi8, strided<[?]>> -> i32
  %2 = arith.sitofp %flag : i32 to f64
  tile.store_scalar %2, %w[%c1] : f64, memref<2xf64>
})",
                  isa());
  for (int64_t end : {-5, 0, 2, 3, 11, 22, 30, 1000}) {
    Array x(DType::F32, {25, 40}, {41, 1}), y(DType::F32, {25, 40}), z(DType::F32, {25, 40}),
        w(DType::F64, {2}), ends(DType::I32, {2}, {3}), flags(DType::I8, {2});
    x.fill([&] { return normal(); });
    ends.set({1}, end);
    flags.set({1}, -56); // 200 without a sign
    program.run("k", {&x, &ends, &flags, &y, &z, &w});
    EXPECT_EQ(difference(y,
                         [&](const Index &i) {
                           bool isTile = i[0] >= 2 && i[0] < 22 && i[1] < 33;
                           return !isTile ? 0 : i[0] < end ? x.get(i) : 5;
                         }),
              "")
        << end;
    EXPECT_EQ(difference(z,
                         [&](const Index &i) {
                           return i[0] < 20 && i[1] >= 2 && i[1] < std::min<int64_t>(35, end)
                                      ? x.get(i)
                                      : 0;
                         }),
              "")
        << end;
    EXPECT_EQ(w.get({0}), end);
    EXPECT_EQ(w.get({1}), 200);
  }
  Array x(DType::F32, {25, 40}), y(DType::F32, {25, 40}), z(DType::F32, {25, 40}),
      w(DType::F64, {2}), ends = Array::absent(DType::I32, 1), flags = Array::absent(DType::I8, 1);
  program.run("k", {&x, &ends, &flags, &y, &z, &w});
  EXPECT_EQ(w.get({0}), 7);
  EXPECT_EQ(w.get({1}), -3);
}

} // namespace

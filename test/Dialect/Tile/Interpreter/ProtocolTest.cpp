// SPDX-License-Identifier: Apache-2.0
// The parts that the interpreter is made of: barriers, the protocol of rings, numbers.
#include "dialect/tile/Interpreter/SharedMemory.h"

#include "mlir/IR/MLIRContext.h"
#include <cmath>
#include <gtest/gtest.h>
#include <set>

using namespace mlir;
using namespace mlir::tile;

namespace {

TEST(Barrier, ANewOnePassesForParityOne) {
  Barrier barrier(2);
  EXPECT_TRUE(barrier.passes(1));
  EXPECT_FALSE(barrier.passes(0));
}

TEST(Barrier, APhaseEndsWithItsArrivalsAndBytes) {
  Barrier barrier(2);
  EXPECT_TRUE(barrier.arrive(16));
  EXPECT_TRUE(barrier.arrive());
  EXPECT_FALSE(barrier.passes(0));
  EXPECT_FALSE(barrier.arrive()); // a third one
  barrier.complete(12);
  EXPECT_FALSE(barrier.passes(0));
  barrier.complete(4);
  EXPECT_TRUE(barrier.passes(0));
  EXPECT_FALSE(barrier.passes(1));
  EXPECT_TRUE(barrier.arrive()); // of the next phase
  EXPECT_TRUE(barrier.arrive());
  EXPECT_TRUE(barrier.passes(1));
}

TEST(RingProtocol, StagesAndParities) {
  RingProtocol<IntegerArithmetic> two = {{}, 2}, one = {{}, 1};
  int64_t stages[] = {0, 1, 0, 1, 0, 1}, full[] = {0, 0, 1, 1, 0, 0};
  for (int64_t i = 0; i < 6; ++i) {
    EXPECT_EQ(two.stage(i), stages[i]);
    EXPECT_EQ(two.fullParity(i), full[i]);
    EXPECT_EQ(two.emptyParity(i), 1 - full[i]);
    EXPECT_EQ(one.stage(i), 0);
    EXPECT_EQ(one.fullParity(i), i % 2);
  }
}

// Pieces of 16 bytes: those of one column of pieces are in eight different places of a row, and no
// two elements share a place.
TEST(RingProtocol, Swizzle) {
  IntegerArithmetic a;
  auto place = [&](int64_t row, int64_t column, int64_t bytes) {
    return swizzledPlace(a, int64_t(1024), 16, row, column, bytes);
  };
  EXPECT_EQ(place(0, 0, 2), 1024);
  EXPECT_EQ(place(0, 9, 2), 1024 + 18);
  EXPECT_EQ(place(1, 0, 2), 1024 + 128 + 16);
  EXPECT_EQ(place(3, 8, 2), 1024 + 3 * 128 + 2 * 16);
  EXPECT_EQ(place(9, 64, 2), 1024 + 16 * 128 + 9 * 128 + 16);
  EXPECT_EQ(place(2, 33, 4), 1024 + 16 * 128 + 2 * 128 + 2 * 16 + 4);
  for (int64_t bytes : {2, 4, 8}) {
    std::set<int64_t> places;
    for (int64_t row = 0; row < 16; ++row)
      for (int64_t column = 0; column < 256 / bytes; ++column)
        places.insert(place(row, column, bytes));
    EXPECT_EQ(int64_t(places.size()), 16 * 256 / bytes);
    EXPECT_EQ(*places.rbegin(), 1024 + 2 * 16 * 128 - bytes);
  }
}

TEST(SharedMemory, ATagOfEachByte) {
  SharedMemory memory;
  int64_t place = memory.allocate(4, 16);
  EXPECT_EQ(memory.tagOf(Element::F32, place, 3), SharedMemory::unwritten);
  memory.write(Element::F32, place, 1.5, 3);
  EXPECT_EQ(memory.tagOf(Element::F32, place, 3), 3);
  EXPECT_EQ(memory.read(Element::F32, place), 1.5);
  memory.mark(place + 3, 1, SharedMemory::inFlight);
  EXPECT_EQ(memory.tagOf(Element::F32, place, 3), SharedMemory::inFlight);
}

TEST(Numbers, RoundToNearestEven) {
  MLIRContext context;
  auto round = [](Type type, double value) {
    Column column = {value};
    roundTo(type, column);
    return column[0];
  };
  Type bf16 = BFloat16Type::get(&context), f16 = Float16Type::get(&context),
       f32 = Float32Type::get(&context);
  // Halfway between two neighbours: to the one whose last bit is 0.
  EXPECT_EQ(round(bf16, 1 + 0x1p-8), 1);
  EXPECT_EQ(round(bf16, 1 + 3 * 0x1p-8), 1 + 0x1p-6);
  EXPECT_EQ(round(f16, 1 + 0x1p-11), 1);
  EXPECT_EQ(round(f16, 1 + 3 * 0x1p-11), 1 + 0x1p-9);
  EXPECT_EQ(round(f32, 1 + 0x1p-24), 1);
  EXPECT_EQ(round(f16, 0x1p-25), 0);
  EXPECT_EQ(round(f16, 0x1p-24), 0x1p-24);
  EXPECT_EQ(round(f16, 65520), INFINITY);
  EXPECT_EQ(round(bf16, 3.4e38), INFINITY);
  EXPECT_TRUE(std::isnan(round(bf16, NAN)));
  EXPECT_TRUE(std::isnan(round(f16, NAN)));
}

TEST(Numbers, Bytes) {
  double values[] = {-2, 0.5}, back[2];
  uint8_t bytes[16];
  for (Element element : {Element::F64, Element::F32, Element::BF16, Element::F16}) {
    encode(element, values, 2, bytes);
    decode(element, bytes, 2, back);
    EXPECT_EQ(back[0], -2);
    EXPECT_EQ(back[1], 0.5);
  }
  uint16_t one = 0x3c00, bfloatOne = 0x3f80;
  decode(Element::F16, reinterpret_cast<uint8_t *>(&one), 1, back);
  EXPECT_EQ(back[0], 1);
  decode(Element::BF16, reinterpret_cast<uint8_t *>(&bfloatOne), 1, back);
  EXPECT_EQ(back[0], 1);
  uint8_t large = 200;
  int32_t negative = -7;
  decode(Element::U8, &large, 1, back);
  EXPECT_EQ(back[0], 200);
  decode(Element::I32, reinterpret_cast<uint8_t *>(&negative), 1, back);
  EXPECT_EQ(back[0], -7);
}

} // namespace

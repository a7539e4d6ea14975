// SPDX-License-Identifier: Apache-2.0
// Faults that are planted in kernels with roles, and what the interpreter says of them.
#include "dialect/tile/IR/RingProtocol.h"
#include "test/Dialect/Tile/Interpreter/Kernels.h"

#include <gmock/gmock.h>

using namespace xlstm::test;
using mlir::tile::Finding;
using mlir::tile::InterpretOptions;
using mlir::tile::RingFault;
using testing::AllOf;
using testing::HasSubstr;

namespace {

/// y = the sums of x's rows, 64 rows at a time: "load" copies, "sum" adds in four warps and hands on
/// to "write".
const std::string sums = R"(
!tiles = !tile.ring<2 : !tile.tile<64x64xbf16>>
!sums = !tile.ring<2 : !tile.tile<64xf32>, f32>
!x = memref<?x64xbf16, strided<[?, 1]>>
!y = memref<?xf32, strided<[?]>>
tile.kernel @sums(%x: !x, %y: !y) names ["x", "y"] grid(%b: 1) {
  %tiles = tile.ring : !tiles
  %sums = tile.ring : !sums
  tile.role "sum" warps [0, 4] registers 208 {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c64 = arith.constant 64 : index
    %n = memref.dim %x, %c0 : !x
    scf.for %i = %c0 to %n step %c64 {
      %t = tile.get %tiles : !tiles -> !tile.tile<64x64xbf16>
      // before
      %f = tile.map elems(%t : !tile.tile<64x64xbf16>) -> !tile.tile<64x64xf32> {
      ^bb0(%r: index, %c: index, %e: bf16):
        %w = arith.extf %e : bf16 to f32
        tile.yield %w : f32
      }
      tile.release %tiles : !tiles
      %s = tile.reduce <add> %f : !tile.tile<64x64xf32> -> !tile.tile<64xf32>
      %last = tile.extract %s[63] : !tile.tile<64xf32> -> f32
      tile.put %s, %last into %sums : !tile.tile<64xf32>, f32 into !sums
    }
  }
  tile.role "write" warps [4, 1] registers 24 {
    %c0 = arith.constant 0 : index
    %c64 = arith.constant 64 : index
    %n = memref.dim %x, %c0 : !x
    scf.for %i = %c0 to %n step %c64 {
      %s:2 = tile.get %sums : !sums -> !tile.tile<64xf32>, f32
      tile.store %s#0, %y[%i] axes [0] : !tile.tile<64xf32>, !y
      tile.release %sums : !sums
    }
  }
  tile.role "load" warps [5, 1] registers 24 {
    %c0 = arith.constant 0 : index
    %c64 = arith.constant 64 : index
    %n = memref.dim %x, %c0 : !x
    scf.for %i = %c0 to %n step %c64 {
      tile.fetch %x[%i, %c0] axes [0, 1] into %tiles : !x, !tiles
    }
  }
}
)";

std::string replace(std::string text, const std::string &from, const std::string &to) {
  size_t place = text.find(from);
  EXPECT_NE(place, std::string::npos) << from;
  return text.replace(place, from.size(), to);
}

constexpr int orders = 24;

/// What the interpreter finds in each of some orders.
struct Found {
  int nothing = 0, races = 0, deadlocks = 0;
  std::string race, deadlock; // the first of them
  std::string all;
};

Found find(Kernel &kernel, std::vector<RingFault> faults = {}) {
  Found found;
  for (int seed = 0; seed < orders; ++seed) {
    InterpretOptions options;
    options.seed = seed;
    options.faults = faults;
    auto finding = kernel.run(options);
    found.all += finding ? finding->text + "\n" : "";
    if (!finding)
      ++found.nothing;
    else if (finding->kind == Finding::Race && !found.races++)
      found.race = finding->text;
    else if (finding->kind == Finding::Deadlock && !found.deadlocks++)
      found.deadlock = finding->text;
    else if (finding->kind == Finding::Unsupported)
      ADD_FAILURE() << finding->text;
  }
  return found;
}

std::unique_ptr<Kernel> sumsKernel(const std::string &source = sums, bool verify = true) {
  auto kernel = std::make_unique<Kernel>(source, verify);
  kernel->allocate({512});
  auto &x = kernel->tensor("x");
  x.forEach([&](llvm::ArrayRef<int64_t> i) { x.set(i, i[0] % 17 + i[1] % 5); });
  return kernel;
}

RingFault faultOf(int64_t ring) {
  RingFault fault;
  fault.ring = ring;
  return fault;
}

TEST(Findings, NoneWithoutFaults) {
  auto kernel = sumsKernel();
  Found found = find(*kernel);
  EXPECT_EQ(found.nothing, orders) << found.race << found.deadlock;
  auto &y = kernel->tensor("y");
  for (int64_t row = 0; row < 512; ++row) // 64 columns: 12 times 0 .. 4, then 0 .. 3
    EXPECT_EQ(y.get(row), 64 * (row % 17) + 126);
}

//===----------------------------------------------------------------------===//
// Races
//===----------------------------------------------------------------------===//

TEST(Findings, ReleaseBeforeTheLastRead) {
  std::string early = replace(replace(sums, "tile.release %tiles : !tiles", ""), "// before",
                              "tile.release %tiles : !tiles");
  Found found = find(*sumsKernel(early, /*verify=*/false));
  EXPECT_EQ(found.races, orders);
  EXPECT_EQ(found.race, "race: tile.map of role \"sum\" reads ring 0, stage 0, of iteration 0 "
                        "after its tile.release");
}

TEST(Findings, ReleaseWithoutGet) {
  std::string twice = replace(sums, "tile.release %tiles : !tiles",
                              "tile.release %tiles : !tiles\n      tile.release %tiles : !tiles");
  Found found = find(*sumsKernel(twice, /*verify=*/false));
  EXPECT_EQ(found.races, orders);
  EXPECT_EQ(found.race, "race: tile.release of role \"sum\" releases ring 0, stage 0, of iteration "
                        "0, which it does not hold");
}

// The first of four warps that is done lets the copy begin.
TEST(Findings, TooFewReaders) {
  RingFault fault = faultOf(0);
  fault.readers = -3;
  Found found = find(*sumsKernel(), {fault});
  EXPECT_EQ(found.nothing, 0);
  EXPECT_THAT(found.race, AllOf(HasSubstr("race: tile.fetch of role \"load\" writes ring 0, stage"),
                                HasSubstr(", may still read iteration")));
}

TEST(Findings, TooFewWriters) {
  RingFault fault = faultOf(1);
  fault.writers = -1;
  Found found = find(*sumsKernel(), {fault});
  EXPECT_EQ(found.nothing, 0);
  EXPECT_THAT(found.race, AllOf(HasSubstr("of role \"write\" reads ring 1, stage"),
                                HasSubstr("it is not yet written")));
}

// Three of four warps let the copy begin, and the fourth then arrives in the next phase. In some
// orders the phase has passed by when a warp comes to wait for it: its program is behind it already.
TEST(Findings, OneReaderTooFew) {
  RingFault fault = faultOf(0);
  fault.readers = -1;
  auto kernel = sumsKernel();
  EXPECT_EQ(find(*kernel, {fault}).nothing, 0);
  std::string text;
  for (InterpretOptions options; options.seed < 200 && text.find(", warp") == text.npos;
       ++options.seed) {
    options.faults = {fault};
    auto finding = kernel->run(options);
    text = finding && finding->kind == Finding::Deadlock ? finding->text : "";
  }
  EXPECT_THAT(text, HasSubstr("role \"load\", warp 0, waits at tile.fetch for parity"));
}

TEST(Findings, OneArrivalTooMany) {
  RingFault fault = faultOf(1);
  fault.writers = -4; // a phase of no arrivals
  Found found = find(*sumsKernel(), {fault});
  EXPECT_EQ(found.races, orders);
  EXPECT_EQ(found.race, "race: tile.put of role \"sum\" arrives at ring 1, stage 0, of iteration 0 "
                        "once more than the 0 times of a phase");
}

// A copy without a place for its bytes in the barrier's phase.
TEST(Findings, TwoCopiesInOnePhase) {
  std::string twice = replace(sums, "into %tiles : !x, !tiles\n",
                              "into %tiles : !x, !tiles\n      tile.fetch %x[%i, %c0] axes [0, 1] "
                              "into %tiles : !x, !tiles\n");
  Found found = find(*sumsKernel(twice, /*verify=*/false));
  EXPECT_EQ(found.races, orders);
  std::string writes = "race: tile.fetch of role \"load\" writes ring 0, stage 0, of iteration 0, ";
  EXPECT_THAT(found.all, HasSubstr(writes + "of which role \"sum\", warp 0, may still read"));
  EXPECT_THAT(found.all, HasSubstr(writes + "into which the tile.fetch of role \"load\" still "
                                            "copies iteration 0"));
}

// The reader leaves the last tile in its ring; its copy may still move when the block has ended.
TEST(Findings, ACopyThatNobodyWaitsFor) {
  std::string shorter = replace(sums, "%n = memref.dim %x, %c0 : !x\n    scf.for %i = %c0 to %n",
                                "%all = memref.dim %x, %c0 : !x\n    %n = arith.subi %all, %c64 : "
                                "index\n    scf.for %i = %c0 to %n");
  size_t writer = shorter.find("tile.role \"write\"");
  shorter = shorter.substr(0, writer) +
            replace(shorter.substr(writer), "%n = memref.dim %x, %c0 : !x\n",
                    "%all = memref.dim %x, %c0 : !x\n    %n = arith.subi %all, %c64 : index\n");
  Found found = find(*sumsKernel(shorter));
  EXPECT_EQ(found.races, orders);
  EXPECT_EQ(found.race, "race: tile.fetch of role \"load\" copies into ring 0, stage 1, of "
                        "iteration 7, which nobody waits for");
}

//===----------------------------------------------------------------------===//
// Deadlocks
//===----------------------------------------------------------------------===//

TEST(Findings, TooManyReaders) {
  RingFault fault = faultOf(0);
  fault.readers = 1;
  Found found = find(*sumsKernel(), {fault});
  EXPECT_EQ(found.deadlocks, orders);
  EXPECT_EQ(found.deadlock,
            "deadlock: role \"sum\" waits at tile.get for parity 1 of full of ring 0, stage 0, of "
            "iteration 2 (phase 1, 0 of 1 arrivals); role \"write\" waits at tile.get for parity 1 "
            "of full of ring 1, stage 0, of iteration 2 (phase 1, 0 of 4 arrivals); role \"load\" "
            "waits at tile.fetch for parity 0 of empty of ring 0, stage 0, of iteration 2 (phase "
            "0, 4 of 5 arrivals)");
}

TEST(Findings, PutInOneBranchOnly) {
  std::string put = "tile.put %s, %last into %sums : !tile.tile<64xf32>, f32 into !sums";
  std::string branch = replace(sums, put, R"(%number = arith.divui %i, %c64 : index
      %two = arith.addi %c1, %c1 : index
      %odd = arith.remui %number, %two : index
      %even = arith.cmpi eq, %odd, %c0 : index
      scf.if %even {
        )" + put + "\n      }");
  Found found = find(*sumsKernel(branch));
  EXPECT_EQ(found.deadlocks, orders);
  EXPECT_THAT(found.deadlock, HasSubstr("role \"write\" waits at tile.get for parity 0 of full of "
                                        "ring 1, stage 1, of iteration 1 (phase 0, 0 of 4"));
}

TEST(Findings, TwoRolesThatWaitForEachOther) {
  Kernel kernel(R"(
!ring = !tile.ring<1 : f32>
tile.kernel @k(%x: memref<?xf32, strided<[?]>>) names ["x"] grid(%b: 1) {
  %there = tile.ring : !ring
  %back = tile.ring : !ring
  tile.role "a" warps [0, 4] registers 208 {
    %f = tile.get %back : !ring -> f32
    tile.release %back : !ring
    tile.put %f into %there : f32 into !ring
  }
  tile.role "b" warps [4, 1] registers 24 {
    %f = tile.get %there : !ring -> f32
    tile.release %there : !ring
    tile.put %f into %back : f32 into !ring
  }
}
)");
  kernel.allocate({1});
  Found found = find(kernel);
  EXPECT_EQ(found.deadlocks, orders);
  EXPECT_EQ(found.deadlock,
            "deadlock: role \"a\" waits at tile.get for parity 0 of full of ring 1, stage 0, of "
            "iteration 0 (phase 0, 0 of 1 arrivals); role \"b\" waits at tile.get for parity 0 of "
            "full of ring 0, stage 0, of iteration 0 (phase 0, 0 of 4 arrivals)");
}

//===----------------------------------------------------------------------===//
// Wrong parities and stages
//===----------------------------------------------------------------------===//

int64_t inverted(int64_t iteration) { return 1 - iteration / 2 % 2; } // of full, two stages

TEST(Findings, WrongParityOfReaders) {
  RingFault fault = faultOf(0);
  fault.fullParity = inverted;
  Found found = find(*sumsKernel(), {fault});
  EXPECT_EQ(found.nothing, 0);
  EXPECT_THAT(found.race, HasSubstr("race: tile.map of role \"sum\" reads ring 0, stage 0, of "
                                    "iteration 0, value 0, element 0: it"));
}

TEST(Findings, WrongParityOfTheWriter) {
  RingFault fault = faultOf(0);
  fault.emptyParity = [](int64_t iteration) { return 1 - inverted(iteration); };
  Found found = find(*sumsKernel(), {fault});
  EXPECT_EQ(found.deadlocks, orders);
  EXPECT_THAT(found.deadlock, HasSubstr("role \"load\" waits at tile.fetch for parity 0 of empty "
                                        "of ring 0, stage 0, of iteration 0 (phase 0"));
}

// The writer waits right in the first use of each stage, and not at all in the second.
TEST(Findings, ParityThatDoesNotChange) {
  RingFault fault = faultOf(0);
  fault.emptyParity = [](int64_t) { return 1; };
  Found found = find(*sumsKernel(), {fault});
  EXPECT_EQ(found.nothing, 0);
  EXPECT_THAT(found.race, HasSubstr("race: tile.fetch of role \"load\" writes ring 0, stage"));
}

TEST(Findings, WrongStage) {
  RingFault fault = faultOf(0);
  fault.stage = 1;
  Found found = find(*sumsKernel(), {fault});
  EXPECT_EQ(found.races, orders);
}

//===----------------------------------------------------------------------===//
// The mLSTM kernel
//===----------------------------------------------------------------------===//

/// Its state's role multiplies with ring 0 (q), 1 (k) and 3 (v) in flight.
std::unique_ptr<Kernel> mlstm(const char *set = "") {
  Cell cell;
  cell.set = set;
  cell.state = false;
  return cell.kernel(1, 300, false, 1);
}

// Each warp arrives once, or each of its lanes.
TEST(Findings, NoneInMLSTM) {
  for (const char *set : {" set=lane_arrivals=0", " set=lane_arrivals=1"}) {
    auto kernel = mlstm(set);
    EXPECT_EQ(mlir::tile::warpArrivals(kernel->op()), set[19] == '0' ? 1 : 32);
    Found found = find(*kernel);
    EXPECT_EQ(found.nothing, orders) << found.race << found.deadlock;
  }
}

// A product that has been issued is still reading.
TEST(Findings, AStageReleasedByHalfOfItsReaders) {
  for (int64_t ring : {0, 1, 3}) {
    auto kernel = mlstm();
    RingFault fault = faultOf(ring);
    fault.readers = -4 * mlir::tile::warpArrivals(kernel->op());
    Found found = find(*kernel, {fault});
    EXPECT_EQ(found.nothing, 0) << ring;
    EXPECT_GT(found.races, 0) << ring;
  }
}

TEST(Findings, ReleasesBeforeTheirProducts) {
  auto kernel = mlstm();
  int moved = 0;
  kernel->op().walk([&](mlir::tile::ReleaseOp release) {
    for (mlir::Operation *user : release.getRing().getUsers())
      if (auto get = llvm::dyn_cast<mlir::tile::GetOp>(user);
          get && get->getBlock() == release->getBlock() && moved++ == 0)
        release->moveAfter(get);
  });
  EXPECT_GT(moved, 0);
  Found found = find(*kernel);
  EXPECT_EQ(found.races, orders);
  EXPECT_THAT(found.race, HasSubstr("after its tile.release"));
}

TEST(Findings, FullThatDoesNotChangeParity) {
  for (int64_t ring = 0; ring < 5; ++ring) {
    auto kernel = mlstm();
    RingFault fault = faultOf(ring);
    fault.fullParity = [](int64_t) { return 0; };
    Found found = find(*kernel, {fault});
    EXPECT_EQ(found.nothing, 0) << ring;
    EXPECT_GT(found.races, 0) << ring;
  }
}

// Two stores in one iteration share a staging buffer.
TEST(Findings, TwoStoresThroughOneBuffer) {
  auto kernel = mlstm();
  mlir::tile::StoreOp store;
  kernel->op().walk([&](mlir::tile::StoreOp op) { store = op; });
  mlir::OpBuilder builder(store);
  builder.clone(*store);
  Found found = find(*kernel);
  EXPECT_EQ(found.races, orders);
  EXPECT_EQ(found.race, "race: tile.store of role \"state\" writes the staging buffer of iteration "
                        "0 while an earlier copy may still read it");
}

TEST(Findings, OperationsWithoutMeaning) {
  Kernel kernel(R"(
tile.kernel @k(%x: memref<?xf32, strided<[?]>>) names ["x"] grid(%b: 1) {
  %c0 = arith.constant 0 : index
  %e = memref.load %x[%c0] : memref<?xf32, strided<[?]>>
}
)");
  kernel.allocate({1});
  auto finding = kernel.run(0);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->kind, Finding::Unsupported);
  EXPECT_EQ(finding->text, "memref.load is not known to the tile interpreter");
}

} // namespace

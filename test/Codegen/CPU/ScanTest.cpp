// SPDX-License-Identifier: Apache-2.0
#include "test/Codegen/CPU/ScanCase.h"

#include <regex>

using namespace xlstm::test;

namespace {

class Scan : public OnISA {
protected:
  double tolerance(DType type) {
    return type == DType::F64    ? 1e-12
           : type == DType::F32  ? 1e-5
           : type == DType::BF16 ? 5e-3
                                 : 2e-3;
  }
  /// Random resets; none at the last token of a sequence of one.
  void scatterResets(ScanCall &call, double probability) {
    call.tensors.at("reset").fill([&] { return uniform(0, 1) < probability ? 1.0 : 0.0; });
  }
  void expectExact(const ScanConfig &config, const std::vector<int64_t> &batches,
                   const std::vector<int64_t> &lengths) {
    Cells cells(config.source(), isa());
    for (int64_t B : batches)
      for (int64_t T : lengths) {
        ScanCall call(config, B, T, std::nullopt, random);
        if (config.reset)
          scatterResets(call, 0.3);
        call.run(cells);
        EXPECT_LE(call.error(), tolerance(config.type))
            << "D = " << config.D << ", B = " << B << ", T = " << T;
      }
  }
};
XLSTM_ON_EVERY_ISA(Scan);

const std::vector<int64_t> batches = {1, 2, 5, 16, 33}, lengths = {0, 1, 2, 33};

TEST_P(Scan, HeadSizes) {
  for (int64_t D : {1, 5, 16, 64, 100})
    expectExact({&slstm, 2, D}, D > 16 ? std::vector<int64_t>{1, 5, 16} : batches, lengths);
}

TEST_P(Scan, ManyHeadsOfOneUnit) { // more than a block takes, so that the last one is not full
  expectExact({&slstm, 70, 1}, {1, 5}, {0, 3});
  ScanConfig backward{&lstmBackward, 70, 1};
  backward.reverse = backward.transposed = true;
  expectExact(backward, {1, 5}, {0, 3});
}

TEST_P(Scan, EveryCell) {
  for (const StepFunction *cell : {&lstm, &gru, &elman, &custom})
    expectExact({cell, 2, 16}, batches, lengths);
  ScanConfig odd{&custom, 3, 5};
  odd.reset = true;
  expectExact(odd, batches, lengths);
}

TEST_P(Scan, ElementTypes) {
  for (DType type : {DType::F64, DType::BF16, DType::F16})
    expectExact({&slstm, 2, 16, type}, {1, 5}, {0, 33});
}

TEST_P(Scan, AbsentInitialStatesAreZero) {
  ScanConfig config{&slstm, 2, 16};
  config.initial = false; // the op has none
  expectExact(config, {1, 5}, {0, 1, 33});
  config.initial = true; // the caller gives none
  Cells cells(config.source(), isa());
  ScanCall call(config, 5, 7, std::nullopt, random);
  for (const char *state : {"s0", "s1", "s2", "s3"})
    call.tensors.erase(state);
  call.run(cells);
  for (const char *state : {"s0", "s1", "s2", "s3"})
    call.tensors.emplace(state, Array(DType::F32, {5, 2, 16}));
  EXPECT_LE(call.error(), tolerance(DType::F32));
}

TEST_P(Scan, OneStep) {
  for (const StepFunction *cell : {&slstm, &gru})
    for (int64_t D : {1, 16}) {
      ScanConfig config{cell, 2, D};
      config.step = true;
      expectExact(config, batches, {1});
    }
  ScanConfig transposed{&lstmBackward, 2, 16};
  transposed.step = transposed.transposed = true;
  // A step has no token before it.
  StepFunction cell = lstmBackward;
  cell.previous = 0;
  cell.wx = 7;
  cell.region = std::regex_replace(cell.region, std::regex("%v0"), "%w6");
  cell.step = [](const StepFunction::Scalars &x) {
    StepFunction::Scalars moved = x;
    moved.v = {x.w[6]};
    return lstmBackward.step(moved);
  };
  transposed.cell = &cell;
  expectExact(transposed, {1, 5}, {1});
}

TEST_P(Scan, GradientsRunBackwards) {
  for (bool reset : {false, true}) {
    ScanConfig config{&lstmBackward, 2, reset ? 5 : 16};
    config.reverse = config.transposed = true;
    config.reset = reset;
    expectExact(config, batches, lengths);
  }
  ScanConfig plain{&custom, 2, 16};
  plain.reverse = true;
  expectExact(plain, {1, 5}, lengths);
}

TEST_P(Scan, ResetAtEveryPosition) {
  constexpr int64_t T = 6, B = 3;
  for (bool reverse : {false, true}) {
    ScanConfig config{reverse ? &lstmBackward : &slstm, 2, 5};
    config.reset = true;
    config.reverse = config.transposed = reverse;
    Cells cells(config.source(), isa());
    for (int64_t row = 0; row < B; ++row)
      for (int64_t t = 0; t < T; ++t) {
        ScanCall call(config, B, T, std::nullopt, random);
        call.tensors.at("reset").set({row, t}, 1);
        call.run(cells);
        EXPECT_LE(call.error(), tolerance(DType::F32)) << "row " << row << ", t = " << t;
      }
  }
}

/// The sequences of a packed call one by one, by the same kernel.
void expectSameAlone(Cells &cells, const ScanCall &packed, std::mt19937_64 &random) {
  for (int64_t s = 0; s < packed.sequences(); ++s) {
    int64_t begin = (*packed.starts)[s], end = (*packed.starts)[s + 1];
    ScanCall alone(packed.config, 1, end - begin, std::nullopt, random);
    auto there = [&](const std::string &role, const Array::Index &index) {
      bool isToken = role == "wx" || role == "previous" || role == "out" || role == "reset";
      bool isState = role == "previous0" || role[0] == 's' || role.rfind("last", 0) == 0;
      Array::Index result = index;
      if (isToken)
        result[1] += begin;
      if (isState)
        result[0] += s;
      return result;
    };
    for (auto &[role, array] : alone.tensors)
      array.forEach([&, &role = role, &array = array](const Array::Index &index) {
        array.setBits(index, packed.tensors.at(role).bits(there(role, index)));
      });
    std::map<std::string, std::vector<uint64_t>> expected;
    for (auto &[role, array] : alone.tensors)
      array.forEach([&, &role = role, &array = array](const Array::Index &index) {
        expected[role].push_back(array.bits(index));
        if (role == "out" || role.rfind("last", 0) == 0)
          array.set(index, 0);
      });
    alone.run(cells);
    for (auto &[role, array] : alone.tensors) {
      size_t next = 0;
      array.forEach([&, &role = role, &array = array](const Array::Index &index) {
        EXPECT_EQ(array.bits(index), expected[role][next++]) << role << " of sequence " << s;
      });
    }
  }
}

TEST_P(Scan, PackedSequencesAreThoseAlone) {
  for (bool reverse : {false, true}) {
    ScanConfig config{reverse ? &lstmBackward : &slstm, 2, 16};
    config.packed = config.reset = true;
    config.reverse = config.transposed = reverse;
    Cells cells(config.source(), isa());
    for (const std::vector<int64_t> &starts : {std::vector<int64_t>{0},
                                               {0, 0},
                                               {0, 7},
                                               {0, 0, 3, 3, 4, 20, 20},
                                               {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14}}) {
      ScanCall call(config, 1, starts.back(), starts, random);
      scatterResets(call, 0.1);
      call.run(cells);
      EXPECT_LE(call.error(), tolerance(DType::F32)) << starts.size() - 1 << " sequences";
      expectSameAlone(cells, call, random);
    }
    for (int64_t B : {1, 2, 5, 16}) { // the same kernel without cu_seqlens
      ScanCall call(config, B, 9, std::nullopt, random);
      call.run(cells);
      EXPECT_LE(call.error(), tolerance(DType::F32)) << "B = " << B;
    }
  }
}

TEST_P(Scan, RowsOfABatchDoNotDependOnIt) {
  ScanConfig config{&slstm, 2, 16};
  Cells cells(config.source(), isa());
  ScanCall all(config, 13, 9, std::nullopt, random);
  all.run(cells);
  for (int64_t B : {1, 3, 8}) {
    ScanCall some(config, B, 9, std::nullopt, random);
    for (auto &[role, array] : some.tensors)
      array.forEach([&, &role = role, &array = array](const Array::Index &index) {
        array.setBits(index, all.tensors.at(role).bits(index));
      });
    some.run(cells);
    for (auto &[role, array] : some.tensors)
      array.forEach([&, &role = role, &array = array](const Array::Index &index) {
        EXPECT_EQ(array.bits(index), all.tensors.at(role).bits(index)) << role << ", B = " << B;
      });
  }
}

TEST_P(Scan, TwoRunsGiveTheSameBits) {
  ScanConfig config{&slstm, 2, 16};
  Cells cells(config.source(), isa());
  std::mt19937_64 same(7), again(7);
  ScanCall first(config, 5, 9, std::nullopt, same), second(config, 5, 9, std::nullopt, again);
  first.run(cells);
  second.run(cells);
  EXPECT_TRUE(sameBits(first, second));
}

TEST_P(Scan, SchedulesDoNotChangeBits) {
  ScanConfig config{&slstm, 2, 16};
  std::mt19937_64 same(7), again(7);
  ScanCall first(config, 5, 9, std::nullopt, same), second(config, 5, 9, std::nullopt, again);
  Cells wide(config.source(), isa(), {"batch=16"}), narrow(config.source(), isa(), {"batch=1"});
  first.run(wide);
  second.run(narrow);
  EXPECT_TRUE(sameBits(first, second));
  EXPECT_LE(first.error(), tolerance(DType::F32));
}

TEST_P(Scan, LargeGates) {
  ScanConfig config{&slstm, 2, 16};
  Cells cells(config.source(), isa());
  for (double range : {30.0, 100.0}) {
    ScanCall call(config, 5, 33, std::nullopt, random);
    call.tensors.at("wx").fill([&] { return uniform(0, 1) < 0.5 ? -range : range; });
    call.run(cells);
    EXPECT_TRUE(call.isFinite()) << "gates of " << range;
    EXPECT_LE(call.error(), tolerance(DType::F32)) << "gates of " << range;
  }
}

TEST_P(Scan, ErrorsDoNotGrowOverLongSequences) {
  for (DType type : {DType::F32, DType::F64}) {
    ScanConfig config{&slstm, 1, 16, type};
    Cells cells(config.source(), isa());
    ScanCall call(config, 1, 4096, std::nullopt, random);
    call.run(cells);
    EXPECT_LE(call.error(), tolerance(type));
  }
}

} // namespace

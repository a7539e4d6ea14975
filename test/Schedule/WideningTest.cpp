// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/Widening.h"

#include <gtest/gtest.h>

using namespace xlstm;

namespace {

std::optional<Widening> choose(const std::string &function, const std::string &device,
                               const std::map<std::string, std::string> &overrides,
                               Reason &reason) {
  return chooseWidening(function, *findDevice(device), overrides, reason);
}

TEST(Widening, WhatMatrixUnitsMultiplyKeepsItsType) {
  Reason reason;
  EXPECT_EQ(choose("step", "cpu", {}, reason), Widening::Operands);
  EXPECT_NE(choose("step", "sm_90a", {}, reason), Widening::Operands);
  EXPECT_NE(choose("step", "sm_80", {}, reason), Widening::Operands);
  EXPECT_EQ(choose("step", "cpu", {{"widen", "activations"}}, reason), Widening::Activations);
  EXPECT_EQ(choose("step", "sm_90a", {{"widen", "activations"}}, reason), Widening::Activations);
  EXPECT_EQ(choose("step", "cpu", {{"widen", "none"}}, reason), Widening::None);
  EXPECT_EQ(reason, "");
  EXPECT_FALSE(choose("step", "sm_80", {{"widen", "operands"}}, reason));
  EXPECT_EQ(reason,
            "widen = operands is for devices without matrix units, got sm_80 with mma_sync");
}

TEST(Widening, GradientsReadWhatIsSaved) {
  Reason reason;
  EXPECT_EQ(choose("loss_grad", "cpu", {}, reason), Widening::None);
  EXPECT_EQ(choose("loss", "cpu", {}, reason), Widening::Operands);
}

TEST(Widening, AnotherWord) {
  Reason reason;
  EXPECT_FALSE(choose("step", "cpu", {{"widen", "f32"}}, reason));
  EXPECT_EQ(reason, "widen must be none, activations or operands, got 'f32'");
}

} // namespace

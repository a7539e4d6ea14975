// SPDX-License-Identifier: Apache-2.0
// How fast recurrent cells are. Run with --gtest_also_run_disabled_tests
// --gtest_filter='*ScanSpeed*'.
#include "test/Codegen/CPU/ScanCase.h"

using namespace xlstm::test;

namespace {

class ScanSpeed : public OnISA {};
XLSTM_ON_EVERY_ISA(ScanSpeed);

/// GFLOP/s counts the recurrent product only.
TEST_P(ScanSpeed, DISABLED_RecurrentProduct) {
  constexpr int64_t T = 256, H = 4;
  for (int64_t D : {64, 128, 256})
    for (const char *batch : {"batch=8", "batch=16"}) {
      ScanConfig config{&slstm, H, D};
      Cells cells(config.source(), isa(), {batch});
      for (int64_t B : {1, 2, 4, 8, 16}) {
        ScanCall call(config, B, T, std::nullopt, random);
        double seconds = call.seconds(cells, 5);
        std::printf(
            "%-9s slstm d = %3lld, %-8s B = %2lld: %8.2f ms, %6.2f us a step, %6.1f GFLOP/s\n",
            GetParam(), (long long)D, batch, (long long)B, seconds * 1e3, seconds * 1e6 / T,
            2e-9 * 4 * D * D * H * B * T / seconds);
        std::fflush(stdout);
      }
    }
}

} // namespace

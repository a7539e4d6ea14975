// SPDX-License-Identifier: Apache-2.0
// Models on a GPU, as far as a driver without one goes: uploads, memory, where states come from and
// go to.
#include "runtime/include/xlstm/runtime.hpp"
#include "runtime/src/safetensors/Safetensors.h"
#include "test/Package/Fixture.h"
#include "xlstm/model.h"

#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <gtest/gtest.h>

using namespace xlstm;

namespace {

class CudaModelTest : public ::testing::Test {
protected:
  test::TemporaryFolder folder;
  std::string package = folder.path("m.xlpkg"), weights = folder.path("w.safetensors");
  const float w[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  xlstm_model *model = nullptr;
  void *library = ::dlopen(XLSTM_FAKE_CUDA, RTLD_NOW);

  CudaModelTest() {
    for (const char *name :
         {"FAKE_CUDA_CAPABILITY", "FAKE_CUDA_SHARED", "FAKE_CUDA_DEVICES", "FAKE_CUDA_FREE"})
      ::unsetenv(name);
    test::gpuModelFixture().write(package);
    safetensors::write(weights, {{"w", XLSTM_F32, {8}, 0, 0, w}});
  }
  ~CudaModelTest() override { xlstm_model_close(model); }

  std::string open(xlstm_model_options options) {
    api::Device device(XLSTM_CUDA);
    options.weights = weights.c_str();
    xlstm_status status = xlstm_model_open(package.c_str(), device.get(), &options, &model);
    return status == XLSTM_OK ? "opened" : std::to_string(status) + " " + xlstm_last_error();
  }
  void clearJournal() { reinterpret_cast<void (*)()>(::dlsym(library, "fake_cuda_clear"))(); }
  /// How often the driver was asked for something since then.
  int count(const std::string &what) {
    std::string journal =
        ";" +
        std::string(reinterpret_cast<const char *(*)()>(::dlsym(library, "fake_cuda_journal"))());
    int number = 0;
    for (size_t at = 0; (at = journal.find(";" + what, at)) != std::string::npos; ++at)
      ++number;
    return number;
  }
  float state(int32_t slot) {
    std::string path = folder.path("slot.safetensors");
    check(xlstm_model_save(model, slot, path.c_str()));
    safetensors::File file = safetensors::File::open(path);
    float value;
    std::memcpy(&value, file.find("state.0.h")->data, sizeof value);
    return value;
  }
  void step(std::vector<int32_t> slots) {
    std::vector<int32_t> tokens(slots.size(), 3);
    std::vector<float> logits(8 * slots.size());
    check(xlstm_model_step(model, tokens.data(), slots.data(), static_cast<int32_t>(slots.size()),
                           logits.data()));
    size_t first = 0; // the row of the lowest slot
    for (size_t k = 1; k < slots.size(); ++k)
      first = slots[k] < slots[first] ? k : first;
    for (int k = 0; k < 8; ++k)
      EXPECT_EQ(logits[8 * first + k], 2 * w[k]);
  }
};

TEST_F(CudaModelTest, StatesOfAnySlots) {
  ASSERT_EQ(open({nullptr, nullptr, 4, 3, 0}), "opened");
  int32_t tokens[] = {1, 2, 3}, slots[] = {2, 1};
  int64_t lengths[] = {1, 2};
  check(xlstm_model_prefill(model, tokens, lengths, slots, 2, nullptr));
  EXPECT_EQ(state(2), 2);
  EXPECT_EQ(state(1), 2);
  EXPECT_EQ(state(0), 0);
  step({2});
  EXPECT_EQ(state(2), 4);
  check(xlstm_model_copy(model, 2, 0));
  step({2, 0}); // no neighbours
  step({0});
  step({0, 1, 2});
  EXPECT_EQ(state(0), 32);
  EXPECT_EQ(state(1), 4);
  EXPECT_EQ(state(2), 16);
  EXPECT_EQ(state(3), 0);
  check(xlstm_model_reset(model, 2));
  EXPECT_EQ(state(2), 0);
  xlstm_model_info info;
  check(xlstm_model_get_info(model, &info));
  EXPECT_EQ(info.parameters, 8);
  EXPECT_EQ(info.weight_bytes, 256); // one tensor, at a multiple of 256 bytes
  EXPECT_EQ(info.state_bytes, 4);
  EXPECT_EQ(info.slot_bytes, 256);
}

TEST_F(CudaModelTest, RepeatedStepsAreAGraph) {
  ASSERT_EQ(open({nullptr, nullptr, 4, 0, 0}), "opened");
  int32_t tokens[] = {1, 2, 3, 4}, slots[] = {0, 1, 2, 3};
  int64_t lengths[] = {1, 1, 1, 1};
  check(xlstm_model_prefill(model, tokens, lengths, slots, 4, nullptr));
  EXPECT_EQ(state(3), 8);
  clearJournal();
  step({0, 1, 2, 3});
  EXPECT_EQ(count("graph"), 0);
  EXPECT_EQ(count("launch"), 2);
  step({0, 1, 2, 3}); // the second one is recorded and launched
  EXPECT_EQ(count("begin capture"), 1);
  EXPECT_EQ(count("graph"), 1);
  step({3, 2, 1, 0});
  step({1, 2}); // another number of rows leaves it alone
  step({0, 1, 2, 3});
  EXPECT_EQ(count("begin capture"), 1);
  EXPECT_EQ(count("graph"), 3);
  EXPECT_EQ(state(0), 32);
  EXPECT_EQ(state(1), 128);
  EXPECT_EQ(state(3), 128);
}

TEST_F(CudaModelTest, StepsInSlotsCopyNothing) {
  auto stepTwice = [&] {
    int32_t tokens[] = {1, 2, 3, 4}, slots[] = {0, 1, 2, 3};
    int64_t lengths[] = {1, 1, 1, 1};
    check(xlstm_model_prefill(model, tokens, lengths, slots, 4, nullptr));
    clearJournal();
    step({0, 2});
    step({3, 1}); // as many, so it is recorded
    step({2, 3, 0});
    step({1, 3});
  };
  ASSERT_EQ(open({nullptr, nullptr, 4, 0, 0}), "opened");
  stepTwice();
  EXPECT_GT(count("copy"), 0); // this package's step takes no slots
  xlstm_model_close(model);
  model = nullptr;
  test::gpuModelFixture(/*slots=*/true).write(package);
  ASSERT_EQ(open({nullptr, nullptr, 4, 0, 0}), "opened");
  stepTwice();
  EXPECT_EQ(count("copy"), 0);
  EXPECT_EQ(count("begin capture"), 1);
  EXPECT_EQ(count("graph"), 2);
  EXPECT_EQ(state(1), 4 * 16); // four steps
}

TEST_F(CudaModelTest, MemoryIsComputedBeforeAnyIsAllocated) {
  EXPECT_EQ(
      open({nullptr, nullptr, 1 << 29, 0, 0}),
      "5 " + package +
          ": Fake GPU: expected 2.00 GiB of free memory, got 1.00 GiB: weights 0.00, states of "
          "536870912 slots 2.00, runs of up to 64 sequences and 8192 tokens 0.00");
  ::setenv("FAKE_CUDA_FREE", "1000", 1);
  EXPECT_NE(open({}).find("5 " + package + ": Fake GPU: expected 0.00 GiB of free memory"),
            std::string::npos);
  ::unsetenv("FAKE_CUDA_FREE");
  EXPECT_EQ(open({}), "opened");
}

} // namespace

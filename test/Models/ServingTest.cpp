// SPDX-License-Identifier: Apache-2.0
// What model.h promises, on a compiled model:
//
//   serving FOLDER PACKAGE BOUND [cuda] [--gtest_…]
//
// FOLDER is what Inputs/reference.py has made, PACKAGE the model compiled, BOUND the relative error of
// its type; on the CPU, or on the first GPU. Outputs are compared with the reference in float64, and where bits are promised bit by bit.
#include "runtime/include/xlstm/runtime.hpp"
#include "runtime/src/safetensors/Safetensors.h"
#include "runtime/src/support/Convert.h"
#include "xlstm/model.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>

namespace fs = std::filesystem;
using xlstm::safetensors::File;
using xlstm::safetensors::TensorView;

namespace {

std::string folder, package;
double bound = 0;
bool onGPU = false;

using Tokens = std::vector<int32_t>;
using Logits = std::vector<float>;

xlstm::Device &device(int threads = 2) {
  if (onGPU) {
    static xlstm::Device gpu(XLSTM_CUDA);
    return gpu;
  }
  static xlstm::Device two(XLSTM_CPU, 0, {2}), one(XLSTM_CPU, 0, {1});
  return threads == 1 ? one : two;
}

/// The states of a slot.
struct SlotState {
  std::string bytes;
  std::vector<double> numbers;

  bool operator==(const SlotState &other) const { return bytes == other.bytes; }
};

/// A model and what a test asks of it.
class Served {
public:
  explicit Served(int32_t slots, xlstm_model_options options = {}, int threads = 2) {
    options.slots = slots;
    xlstm_model *opened = nullptr;
    xlstm::check(xlstm_model_open(package.c_str(), device(threads).get(), &options, &opened));
    handle.reset(opened);
    xlstm::check(xlstm_model_get_info(opened, &info));
  }
  xlstm_model *get() const { return handle.get(); }

  Logits prefill(const std::vector<Tokens> &prompts, const Tokens &slots) {
    Tokens all;
    std::vector<int64_t> lengths;
    for (const Tokens &prompt : prompts) {
      all.insert(all.end(), prompt.begin(), prompt.end());
      lengths.push_back(static_cast<int64_t>(prompt.size()));
    }
    Logits logits(prompts.size() * static_cast<size_t>(info.vocab_size), NAN);
    xlstm::check(xlstm_model_prefill(get(), all.data(), lengths.data(), slots.data(),
                                     static_cast<int32_t>(slots.size()), logits.data()));
    return logits;
  }
  Logits prefill(const Tokens &prompt, int32_t slot) {
    return prefill(std::vector<Tokens>{prompt}, Tokens{slot});
  }
  Logits step(const Tokens &tokens, const Tokens &slots) {
    Logits logits(tokens.size() * static_cast<size_t>(info.vocab_size), NAN);
    xlstm::check(xlstm_model_step(get(), tokens.data(), slots.data(),
                                  static_cast<int32_t>(slots.size()), logits.data()));
    return logits;
  }
  Logits row(const Logits &logits, size_t k) const {
    size_t width = static_cast<size_t>(info.vocab_size);
    return Logits(logits.begin() + k * width, logits.begin() + (k + 1) * width);
  }
  int64_t length(int32_t slot) const {
    int64_t result = -1;
    xlstm::check(xlstm_model_length(get(), slot, &result));
    return result;
  }
  SlotState state(int32_t slot) const {
    std::string path = folder + "/slot.safetensors";
    xlstm::check(xlstm_model_save(get(), slot, path.c_str()));
    SlotState state;
    File file = File::open(path);
    for (const TensorView &tensor : file.tensors()) {
      state.bytes.append(static_cast<const char *>(tensor.data), tensor.bytes);
      std::vector<double> numbers(tensor.bytes / xlstm::dtypeSize(tensor.dtype));
      xlstm::convertFloats(tensor.dtype, tensor.data, XLSTM_F64, numbers.data(), numbers.size());
      state.numbers.insert(state.numbers.end(), numbers.begin(), numbers.end());
    }
    return state;
  }

  xlstm_model_info info;

private:
  xlstm::Handle<xlstm_model, xlstm_model_close> handle;
};

/// A text of its own for each seed.
Tokens text(size_t length, uint32_t seed, int64_t vocabulary) {
  Tokens tokens;
  uint64_t x = seed + 1;
  for (size_t t = 0; t < length; ++t) {
    x = x * 6364136223846793005u + 1442695040888963407u;
    tokens.push_back(static_cast<int32_t>((x >> 33) % static_cast<uint64_t>(vocabulary)));
  }
  return tokens;
}

template <typename A, typename B> double relativeError(const A &got, const B &expected) {
  EXPECT_EQ(got.size(), expected.size());
  double difference = 0, norm = 0;
  for (size_t k = 0; k < expected.size(); ++k) {
    difference += std::pow(got[k] - expected[k], 2);
    norm += std::pow(expected[k], 2);
  }
  EXPECT_GT(norm, 0);
  return std::sqrt(difference / norm);
}

/// What a CPU computes in the same way in every company, a GPU by other kernels for other numbers of
/// rows.
void expectAsAlone(const Logits &got, const Logits &alone) {
  if (onGPU)
    EXPECT_LE(relativeError(got, alone), bound);
  else
    EXPECT_EQ(got, alone);
}
void expectAsAlone(const SlotState &got, const SlotState &alone) {
  if (onGPU)
    EXPECT_LE(relativeError(got.numbers, alone.numbers), bound);
  else
    EXPECT_EQ(got, alone);
}

std::vector<double> numbers(const File &file, const std::string &name) {
  const TensorView *tensor = file.find(name);
  if (!tensor) {
    ADD_FAILURE() << file.source() << " has no " << name;
    return {};
  }
  std::vector<double> result(tensor->bytes / xlstm::dtypeSize(tensor->dtype));
  xlstm::convertFloats(tensor->dtype, tensor->data, XLSTM_F64, result.data(), result.size());
  return result;
}

Tokens integers(const File &file, const std::string &name) {
  const TensorView *tensor = file.find(name);
  Tokens result(tensor->bytes / 4);
  std::memcpy(result.data(), tensor->data, tensor->bytes);
  return result;
}

/// The status and the message of a call that has to fail.
std::string failure(xlstm_status status) {
  return status == XLSTM_OK ? "accepted" : std::to_string(status) + " " + xlstm_last_error();
}

#define EXPECT_HAS(text, part)                                                                     \
  EXPECT_NE(std::string(text).find(part), std::string::npos) << "in: " << (text)

// ---- against the reference ----

TEST(Serving, GivesTheReferencesLogitsAndStates) {
  File prompts = File::open(folder + "/prefill.in.safetensors"),
       expected = File::open(folder + "/prefill.expected.safetensors"),
       next = File::open(folder + "/step.in.safetensors"),
       after = File::open(folder + "/step.expected.safetensors");
  Tokens tokens = integers(prompts, "tokens");
  Served model(3);
  size_t time = tokens.size() / 2;
  Tokens first(tokens.begin(), tokens.begin() + time), second(tokens.begin() + time, tokens.end());
  Logits logits = model.prefill({first, second}, {2, 0});
  EXPECT_LE(relativeError(logits, numbers(expected, "logits")), bound);
  EXPECT_EQ(model.length(2), static_cast<int64_t>(time));
  EXPECT_EQ(model.length(1), 0);

  logits = model.step(integers(next, "tokens"), {2, 0});
  EXPECT_LE(relativeError(logits, numbers(after, "logits")), bound);
  EXPECT_EQ(model.length(0), static_cast<int64_t>(time) + 1);
  int states = 0;
  for (size_t k = 0; k < 2; ++k) {
    std::string path = folder + "/slot.safetensors";
    xlstm::check(xlstm_model_save(model.get(), k == 0 ? 2 : 0, path.c_str()));
    File saved = File::open(path);
    for (const TensorView &tensor : saved.tensors()) {
      std::vector<double> both = numbers(after, tensor.name), got = numbers(saved, tensor.name);
      ASSERT_EQ(both.size(), 2 * got.size());
      std::vector<double> mine(both.begin() + k * got.size(), both.begin() + (k + 1) * got.size());
      EXPECT_LE(relativeError(got, mine), bound) << tensor.name;
      ++states;
    }
  }
  EXPECT_EQ(states, 2 * model.info.states);
}

// ---- the same function in several ways ----

TEST(Serving, APromptIsItsSteps) {
  Served model(2);
  Tokens prompt = text(200, 1, model.info.vocab_size);
  Logits whole = model.prefill(prompt, 0), last;
  for (int32_t token : prompt)
    last = model.step({token}, {1});
  EXPECT_LE(relativeError(last, whole), bound);
  EXPECT_LE(relativeError(model.step({3}, {1}), model.step({3}, {0})), bound);
  EXPECT_EQ(model.length(0), model.length(1));
}

TEST(Serving, APromptInPieces) {
  Served model(3);
  Tokens prompt = text(600, 2, model.info.vocab_size);
  Logits whole = model.prefill(prompt, 0);
  auto inPieces = [&](std::vector<size_t> ends, int32_t slot) {
    Logits logits;
    size_t begin = 0;
    for (size_t end : ends) {
      logits = model.prefill(Tokens(prompt.begin() + begin, prompt.begin() + end), slot);
      begin = end;
    }
    return logits;
  };
  EXPECT_LE(relativeError(inPieces({256, 512, 600}, 1), whole), bound);
  EXPECT_EQ(model.length(1), 600);
  EXPECT_LE(relativeError(inPieces({1, 100, 355, 599, 600}, 2), whole), bound);
}

TEST(Serving, LongPromptsAreCutByTheOption) {
  Served model(2);
  Tokens prompt = text(600, 3, model.info.vocab_size),
         another = text(257, 4, model.info.vocab_size);
  xlstm_model_options options = {};
  options.prefill_tokens = 256;
  Served cut(2, options);
  Logits expected = model.prefill({prompt, another}, {0, 1}),
         got = cut.prefill({prompt, another}, {0, 1});
  EXPECT_LE(relativeError(got, expected), bound);
  // The option does what a caller could do.
  Tokens first(prompt.begin(), prompt.begin() + 256),
      second(prompt.begin() + 256, prompt.begin() + 512);
  Served byHand(1);
  byHand.prefill(first, 0);
  byHand.prefill(second, 0);
  expectAsAlone(byHand.prefill(Tokens(prompt.begin() + 512, prompt.end()), 0), cut.row(got, 0));
  expectAsAlone(byHand.state(0), cut.state(0));
  EXPECT_EQ(cut.length(0), 600);
  EXPECT_LT(cut.info.workspace_bytes, model.info.workspace_bytes);
}

// ---- company and order change no bit ----

TEST(Serving, PromptsOfManyLengthsAreEachAsAlone) {
  std::vector<size_t> lengths{5, 64, 1, 200, 5, 65, 300, 64, 5};
  Tokens slots{7, 2, 0, 5, 8, 3, 1, 9, 4};
  for (int32_t batch : {0, 2}) {
    xlstm_model_options options = {};
    options.batch = batch;
    Served together(10, options), alone(1);
    std::vector<Tokens> prompts, more;
    for (size_t k = 0; k < lengths.size(); ++k) {
      prompts.push_back(text(lengths[k], 10 + k, alone.info.vocab_size));
      more.push_back(text(k % 2 ? 70 : 3, 50 + k, alone.info.vocab_size));
    }
    Logits begun = together.prefill(prompts, slots), continued = together.prefill(more, slots);
    for (size_t k = 0; k < slots.size(); ++k) {
      xlstm::check(xlstm_model_reset(alone.get(), 0));
      expectAsAlone(together.row(begun, k), alone.prefill(prompts[k], 0));
      expectAsAlone(together.row(continued, k), alone.prefill(more[k], 0));
      expectAsAlone(together.state(slots[k]), alone.state(0));
    }
    EXPECT_EQ(together.length(6), 0);
    EXPECT_EQ(together.state(6), Served(1).state(0)); // no call named it
  }
}

TEST(Serving, StepsOfAnySlotsAreEachAsAlone) {
  for (int32_t batch : {0, 3}) {
    xlstm_model_options options = {};
    options.batch = batch;
    Served together(6, options);
    std::vector<Served> alone;
    for (int k = 0; k < 6; ++k)
      alone.emplace_back(1);
    for (const Tokens &slots :
         {Tokens{0, 1, 2, 3, 4, 5}, Tokens{4, 2, 5}, Tokens{2, 3, 4}, Tokens{1}, Tokens{5, 0, 3, 1},
          Tokens{0}, Tokens{3, 2, 1, 0}, Tokens{5, 4, 3, 2, 1, 0}}) {
      Tokens tokens = text(slots.size(), 70 + slots.size(), together.info.vocab_size);
      Logits logits = together.step(tokens, slots);
      for (size_t k = 0; k < slots.size(); ++k)
        expectAsAlone(together.row(logits, k), alone[slots[k]].step({tokens[k]}, {0}));
    }
    for (int32_t k = 0; k < 6; ++k) {
      expectAsAlone(together.state(k), alone[k].state(0));
      EXPECT_EQ(together.length(k), alone[k].length(0));
    }
  }
}

TEST(Serving, TwoRunsGiveTheSameBits) {
  Served one(4), two(4, {}, 1);
  std::vector<Tokens> prompts{text(130, 20, one.info.vocab_size), text(9, 21, one.info.vocab_size)};
  EXPECT_EQ(one.prefill(prompts, {3, 1}), two.prefill(prompts, {3, 1}));
  EXPECT_EQ(one.step({1, 2, 3}, {1, 2, 3}), two.step({1, 2, 3}, {1, 2, 3}));
  EXPECT_EQ(one.state(3), two.state(3));
}

// ---- slots ----

TEST(Serving, ASavedSlotContinuesWithTheSameBits) {
  std::string path = folder + "/saved.safetensors";
  Served model(2), other(3);
  model.prefill(text(77, 30, model.info.vocab_size), 1);
  xlstm::check(xlstm_model_save(model.get(), 1, path.c_str()));
  xlstm::check(xlstm_model_load(other.get(), 2, path.c_str()));
  EXPECT_EQ(other.length(2), 77);
  Tokens more = text(40, 31, model.info.vocab_size);
  EXPECT_EQ(other.prefill(more, 2), model.prefill(more, 1));
  EXPECT_EQ(other.step({5}, {2}), model.step({5}, {1}));
  EXPECT_EQ(other.state(2), model.state(1));
}

TEST(Serving, CopiesAreIndependent) {
  Served model(3), other(1);
  Tokens prompt = text(50, 40, model.info.vocab_size);
  model.prefill(prompt, 2);
  other.prefill(prompt, 0);
  xlstm::check(xlstm_model_copy(model.get(), 2, 0));
  EXPECT_EQ(model.length(0), 50);
  Logits a = model.step({1}, {0}), b = model.step({2}, {2});
  EXPECT_NE(a, b);
  EXPECT_EQ(b, other.step({2}, {0}));
  EXPECT_EQ(model.state(2), other.state(0));
  xlstm::check(xlstm_model_copy(model.get(), 0, 0));
  EXPECT_EQ(model.length(0), 51);
}

TEST(Serving, AResetSlotIsNew) {
  Served model(2), fresh(2);
  model.prefill(text(30, 41, model.info.vocab_size), 1);
  xlstm::check(xlstm_model_reset(model.get(), 1));
  EXPECT_EQ(model.length(1), 0);
  EXPECT_EQ(model.state(1), fresh.state(1));
  EXPECT_EQ(model.step({4}, {1}), fresh.step({4}, {1}));
}

TEST(Serving, LogitsNeedNotBeAskedFor) {
  Served model(1), other(1);
  int32_t tokens[] = {1, 2, 3}, slot = 0;
  int64_t length = 3;
  xlstm::check(xlstm_model_prefill(model.get(), tokens, &length, &slot, 1, nullptr));
  xlstm::check(xlstm_model_step(model.get(), tokens, &slot, 1, nullptr));
  other.prefill({1, 2, 3}, 0);
  other.step({1}, {0});
  EXPECT_EQ(model.state(0), other.state(0));
  EXPECT_EQ(xlstm_model_step(model.get(), nullptr, nullptr, 0, nullptr), XLSTM_OK);
}

// ---- what is wrong ----

TEST(Serving, RefusedCallsChangeNothing) {
  Served model(2);
  model.prefill({1, 2}, 1);
  SlotState before = model.state(1);
  auto prefill = [&](Tokens tokens, std::vector<int64_t> lengths, Tokens slots) {
    return failure(xlstm_model_prefill(model.get(), tokens.data(), lengths.data(), slots.data(),
                                       static_cast<int32_t>(slots.size()), nullptr));
  };
  auto step = [&](Tokens tokens, Tokens slots) {
    return failure(xlstm_model_step(model.get(), tokens.data(), slots.data(),
                                    static_cast<int32_t>(slots.size()), nullptr));
  };
  int32_t vocab = static_cast<int32_t>(model.info.vocab_size);
  std::string limit = std::to_string(vocab);
  EXPECT_EQ(prefill({1, 2}, {1, 1}, {0, 2}),
            "2 slots[1]: expected a slot of at least 0 and less than 2, got 2");
  EXPECT_EQ(prefill({1, 2}, {1, 1}, {1, 1}), "2 slots[1]: expected each slot once, got 1 again");
  EXPECT_EQ(prefill({1}, {0}, {1}), "2 lengths[0]: expected at least 1 token, got 0");
  EXPECT_EQ(prefill({1, 2, vocab}, {1, 2}, {0, 1}),
            "2 tokens[2]: expected at least 0 and less than " + limit + ", got " + limit);
  EXPECT_EQ(step({1}, {-1}), "2 slots[0]: expected a slot of at least 0 and less than 2, got -1");
  EXPECT_EQ(step({1, -1}, {1, 0}),
            "2 tokens[1]: expected at least 0 and less than " + limit + ", got -1");
  EXPECT_EQ(failure(xlstm_model_copy(model.get(), 1, 2)),
            "2 to: expected a slot of at least 0 and less than 2, got 2");
  EXPECT_HAS(failure(xlstm_model_step(model.get(), nullptr, nullptr, 1, nullptr)), "got NULL");
  EXPECT_HAS(failure(xlstm_model_step(model.get(), nullptr, nullptr, -1, nullptr)),
             "count: expected at least 0, got -1");
  EXPECT_EQ(model.state(1), before);
  EXPECT_EQ(model.length(0), 0);
}

std::string open(xlstm_model_options options) {
  xlstm_model *model = nullptr;
  xlstm_status status = xlstm_model_open(package.c_str(), device().get(), &options, &model);
  xlstm_model_close(model);
  return failure(status);
}

TEST(Serving, OptionsOutOfRange) {
  EXPECT_HAS(open({nullptr, nullptr, -1, 0, 0}), "2 slots: expected 0 to");
  EXPECT_EQ(open({nullptr, nullptr, 2, 3, 0}),
            "2 batch: expected at most the number of slots, 2, got 3");
  EXPECT_HAS(open({nullptr, nullptr, 1, 1, -5}), "2 prefill_tokens: expected 0 to");
  EXPECT_HAS(open({nullptr, "sm_70", 1, 1, 0}), "3 ");
}

/// The checkpoint with one tensor changed, or left out if `change` says no.
template <typename Change> std::string changed(const std::string &name, Change change) {
  File file = File::open(folder + "/model.safetensors");
  std::vector<TensorView> tensors;
  for (TensorView tensor : file.tensors())
    if (change(tensor))
      tensors.push_back(tensor);
  std::string path = folder + "/" + name + ".safetensors";
  xlstm::safetensors::write(path, tensors);
  return path;
}

TEST(Serving, WrongCheckpoints) {
  std::string name = File::open(folder + "/model.safetensors").tensors()[1].name;
  std::string missing = changed("missing", [&](TensorView &tensor) { return tensor.name != name; });
  std::string got = open({missing.c_str(), nullptr, 1, 0, 0});
  EXPECT_HAS(got, "1 " + missing + ": expected a tensor named '" + name + "' of [");
  EXPECT_HAS(got, package + " says, got none");

  std::string reshaped = changed("reshaped", [&](TensorView &tensor) {
    if (tensor.name == name)
      tensor.shape.insert(tensor.shape.begin(), 1);
    return true;
  });
  got = open({reshaped.c_str(), nullptr, 1, 0, 0});
  EXPECT_HAS(got, "1 " + reshaped + ": " + name + ": expected [");
  EXPECT_HAS(got, "says, got [1, ");

  std::string retyped = changed("retyped", [&](TensorView &tensor) {
    if (tensor.name == name)
      tensor.dtype = XLSTM_I32;
    return true;
  });
  EXPECT_HAS(open({retyped.c_str(), nullptr, 1, 0, 0}), "says, got i32");

  std::string truncated = changed("truncated", [](TensorView &) { return true; });
  fs::resize_file(truncated, fs::file_size(truncated) - 4);
  got = open({truncated.c_str(), nullptr, 1, 0, 0});
  EXPECT_HAS(got, "1 " + truncated + ": ");
  EXPECT_HAS(got, "data_offsets: expected a range inside the");
  fs::resize_file(truncated, 100);
  EXPECT_HAS(open({truncated.c_str(), nullptr, 1, 0, 0}), "1 " + truncated + ": truncated");
  EXPECT_HAS(open({"/nowhere.safetensors", nullptr, 1, 0, 0}), "1 /nowhere.safetensors: ");
}

TEST(Serving, SavedSlotsOfOtherModels) {
  Served model(1);
  model.prefill({1, 2, 3}, 0);
  std::string path = folder + "/saved.safetensors";
  SlotState before = model.state(0);
  xlstm::check(xlstm_model_save(model.get(), 0, path.c_str()));
  auto load = [&](auto change) {
    File file = File::open(path);
    std::vector<TensorView> tensors = file.tensors();
    std::map<std::string, std::string> metadata = file.metadata();
    change(tensors, metadata);
    std::string other = folder + "/other.safetensors";
    xlstm::safetensors::write(other, tensors, metadata);
    return failure(xlstm_model_load(model.get(), 0, other.c_str()));
  };
  std::string first = File::open(path).tensors()[0].name,
              at = "1 " + folder + "/other.safetensors: ";
  EXPECT_HAS(load([](auto &, auto &metadata) { metadata["model"] = "another"; }),
             at + "__metadata__: model: expected " + std::string(model.info.name) +
                 ", got another");
  EXPECT_HAS(load([](auto &, auto &metadata) { metadata.erase("tokens"); }),
             at + "__metadata__: expected tokens as in a saved slot, got none");
  EXPECT_HAS(load([](auto &, auto &metadata) { metadata["tokens"] = "3x"; }),
             "expected a number of tokens, got '3x'");
  EXPECT_HAS(load([](auto &tensors, auto &) { tensors.erase(tensors.begin()); }),
             at + first + ": expected ");
  std::string shape = load([](auto &tensors, auto &) { tensors[0].shape.push_back(1); });
  EXPECT_HAS(shape, at + first + ": expected ");
  EXPECT_HAS(shape, ", 1]");
  EXPECT_HAS(load([](auto &tensors, auto &) {
               tensors.push_back(tensors[0]);
               tensors.back().name = "state.99.c";
             }),
             at + "state.99.c: the model ");
  fs::resize_file(path, fs::file_size(path) - 1);
  EXPECT_HAS(failure(xlstm_model_load(model.get(), 0, path.c_str())), "1 " + path + ": ");
  EXPECT_EQ(model.state(0), before);
  EXPECT_EQ(model.length(0), 3);
}

} // namespace

int main(int argc, char **argv) {
  testing::InitGoogleTest(&argc, argv);
  onGPU = argc == 5 && std::string(argv[4]) == "cuda";
  if (argc != (onGPU ? 5 : 4)) {
    std::fprintf(stderr, "usage: serving FOLDER PACKAGE BOUND [cuda]\n");
    return 2;
  }
  folder = argv[1];
  package = argv[2];
  bound = std::atof(argv[3]);
  return RUN_ALL_TESTS();
}

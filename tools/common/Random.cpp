// SPDX-License-Identifier: Apache-2.0
#include "tools/common/Random.h"

#include "runtime/src/cpu/Host.h"
#include "runtime/src/support/Convert.h"
#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <thread>
#include <vector>

namespace xlstm::tools {
namespace {

/// A bijective mixer of 64 bits with full avalanche: multiply and xor-shift rounds of splitmix64.
uint64_t mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t streamKey(const std::string &name, int64_t seed) {
  uint64_t key = mix(static_cast<uint64_t>(seed) + 0x9e3779b97f4a7c15u);
  for (char c : name)
    key = mix(key ^ static_cast<unsigned char>(c));
  return key;
}

/// Two independent normal numbers from one counter (Box and Muller 1958). In f64, so that the math
/// library's last bit does not reach the rounded f32.
void normalPair(uint64_t key, uint64_t counter, float *out) {
  uint64_t bits = mix(key + counter * 0x9e3779b97f4a7c15u);
  double u = (static_cast<double>(bits >> 32) + 0.5) * 0x1p-32;
  double angle = (static_cast<double>(bits & 0xffffffffu) + 0.5) * 0x1p-32 * 6.283185307179586;
  double radius = std::sqrt(-2.0 * std::log(u));
  out[0] = static_cast<float>(radius * std::cos(angle));
  out[1] = static_cast<float>(radius * std::sin(angle));
}

void store(char *data, int64_t index, DType dtype, float value) {
  double wide = value;
  uint16_t half;
  switch (dtype) {
  case XLSTM_F64:
    std::memcpy(data + index * 8, &wide, 8);
    break;
  case XLSTM_F32:
    std::memcpy(data + index * 4, &value, 4);
    break;
  default:
    half = dtype == XLSTM_BF16 ? toBFloat16(value) : toFloat16(value);
    std::memcpy(data + index * 2, &half, 2);
  }
}

} // namespace

float meanOfInput(const std::string &name) { return name == "f" ? 4.0f : 0.0f; }

void fillNormal(void *data, int64_t count, DType dtype, const std::string &name, int64_t seed,
                float mean, float deviation) {
  if (dtype != XLSTM_F64 && dtype != XLSTM_F32 && dtype != XLSTM_BF16 && dtype != XLSTM_F16)
    fail(XLSTM_ERROR_UNSUPPORTED, "--random: ", name, ": expected a floating-point tensor, got ",
         dtypeName(dtype), "; give it by --inputs");
  uint64_t key = streamKey(name, seed);
  auto work = [=](int64_t begin, int64_t end) { // in pairs; begin is even
    for (int64_t k = begin; k < end; k += 2) {
      float pair[2];
      normalPair(key, static_cast<uint64_t>(k / 2), pair);
      store(static_cast<char *>(data), k, dtype, mean + deviation * pair[0]);
      if (k + 1 < end)
        store(static_cast<char *>(data), k + 1, dtype, mean + deviation * pair[1]);
    }
  };
  int64_t threads = std::min<int64_t>(cpu::hostThreads(), count / 65536 + 1);
  int64_t share = (count / threads + 2) / 2 * 2;
  std::vector<std::thread> workers;
  for (int64_t begin = share; begin < count; begin += share)
    workers.emplace_back(work, begin, std::min(begin + share, count));
  work(0, std::min(share, count));
  for (std::thread &worker : workers)
    worker.join();
}

} // namespace xlstm::tools

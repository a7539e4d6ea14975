// SPDX-License-Identifier: Apache-2.0
#include "test/Codegen/CPU/Array.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>

namespace xlstm::test {

namespace {
/// IEEE 754 binary formats: 1 sign bit, exponent, mantissa.
struct Format {
  const char *name;
  int exponentBits, mantissaBits;
};
const Format &formatOf(DType type) {
  static const Format formats[] = {{"f64", 11, 52}, {"f32", 8, 23}, {"bf16", 8, 7}, {"f16", 5, 10}};
  return formats[int(type)];
}
constexpr uint8_t pattern = 0xA5;
} // namespace

static bool isInteger(DType type) { return type == DType::I32 || type == DType::I8; }

const char *name(DType type) {
  return type == DType::I32 ? "i32" : type == DType::I8 ? "i8" : formatOf(type).name;
}
int64_t bytesOf(DType type) {
  if (isInteger(type))
    return type == DType::I32 ? 4 : 1;
  return (1 + formatOf(type).exponentBits + formatOf(type).mantissaBits) / 8;
}

uint64_t encode(double x, DType type) {
  if (isInteger(type))
    return uint64_t(int64_t(x));
  uint64_t bits;
  if (type == DType::F64) {
    std::memcpy(&bits, &x, 8);
    return bits;
  }
  auto [name, exponentBits, mantissaBits] = formatOf(type);
  int bias = (1 << (exponentBits - 1)) - 1;
  uint64_t sign = uint64_t(std::signbit(x)) << (exponentBits + mantissaBits);
  uint64_t infinity = uint64_t((1 << exponentBits) - 1) << mantissaBits;
  if (std::isnan(x))
    return sign | infinity | uint64_t(1) << (mantissaBits - 1);
  if (x == 0 || std::isinf(x))
    return sign | (x == 0 ? 0 : infinity);
  // In units of the last place, which below the normal range is that of the smallest normal number.
  // A carry out of the mantissa goes into the exponent, where it belongs.
  int exponent = std::max(std::ilogb(x), 1 - bias);
  double units = std::nearbyint(std::ldexp(std::fabs(x), mantissaBits - exponent));
  int64_t magnitude = (int64_t(exponent + bias - 1) << mantissaBits) + int64_t(units);
  return sign | std::min(uint64_t(magnitude), infinity);
}

double decode(uint64_t bits, DType type) {
  if (isInteger(type))
    return type == DType::I32 ? double(int32_t(bits)) : double(int8_t(bits));
  if (type == DType::F64) {
    double x;
    std::memcpy(&x, &bits, 8);
    return x;
  }
  auto [name, exponentBits, mantissaBits] = formatOf(type);
  int bias = (1 << (exponentBits - 1)) - 1;
  int64_t exponent = (bits >> mantissaBits) & ((1u << exponentBits) - 1);
  int64_t mantissa = bits & ((uint64_t(1) << mantissaBits) - 1);
  double magnitude;
  if (exponent == (1 << exponentBits) - 1)
    magnitude = mantissa ? std::numeric_limits<double>::quiet_NaN()
                         : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    magnitude = std::ldexp(double(mantissa), 1 - bias - mantissaBits);
  else
    magnitude = std::ldexp(double(mantissa + (int64_t(1) << mantissaBits)),
                           int(exponent) - bias - mantissaBits);
  return bits >> (exponentBits + mantissaBits) & 1 ? -magnitude : magnitude;
}

Array::Array(DType type, Index shape, Index strides)
    : elementType(type), extents(std::move(shape)), steps(std::move(strides)) {
  if (steps.empty()) {
    int64_t step = 1;
    for (size_t axis = extents.size(); axis-- > 0; step *= extents[axis])
      steps.insert(steps.begin(), step);
  }
  int64_t last = 0;
  for (size_t axis = 0; axis < extents.size(); ++axis)
    last += (extents[axis] - 1) * steps[axis];
  usedBytes = (last + 1) * bytesOf(type);
  size_t page = sysconf(_SC_PAGESIZE), room = (usedBytes + page) / page * page;
  mappedBytes = room + page;
  void *memory =
      mmap(nullptr, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(static_cast<uint8_t *>(memory) + room, page, PROT_NONE))
    throw std::runtime_error("no memory for an array");
  mapping = static_cast<uint8_t *>(memory);
  elements = mapping + room - usedBytes;
  std::memset(mapping, pattern, room);
  forEach([&](const Index &index) { set(index, 0); });
}

Array Array::absent(DType type, size_t rank) {
  Array array(type, {1});
  array.elements = nullptr;
  array.extents = array.steps = Index(rank, 0);
  return array;
}

Array::Array(Array &&other)
    : elementType(other.elementType), extents(other.extents), steps(other.steps),
      mapping(std::exchange(other.mapping, nullptr)), elements(other.elements),
      mappedBytes(other.mappedBytes), usedBytes(other.usedBytes) {}

Array::~Array() {
  if (mapping)
    munmap(mapping, mappedBytes);
}

uint8_t *Array::place(const Index &index) const {
  int64_t offset = 0;
  for (size_t axis = 0; axis < steps.size(); ++axis)
    offset += index.at(axis) * steps[axis];
  return elements + offset * bytesOf(elementType);
}

uint64_t Array::bits(const Index &index) const {
  uint64_t bits = 0;
  std::memcpy(&bits, place(index), bytesOf(elementType));
  return bits;
}

void Array::setBits(const Index &index, uint64_t bits) {
  std::memcpy(place(index), &bits, bytesOf(elementType));
}

void Array::forEach(const std::function<void(const Index &)> &body) const {
  Index index(extents.size(), 0);
  if (std::count(extents.begin(), extents.end(), 0))
    return;
  while (true) {
    body(index);
    size_t axis = extents.size();
    while (axis > 0 && ++index[axis - 1] == extents[axis - 1])
      index[--axis] = 0;
    if (axis == 0)
      return;
  }
}

void Array::fill(const std::function<double()> &value) {
  forEach([&](const Index &index) { set(index, value()); });
}

void Array::fill(const std::function<double(const Index &)> &value) {
  forEach([&](const Index &index) { set(index, value(index)); });
}

bool Array::gapsIntact() const {
  if (!elements)
    return true;
  std::vector<bool> owned(usedBytes, false);
  forEach([&](const Index &index) {
    for (int64_t byte = 0; byte < bytesOf(elementType); ++byte)
      owned[place(index) - elements + byte] = true;
  });
  for (uint8_t *byte = mapping; byte < elements + usedBytes; ++byte)
    if ((byte < elements || !owned[byte - elements]) && *byte != pattern)
      return false;
  return true;
}

std::string difference(const Array &array,
                       const std::function<double(const Array::Index &)> &expected,
                       double tolerance) {
  int64_t wrong = 0;
  std::ostringstream first;
  first.precision(17);
  array.forEach([&](const Array::Index &index) {
    double wanted = expected(index), got = array.get(index);
    if (got == wanted || (std::isnan(got) && std::isnan(wanted)) ||
        std::fabs(got - wanted) <= tolerance)
      return;
    if (wrong++)
      return;
    first << " wrong, first at";
    for (int64_t i : index)
      first << " " << i;
    first << ": expected " << wanted << ", got " << got;
  });
  return wrong ? std::to_string(wrong) + first.str() : "";
}

} // namespace xlstm::test

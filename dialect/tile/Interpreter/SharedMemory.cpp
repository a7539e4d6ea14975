// SPDX-License-Identifier: Apache-2.0
#include "dialect/tile/Interpreter/SharedMemory.h"

namespace mlir::tile {

int64_t SharedMemory::allocate(int64_t size, int64_t alignment) {
  int64_t place = (bytes.size() + alignment - 1) / alignment * alignment;
  bytes.resize(place + size, 0xA5);
  tags.resize(place + size, unwritten);
  return place;
}

void SharedMemory::mark(int64_t place, int64_t size, int64_t tag) {
  std::fill_n(tags.begin() + place, size, tag);
}

void SharedMemory::write(Element element, int64_t place, double value, int64_t tag) {
  encode(element, &value, 1, &bytes[place]);
  mark(place, bytesOf(element), tag);
}

int64_t SharedMemory::tagOf(Element element, int64_t place, int64_t wanted) const {
  for (int64_t i = 0; i < bytesOf(element); ++i)
    if (tags[place + i] != wanted)
      return tags[place + i];
  return wanted;
}

double SharedMemory::read(Element element, int64_t place) const {
  double value;
  decode(element, &bytes[place], 1, &value);
  return value;
}

Slot::Slot(Type type)
    : tile(dyn_cast<TileType>(type)), element(elementOf(tile ? tile.getElementType() : type)) {
  places.resize(tile ? ShapedType::getNumElements(tile.getShape()) : 1);
  int64_t size = bytesOf(element);
  bytes = isMatrix() ? stageBytes(tile) : (int64_t(places.size()) * size + 15) / 16 * 16;
  for (auto [i, place] : llvm::enumerate(places))
    place = i * size;
  if (!isMatrix())
    return;
  int64_t rows = tile.getShape()[0], columns = tile.getShape()[1];
  for (auto [i, place] : llvm::enumerate(places))
    place = swizzledPlace(IntegerArithmetic(), int64_t(0), rows, int64_t(i) / columns,
                          int64_t(i) % columns, size);
}

} // namespace mlir::tile

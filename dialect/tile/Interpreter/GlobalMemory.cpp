// SPDX-License-Identifier: Apache-2.0
#include "dialect/tile/Interpreter/GlobalMemory.h"

namespace mlir::tile {

GlobalMemory::GlobalMemory(MutableArrayRef<GlobalTensor> tensors) : tensors(tensors) {
  for (GlobalTensor &tensor : tensors) {
    size_t elements = tensor.bytes.size() / bytesOf(tensor.element);
    accesses.push_back({std::vector<int32_t>(elements, nobody), //
                        std::vector<int32_t>(elements, nobody)});
  }
}

static std::string nameOf(int32_t block) {
  return block < 0 ? "other blocks read" : "block " + std::to_string(block) + " reads";
}

double GlobalMemory::read(unsigned number, ArrayRef<int64_t> index, int64_t block,
                          std::string &conflict) {
  int64_t place = tensors[number].place(index);
  int32_t &reader = accesses[number].readers[place], writer = accesses[number].writers[place];
  if (writer != nobody && writer != block)
    conflict = "reads what block " + std::to_string(writer) + " writes";
  reader = reader == nobody || reader == block ? block : several;
  return tensors[number].get(index);
}

void GlobalMemory::write(unsigned number, ArrayRef<int64_t> index, double value, int64_t block,
                         std::string &conflict) {
  int64_t place = tensors[number].place(index);
  int32_t reader = accesses[number].readers[place], &writer = accesses[number].writers[place];
  if (writer != nobody && writer != block)
    conflict = "writes what block " + std::to_string(writer) + " writes";
  else if (reader != nobody && reader != block)
    conflict = "writes what " + nameOf(reader);
  writer = block;
  tensors[number].set(index, value);
}

} // namespace mlir::tile

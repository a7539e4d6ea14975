// SPDX-License-Identifier: Apache-2.0
#include "compiler/Conversion/XLSTMToTile/Passes.h"

using namespace mlir;

namespace xlstm {

std::string Workspace::add(RankedTensorType type, ArrayAttr extents, StringRef of) {
  std::string name;
  do
    name = "w" + std::to_string(nextName++);
  while (reserved.contains(name));
  NamedAttrList buffer;
  buffer.set("name", b.getStringAttr(name));
  buffer.set("type", TypeAttr::get(type));
  buffer.set("extents", extents);
  if (!of.empty())
    buffer.set("of", b.getStringAttr(of));
  buffers.push_back(buffer.getDictionary(b.getContext()));
  return name;
}

KernelBuffer Workspace::addBuffer(RankedTensorType type, ArrayRef<std::string> dims) {
  SmallVector<Attribute> extents; // each a sum of one product of one factor
  for (const std::string &dim : dims)
    extents.push_back(b.getArrayAttr(b.getArrayAttr(b.getStringAttr(dim))));
  return {add(type, b.getArrayAttr(extents)), type};
}

std::string Workspace::addParts(StringRef of, int64_t least, StringRef per, int64_t factor,
                                int64_t mostBlocks) {
  // The rule is the name, so that one name never stands for two rules.
  std::string name = ("parts_of_" + of + "_least_" + std::to_string(least) + "_" + per + "_times_" +
                      std::to_string(factor) + "_most_" + std::to_string(mostBlocks))
                         .str();
  Attribute part = b.getDictionaryAttr(
      {b.getNamedAttr("name", b.getStringAttr(name)), b.getNamedAttr("of", b.getStringAttr(of)),
       b.getNamedAttr("least", b.getI64IntegerAttr(least)),
       b.getNamedAttr("blocks",
                      b.getArrayAttr({b.getStringAttr(per), b.getI64IntegerAttr(factor)})),
       b.getNamedAttr("most_blocks", b.getI64IntegerAttr(mostBlocks))});
  if (!llvm::is_contained(parts, part))
    parts.push_back(part);
  return name;
}

void Workspace::writeTo(ModuleOp module) {
  if (!buffers.empty())
    module->setAttr(workspaceAttrName, b.getArrayAttr(buffers));
  if (!parts.empty())
    module->setAttr(partsAttrName, b.getArrayAttr(parts));
}

} // namespace xlstm

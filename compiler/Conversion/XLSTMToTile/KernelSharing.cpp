// SPDX-License-Identifier: Apache-2.0
#include "compiler/Conversion/XLSTMToTile/KernelSharing.h"
#include "compiler/Conversion/XLSTMToTile/Passes.h"

using namespace mlir;

namespace xlstm {

/// All of a kernel but its name and those of its tensors.
static std::string textOf(tile::KernelOp kernel) {
  StringAttr name = kernel.getSymNameAttr();
  ArrayAttr tensors = kernel.getArgNames();
  kernel.setSymName("_");
  kernel.setArgNamesAttr(ArrayAttr::get(kernel.getContext(), {}));
  std::string text;
  llvm::raw_string_ostream stream(text);
  kernel->print(stream, OpPrintingFlags().printGenericOpForm());
  kernel.setSymNameAttr(name);
  kernel.setArgNamesAttr(tensors);
  return text;
}

void KernelSharing::add(tile::KernelOp kernel) {
  Builder b(kernel.getContext());
  StringAttr &shared = kernels[textOf(kernel)];
  bool isNew = !shared;
  if (isNew)
    shared = kernel.getSymNameAttr();
  launches.push_back(b.getDictionaryAttr(
      {b.getNamedAttr("kernel", shared), b.getNamedAttr("names", kernel.getArgNames())}));
  if (!isNew)
    kernel.erase();
}

void KernelSharing::writeTo(Operation *module) {
  if (launches.size() > kernels.size())
    module->setAttr(launchesAttrName, ArrayAttr::get(module->getContext(), launches));
}

} // namespace xlstm

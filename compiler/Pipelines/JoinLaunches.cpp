// SPDX-License-Identifier: Apache-2.0
#include "compiler/Pipelines/JoinLaunches.h"
#include "compiler/Conversion/TileToNVVM/JoinKernels.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

using namespace mlir;

namespace xlstm {

static gpu::GPUModuleOp codeOf(ModuleOp module, StringRef kernel) {
  return module.lookupSymbol<gpu::GPUModuleOp>((kernel + "_module").str());
}

static bool joins(ModuleOp module, const package::Launch &launch) {
  LLVM::LLVMFuncOp function = *codeOf(module, launch.kernel).getOps<LLVM::LLVMFuncOp>().begin();
  return function->getAttrOfType<DictionaryAttr>("tile.schedule").contains("joins");
}

/// Of a grid that no dimension of the run changes.
static std::optional<int64_t> blocksOf(const package::Launch &launch) {
  int64_t blocks = 1;
  for (const package::Factor &factor : launch.grid) {
    if (!factor.dim.empty())
      return std::nullopt;
    blocks *= factor.value;
  }
  return blocks;
}

/// Puts what `part` takes behind what `launch` takes.
static void append(package::Launch &launch, const package::Launch &part) {
  launch.grid = {package::Factor(*blocksOf(launch) + *blocksOf(part))};
  launch.sharedBytes = std::max(launch.sharedBytes, part.sharedBytes);
  launch.overlaps &= part.overlaps;
  launch.early |= part.early;
  launch.requirements.insert(launch.requirements.end(), part.requirements.begin(),
                             part.requirements.end());
  launch.args.insert(launch.args.end(), part.args.begin(), part.args.end());
  launch.product.reset(); // it is more than one
}

FailureOr<llvm::StringMap<std::vector<std::string>>> joinLaunches(ModuleOp module,
                                                                  package::Implementation &plan) {
  llvm::StringMap<std::vector<std::string>> made;
  std::vector<package::Launch> launches;
  for (size_t begin = 0, end; begin < plan.launches.size(); begin = end) {
    package::Launch launch = plan.launches[begin];
    std::vector<std::string> names{launch.kernel};
    std::optional<int64_t> blocks = blocksOf(launch);
    for (end = begin + 1; blocks && end < plan.launches.size(); ++end) {
      const package::Launch &part = plan.launches[end];
      if (!joins(module, part) || !blocksOf(part))
        break;
      names.push_back(part.kernel);
      append(launch, part);
    }
    if (names.size() > 1) {
      launch.kernel = llvm::join(names, "_");
      if (made.try_emplace(launch.kernel, names).second) {
        SmallVector<KernelPart> parts;
        for (size_t i = begin; i < end; ++i)
          parts.push_back({codeOf(module, plan.launches[i].kernel), *blocksOf(plan.launches[i])});
        if (!joinKernels(parts, launch.kernel))
          return failure();
      }
    }
    launches.push_back(std::move(launch));
  }
  // A part has a launch of its own in another place only if it is not joined there.
  plan.launches = std::move(launches);
  for (gpu::GPUModuleOp code : llvm::make_early_inc_range(module.getOps<gpu::GPUModuleOp>()))
    if (llvm::none_of(plan.launches, [&](const package::Launch &launch) {
          return codeOf(module, launch.kernel) == code;
        }))
      code.erase();
  return made;
}

} // namespace xlstm

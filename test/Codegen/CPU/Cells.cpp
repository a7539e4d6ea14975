// SPDX-License-Identifier: Apache-2.0
#include "test/Codegen/CPU/Cells.h"

#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include <stdexcept>

using namespace mlir;

namespace xlstm::test {

Cells::Cells(const std::string &source, const std::string &isa, std::vector<std::string> set) {
  DialectRegistry registry;
  registry.insert<mlir::xlstm::XLSTMDialect, tile::TileDialect, func::FuncDialect,
                  math::MathDialect, memref::MemRefDialect, scf::SCFDialect, arith::ArithDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message += diagnostic.str() + "\n";
    return success();
  });
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source, &context);
  if (!module)
    throw std::runtime_error("the cell does not parse: " + message);
  SelectScheduleOptions options;
  options.set = set;
  PassManager manager(&context);
  manager.addPass(createSelectSchedule(options));
  manager.addPass(createConvertXLSTMToTile());
  if (failed(manager.run(*module)))
    throw std::runtime_error("no tile program: " + message);
  for (tile::KernelOp kernel : module->getOps<tile::KernelOp>()) {
    Kernel &entry = kernels[kernel.getSymName().str()];
    for (unsigned i = 0; i < kernel.getNumTensors(); ++i) {
      entry.names.push_back(kernel.getTensorName(i).str());
      entry.ranks.push_back(cast<MemRefType>(kernel.getTensor(i).getType()).getRank());
    }
    for (unsigned i = 0; i < kernel.getNumGridDims(); ++i)
      if (kernel.getGridDim(i).first < 0)
        entry.blocks *= kernel.getGridSizes()[i];
      else
        entry.perSequence = true, entry.divisor = kernel.getGridDivisor(i);
  }
  module.get()->setAttrs(DictionaryAttr::get(&context)); // what the plan reads
  llvm::raw_string_ostream(text) << *module;
  program = std::make_unique<Program>(text, isa);
}

std::pair<std::vector<Array *>, int64_t> Cells::bind(const Kernel &kernel,
                                                     const std::map<std::string, Array *> &tensors,
                                                     int64_t sequences,
                                                     std::vector<Array> &absent) {
  absent.reserve(kernel.names.size());
  std::vector<Array *> arrays;
  for (size_t i = 0; i < kernel.names.size(); ++i) {
    auto given = tensors.find(kernel.names[i]);
    if (given != tensors.end()) {
      arrays.push_back(given->second);
      continue;
    }
    absent.push_back(Array::absent(DType::F32, kernel.ranks[i]));
    arrays.push_back(&absent.back());
  }
  int64_t rows = kernel.perSequence ? (sequences + kernel.divisor - 1) / kernel.divisor : 1;
  return {arrays, rows * kernel.blocks};
}

void Cells::run(const std::string &function, const std::map<std::string, Array *> &tensors,
                int64_t sequences) {
  std::vector<Array> absent;
  auto [arrays, blocks] = bind(kernels.at(function), tensors, sequences, absent);
  program->run(function, arrays, 0, blocks);
}

double Cells::seconds(const std::string &function, const std::map<std::string, Array *> &tensors,
                      int64_t sequences, int rounds) {
  std::vector<Array> absent;
  auto [arrays, blocks] = bind(kernels.at(function), tensors, sequences, absent);
  return program->seconds(function, arrays, blocks, rounds);
}

} // namespace xlstm::test

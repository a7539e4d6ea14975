// SPDX-License-Identifier: Apache-2.0
#include "test/Codegen/CPU/Cells.h"

#include "compiler/Conversion/XLSTMToTile/Passes.h"
#include "compiler/Schedule/Passes.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include <limits>
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
    order.push_back(kernel.getSymName().str());
    for (unsigned i = 0; i < kernel.getNumGridDims(); ++i) {
      auto [tensor, axis] = kernel.getGridDim(i);
      entry.grid.push_back({kernel.getGridSizes()[i], tensor, axis, kernel.getGridDivisor(i)});
    }
    for (unsigned i = 0; i < kernel.getNumGridDims(); ++i)
      if (kernel.getGridDim(i).first < 0)
        entry.blocks *= kernel.getGridSizes()[i];
      else
        entry.perSequence = true, entry.divisor = kernel.getGridDivisor(i);
  }
  if (auto list = module.get()->getAttrOfType<ArrayAttr>(workspaceAttrName))
    for (auto entry : list.getAsRange<DictionaryAttr>()) {
      auto type = cast<RankedTensorType>(entry.getAs<TypeAttr>("type").getValue());
      Buffer &buffer = buffers.emplace_back();
      buffer.name = entry.getAs<StringAttr>("name").getValue().str();
      buffer.type = type.getElementType().isF64()    ? DType::F64
                    : type.getElementType().isF32()  ? DType::F32
                    : type.getElementType().isBF16() ? DType::BF16
                                                     : DType::F16;
      auto extents = entry.getAs<ArrayAttr>("extents");
      size_t next = 0;
      for (int64_t extent : type.getShape()) {
        auto &sum = buffer.extents.emplace_back();
        if (!ShapedType::isDynamic(extent)) {
          sum = {{{"", extent}}};
          continue;
        }
        for (auto product : cast<ArrayAttr>(extents[next++]).getAsRange<ArrayAttr>()) {
          auto &factors = sum.emplace_back();
          for (Attribute factor : product)
            if (auto dim = dyn_cast<StringAttr>(factor))
              factors.emplace_back(dim.getValue().str(), 1);
            else
              factors.emplace_back(cast<StringAttr>(cast<ArrayAttr>(factor)[0]).getValue().str(),
                                   cast<IntegerAttr>(cast<ArrayAttr>(factor)[1]).getInt());
        }
      }
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
  if (!kernels.count(function))
    return runSeveral(function, tensors);
  std::vector<Array> absent;
  auto [arrays, blocks] = bind(kernels.at(function), tensors, sequences, absent);
  program->run(function, arrays, 0, blocks);
}

void Cells::runSeveral(const std::string &function, std::map<std::string, Array *> tensors) {
  // B and T are those of the first tensor over tokens.
  std::map<std::string, int64_t> dims;
  for (auto &[name, array] : tensors)
    if (array->shape().size() == 4 && dims.empty())
      dims = {{"B", array->shape()[0]}, {"T", array->shape()[1]}};
  std::vector<std::unique_ptr<Array>> between;
  for (const Buffer &buffer : buffers) {
    Array::Index shape;
    for (auto &sum : buffer.extents) {
      int64_t extent = 0;
      for (auto &product : sum) {
        int64_t term = 1;
        for (auto &[dim, number] : product)
          term *= dim.empty() ? number : (dims.at(dim) + number - 1) / number;
        extent += term;
      }
      shape.push_back(extent);
    }
    between.push_back(std::make_unique<Array>(buffer.type, shape));
    between.back()->fill([] { return std::numeric_limits<double>::quiet_NaN(); });
    tensors[buffer.name] = between.back().get();
  }
  for (const std::string &name : order) {
    const Kernel &kernel = kernels.at(name);
    if (name.rfind(function + "_", 0) != 0)
      throw std::runtime_error("expected a kernel of " + function + ", got " + name);
    std::vector<Array> absent;
    std::vector<Array *> arrays = bind(kernel, tensors, 0, absent).first;
    int64_t blocks = 1;
    for (const Kernel::Extent &extent : kernel.grid)
      blocks *=
          extent.tensor < 0
              ? extent.size
              : (arrays[extent.tensor]->shape()[extent.axis] + extent.divisor - 1) / extent.divisor;
    program->run(name, arrays, 0, blocks);
  }
}

double Cells::seconds(const std::string &function, const std::map<std::string, Array *> &tensors,
                      int64_t sequences, int rounds) {
  std::vector<Array> absent;
  auto [arrays, blocks] = bind(kernels.at(function), tensors, sequences, absent);
  return program->seconds(function, arrays, blocks, rounds);
}

} // namespace xlstm::test

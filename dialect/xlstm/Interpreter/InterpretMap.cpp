// SPDX-License-Identifier: Apache-2.0
// xlstm.map: the region's program over pieces of a few hundred elements.
#include "dialect/xlstm/Interpreter/Frame.h"
#include "dialect/xlstm/Interpreter/ScanProgram.h"
#include "llvm/ADT/STLExtras.h"

using namespace mlir;
using namespace mlir::xlstm;

LogicalResult mlir::xlstm::run(MapOp op, Frame &frame) {
  std::vector<const TensorValue *> inputs;
  const std::vector<int64_t> *shape = nullptr;
  for (auto [number, operand] : llvm::enumerate(op.getInputs())) {
    FailureOr<const TensorValue *> input =
        frame.require(op, "input " + std::to_string(number), operand);
    if (failed(input))
      return failure();
    inputs.push_back(*input);
    if (op.isFull(number) && !shape)
      shape = &(*input)->shape;
  }
  for (auto [number, input] : llvm::enumerate(inputs)) {
    ArrayRef<int64_t> expected = ArrayRef(*shape).take_back(input->shape.size());
    if (failed(frame.get(op, "input " + std::to_string(number), op.getInputs()[number], expected)))
      return failure();
  }

  constexpr int64_t piece = 256;
  ScanProgram program(op.getBlock());
  std::vector<double> file(program.registers() * piece, 0.0);
  program.loadConstants(file.data(), piece);
  int64_t size = TensorValue{*shape, {}}.size();
  std::vector<std::vector<double>> results(op.getOutputs().size(), std::vector<double>(size));
  for (int64_t first = 0; first < size; first += piece) {
    int64_t count = std::min(piece, size - first);
    for (auto [number, input] : llvm::enumerate(inputs))
      for (int64_t e = 0; e < count; ++e)
        file[number * piece + e] = input->data[(first + e) % input->data.size()];
    program.run(file.data(), piece, frame.rounding);
    for (auto [result, value] : llvm::zip(results, program.outputs()))
      std::copy_n(file.data() + value * piece, count, result.begin() + first);
  }
  for (auto [result, data] : llvm::zip(op.getOutputs(), results))
    frame.set(result, *shape, std::move(data));
  return success();
}

// SPDX-License-Identifier: Apache-2.0
// A region of an xlstm.scan or xlstm.linear as a list of instructions on registers: every register
// holds one value for each of the D units of a head, or each element of a row, so an instruction is
// a loop over units. Private to the interpreter.
#ifndef XLSTM_DIALECT_XLSTM_INTERPRETER_SCANPROGRAM_H
#define XLSTM_DIALECT_XLSTM_INTERPRETER_SCANPROGRAM_H

#include "dialect/xlstm/IR/XLSTM.h"
#include "dialect/xlstm/Interpreter/Interpreter.h"
#include <vector>

namespace mlir::xlstm {

class ScanProgram {
public:
  /// Translates the region of an op that has been verified: one block that ends in xlstm.yield.
  explicit ScanProgram(Block &block);

  /// How many registers there are. The first are the arguments of the region in order.
  int64_t registers() const { return registerCount; }
  /// The registers of what xlstm.yield gives.
  ArrayRef<int64_t> outputs() const { return outputRegisters; }
  ArrayRef<int64_t> states() const { return stateRegisters; }

  /// Writes the constants to `file` [registers, units]; once before the first step.
  void loadConstants(double *file, int64_t units) const;
  /// Computes one step: reads the arguments' registers, writes all others.
  void run(double *file, int64_t units, const Rounding &rounding) const;
  /// What numbers in a register are rounded to.
  ::xlstm::reference::ElementType type(int64_t number) const { return types[number]; }

private:
  enum class Opcode {
    Add,
    Sub,
    Mul,
    Div,
    Neg,
    Maximum,
    Minimum,
    MaxNum,
    MinNum, // of arith
    Compare,
    Select,
    Exp,
    Log,
    Tanh,
    Erf,
    Abs, // of math
    Sigmoid,
    LogSigmoid,
    Copy // of xlstm
  };
  struct Instruction {
    Opcode opcode;
    unsigned relations; // of Compare: which of equal (1), greater (2), less (4), unordered (8) hold
    int64_t result, a, b, c;
  };

  static Opcode opcodeOf(Operation *op);

  int64_t registerCount = 0;
  std::vector<::xlstm::reference::ElementType> types;
  std::vector<std::pair<int64_t, double>> constants;
  std::vector<Instruction> instructions;
  std::vector<int64_t> outputRegisters, stateRegisters;
};

} // namespace mlir::xlstm

#endif // XLSTM_DIALECT_XLSTM_INTERPRETER_SCANPROGRAM_H

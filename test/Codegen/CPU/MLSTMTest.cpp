// SPDX-License-Identifier: Apache-2.0
// All forms of xlstm.mlstm, compiled, against the reference in float64.
#include "dialect/xlstm/Reference/MLSTM.h"
#include "dialect/xlstm/Reference/Compare.h"
#include "test/Codegen/CPU/Cells.h"

#include <array>

using namespace xlstm::test;
using namespace xlstm::reference;

namespace {

using Index = Array::Index;

/// One cell and how it is computed. Extents that are compiled in are here, others in Inputs.
struct Cell {
  std::string form = "chunkwise";
  DType type = DType::F32;
  int64_t heads = 2, dqk = 16, dv = 24;
  MLSTMOptions options;
  bool state = true, packed = false, reset = false, save = false; // tensors of the function
  std::vector<std::string> set;                                   // schedule parameters

  bool isStep() const { return form == "step"; }
  DType accumulation() const { return type == DType::F64 ? DType::F64 : DType::F32; }
  std::string source() const;
};

std::string Cell::source() const {
  std::string in = name(type), acc = name(accumulation()), H = std::to_string(heads),
              K = std::to_string(dqk), V = std::to_string(dv);
  auto tensor = [](const std::string &shape, const std::string &element) {
    return "tensor<" + shape + "x" + element + ">";
  };
  std::string tokens = isStep() ? "?x" : packed ? "1x?x" : "?x?x";
  std::string q = tensor(tokens + H + "x" + K, in), v = tensor(tokens + H + "x" + V, in),
              gate = tensor(tokens + H, acc), c = tensor("?x" + H + "x" + K + "x" + V, acc),
              n = tensor("?x" + H + "x" + K, acc), m = tensor("?x" + H, acc);
  std::vector<std::string> arguments = {q, q, v, gate, gate}, states = {c}, results = {v, c};
  if (options.hasNormalizer()) {
    states.push_back(n);
    results.push_back(n);
  }
  if (options.hasStabilizer()) {
    states.push_back(m);
    results.push_back(m);
  }
  std::string op = "xlstm.mlstm %a0, %a1, %a2 gates(%a3, %a4)";
  auto use = [&](const std::string &type) {
    arguments.push_back(type);
    return "%a" + std::to_string(arguments.size() - 1);
  };
  if (state) {
    op += " state(";
    for (size_t i = 0; i < states.size(); ++i)
      op += (i ? ", " : "") + use(states[i]);
    op += ")";
  }
  if (packed)
    op += " cu_seqlens(" + use("tensor<?xi32>") + " : tensor<?xi32>)";
  if (reset) {
    std::string flags = packed ? "tensor<1x?xi8>" : "tensor<?x?xi8>";
    op += " reset(" + use(flags) + " : " + flags + ")";
  }
  op += " {form = " + form + (save ? ", save_states" : "");
  if (options.inputGate == InputGate::Sigmoid)
    op += std::string(", input_gate = sigmoid") + (options.normalize ? "" : ", normalize = false");
  if (options.scaleOn == ScaleOn::K)
    op += ", scale_on = k";
  if (options.denominator == Denominator::MaxWithEps)
    op += ", denominator = max_with_eps";
  op += ", eps = " + std::to_string(options.eps) + "} : " + q + ", " + v;
  if (save) {
    results.push_back(c);
    results.push_back(n);
    results.push_back(tensor("?x" + H + "x2", "f64"));
  }
  // Tensors are called a0, a1, .. and r0, r1, ..
  std::string parameters, values, types, named;
  for (size_t i = 0; i < arguments.size(); ++i) {
    std::string number = std::to_string(i);
    parameters +=
        (i ? ", %a" : "%a") + number + ": " + arguments[i] + " {xlstm.name = \"a" + number + "\"}";
  }
  for (size_t i = 0; i < results.size(); ++i) {
    std::string number = std::to_string(i), comma = i ? ", " : "";
    values += comma + "%r#" + number;
    types += comma + results[i];
    named += comma + results[i] + " {xlstm.name = \"r" + number + "\"}";
  }
  return "func.func @cell(" + parameters + ") -> (" + named +
         ") {\n  %r:" + std::to_string(results.size()) + " = " + op + "\n  return " + values +
         " : " + types + "\n}\n";
}

/// Inputs and outputs of one run, and what the reference says.
class CellRun {
public:
  struct Shape {
    int64_t batch = 1, time = 1;
    std::vector<int32_t> starts; // of packed sequences
    bool givesState = true;      // whether the initial state is there at run time
    double resets = 0;           // probability of a reset
    int64_t chunk = 64;
  };
  CellRun(const Cell &cell, const Shape &shape, std::mt19937_64 &random);
  void compute(Cells &cells);
  /// Relative error of h and of the last states, the largest.
  std::string check() const;

  Array &output(const std::string &name) { return *arrays.at(names.at(name)); }
  bool hasOutput(const std::string &name) const { return names.count(name); }
  int64_t states() const { return cell.packed ? shape.starts.size() - 1 : shape.batch; }

  Cell cell;
  Shape shape;

private:
  Array &add(const std::string &kernelName, const std::string &name, DType type, Index extents);
  MLSTMProblem problem(std::map<std::string, std::vector<double>> &values,
                       std::vector<uint8_t> &flags) const;

  std::map<std::string, std::unique_ptr<Array>> arrays; // by the kernel's names
  std::map<std::string, std::string> names;             // of the kernel's tensors, by the cell's
};

Array &CellRun::add(const std::string &kernelName, const std::string &name, DType type,
                    Index extents) {
  names[name] = kernelName;
  return *(arrays[kernelName] = std::make_unique<Array>(type, extents));
}

CellRun::CellRun(const Cell &cell, const Shape &shape, std::mt19937_64 &random)
    : cell(cell), shape(shape) {
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform;
  DType acc = cell.accumulation();
  int64_t S = states(), H = cell.heads;
  auto tokens = [&](std::vector<int64_t> tail) {
    std::vector<int64_t> extents = {shape.batch};
    if (!cell.isStep())
      extents.push_back(shape.time);
    extents.insert(extents.end(), tail.begin(), tail.end());
    return extents;
  };
  int64_t next = 0;
  auto argument = [&](const std::string &name, DType type, Index extents, double scale,
                      double shift) {
    add("a" + std::to_string(next++), name, type, extents).fill([&] {
      return scale * normal(random) + shift;
    });
  };
  argument("q", cell.type, tokens({H, cell.dqk}), 1, 0);
  argument("k", cell.type, tokens({H, cell.dqk}), 1, 0);
  argument("v", cell.type, tokens({H, cell.dv}), 1, 0);
  argument("i", acc, tokens({H}), 2, -1);
  argument("f", acc, tokens({H}), 2, 2);
  if (cell.state) {
    int64_t first = next;
    argument("c0", acc, {S, H, cell.dqk, cell.dv}, 1, 0);
    if (cell.options.hasNormalizer())
      argument("n0", acc, {S, H, cell.dqk}, 1, 0);
    if (cell.options.hasStabilizer())
      argument("m0", acc, {S, H}, 1, 1);
    if (!shape.givesState)
      for (int64_t i = first; i < next; ++i)
        arrays.erase("a" + std::to_string(i));
  }
  if (cell.packed) {
    Array &starts = add("a" + std::to_string(next++), "cu_seqlens", DType::I32, {S + 1});
    starts.fill([&](const Index &i) { return shape.starts[i[0]]; });
  }
  if (cell.reset) {
    Array &reset = add("a" + std::to_string(next++), "reset", DType::I8, {shape.batch, shape.time});
    reset.fill([&] { return uniform(random) < shape.resets ? 1.0 : 0.0; });
  }
  next = 0;
  auto result = [&](const std::string &name, DType type, Index extents) {
    add("r" + std::to_string(next++), name, type, extents).fill([] { return 77.0; });
  };
  result("h", cell.type, tokens({H, cell.dv}));
  result("c_last", acc, {S, H, cell.dqk, cell.dv});
  if (cell.options.hasNormalizer())
    result("n_last", acc, {S, H, cell.dqk});
  if (cell.options.hasStabilizer())
    result("m_last", acc, {S, H});
  if (cell.save) {
    int64_t rows =
        shape.batch * ((shape.time + shape.chunk - 1) / shape.chunk) + (cell.packed ? S : 0);
    result("c_states", acc, {rows, H, cell.dqk, cell.dv});
    result("n_states", acc, {rows, H, cell.dqk});
    result("m_states", DType::F64, {rows, H, 2});
  }
}

void CellRun::compute(Cells &cells) {
  std::map<std::string, Array *> given;
  for (auto &[name, array] : arrays)
    given[name] = array.get();
  cells.run("cell", given, states());
}

MLSTMProblem CellRun::problem(std::map<std::string, std::vector<double>> &values,
                              std::vector<uint8_t> &flags) const {
  for (auto &entry : names)
    if (auto found = arrays.find(entry.second); found != arrays.end() && entry.first != "reset")
      found->second->forEach(
          [&](const Index &i) { values[entry.first].push_back(found->second->get(i)); });
  MLSTMProblem p;
  p.batch = shape.batch, p.time = cell.isStep() ? 1 : shape.time;
  p.heads = cell.heads, p.dqk = cell.dqk, p.dv = cell.dv;
  auto view = [&](const char *name) {
    auto found = values.find(name);
    return found == values.end() ? TensorView() : TensorView(found->second);
  };
  p.q = view("q"), p.k = view("k"), p.v = view("v"), p.i = view("i"), p.f = view("f");
  p.c0 = view("c0"), p.n0 = view("n0"), p.m0 = view("m0");
  p.options = cell.options;
  if (cell.packed) {
    p.cuSeqlens = shape.starts.data();
    p.sequences = states();
  }
  if (cell.reset) {
    Array &reset = *arrays.at(names.at("reset"));
    reset.forEach([&](const Index &i) { flags.push_back(reset.get(i) != 0); });
    p.reset = flags.data();
  }
  return p;
}

std::string CellRun::check() const {
  std::map<std::string, std::vector<double>> values;
  std::vector<uint8_t> flags;
  MLSTMProblem p = problem(values, flags);
  std::string wrong = xlstm::reference::check(p);
  if (!wrong.empty())
    return wrong;
  MLSTMResult expected = mlstmRecurrent(p);
  bool narrow = bytesOf(cell.type) == 2;
  double ofH = cell.type == DType::F64    ? 1e-9
               : cell.type == DType::F32  ? 1e-5
               : cell.type == DType::BF16 ? 5e-3
                                          : 2e-3;
  double ofStates = cell.type == DType::F64 ? 1e-9 : 1e-5;
  std::string report;
  auto compareWith = [&](const char *name, const std::vector<double> &reference, int64_t columns,
                         double tolerance) {
    const std::vector<double> &actual = values[name];
    if (actual.size() != reference.size()) {
      report += std::string(name) + ": wrong size\n";
      return;
    }
    Comparison comparison =
        compare(actual, reference, columns ? actual.size() / columns : 0, columns,
                smallestNormal(narrow ? ElementType::F16 : ElementType::F32));
    if (!(comparison.relativeL2 <= tolerance))
      report += std::string(name) + ": " + comparison.str() + "\n";
  };
  compareWith("h", expected.h, cell.dv, ofH);
  compareWith("c_last", expected.cLast, cell.dqk * cell.dv, ofStates);
  if (cell.options.hasNormalizer())
    compareWith("n_last", expected.nLast, cell.dqk, ofStates);
  if (cell.options.hasStabilizer())
    compareWith("m_last", expected.mLast, 1, ofStates);
  return report;
}

std::string describe(const CellRun &run) {
  std::string text = run.cell.source() + "B " + std::to_string(run.shape.batch) + " T " +
                     std::to_string(run.shape.time) + " starts";
  for (int32_t start : run.shape.starts)
    text += " " + std::to_string(start);
  return text;
}

MLSTMOptions sigmoid(bool normalize) {
  MLSTMOptions options;
  options.inputGate = InputGate::Sigmoid;
  options.normalize = normalize;
  return options;
}

std::vector<MLSTMOptions> allOptions() {
  MLSTMOptions onK;
  onK.scaleOn = ScaleOn::K;
  onK.denominator = Denominator::MaxWithEps;
  onK.eps = 0.03125;
  MLSTMOptions sigmoidK = sigmoid(true);
  sigmoidK.scaleOn = ScaleOn::K;
  return {MLSTMOptions(), onK, sigmoid(true), sigmoidK, sigmoid(false)};
}

class MLSTM : public OnISA {
protected:
  void expectGood(Cells &cells, const Cell &cell, const CellRun::Shape &shape) {
    CellRun run(cell, shape, random);
    run.compute(cells);
    EXPECT_EQ(run.check(), "") << describe(run);
  }
};
XLSTM_ON_EVERY_ISA(MLSTM);

/// All of them for the default form, whose arithmetic of exponents the parallel form shares; two
/// for the others.
std::vector<MLSTMOptions> optionsOf(const std::string &form) {
  if (form == "chunkwise")
    return allOptions();
  return {allOptions()[1], sigmoid(false)};
}

constexpr const char *sequenceForms[] = {"recurrent", "chunkwise", "parallel"};
constexpr int64_t lengths[] = {0, 1, 2, 63, 64, 65, 200};

TEST_P(MLSTM, FormsAgreeWithTheReference) {
  for (const char *form : sequenceForms)
    for (const MLSTMOptions &options : allOptions()) {
      Cell cell;
      cell.form = form;
      cell.options = options;
      Cells cells(cell.source(), isa());
      for (int64_t time : lengths)
        for (bool givesState : {true, false})
          expectGood(cells, cell, {2, time, {}, givesState});
    }
}

TEST_P(MLSTM, ElementTypesAndHeadSizes) {
  struct Sizes {
    int64_t heads, dqk, dv;
  };
  for (std::string form : {"recurrent", "chunkwise", "parallel", "step"})
    for (DType type : {DType::F64, DType::F32, DType::BF16, DType::F16})
      for (Sizes sizes : {Sizes{3, 5, 7}, {1, 33, 1}}) {
        if (sizes.heads == 1 && type != DType::F32)
          continue;
        Cell cell;
        cell.form = form;
        cell.type = type;
        cell.heads = sizes.heads, cell.dqk = sizes.dqk, cell.dv = sizes.dv;
        cell.state = sizes.heads == 3;
        Cells cells(cell.source(), isa());
        expectGood(cells, cell, {3, 70, {}});
      }
}

TEST_P(MLSTM, Steps) {
  for (const MLSTMOptions &options : allOptions())
    for (std::vector<std::string> set :
         {std::vector<std::string>{}, std::vector<std::string>{"dv_slice=16"}}) {
      Cell cell;
      cell.form = "step";
      cell.options = options;
      cell.set = set;
      Cells cells(cell.source(), isa(), set);
      for (int64_t batch : {0, 1, 5})
        for (bool givesState : {true, false})
          expectGood(cells, cell, {batch, 1, {}, givesState});
    }
}

TEST_P(MLSTM, Resets) {
  for (const char *form : sequenceForms)
    for (const MLSTMOptions &options : optionsOf(form)) {
      Cell cell;
      cell.form = form;
      cell.options = options;
      cell.reset = true;
      Cells cells(cell.source(), isa());
      for (int64_t time : lengths)
        for (double resets : {0.0, 0.02, 0.3, 1.0})
          expectGood(cells, cell, {2, time, {}, resets != 0.3, resets});
    }
}

// A token without weight right after a reset, and large gates before it.
TEST_P(MLSTM, ResetsCutOffThePastForAllGates) {
  for (const char *form : sequenceForms)
    for (const MLSTMOptions &options : optionsOf(form)) {
      Cell cell;
      cell.form = form;
      cell.options = options;
      cell.reset = true;
      Cells cells(cell.source(), isa());
      CellRun run(cell, {2, 150, {}, true, 0.1}, random);
      Array &i = run.output("i"), &f = run.output("f");
      i.fill([&](const Index &) { return std::array{-100.0, 30.0, -1e30, 0.0}[random() % 4]; });
      f.fill([&](const Index &) { return std::array{-100.0, 100.0, 0.0, 5.0}[random() % 4]; });
      run.compute(cells);
      EXPECT_EQ(run.check(), "") << describe(run);
    }
}

TEST_P(MLSTM, PackedSequences) {
  for (const char *form : sequenceForms)
    for (const MLSTMOptions &options : optionsOf(form))
      for (bool reset : {false, true}) {
        Cell cell;
        cell.form = form;
        cell.options = options;
        cell.packed = true;
        cell.reset = reset;
        if (reset && !options.hasStabilizer())
          continue;
        Cells cells(cell.source(), isa());
        expectGood(cells, cell, {1, 0, {0}});
        expectGood(cells, cell, {1, 0, {0, 0, 0}});
        expectGood(cells, cell, {1, 200, {0, 0, 1, 1, 3, 67, 131, 131, 199, 200, 200}, true, 0.1});
        expectGood(cells, cell, {1, 130, {0, 130}, false, 0.1});
        expectGood(cells, cell, {1, 150, {0, 64, 150}});
      }
}

// Chunks are counted from the starts of sequences, so each gives the bits that it gives alone.
TEST_P(MLSTM, PackedSequencesGiveTheBitsOfSeparateOnes) {
  for (const char *form : sequenceForms) {
    Cell cell;
    cell.form = form;
    cell.packed = true;
    Cells packed(cell.source(), isa());
    std::vector<int32_t> starts = {0, 70, 70, 71, 199};
    CellRun all(cell, {1, 199, starts}, random);
    all.compute(packed);
    cell.packed = false;
    Cells single(cell.source(), isa());
    for (size_t s = 0; s + 1 < starts.size(); ++s) {
      CellRun one(cell, {1, starts[s + 1] - starts[s], {}}, random);
      auto copy = [&](const char *name, int64_t first, int64_t axis) {
        Array &from = all.output(name), &to = one.output(name);
        to.forEach([&](Index i) {
          Index place = i;
          place[axis] += first;
          to.setBits(i, from.bits(place));
        });
      };
      for (const char *name : {"q", "k", "v", "i", "f"})
        copy(name, starts[s], 1);
      for (const char *name : {"c0", "n0", "m0"})
        copy(name, s, 0);
      one.compute(single);
      auto same = [&](const char *name, int64_t first, int64_t axis) {
        Array &from = all.output(name), &to = one.output(name);
        to.forEach([&](Index i) {
          Index place = i;
          place[axis] += first;
          EXPECT_EQ(to.bits(i), from.bits(place)) << form << " " << name;
        });
      };
      same("h", starts[s], 1);
      for (const char *name : {"c_last", "n_last", "m_last"})
        same(name, s, 0);
    }
  }
}

// What is saved at a chunk's start, brought from the kernel's reference to the cell's m, is the
// last state of the tokens before it.
TEST_P(MLSTM, SavedStatesAreThoseBeforeEachChunk) {
  for (const MLSTMOptions &options : {MLSTMOptions(), sigmoid(false)})
    for (bool packed : {false, true}) {
      Cell cell;
      cell.options = options;
      cell.packed = packed;
      cell.reset = true;
      cell.save = true;
      cell.set = {"chunk=16", "dv_slice=16"};
      Cells cells(cell.source(), isa(), cell.set);
      CellRun::Shape shape = {packed ? 1 : 2, 50, {}, true, 0.05, 16};
      if (packed)
        shape.starts = {0, 1, 1, 34, 50};
      CellRun run(cell, shape, random);
      run.compute(cells);
      EXPECT_EQ(run.check(), "") << describe(run);
      Cell alone = cell;
      alone.save = alone.packed = false;
      Cells before(alone.source(), isa(), cell.set);
      for (int64_t s = 0; s < run.states(); ++s) {
        int64_t begin = packed ? shape.starts[s] : 0, row = packed ? 0 : s,
                end = packed ? shape.starts[s + 1] : shape.time,
                first = packed ? begin / 16 + s : s * 4;
        for (int64_t chunk = 0; begin + 16 * chunk < end; ++chunk) {
          CellRun::Shape part = {1, 16 * chunk, {}, true, 0};
          CellRun prefix(alone, part, random);
          auto copy = [&](const char *name, bool isState) {
            if (!run.hasOutput(name))
              return;
            Array &from = run.output(name), &to = prefix.output(name);
            to.forEach([&](Index i) {
              Index place = i;
              place[0] = isState ? s : row;
              if (!isState)
                place[1] += begin;
              to.setBits(i, from.bits(place));
            });
          };
          for (const char *name : {"q", "k", "v", "i", "f", "reset"})
            copy(name, false);
          for (const char *name : {"c0", "n0", "m0"})
            copy(name, true);
          prefix.compute(before);
          for (int64_t head = 0; head < cell.heads; ++head) {
            double m = run.output("m_states").get({first + chunk, head, 0}),
                   M = run.output("m_states").get({first + chunk, head, 1});
            if (options.hasStabilizer())
              EXPECT_NEAR(prefix.output("m_last").get({0, head}), M, 1e-4);
            for (int64_t i = 0; i < cell.dqk; ++i) {
              double n = options.hasNormalizer() ? prefix.output("n_last").get({0, head, i}) : 0;
              EXPECT_NEAR(run.output("n_states").get({first + chunk, head, i}) * std::exp(m - M), n,
                          1e-4 * (1 + std::fabs(n)));
              for (int64_t j = 0; j < cell.dv; ++j) {
                double expected = prefix.output("c_last").get({0, head, i, j});
                EXPECT_NEAR(run.output("c_states").get({first + chunk, head, i, j}) *
                                std::exp(m - M),
                            expected, 1e-4 * (1 + std::fabs(expected)));
              }
            }
          }
        }
      }
    }
}

/// Several kernels with small tiles, so that every loop has several iterations, the last of them over
/// an edge.
const std::vector<std::string> smallKernels = {
    "kernels=several", "chunk=32",  "tokens=16",    "rows=16",        "depth=16",
    "dv_slice=16",     "columns=8", "dqk_slice=16", "carry_slice=24", "save_every=64"};

TEST_P(MLSTM, SeveralKernels) {
  for (const MLSTMOptions &options : allOptions()) {
    Cell cell;
    cell.options = options;
    cell.dqk = 40, cell.dv = 30;
    cell.set = smallKernels;
    Cells cells(cell.source(), isa(), cell.set);
    for (int64_t time : {0, 1, 32, 33, 150})
      expectGood(cells, cell, {2, time, {}, true});
    expectGood(cells, cell, {2, 70, {}, false});
  }
}

TEST_P(MLSTM, SeveralKernelsOfAllTypes) {
  for (DType type : {DType::F64, DType::F32, DType::BF16, DType::F16})
    for (std::vector<std::string> set :
         {smallKernels, std::vector<std::string>{"kernels=several"}}) {
      Cell cell;
      cell.type = type;
      cell.heads = 3, cell.dqk = 5, cell.dv = 7;
      cell.set = set;
      Cells cells(cell.source(), isa(), set);
      expectGood(cells, cell, {2, 70, {}});
    }
}

// What is saved every 64 tokens, brought to the cell's m, is the last state of the tokens before.
TEST_P(MLSTM, SeveralKernelsSaveStates) {
  for (const MLSTMOptions &options : {MLSTMOptions(), sigmoid(false)}) {
    Cell cell;
    cell.options = options;
    cell.save = true;
    cell.dqk = 40, cell.dv = 30;
    cell.set = smallKernels;
    Cells cells(cell.source(), isa(), cell.set);
    CellRun run(cell, {2, 150, {}, true, 0, 64}, random);
    run.compute(cells);
    EXPECT_EQ(run.check(), "") << describe(run);
    Cell alone = cell;
    alone.save = false;
    alone.set = {};
    Cells before(alone.source(), isa());
    for (int64_t b = 0; b < 2; ++b)
      for (int64_t chunk = 0; 64 * chunk < 150; ++chunk) {
        CellRun prefix(alone, {1, 64 * chunk, {}}, random);
        for (const char *name : {"q", "k", "v", "i", "f", "c0", "n0", "m0"}) {
          if (!run.hasOutput(name))
            continue;
          Array &from = run.output(name), &to = prefix.output(name);
          to.forEach([&](Index i) {
            Index place = i;
            place[0] = b;
            to.setBits(i, from.bits(place));
          });
        }
        prefix.compute(before);
        int64_t row = 3 * b + chunk;
        for (int64_t head = 0; head < cell.heads; ++head) {
          double m = run.output("m_states").get({row, head, 0}),
                 M = run.output("m_states").get({row, head, 1});
          if (options.hasStabilizer())
            EXPECT_NEAR(prefix.output("m_last").get({0, head}), M, 1e-4);
          for (int64_t i = 0; i < cell.dqk; ++i) {
            double n = options.hasNormalizer() ? prefix.output("n_last").get({0, head, i}) : 0;
            EXPECT_NEAR(run.output("n_states").get({row, head, i}) * std::exp(m - M), n,
                        1e-4 * (1 + std::fabs(n)));
            for (int64_t j = 0; j < cell.dv; ++j) {
              double expected = prefix.output("c_last").get({0, head, i, j});
              EXPECT_NEAR(run.output("c_states").get({row, head, i, j}) * std::exp(m - M), expected,
                          1e-4 * (1 + std::fabs(expected)));
            }
          }
        }
      }
  }
}

// Slices of dv that do not divide it, and chunks of any length.
TEST_P(MLSTM, Schedules) {
  for (const char *form : sequenceForms)
    for (std::vector<std::string> set : {std::vector<std::string>{"chunk=1"},
                                         {"chunk=7", "dv_slice=16"},
                                         {"chunk=100", "dv_slice=5"}}) {
      Cell cell;
      cell.form = form;
      cell.set = set;
      cell.reset = true;
      Cells cells(cell.source(), isa(), set);
      expectGood(cells, cell, {2, 33, {}, true, 0.1});
    }
}

} // namespace

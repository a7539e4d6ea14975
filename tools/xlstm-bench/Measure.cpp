// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-bench/Measure.h"

#include "runtime/src/support/DType.h"
#include "runtime/src/support/Failure.h"
#include "tools/common/Random.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <ctime>

namespace xlstm::tools {
namespace {

constexpr double kSecondsPerCase = 3;

std::string utcNow() {
  std::time_t now = std::time(nullptr);
  std::tm parts;
  gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

/// Extents of an argument at the case's B and T; S, the number of sequences, and R, that of rows of
/// states, are B.
std::vector<int64_t> shapeOf(const xlstm_argument_info &info, const Case &benchCase) {
  std::vector<int64_t> shape(info.shape, info.shape + info.rank);
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    if (!info.symbols[axis])
      continue;
    std::string symbol = info.symbols[axis];
    if (symbol != "B" && symbol != "R" && symbol != "S" && symbol != "T")
      fail(XLSTM_ERROR_INVALID_INPUT, info.name, ": expected the dimensions B, R, S and T, got ",
           symbol);
    shape[axis] = info.added[axis] + (symbol == "T" ? benchCase.length : benchCase.batch);
  }
  return shape;
}

/// A step runs with its states, as in decoding; what else is optional stays away.
bool isGiven(const xlstm_argument_info &info, const Case &benchCase) {
  std::string name = info.name, last = "_last";
  bool isState =
      !name.empty() &&
      (name.back() == '0' || (name.size() > last.size() &&
                              name.compare(name.size() - last.size(), last.size(), last) == 0));
  return !info.optional || (benchCase.isStep() && isState);
}

/// Mean of the random values: n of a running cell is positive.
float meanOf(const std::string &name) { return name == "n0" ? 4.0f : meanOfInput(name); }

/// Standard deviation of the random values of an input: R is drawn so that R h is of order 1.
float deviationOf(const xlstm_argument_info &info) {
  bool isRecurrent = info.name == std::string("r") && info.rank > 0;
  return isRecurrent ? 1 / std::sqrt(static_cast<float>(info.shape[info.rank - 1])) : 1.0f;
}

xlstm_tensor tensorOf(const xlstm_argument_info &info, const std::vector<int64_t> &shape,
                      const Device &device, void *data) {
  xlstm_tensor tensor;
  xlstm_device_info where = device.info();
  check(xlstm_tensor_init(&tensor, data, info.dtype, info.rank, shape.data(), where.kind,
                          where.index));
  return tensor;
}

int64_t elements(const std::vector<int64_t> &shape) {
  int64_t count = 1;
  for (int64_t extent : shape)
    count *= extent;
  return count;
}

/// "f32 [B, T, 3, 5]".
std::string typeText(const xlstm_argument_info &info) {
  std::string text = cat(dtypeName(info.dtype), " [");
  for (int32_t axis = 0; axis < info.rank; ++axis) {
    text += axis ? ", " : "";
    text += info.symbols[axis] ? std::string(info.symbols[axis]) : cat(info.shape[axis]);
  }
  return text + "]";
}

/// A package under a case's name must hold that case's cell: else the row would be mislabelled.
void expectModel(const Package &package, int32_t function, const Case &benchCase) {
  const Model &model = benchCase.model;
  std::string axes = benchCase.isStep() ? "[B, " : "[B, T, ";
  auto expectArgument = [&](const xlstm_argument_info &info, const std::string &gates,
                            int64_t size) {
    std::string expected = cat(model.dtype, " ", axes, gates, model.heads, ", ", size, "]"),
                got = typeText(info);
    if (got != expected)
      fail(XLSTM_ERROR_INVALID_INPUT, benchCase.function, ": ", info.name, ": expected ", expected,
           ", got ", got);
  };
  xlstm_function_info info = package.function(function);
  for (int32_t i = 0; i < info.inputs; ++i) {
    xlstm_argument_info argument = package.input(function, i);
    std::string name = argument.name;
    if (name == "q" || name == "k" || name == "v")
      expectArgument(argument, "", name == "v" ? model.dv : model.dqk);
    else if (name == "wx")
      expectArgument(argument, cat(model.inputGates(), ", "), model.dqk);
  }
  auto attributes = nlohmann::json::parse(info.attributes, nullptr, false);
  if (!attributes.is_object())
    return;
  auto expectAttribute = [&](const char *key, const std::string &expected) {
    auto found = attributes.find(key);
    if (found != attributes.end() && *found != expected)
      fail(XLSTM_ERROR_INVALID_INPUT, benchCase.function, ": ", key, ": expected ", expected,
           ", got ", oneLine(found->dump()));
  };
  expectAttribute("kind", model.kind);
  if (model.isMLSTM())
    expectAttribute("input_gate", model.gate);
}

} // namespace

Bench::Bench(const BenchOptions &options)
    : options(options),
      device(options.device, options.deviceIndex, xlstm_device_options{options.threads}),
      stream(device) {}

const std::vector<char> &Bench::drawn(const xlstm_argument_info &info, int64_t count) {
  std::vector<char> &values = host[cat(info.name, " ", dtypeName(info.dtype), " ", count)];
  if (values.empty()) {
    values.resize(static_cast<size_t>(count) * dtypeSize(info.dtype));
    fillNormal(values.data(), count, info.dtype, info.name, /*seed=*/0, meanOf(info.name),
               deviationOf(info));
  }
  return values;
}

Buffer Bench::makeInput(const xlstm_argument_info &info, int64_t count) {
  constexpr int64_t kDrawn = 1 << 24; // then they repeat
  size_t all = static_cast<size_t>(count) * dtypeSize(info.dtype);
  const std::vector<char> &values = drawn(info, std::min(count, kDrawn));
  Buffer buffer(device, all);
  for (size_t done = 0; done < all; done += values.size())
    check(xlstm_device_upload(device.get(), static_cast<char *>(buffer.data()) + done,
                              values.data(), std::min(values.size(), all - done), stream.get()));
  stream.synchronize();
  return buffer;
}

Bench::Input &Bench::keptInput(const xlstm_argument_info &info, const Case &benchCase) {
  int64_t count = elements(shapeOf(info, benchCase));
  Input &kept = inputs[cat(info.name, " ", dtypeName(info.dtype), " ", count)];
  if (!kept.buffer.data() && count > 0)
    kept.buffer = makeInput(info, count);
  kept.used = true;
  return kept;
}

void Bench::fill(Tensors &tensors, const Package &package, int32_t function, const Case &benchCase,
                 bool inPlace) {
  xlstm_function_info info = package.function(function);
  tensors.storage.resize(static_cast<size_t>(info.inputs + info.outputs));
  std::map<std::string, const xlstm_tensor *> updated; // inputs that outputs are written over
  for (int32_t i = 0; i < info.outputs && inPlace; ++i)
    if (xlstm_argument_info argument = package.output(function, i); argument.in_place)
      updated[argument.in_place] = nullptr;
  for (int32_t i = 0; i < info.inputs; ++i) {
    xlstm_argument_info argument = package.input(function, i);
    xlstm_tensor &tensor = tensors.storage[static_cast<size_t>(i)];
    bool given = isGiven(argument, benchCase);
    if (given) {
      std::vector<int64_t> shape = shapeOf(argument, benchCase);
      void *data = nullptr;
      if (updated.count(argument.name)) {
        tensors.memory.push_back(makeInput(argument, elements(shape)));
        data = tensors.memory.back().data();
        updated[argument.name] = &tensor;
      } else {
        data = keptInput(argument, benchCase).buffer.data();
      }
      tensor = tensorOf(argument, shape, device, data);
    }
    tensors.inputs.push_back(given ? &tensor : nullptr);
  }
  for (int32_t i = 0; i < info.outputs; ++i) {
    xlstm_argument_info argument = package.output(function, i);
    xlstm_tensor &tensor = tensors.storage[static_cast<size_t>(info.inputs + i)];
    bool given = isGiven(argument, benchCase);
    auto source = updated.find(argument.in_place ? argument.in_place : "");
    if (given && source != updated.end() && source->second) {
      tensor = *source->second;
    } else if (given) {
      std::vector<int64_t> shape = shapeOf(argument, benchCase);
      tensors.memory.emplace_back(device,
                                  static_cast<size_t>(elements(shape)) * dtypeSize(argument.dtype));
      tensor = tensorOf(argument, shape, device, tensors.memory.back().data());
    }
    tensors.outputs.push_back(given ? &tensor : nullptr);
  }
}

void Bench::run(Row &row, const std::string &path, const std::string &target) {
  const Case &benchCase = row.benchCase;
  Package package(path);
  Function function(package, benchCase.function, device, target.empty() ? nullptr : target.c_str());
  int32_t index = function.index();
  expectModel(package, index, benchCase);

  // Decoding on a GPU: enough sequences that their states do not fit in a cache.
  bool decodes =
      device.info().kind == XLSTM_CUDA && benchCase.model.isMLSTM() && benchCase.isStep();
  size_t copies = 1;
  if (decodes) {
    constexpr double kBytes = 256e6;
    const Model &model = benchCase.model;
    double state = static_cast<double>(benchCase.batch * model.heads) * benchCase.bytes() / 2;
    copies = static_cast<size_t>(std::ceil(kBytes / state));
  }
  std::vector<Tensors> sets(copies);
  for (Tensors &tensors : sets)
    fill(tensors, package, index, benchCase, decodes);
  for (auto it = inputs.begin(); it != inputs.end();) // of earlier, differently sized cases
    it = it->second.used ? std::next(it) : inputs.erase(it);
  Buffer workspace;
  if (size_t bytes = function.workspaceSize(sets[0].inputs, sets[0].outputs))
    workspace = Buffer(device, bytes);

  xlstm_implementation_info chosen = package.implementation(index, function.implementation());
  row.target = chosen.target;
  row.isa = chosen.isa;
  row.schedule = chosen.schedule;
  row.packageVersion = xlstm_package_tool_version(package.get());
  TimingOptions timing;
  timing.batchShort = true;
  if (options.iterations)
    timing.iterations = options.iterations;
  else
    timing.seconds = kSecondsPerCase;
  if (decodes) // whole turns through the sets
    timing.graphLaunches = static_cast<int64_t>((20 + copies - 1) / copies * copies);
  size_t turn = 0;
  row.timing = timeRuns(
      device, stream,
      [&] {
        const Tensors &tensors = sets[turn++ % copies];
        function.run(tensors.inputs, tensors.outputs, workspace, stream);
      },
      timing);
}

Row Bench::failed(const Suite &suite, const Case &benchCase, const std::string &target,
                  xlstm_status failure, const std::string &text) {
  if (status == XLSTM_OK) {
    status = failure;
    message = cat(benchCase.name(), ": ", text);
  }
  Row row{&suite, benchCase, device.info(), utcNow(), target, "", "", "", std::nullopt, text};
  return row;
}

Row Bench::measure(const Suite &suite, const Case &benchCase, const std::string &package,
                   const std::string &target) {
  Row row{&suite, benchCase, device.info(), utcNow(), target, "", "", "", std::nullopt, ""};
  for (auto &[name, kept] : inputs)
    kept.used = false;
  try {
    run(row, package, target);
    return row;
  } catch (const Failure &failure) {
    return failed(suite, benchCase, target, failure.status(), cat(package, ": ", failure.what()));
  } catch (const RuntimeError &error) {
    return failed(suite, benchCase, target, error.status(), error.what());
  } catch (const std::bad_alloc &) {
    return failed(suite, benchCase, target, XLSTM_ERROR_OUT_OF_MEMORY, "out of host memory");
  }
}

} // namespace xlstm::tools

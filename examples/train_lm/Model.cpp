// SPDX-License-Identifier: Apache-2.0
#include "examples/train_lm/Model.h"

#include "runtime/src/safetensors/Safetensors.h"
#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

namespace xlstm::example {
namespace {

bool endsWith(const std::string &text, const std::string &end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

/// Values from 3 to 6 over a vector: units that forget soon and units that remember long.
void spread(float *values, size_t count) {
  for (size_t k = 0; k < count; ++k)
    values[k] = 3 + 3 * static_cast<float>(k) / static_cast<float>(std::max<size_t>(1, count - 1));
}

/// Weights of norms are stored as w of 1 + w. Gates begin open for long memory, and without a
/// dependence on the input; the recurrence begins at zero.
void initialize(const std::string &name, Tensor &value, std::mt19937 &random) {
  const std::vector<int64_t> &shape = value.shape;
  float *values = value.floats();
  auto normal = [&](double deviation) {
    std::normal_distribution<double> draw(0, deviation);
    for (size_t k = 0; k < value.size(); ++k)
      values[k] = static_cast<float>(draw(random));
  };
  if (endsWith(name, "learnable_skip"))
    return std::fill_n(values, value.size(), 1.0f), void();
  if (endsWith(name, "mlstm_cell.fgate.bias"))
    return spread(values, value.size());
  if (endsWith(name, "mlstm_cell.igate.bias"))
    return normal(0.1);
  if (endsWith(name, "slstm_cell.b")) { // [i f z o, heads, units]
    for (int64_t head = 0; head < shape[1]; ++head)
      spread(values + (shape[1] + head) * shape[2], static_cast<size_t>(shape[2]));
    return;
  }
  if (shape.size() < 2 || endsWith(name, "slstm_cell.r") || contains(name, "mlstm_cell."))
    return; // zero
  normal(std::sqrt(contains(name, "conv1d") ? 1.0 / static_cast<double>(shape.back())
                                            : 0.4 / static_cast<double>(shape.back())));
}

} // namespace

Tensor::Tensor(const Device &device, xlstm_dtype dtype, const std::vector<int64_t> &shape)
    : shape(shape) {
  for (int64_t extent : shape)
    count *= static_cast<size_t>(extent);
  buffer = Buffer(device, count * xlstm_dtype_size(dtype));
  std::fill_n(static_cast<char *>(buffer.data()), buffer.size(), '\0');
  check(xlstm_tensor_init(&view, buffer.data(), dtype, static_cast<int32_t>(shape.size()),
                          shape.data(), XLSTM_CPU, 0));
}

Model::Model(const Device &device, const std::string &path, int64_t batch, int64_t length,
             int64_t pieceRows, std::mt19937 &random)
    : device(device), package(path), path(path), stream(device),
      tokenTensor(device, XLSTM_I32, {batch, length}),
      targetTensor(device, XLSTM_I32, {batch, length}), lossTensor(device, XLSTM_F32, {1}) {
  readParameters(random);
  Named given = parametersByName();
  given["tokens"] = &tokenTensor.view;
  given["targets"] = &targetTensor.view;
  given["loss"] = &lossTensor.view;
  lossPass = bind("loss", given, device);
  if (size_t bytes = lossPass.function->workspaceSize(lossPass.inputs, lossPass.outputs))
    lossPass.workspace = Buffer(device, bytes);
  makePieces(batch, length, pieceRows);
  makeWorkers();
}

Model::Named Model::parametersByName() const {
  Named given;
  for (const Parameter &parameter : parameters)
    given[parameter.name] = &parameter.value.view;
  return given;
}

void Model::makePieces(int64_t batch, int64_t length, int64_t pieceRows) {
  for (int64_t first = 0; first < batch; first += pieceRows) {
    int64_t rows = std::min(pieceRows, batch - first), shape[] = {rows, length};
    Piece piece{rows, {}, {}, Tensor(device, XLSTM_F32, {1}), {}};
    check(xlstm_tensor_init(&piece.tokens, tokens() + first * length, XLSTM_I32, 2, shape,
                            XLSTM_CPU, 0));
    check(xlstm_tensor_init(&piece.targets, targets() + first * length, XLSTM_I32, 2, shape,
                            XLSTM_CPU, 0));
    for (const Parameter &parameter : parameters)
      piece.gradients.emplace_back(device, XLSTM_F32, parameter.value.shape);
    pieces.push_back(std::move(piece));
  }
}

/// Where there are more threads than pieces, several run the kernels of one.
void Model::makeWorkers() {
  int32_t all = device.info().threads, count = std::min(all, static_cast<int32_t>(pieces.size()));
  for (int32_t thread = 0; thread < count; ++thread) {
    workers.push_back(std::make_unique<Worker>(all / count));
    Worker &worker = *workers.back();
    size_t bytes = 0;
    for (const Piece &piece : pieces) {
      Named given = parametersByName();
      given["tokens"] = &piece.tokens;
      given["targets"] = &piece.targets;
      given["loss"] = &piece.loss.view;
      for (size_t p = 0; p < parameters.size(); ++p)
        given["grad." + parameters[p].name] = &piece.gradients[p].view;
      worker.passes.push_back(bind("loss_grad", given, worker.device));
      Pass &pass = worker.passes.back();
      bytes = std::max(bytes, pass.function->workspaceSize(pass.inputs, pass.outputs));
    }
    if (bytes)
      worker.workspace = Buffer(worker.device, bytes);
  }
  threads = std::make_unique<Team>(static_cast<size_t>(count));
}

void Model::readParameters(std::mt19937 &random) {
  int32_t function = package.findFunction("loss_grad");
  for (int32_t i = 0; i < package.function(function).inputs; ++i) {
    xlstm_argument_info info = package.input(function, i);
    std::string name = info.name;
    if (name == "tokens" || name == "targets")
      continue;
    std::vector<int64_t> shape(info.shape, info.shape + info.rank);
    if (info.dtype != XLSTM_F32 || std::count(shape.begin(), shape.end(), -1) ||
        contains(name, "mlstm_layer."))
      fail(XLSTM_ERROR_INVALID_INPUT, path, ": loss_grad: ", name,
           ": expected an f32 parameter of an mlstm_block or slstm_block, got another tensor");
    parameters.push_back(
        {name, Tensor(device, XLSTM_F32, shape), Tensor(device, XLSTM_F32, shape)});
    initialize(name, parameters.back().value, random);
  }
  int32_t step = package.findFunction("step");
  for (int32_t i = 0; i < package.function(step).outputs; ++i)
    if (package.output(step, i).name == std::string("logits"))
      logitCount = package.output(step, i).shape[1];
}

Model::Pass Model::bind(const std::string &name, const Named &given, const Device &on) {
  Pass pass;
  pass.function = std::make_unique<Function>(package, name, on);
  int32_t index = pass.function->index();
  auto add = [&](const xlstm_argument_info &info, Function::Tensors &tensors) {
    auto found = given.find(info.name);
    if (found == given.end() && !info.optional)
      fail(XLSTM_ERROR_INVALID_INPUT, path, ": ", name, ": ", info.name,
           ": expected tokens, targets, a parameter, a state or a gradient, got another name");
    tensors.push_back(found == given.end() ? nullptr : found->second);
  };
  for (int32_t i = 0; i < package.function(index).inputs; ++i)
    add(package.input(index, i), pass.inputs);
  for (int32_t i = 0; i < package.function(index).outputs; ++i)
    add(package.output(index, i), pass.outputs);
  return pass;
}

float Model::loss() {
  lossPass.function->run(lossPass.inputs, lossPass.outputs, lossPass.workspace, stream);
  return lossTensor.floats()[0];
}

float Model::lossAndGradients() {
  threads->run(pieces.size(), [&](size_t thread, size_t n) {
    Worker &worker = *workers[thread];
    Pass &pass = worker.passes[n];
    pass.function->run(pass.inputs, pass.outputs, worker.workspace, worker.stream);
  });
  // Every target counts, so that means over pieces weigh as much as these have sequences.
  double loss = 0;
  std::vector<float> weights;
  for (const Piece &piece : pieces) {
    double weight = static_cast<double>(piece.rows) / static_cast<double>(tokenTensor.shape[0]);
    weights.push_back(static_cast<float>(weight));
    loss += weight * static_cast<double>(piece.loss.floats()[0]);
  }
  threads->run(parameters.size(), [&](size_t, size_t p) {
    float *sum = parameters[p].gradient.floats();
    size_t count = parameters[p].gradient.size();
    for (size_t n = 0; n < pieces.size(); ++n) {
      const float *part = pieces[n].gradients[p].floats();
      for (size_t k = 0; k < count; ++k)
        sum[k] = (n ? sum[k] : 0.0f) + weights[n] * part[k];
    }
  });
  return static_cast<float>(loss);
}

std::string Model::sample(const std::string &prompt, int64_t count, float temperature,
                          std::mt19937 &random) {
  Tensor tokens(device, XLSTM_I32, {1, static_cast<int64_t>(prompt.size())}),
      token(device, XLSTM_I32, {1}), logits(device, XLSTM_F32, {1, logitCount});
  for (size_t k = 0; k < prompt.size(); ++k)
    tokens.integers()[k] = static_cast<unsigned char>(prompt[k]);
  // Each step reads one set of states and writes the other.
  std::map<std::string, Tensor> states[2];
  int32_t step = package.findFunction("step");
  for (int32_t i = 0; i < package.function(step).outputs; ++i) {
    xlstm_argument_info info = package.output(step, i);
    if (info.name == std::string("logits"))
      continue;
    std::vector<int64_t> shape(info.shape, info.shape + info.rank);
    shape[0] = 1;
    for (auto &set : states)
      set.emplace(info.name, Tensor(device, info.dtype, shape));
  }
  Named shared = parametersByName();
  shared["logits"] = &logits.view;
  // The names of states are inputs and outputs; bind() takes one tensor of a name.
  auto bindStep = [&](const std::string &name, const xlstm_tensor *read, int from, int to) {
    Named given(shared);
    given["tokens"] = read;
    if (to >= 0)
      for (auto &[state, tensor] : states[to])
        given[state] = &tensor.view;
    Pass pass = bind(name, given, device);
    int32_t index = pass.function->index();
    for (size_t i = 0; i < pass.inputs.size(); ++i) {
      auto found = states[0].find(package.input(index, static_cast<int32_t>(i)).name);
      if (found != states[0].end())
        pass.inputs[i] = from < 0 ? nullptr : &states[from].at(found->first).view;
    }
    if (size_t bytes = pass.function->workspaceSize(pass.inputs, pass.outputs))
      pass.workspace = Buffer(device, bytes);
    return pass;
  };
  Pass read = bindStep("prefill", &tokens.view, -1, 0);
  Pass steps[2] = {bindStep("step", &token.view, 0, 1), bindStep("step", &token.view, 1, 0)};
  read.function->run(read.inputs, read.outputs, read.workspace, stream);
  std::string text = prompt;
  std::vector<double> weights(static_cast<size_t>(logitCount));
  for (int64_t n = 0; n < count; ++n) {
    const float *scores = logits.floats();
    float largest = *std::max_element(scores, scores + logitCount);
    for (size_t k = 0; k < weights.size(); ++k)
      weights[k] = std::exp(static_cast<double>((scores[k] - largest) / temperature));
    int drawn = std::discrete_distribution<int>(weights.begin(), weights.end())(random);
    text += static_cast<char>(drawn);
    token.integers()[0] = drawn;
    Pass &pass = steps[n % 2];
    pass.function->run(pass.inputs, pass.outputs, pass.workspace, stream);
  }
  return text;
}

void Model::save(const std::string &folder, const std::string &config) const {
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(config, folder + "/config.json",
                             std::filesystem::copy_options::overwrite_existing);
  std::vector<safetensors::TensorView> tensors;
  for (const Parameter &parameter : parameters) {
    safetensors::TensorView &view = tensors.emplace_back();
    view.name = parameter.name;
    view.shape = parameter.value.shape;
    view.data = parameter.value.floats();
  }
  safetensors::write(folder + "/model.safetensors", tensors);
}

} // namespace xlstm::example

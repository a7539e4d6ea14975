// SPDX-License-Identifier: Apache-2.0
// Launches that are products and may be another library's.
#include "runtime/src/Plan.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <map>

namespace xlstm {
namespace {

/// The tensor as a matrix: its leading axes are rows, so many elements apart. None if they are not
/// at one distance, or if elements of a row are not neighbours.
struct Matrix {
  int64_t rows, columns, stride;
};
std::optional<Matrix> asMatrix(const xlstm_tensor &tensor) {
  if (tensor.rank < 1)
    return std::nullopt;
  int last = tensor.rank - 1;
  Matrix matrix{1, tensor.shape[last], 0};
  if (matrix.columns > 1 && tensor.strides[last] != 1)
    return std::nullopt;
  for (int axis = last - 1; axis >= 0; --axis) {
    if (tensor.shape[axis] == 1)
      continue;
    if (matrix.rows == 1)
      matrix.stride = tensor.strides[axis];
    else if (tensor.strides[axis] != matrix.rows * matrix.stride)
      return std::nullopt;
    matrix.rows *= tensor.shape[axis];
  }
  if (matrix.rows == 1)
    matrix.stride = matrix.columns;
  return matrix;
}

constexpr uintptr_t kProductAlignment = 16;

/// Events and a stream's worth of memory, given back whatever happens.
class Timer {
public:
  explicit Timer(Device &device, size_t bytes)
      : device(device), memory(static_cast<char *>(device.allocate(bytes))),
        begin(device.createEvent()), end(device.createEvent()) {}
  Timer(const Timer &) = delete;
  Timer &operator=(const Timer &) = delete;
  ~Timer() {
    device.destroyEvent(begin);
    device.destroyEvent(end);
    device.release(memory);
  }
  template <typename Body> double milliseconds(void *stream, Body body) {
    device.recordEvent(begin, stream);
    body();
    device.recordEvent(end, stream);
    return device.elapsed(begin, end);
  }

  Device &device;
  char *memory;

private:
  void *begin, *end;
};

} // namespace

std::optional<ImplementationPlan::Product>
ImplementationPlan::compile(const package::Launch &launch) {
  if (!launch.product)
    return std::nullopt;
  auto find = [&](const std::string &name) {
    for (size_t a = 0; a < launch.args.size(); ++a)
      if (launch.args[a].kind == package::Argument::Kind::Pointer && launch.args[a].tensor == name)
        return static_cast<int>(a);
    return -1;
  };
  Product product{find(launch.product->x), {}, {}, -1, -1};
  for (const std::string &name : launch.product->weights)
    product.weights.push_back(find(name));
  for (const std::string &name : launch.product->results)
    product.results.push_back(find(name));
  if (!launch.product->residual.empty())
    product.residual = find(launch.product->residual);
  if (!launch.product->bias.empty())
    product.bias = find(launch.product->bias);
  return product;
}

bool PreparedLaunches::hasProducts() const {
  return std::any_of(plan.launches.begin(), plan.launches.end(),
                     [](const auto &launch) { return launch.product.has_value(); });
}

std::optional<ProductShape> PreparedLaunches::shapeOf(size_t launch, TensorList given) const {
  const auto &compiled = plan.launches[launch];
  auto matrixOf = [&](int argument, DType &dtype) -> std::optional<Matrix> {
    const auto &arg = compiled.args[argument];
    if (arg.tensor < 0) {
      xlstm_tensor tensor = workspaceTensor(arg.workspace, nullptr);
      dtype = tensor.dtype;
      return asMatrix(tensor);
    }
    if (!given[arg.tensor])
      return std::nullopt;
    dtype = given[arg.tensor]->dtype;
    return asMatrix(*given[arg.tensor]);
  };
  const auto &product = *compiled.product;
  ProductShape shape;
  DType weightType, otherType;
  auto x = matrixOf(product.x, shape.input);
  auto w = matrixOf(product.weights[0], weightType);
  auto y = matrixOf(product.results[0], shape.result);
  if (!x || !w || !y || weightType != shape.input || x->columns != w->columns ||
      w->rows != y->columns || x->rows != y->rows || x->rows < 1)
    return std::nullopt;
  shape.m = x->rows, shape.n = w->rows, shape.k = x->columns;
  shape.xStride = x->stride, shape.wStride = w->stride, shape.yStride = y->stride;
  shape.weights = static_cast<int64_t>(product.weights.size());
  for (size_t i = 1; i < product.weights.size(); ++i) {
    auto other = matrixOf(product.weights[i], weightType);
    auto result = matrixOf(product.results[i], otherType);
    if (!other || !result || weightType != shape.input || otherType != shape.result ||
        other->rows != w->rows || other->columns != w->columns || other->stride != w->stride ||
        result->stride != y->stride)
      return std::nullopt;
  }
  if (product.residual >= 0) {
    auto residual = matrixOf(product.residual, otherType);
    if (!residual || otherType != shape.result || residual->rows != y->rows ||
        residual->columns != y->columns)
      return std::nullopt;
    shape.hasResidual = true;
    shape.residualStride = residual->stride;
  }
  if (product.bias >= 0) {
    auto bias = matrixOf(product.bias, otherType);
    if (!bias || otherType != shape.result || bias->rows != 1 || bias->columns != shape.n)
      return std::nullopt;
    shape.hasBias = true;
  }
  return shape;
}

void PreparedLaunches::describeProducts(TensorList given) {
  for (size_t i = 0; i < launches.size(); ++i) {
    Launch &launch = launches[i];
    launch.product.reset();
    launch.inLibrary = false;
    if (!plan.launches[i].product || launch.arguments.blocks <= 0 || plan.launches[i].prepare)
      continue;
    launch.product = shapeOf(i, given);
    // plan() keeps what it finds, so that a run allocates nothing.
    launch.inLibrary = launch.product && products && products->usesLibrary(*launch.product) &&
                       products->of().plan(*launch.product);
  }
}

void PreparedLaunches::runProduct(size_t index, ProductLibrary &library, void *stream) const {
  const auto &product = *plan.launches[index].product;
  auto pointer = [&](int argument) {
    return argument < 0
               ? nullptr
               : reinterpret_cast<void *>(static_cast<intptr_t>(launches[index].values[argument]));
  };
  ProductOperands operands;
  operands.x = pointer(product.x);
  operands.residual = pointer(product.residual);
  operands.bias = pointer(product.bias);
  for (size_t w = 0; w < product.weights.size(); ++w) {
    operands.weight = pointer(product.weights[w]);
    operands.y = pointer(product.results[w]);
    library.run(*launches[index].product, operands, stream);
  }
}

void PreparedLaunches::launchOne(size_t index, Program &program, bool first, void *stream) const {
  const Launch &launch = launches[index];
  bool aligned = true;
  for (size_t a = 0; launch.inLibrary && a < launch.values.size(); ++a)
    if (plan.launches[index].args[a].kind == package::Argument::Kind::Pointer)
      aligned &= static_cast<uintptr_t>(launch.values[a]) % kProductAlignment == 0;
  if (launch.inLibrary && aligned)
    return runProduct(index, products->of(), stream);
  LaunchArguments arguments = launch.arguments;
  arguments.first = first;
  program.launch(index, arguments, stream);
}

/// Launches of one shape run one after the other, as they do in a model: each has weights of its
/// own, which the cache does not hold from one round to the next. Only launches that write to the
/// workspace are timed: what callers gave stays untouched.
void PreparedLaunches::timeProducts(Program &program, ProductChoice &choice, void *stream) {
  std::map<ProductShape, std::vector<size_t>> groups;
  for (size_t i = 0; i < launches.size(); ++i) {
    if (!launches[i].product || choice.isTimed(*launches[i].product))
      continue;
    const auto &compiled = plan.launches[i];
    bool ownResults = std::all_of(compiled.product->results.begin(),
                                  compiled.product->results.end(), [&](int argument) {
                                    int buffer = compiled.args[argument].workspace;
                                    return buffer >= 0 && plan.workspace[buffer].argument < 0;
                                  });
    if (ownResults)
      groups[*launches[i].product].push_back(i);
  }
  if (groups.empty())
    return;
  Timer timer(*device, workspaceBytes());
  // Small numbers, not zeros: a multiplier of zeros takes less power, and its clock is higher.
  device->fill(timer.memory, 0x3c, workspaceBytes(), stream);
  setWorkspace(timer.memory);
  for (auto &[shape, members] : groups) {
    const std::vector<size_t> &list = members;
    auto ours = [&] {
      for (size_t i : list) {
        LaunchArguments arguments = launches[i].arguments;
        arguments.first = i == list[0];
        program.launch(i, arguments, stream);
      }
    };
    auto theirs = [&] {
      for (size_t i : list)
        runProduct(i, choice.of(), stream);
    };
    bool canBeTheirs = choice.of().plan(shape);
    ours();
    if (canBeTheirs)
      theirs();
    // The least of some rounds, in turn: what disturbs one of them makes it longer.
    constexpr int rounds = 7;
    double least[2] = {1e30, 1e30};
    for (int round = 0; round < rounds; ++round) {
      least[0] = std::min(least[0], timer.milliseconds(stream, ours));
      if (canBeTheirs)
        least[1] = std::min(least[1], timer.milliseconds(stream, theirs));
    }
    double count = static_cast<double>(list.size());
    choice.add(shape, least[0] / count,
               canBeTheirs ? std::optional<double>(least[1] / count) : std::nullopt);
  }
  device->synchronize(stream);
  placed = false; // the memory goes back
}

} // namespace xlstm

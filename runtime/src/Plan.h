// SPDX-License-Identifier: Apache-2.0
// From tensors to launches: resolves the run-time dimensions of a function from the tensors at
// hand, checks layouts, and fills grids and kernel arguments. Knows no device.
//
//   FunctionPlan        names turned into indices, once per bound function; immutable
//   ImplementationPlan  the same for one implementation
//   Dimensions          values of the run-time dimensions for one set of tensors
//   PreparedLaunches    storage for the arguments of one implementation; filling it allocates
//   nothing
#ifndef XLSTM_RUNTIME_PLAN_H
#define XLSTM_RUNTIME_PLAN_H

#include "runtime/src/Device.h"
#include "runtime/src/Products.h"
#include "runtime/src/package/Manifest.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace xlstm {

/// The largest number of blocks, extent or number of bytes.
constexpr int64_t kMaxProduct = int64_t(1) << 62;

/// Whether a tensor has no elements.
inline bool isEmpty(const xlstm_tensor &tensor) {
  return std::find(tensor.shape, tensor.shape + tensor.rank, 0) != tensor.shape + tensor.rank;
}

/// A factor with its dimension as an index, -1 for a number.
struct PlanFactor {
  int64_t value;
  int dim;
  int64_t ceilDiv;
  int64_t add;
};
using PlanProduct = std::vector<PlanFactor>;
using PlanSum = std::vector<PlanProduct>;

/// Values of a function's run-time dimensions, with the tensor that gave each.
struct Dimensions {
  struct Value {
    int64_t extent = -1; ///< -1: not known
    int tensor = -1;
    int axis = 0;
  };
  std::vector<Value> values;
};

/// One tensor per argument, inputs first; nullptr for an absent one.
using TensorList = const xlstm_tensor *const *;

class FunctionPlan {
public:
  explicit FunctionPlan(const package::Function &function);

  const package::Function &function() const { return source; }
  int inputCount() const { return static_cast<int>(source.inputs.size()); }
  int tensorCount() const { return static_cast<int>(tensors.size()); }
  const package::Tensor &tensor(int index) const { return *tensors[index]; }
  /// Index by name, -1 if there is none.
  int findTensor(const std::string &name) const;
  int findDim(const std::string &name) const;
  PlanProduct compile(const package::Product &product) const;
  PlanSum compile(const package::Sum &sum) const;

  Dimensions makeDimensions() const;
  /// Fills `dims` from the tensors in [0, count). Throws Failure(INVALID_INPUT) that names the
  /// tensor for a missing argument, a wrong type, rank, extent, stride or device, or two tensors
  /// that contradict.
  void resolve(TensorList given, int count, const xlstm_device_info &device,
               Dimensions &dims) const;
  /// Value of a product or a sum of products. A dimension that only absent optional tensors have is
  /// 0. Throws if another one is open or the value exceeds 2^62; `what` begins the message.
  int64_t evaluate(const PlanProduct &product, const Dimensions &dims, const char *what) const;
  int64_t evaluate(const PlanSum &sum, const Dimensions &dims, const char *what) const;
  /// Reads cu_seqlens, where that is given, in host memory. Throws Failure(INVALID_INPUT) unless it
  /// begins with 0, does not decrease, and ends with T: kernels rely on it.
  void checkBoundaries(TensorList given, const Dimensions &dims) const;
  /// Reads slots, where they are given, in host memory: each has to be at least 0 and less than R.
  void checkSlots(TensorList given, const Dimensions &dims) const;
  /// Shape of a tensor for known dimensions.
  void shape(int tensor, const Dimensions &dims, int64_t *out) const;

private:
  void check(int index, const xlstm_tensor &given, const xlstm_device_info &device) const;
  void bind(int index, int axis, int64_t extent, Dimensions &dims) const;
  void derive(TensorList given, Dimensions &dims) const;
  void deriveParts(size_t number, Dimensions &dims) const;
  void checkInPlace(TensorList given) const;

  const package::Function &source;
  std::vector<const package::Tensor *> tensors;
  std::vector<PlanProduct> shapes; // one factor per axis
  std::vector<std::string> dimNames;
  std::vector<char> dimRequired;             // some tensor that is not optional has it
  std::vector<int> unless;                   // of a derived dimension: a tensor, -1: none
  std::vector<std::vector<int>> derivedDims; // the dimension, then its sources or what is cut
  std::vector<PlanProduct> partBlocks;       // of dimensions that are numbers of parts
};

class ImplementationPlan {
public:
  ImplementationPlan(const FunctionPlan &function, const package::Implementation &implementation);

  /// Whether the kernels are for tensors of these extents and can read them as they lie in memory;
  /// `reason` is filled when not.
  bool accepts(TensorList given, const Dimensions &dims, std::string *reason) const;

  const package::Implementation &implementation() const { return source; }

private:
  friend class PreparedLaunches;
  struct Arg {
    package::Argument::Kind kind;
    int tensor;    // -1: workspace
    int workspace; // index, when tensor is -1
    int axis;
    const package::Argument *source;
  };
  /// package::MatrixProduct as indices of arguments, -1 for none.
  struct Product {
    int x;
    std::vector<int> weights, results;
    int residual, bias;
  };
  struct Launch {
    PlanProduct grid;
    std::vector<Arg> args;
    bool prepare;
    std::optional<Product> product;
  };
  /// How the kernels use a tensor.
  struct Use {
    int tensor;
    int64_t align;  // of the address and of all strides but the last, in bytes
    bool tensorMap; // the last axis must be contiguous
    uint32_t
        freeAxes; // bit a: the stride of axis a is an argument of every launch that uses the tensor
    bool absent;  // the kernels ignore the tensor: it must not be given
    int merged;   // first axes that count as one
  };
  struct Buffer {
    PlanSum bytes;              // without a shape
    int64_t elementBytes;       // with one
    std::vector<PlanSum> shape; // extent of each axis
    int root = -1;              // of a view of a buffer: that one
    int argument = -1;          // of a view of an argument: that tensor
    size_t first = 0, last = 0; // launches that take it or a view of it
    bool prepared = false;      // a launch that prepares takes it or a view of it
  };
  void connectViews();
  static std::optional<Product> compile(const package::Launch &launch);
  const FunctionPlan &function;
  const package::Implementation &source;
  std::vector<Launch> launches;
  std::vector<Use> uses;
  std::vector<Buffer> workspace;
  std::vector<int> whenDims; // of the ranges, as indices
};

/// Arguments of one implementation for one set of tensors.
class PreparedLaunches {
public:
  explicit PreparedLaunches(const ImplementationPlan &plan);
  /// Fills everything but workspace addresses. What is computed from parameters alone is in the
  /// workspace, or, if there is one, in the memory `prepared`. Throws Failure.
  void prepare(TensorList given, const Dimensions &dims, Device &device, char *prepared = nullptr);
  /// Sets the workspace addresses; `base` is 256-byte aligned.
  void setWorkspace(char *base);
  /// Runs all launches, or, with prepared memory, all but those that fill it.
  void run(Program &program, void *stream) const;
  /// Runs those that fill it. setWorkspace comes after.
  void fillPrepared(Program &program, void *stream);
  /// Times each product of other shape, for the tensors of the last preparation, here and in the
  /// library of `choice`, and keeps there what is faster. Takes memory of its own for the workspace,
  /// and waits.
  void timeProducts(Program &program, ProductChoice &choice, void *stream);
  /// Whose products later preparations and runs take; null: all are the program's.
  void setProducts(const ProductChoice *choice) { products = choice; }
  size_t workspaceBytes() const { return bytes; }
  size_t preparedBytes() const { return prepared; }
  bool hasProducts() const;
  size_t size() const { return launches.size(); }
  /// Blocks may be 0: then nothing is launched.
  const LaunchArguments &operator[](size_t index) const { return launches[index].arguments; }

private:
  struct alignas(64) TensorMap {
    unsigned char bytes[kTensorMapBytes];
  };
  struct Launch {
    LaunchArguments arguments;
    std::vector<int64_t> values;
    std::vector<TensorMap> maps;
    std::vector<void *> parameters;
    std::optional<ProductShape> product; // that a library can compute
    bool inLibrary = false;              // and does
  };
  void describeProducts(TensorList given);
  std::optional<ProductShape> shapeOf(size_t launch, TensorList given) const;
  void runProduct(size_t launch, ProductLibrary &library, void *stream) const;
  void launchOne(size_t launch, Program &program, bool first, void *stream) const;
  char *address(int buffer, char *base) const;
  /// A workspace buffer as a compact tensor.
  xlstm_tensor workspaceTensor(int index, char *base) const;
  void setAddresses(size_t launch, char *base);
  void launch(bool preparing, Program &program, void *stream) const;
  /// Places the workspace buffers; fills `offsets`, `extents` and `bytes`.
  void layOutWorkspace(const Dimensions &dims);

  const ImplementationPlan &plan;
  std::vector<Launch> launches;
  /// Where a buffer of so many bytes can be, beside those that are placed.
  size_t findPlace(size_t buffer, size_t size);

  std::vector<size_t> offsets;               // of the workspace buffers
  std::vector<size_t> sizes;                 // of the workspace buffers
  std::vector<size_t> neighbours;            // buffers that a new one must not touch, by offset
  std::vector<std::vector<int64_t>> extents; // of the workspace buffers' axes
  size_t bytes = 0, prepared = 0;
  char *preparedBase = nullptr;
  Device *device = nullptr; // of the last preparation; encodes the maps of buffers
  const ProductChoice *products = nullptr;
  char *workspaceBase = nullptr; // what the arguments have …
  bool placed = false;           // … if they have one
};

} // namespace xlstm
#endif

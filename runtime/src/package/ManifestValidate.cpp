// SPDX-License-Identifier: Apache-2.0
// What must hold between the parts of a manifest.
#include "runtime/src/package/Manifest.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <map>
#include <set>

namespace xlstm::package {
namespace {

/// Checks one function against its manifest.
class FunctionCheck {
public:
  FunctionCheck(const Function &function, const std::set<std::string> &blobs,
                const std::string &source, std::string where)
      : function(function), blobs(blobs), source(source), where(std::move(where)) {}

  void run() {
    // Inputs and outputs are named apart: `step` may take c0 and return c_last, never the same
    // name.
    addTensors(function.inputs, "inputs");
    addTensors(function.outputs, "outputs");
    for (const Tensor &output : function.outputs)
      if (!output.with.empty() && !tensor(output.with, cat(where, ".outputs")).optional)
        error(cat(where, ".outputs"), output.name, ": with: expected an optional input, got '",
              output.with, "'");
    for (const Tensor &output : function.outputs)
      if (!output.inPlace.empty() && !isLike(output, output.inPlace))
        error(cat(where, ".outputs"), output.name,
              ": in_place: expected an input of the same type and shape, got '", output.inPlace,
              "'");
    for (const DerivedDim &derived : function.derivedDims) {
      std::string path = cat(where, ".derived_dims");
      if (derived.parts) {
        product({Factor(derived.parts->of)}, path);
        product(derived.parts->blocks, path);
        if (!dims.insert(derived.name).second)
          error(path, "expected a new name, got '", derived.name, "' again");
        if (derived.parts->least < 1 || derived.parts->mostBlocks < 1)
          error(path, derived.name, ": expected least and most_blocks of at least 1");
      }
      if (!derived.factors.empty()) {
        for (const std::string &factor : derived.factors)
          product({Factor(factor)}, path);
        if (!dims.insert(derived.name).second)
          error(path, "expected a new name, got '", derived.name, "' again");
      }
      bool isInput =
          std::any_of(function.inputs.begin(), function.inputs.end(), [&](const Tensor &input) {
            return input.name == derived.unless && input.optional && !derived.sources.empty();
          });
      if (!derived.unless.empty() && !isInput)
        error(path, derived.name, ": unless: expected an optional input, with first_of, got '",
              derived.unless, "'");
      for (const std::string &source : derived.sources)
        if (!dims.count(source) || source == derived.name)
          error(path, derived.name, ": expected dimensions of the function's tensors, got '",
                source, "'");
    }
    for (size_t i = 0; i < function.implementations.size(); ++i)
      implementation(function.implementations[i], cat(where, ".implementations[", i, "]"));
  }

private:
  template <typename... Parts>
  [[noreturn]] void error(const std::string &path, const Parts &...parts) {
    fail(XLSTM_ERROR_INVALID_INPUT, source, ": ", path, ": ", cat(parts...));
  }

  /// Whether `input` is an input with the type and shape of `output`.
  bool isLike(const Tensor &output, const std::string &input) const {
    for (const Tensor &tensor : function.inputs)
      if (tensor.name == input)
        return tensor.dtype == output.dtype && tensor.shape.size() == output.shape.size() &&
               std::equal(tensor.shape.begin(), tensor.shape.end(), output.shape.begin(),
                          [](const Factor &a, const Factor &b) {
                            return a.dim == b.dim && a.value == b.value && a.add == b.add;
                          });
    return false;
  }

  void addTensors(const std::vector<Tensor> &list, const char *kind) {
    for (size_t i = 0; i < list.size(); ++i) {
      const Tensor &tensor = list[i];
      std::string path = cat(where, ".", kind, "[", i, "]");
      if (!tensors.emplace(tensor.name, &tensor).second)
        error(path, "expected a new name, got '", tensor.name, "' again");
      if (tensor.shape.size() > XLSTM_MAX_RANK)
        error(path, "expected a rank of at most ", XLSTM_MAX_RANK, ", got ", tensor.shape.size());
      for (const Factor &extent : tensor.shape) {
        if (!extent.dim.empty())
          dims.insert(extent.dim);
        else if (extent.value < 0)
          error(path, "expected extents of at least 0, got ", extent.value);
      }
    }
  }

  void product(const Product &product, const std::string &path) {
    for (const Factor &factor : product) {
      if (!factor.dim.empty() && !dims.count(factor.dim))
        error(path, "expected a dimension of the function's tensors, got '", factor.dim, "'");
      if (factor.value < 0 || factor.ceilDiv < 1 || factor.add < 0)
        error(path, "expected factors of at least 0");
    }
  }

  void workspace(const Workspace &buffer, const std::string &path) {
    if (!buffer.of.empty()) {
      auto other = workspaces.find(buffer.of);
      bool isBuffer = other != workspaces.end();
      if (isBuffer && (!other->second->of.empty() || other->second->shape.empty()))
        error(path, "of: expected a buffer with a shape that is no view, got '", buffer.of, "'");
      if (!isBuffer && tensor(buffer.of, path).optional)
        error(path, "of: expected an argument that is not optional, got '", buffer.of, "'");
      DType dtype = isBuffer ? other->second->dtype : tensor(buffer.of, path).dtype;
      if (buffer.shape.empty() || dtype != buffer.dtype)
        error(path, "of: expected a shape and the type ", dtypeName(dtype), " of ", buffer.of,
              ", got ", buffer.shape.empty() ? "no shape" : dtypeName(buffer.dtype));
    }
    if (tensors.count(buffer.name) || !workspaces.emplace(buffer.name, &buffer).second)
      error(path, "expected a new name, got '", buffer.name, "' again");
    for (const Product &bytes : buffer.bytes)
      product(bytes, path);
    if (buffer.shape.size() > XLSTM_MAX_RANK)
      error(path, "expected a rank of at most ", XLSTM_MAX_RANK, ", got ", buffer.shape.size());
    for (const Sum &extent : buffer.shape)
      for (const Product &term : extent)
        product(term, path);
  }

  const Tensor &tensor(const std::string &name, const std::string &path) {
    auto found = tensors.find(name);
    if (found == tensors.end())
      error(path, "expected a tensor of the function, got '", name, "'");
    return *found->second;
  }

  void implementation(const Implementation &impl, const std::string &path) {
    bool cpu = impl.target == "cpu";
    GpuTarget gpu;
    if (!cpu && !parseGpuTarget(impl.target, gpu))
      error(path, "target: expected cpu or sm_<capability>, got '", impl.target, "'");
    workspaces.clear();
    for (const Workspace &buffer : impl.workspace)
      workspace(buffer, cat(path, ".workspace"));
    if (impl.launches.empty())
      error(path, "launches: expected at least one, got none");
    for (const DimRange &range : impl.when)
      if (!dims.count(range.dim))
        error(cat(path, ".when"), "expected a dimension of the function's tensors, got '",
              range.dim, "'");
    for (size_t i = 0; i < impl.launches.size(); ++i)
      launch(impl.launches[i], cpu, cat(path, ".launches[", i, "]"));
  }

  void launch(const Launch &launch, bool cpu, const std::string &path) {
    for (const std::string *name : {&launch.blob, &launch.ptx, &launch.cubin})
      if (!name->empty() && !blobs.count(*name))
        error(path, "expected a blob of the package, got '", *name, "'");
    if (cpu ? launch.blob.empty() : launch.ptx.empty() && launch.cubin.empty())
      error(path, cpu ? "expected a blob, got none" : "expected ptx or cubin, got neither");
    if (!cpu && (launch.block < 1 || launch.block > 1024))
      error(path, "block: expected 1 to 1024 threads, got ", launch.block);
    product(launch.grid, cat(path, ".grid"));
    for (const Requirement &requirement : launch.requirements) {
      tensor(requirement.tensor, cat(path, ".requires"));
      if (requirement.align < 1 || (requirement.align & (requirement.align - 1)))
        error(cat(path, ".requires"), "align: expected a power of two, got ", requirement.align);
    }
    for (size_t i = 0; i < launch.args.size(); ++i)
      argument(launch.args[i], cpu, cat(path, ".args[", i, "]"));
    if (launch.prepare)
      preparing(launch, path);
    if (launch.product)
      matrixProduct(launch, cat(path, ".product"));
  }

  void matrixProduct(const Launch &launch, const std::string &path) {
    const MatrixProduct &product = *launch.product;
    size_t weights = product.weights.size();
    if (!weights || product.results.size() != weights)
      error(path, "expected weights and a result for each, got ", weights, " and ",
            product.results.size());
    if (weights > 1 && !(product.residual.empty() && product.bias.empty()))
      error(path, "expected one weight with residual or bias, got ", weights);
    std::vector<std::string> names = product.weights;
    names.insert(names.end(), product.results.begin(), product.results.end());
    for (const std::string *name : {&product.x, &product.residual, &product.bias})
      if (!name->empty())
        names.push_back(*name);
    for (const std::string &name : names)
      if (std::none_of(launch.args.begin(), launch.args.end(), [&](const Argument &arg) {
            return arg.kind == Argument::Kind::Pointer && arg.tensor == name;
          }))
        error(path, "expected a pointer among the arguments, got '", name, "'");
  }

  static bool isFixed(const Product &product) {
    return std::all_of(product.begin(), product.end(),
                       [](const Factor &factor) { return factor.dim.empty(); });
  }

  /// The runtime keeps what such a launch writes over runs of other extents.
  void preparing(const Launch &launch, const std::string &path) {
    if (!isFixed(launch.grid))
      error(path, "prepare: expected a grid without dimensions");
    for (const Argument &arg : launch.args) {
      std::string name = arg.tensor;
      if (auto buffer = workspaces.find(name); buffer != workspaces.end()) {
        std::vector<Sum> sums = buffer->second->shape;
        sums.push_back(buffer->second->bytes);
        for (const Sum &sum : sums)
          if (!std::all_of(sum.begin(), sum.end(), isFixed))
            error(path, "prepare: expected buffers without dimensions, got '", name, "'");
        if (buffer->second->of.empty())
          continue;
        name = buffer->second->of;
        if (workspaces.count(name))
          continue; // as many elements
      }
      if (!tensor(name, path).parameter)
        error(path, "prepare: expected parameters and buffers, got '", name, "'");
    }
  }

  void argument(const Argument &arg, bool cpu, const std::string &path) {
    auto buffer = workspaces.find(arg.tensor);
    bool isBuffer = buffer != workspaces.end();
    if (isBuffer && arg.kind == Argument::Kind::Pointer)
      return;
    int rank = static_cast<int>(isBuffer ? buffer->second->shape.size()
                                         : tensor(arg.tensor, path).shape.size());
    if ((arg.kind == Argument::Kind::Dim || arg.kind == Argument::Kind::Stride) &&
        (arg.axis < 0 || arg.axis >= rank))
      error(path, "expected an axis of ", arg.tensor, ", which has ", rank, ", got ", arg.axis);
    if (arg.merged < 1 || arg.merged > std::max(rank, 1) || (arg.merged > 1 && arg.axis))
      error(path, "expected to merge 1 to ", rank, " axes of ", arg.tensor, " from axis 0, got ",
            arg.merged, " from axis ", arg.axis);
    if (arg.kind != Argument::Kind::TensorMap)
      return;
    rank -= arg.merged - 1;
    if (cpu)
      error(path, "expected no tensor map in a launch on a CPU");
    if (rank < 1 || rank > 5 || static_cast<int>(arg.box.size()) != rank)
      error(path, "box: expected one extent for each of the ", rank, " axes of ", arg.tensor,
            " (1 to 5), got ", arg.box.size());
    for (int64_t extent : arg.box)
      if (extent < 1 || extent > 256)
        error(path, "box: expected extents from 1 to 256, got ", extent);
    int64_t inner =
        arg.box[0] * static_cast<int64_t>(dtypeSize(isBuffer ? buffer->second->dtype
                                                             : tensor(arg.tensor, path).dtype));
    if (inner % 16 || (arg.swizzle && inner > arg.swizzle))
      error(path, "box: expected an inner extent that is a multiple of 16 bytes",
            arg.swizzle ? cat(" and at most ", arg.swizzle) : std::string(), ", got ", inner);
  }

  const Function &function;
  const std::set<std::string> &blobs;
  const std::string &source;
  std::string where;
  std::map<std::string, const Tensor *> tensors;
  std::map<std::string, const Workspace *> workspaces;
  std::set<std::string> dims;
};

} // namespace

void validate(const Manifest &manifest, const std::string &source) {
  std::set<std::string> blobs, functions;
  for (const Blob &blob : manifest.blobs)
    if (!blobs.insert(blob.name).second)
      fail(XLSTM_ERROR_INVALID_INPUT, source, ": blobs: expected a new name, got '", blob.name,
           "' again");
  for (size_t i = 0; i < manifest.functions.size(); ++i) {
    const Function &function = manifest.functions[i];
    std::string where = cat("functions[", i, "]");
    if (!functions.insert(function.name).second)
      fail(XLSTM_ERROR_INVALID_INPUT, source, ": ", where, ": expected a new name, got '",
           function.name, "' again");
    FunctionCheck(function, blobs, source, where).run();
  }
}

bool parseGpuTarget(std::string_view target, GpuTarget &out) {
  if (target.substr(0, 3) != "sm_")
    return false;
  target.remove_prefix(3);
  out.exact = !target.empty() && target.back() == 'a';
  if (out.exact)
    target.remove_suffix(1);
  if (target.size() < 2 || target.size() > 3)
    return false;
  int number = 0;
  for (char c : target) {
    if (c < '0' || c > '9')
      return false;
    number = number * 10 + (c - '0');
  }
  out.major = number / 10;
  out.minor = number % 10;
  return true;
}

int isaLevel(std::string_view isa) {
  return isa == "x86-64" ? 1 : isa == "x86-64-v3" ? 3 : isa == "x86-64-v4" ? 4 : 0;
}

} // namespace xlstm::package

// SPDX-License-Identifier: Apache-2.0
// Implementations: what tensors they accept, and the arguments of their launches.
#include "runtime/src/Plan.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace xlstm {

/// The innermost of a tensor's first axes that has more than one element; the last of them if none
/// has.
static int innermostMerged(const xlstm_tensor &tensor, int merged) {
  for (int axis = merged - 1; axis >= 0; --axis)
    if (tensor.shape[axis] != 1)
      return axis;
  return merged - 1;
}

/// The tensor with its first axes as one.
static xlstm_tensor merge(const xlstm_tensor &tensor, int merged) {
  xlstm_tensor out = tensor;
  if (merged <= 1 || tensor.rank < merged)
    return out;
  out.rank = tensor.rank - merged + 1;
  out.shape[0] = 1;
  for (int axis = 0; axis < merged; ++axis)
    out.shape[0] *= tensor.shape[axis];
  out.strides[0] = tensor.strides[innermostMerged(tensor, merged)];
  for (int axis = 1; axis < out.rank; ++axis) {
    out.shape[axis] = tensor.shape[axis + merged - 1];
    out.strides[axis] = tensor.strides[axis + merged - 1];
  }
  return out;
}

ImplementationPlan::ImplementationPlan(const FunctionPlan &function,
                                       const package::Implementation &implementation)
    : function(function), source(implementation) {
  std::map<int, Use> used;
  for (const package::Launch &launch : implementation.launches) {
    Launch compiled{function.compile(launch.grid), {}, launch.prepare, compile(launch)};
    std::map<int, uint32_t> strides; // axes whose stride this launch takes
    std::vector<int> addressed;
    for (const package::Argument &arg : launch.args) {
      int tensor = function.findTensor(arg.tensor), workspaceIndex = -1;
      for (size_t w = 0; tensor < 0 && w < implementation.workspace.size(); ++w)
        if (implementation.workspace[w].name == arg.tensor)
          workspaceIndex = static_cast<int>(w);
      compiled.args.push_back({arg.kind, tensor, workspaceIndex, arg.axis, &arg});
      if (tensor < 0)
        continue;
      if (arg.merged > 1)
        used.try_emplace(tensor, Use{tensor, 1, false, ~0u, false, 1}).first->second.merged =
            arg.merged;
      if (arg.kind == package::Argument::Kind::Dim)
        continue;
      if (arg.kind == package::Argument::Kind::Stride) {
        strides[tensor] |= 1u << (arg.axis + arg.merged - 1);
        continue;
      }
      bool isMap = arg.kind == package::Argument::Kind::TensorMap;
      Use &use = used.try_emplace(tensor, Use{tensor, 1, false, ~0u, false, 1}).first->second;
      use.tensorMap |= isMap;
      if (isMap) {
        // The map carries all strides but that of the last axis; cuTensorMapEncodeTiled wants 16
        // bytes.
        use.align = std::max<int64_t>(use.align, 16);
        strides[tensor] |= ~0u;
      }
      addressed.push_back(tensor);
    }
    for (int tensor : addressed)
      used.at(tensor).freeAxes &= strides[tensor];
    for (const package::Requirement &requirement : launch.requirements) {
      int tensor = function.findTensor(requirement.tensor);
      Use &use = used.try_emplace(tensor, Use{tensor, 1, false, ~0u, false, 1}).first->second;
      use.align = std::max(use.align, requirement.align);
      use.absent |= requirement.absent;
    }
    launches.push_back(std::move(compiled));
  }
  for (auto &[tensor, use] : used)
    uses.push_back(use);
  for (const package::DimRange &range : implementation.when)
    whenDims.push_back(function.findDim(range.dim));
  for (const package::Workspace &buffer : implementation.workspace) {
    workspace.push_back({function.compile(buffer.bytes),
                         static_cast<int64_t>(dtypeSize(buffer.dtype)),
                         {},
                         -1,
                         -1,
                         0,
                         0,
                         false});
    for (const package::Sum &extent : buffer.shape)
      workspace.back().shape.push_back(function.compile(extent));
  }
  connectViews();
}

/// Which memory views stand for, and how long each buffer is needed.
void ImplementationPlan::connectViews() {
  for (size_t w = 0; w < workspace.size(); ++w) {
    const std::string &of = source.workspace[w].of;
    if (of.empty())
      continue;
    workspace[w].argument = function.findTensor(of);
    for (size_t other = 0; other < w; ++other)
      if (source.workspace[other].name == of)
        workspace[w].root = static_cast<int>(other);
    // Nothing but compact memory has the view's shape.
    if (int tensor = workspace[w].argument; tensor >= 0) {
      auto use = std::find_if(uses.begin(), uses.end(),
                              [&](const Use &known) { return known.tensor == tensor; });
      if (use == uses.end())
        use = uses.insert(uses.end(), Use{tensor, 1, false, 0, false, 1});
      use->freeAxes = 0;
    }
  }
  for (Buffer &buffer : workspace)
    buffer.first = launches.size();
  for (size_t i = 0; i < launches.size(); ++i)
    for (const Arg &arg : launches[i].args)
      if (arg.workspace >= 0) {
        const Buffer &taken = workspace[arg.workspace];
        Buffer &owner = taken.root >= 0 ? workspace[taken.root] : workspace[arg.workspace];
        owner.first = std::min(owner.first, i);
        owner.last = i;
        owner.prepared |= launches[i].prepare;
      }
}

bool ImplementationPlan::accepts(TensorList given, const Dimensions &dims,
                                 std::string *reason) const {
  for (size_t i = 0; i < whenDims.size(); ++i) {
    const package::DimRange &range = source.when[i];
    int64_t extent = dims.values[whenDims[i]].extent;
    if (extent >= range.atLeast && extent <= range.atMost)
      continue;
    if (reason)
      *reason = cat(range.dim, ": expected ",
                    extent < range.atLeast ? cat("at least ", range.atLeast)
                                           : cat("at most ", range.atMost),
                    ", got ", extent);
    return false;
  }
  for (const Use &use : uses) {
    const xlstm_tensor *tensor = given[use.tensor];
    const std::string &name = function.tensor(use.tensor).name;
    if (tensor && use.absent) {
      if (reason)
        *reason = cat(name, ": expected none: no kernel of target ", source.target, " takes it");
      return false;
    }
    if (!tensor || isEmpty(*tensor))
      continue;
    int64_t size = static_cast<int64_t>(dtypeSize(tensor->dtype));
    int last = tensor->rank - 1;
    int innermost = innermostMerged(*tensor, use.merged); // whose stride the merged axes have
    for (int axis = 0; axis <= last; ++axis) {
      int64_t stride = tensor->strides[axis];
      if (tensor->shape[axis] <= 1)
        continue;
      // The nearest inner axis of more than one element gives the compact stride.
      int64_t compact = 1;
      int inner = axis + 1;
      for (; inner <= last && tensor->shape[inner] <= 1; ++inner) {
      }
      if (inner <= last)
        compact = multiply(tensor->shape[inner], tensor->strides[inner]).value_or(-1);
      bool isFree = use.freeAxes >> axis & 1;
      if (axis < use.merged)
        isFree = axis == innermost && (use.freeAxes >> (use.merged - 1) & 1);
      bool fixed = !isFree || (axis == last && use.tensorMap);
      if (fixed && stride != compact) {
        if (reason)
          *reason = cat(name, ": axis ", axis, ": expected a stride of ", compact,
                        " elements, got ", stride);
        return false;
      }
      if (axis != last && stride * size % use.align) {
        if (reason)
          *reason = cat(name, ": axis ", axis, ": expected a stride that is a multiple of ",
                        use.align, " bytes, got ", stride * size);
        return false;
      }
    }
    if (reinterpret_cast<uintptr_t>(tensor->data) % static_cast<uintptr_t>(use.align)) {
      if (reason)
        *reason = cat(name, ": expected an address that is a multiple of ", use.align);
      return false;
    }
  }
  return true;
}

PreparedLaunches::PreparedLaunches(const ImplementationPlan &plan)
    : plan(plan), offsets(plan.workspace.size()), sizes(plan.workspace.size()),
      extents(plan.workspace.size()) {
  neighbours.reserve(plan.workspace.size());
  launches.resize(plan.launches.size());
  for (size_t i = 0; i < launches.size(); ++i) {
    const auto &args = plan.launches[i].args;
    Launch &launch = launches[i];
    launch.values.resize(args.size());
    launch.maps.resize(
        static_cast<size_t>(std::count_if(args.begin(), args.end(), [](const auto &arg) {
          return arg.kind == package::Argument::Kind::TensorMap;
        })));
    size_t map = 0;
    for (size_t a = 0; a < args.size(); ++a)
      launch.parameters.push_back(args[a].kind == package::Argument::Kind::TensorMap
                                      ? static_cast<void *>(&launch.maps[map++])
                                      : static_cast<void *>(&launch.values[a]));
    launch.arguments.values = launch.values.data();
    launch.arguments.parameters = launch.parameters.data();
  }
}

/// Buffers of one launch after the other share memory where no launch needs both.
size_t PreparedLaunches::findPlace(size_t buffer, size_t size) {
  const auto &own = plan.workspace[buffer];
  neighbours.clear();
  for (size_t other = 0; other < buffer; ++other) {
    const auto &placed = plan.workspace[other];
    if (sizes[other] && !(preparedBase && placed.prepared) && placed.first <= own.last &&
        own.first <= placed.last)
      neighbours.push_back(other);
  }
  std::sort(neighbours.begin(), neighbours.end(),
            [&](size_t a, size_t b) { return offsets[a] < offsets[b]; });
  size_t place = 0;
  for (size_t other : neighbours) {
    if (place + size <= offsets[other])
      break;
    place = std::max(place, offsets[other] + sizes[other]);
  }
  return place;
}

void PreparedLaunches::layOutWorkspace(const Dimensions &dims) {
  const FunctionPlan &function = plan.function;
  bytes = prepared = 0;
  for (size_t w = 0; w < offsets.size(); ++w) {
    const auto &buffer = plan.workspace[w];
    std::optional<int64_t> size = buffer.shape.empty()
                                      ? function.evaluate(buffer.bytes, dims, "workspace")
                                      : buffer.elementBytes;
    extents[w].clear();
    for (const PlanSum &extent : buffer.shape) {
      extents[w].push_back(function.evaluate(extent, dims, "workspace"));
      size = size ? multiply(*size, extents[w].back()) : size;
    }
    sizes[w] = offsets[w] = 0;
    if (buffer.root >= 0)
      offsets[w] = offsets[buffer.root];
    if (buffer.root >= 0 || buffer.argument >= 0)
      continue;
    if (!size || *size > kMaxProduct)
      fail(XLSTM_ERROR_UNSUPPORTED, "workspace: exceeds 2^62 bytes for these tensors");
    sizes[w] =
        (static_cast<size_t>(*size) + kDeviceAlignment - 1) / kDeviceAlignment * kDeviceAlignment;
    size_t next = prepared;
    if (buffer.prepared)
      prepared += sizes[w]; // each keeps its memory
    if (prepared > static_cast<size_t>(kMaxProduct))
      fail(XLSTM_ERROR_UNSUPPORTED, "prepared parameters: exceed 2^62 bytes");
    if (buffer.prepared && preparedBase) {
      offsets[w] = next;
      continue;
    }
    offsets[w] = findPlace(w, sizes[w]);
    bytes = std::max(bytes, offsets[w] + sizes[w]);
    if (bytes > static_cast<size_t>(kMaxProduct))
      fail(XLSTM_ERROR_UNSUPPORTED, "workspace: exceeds 2^62 bytes for these tensors");
  }
}

void PreparedLaunches::prepare(TensorList given, const Dimensions &dims, Device &device,
                               char *prepared) {
  const FunctionPlan &function = plan.function;
  static const xlstm_tensor absent = {};
  preparedBase = prepared;
  layOutWorkspace(dims);
  this->device = &device;
  placed = false;
  for (size_t i = 0; i < launches.size(); ++i) {
    const auto &compiled = plan.launches[i];
    launches[i].arguments.blocks = function.evaluate(compiled.grid, dims, "grid");
    for (size_t a = 0; a < compiled.args.size(); ++a) {
      const auto &arg = compiled.args[a];
      const xlstm_tensor *tensor = arg.tensor >= 0 ? given[arg.tensor] : nullptr;
      int64_t &value = launches[i].values[a];
      switch (arg.kind) {
      case package::Argument::Kind::Pointer:
        if (arg.workspace >= 0 && plan.workspace[arg.workspace].argument >= 0)
          tensor = given[plan.workspace[arg.workspace].argument];
        value = tensor ? static_cast<int64_t>(reinterpret_cast<intptr_t>(tensor->data)) : 0;
        break;
      case package::Argument::Kind::Dim: {
        if (arg.source->merged > 1) {
          value = arg.tensor < 0 || tensor ? 1 : 0;
          for (int axis = 0; axis < arg.source->merged; ++axis)
            value *= arg.tensor < 0 ? extents[arg.workspace][axis]
                     : tensor       ? tensor->shape[axis]
                                    : 0;
          break;
        }
        if (arg.tensor < 0) {
          value = extents[arg.workspace][arg.axis];
          break;
        }
        const package::Factor &extent = function.tensor(arg.tensor).shape[arg.axis];
        value = tensor                                 ? tensor->shape[arg.axis]
                : arg.axis == 0 || !extent.dim.empty() ? 0
                                                       : extent.value;
        break;
      }
      case package::Argument::Kind::Stride:
        value = tensor ? merge(*tensor, arg.source->merged).strides[arg.axis] : 0;
        if (arg.tensor < 0)
          value = std::accumulate(extents[arg.workspace].begin() + arg.axis + arg.source->merged,
                                  extents[arg.workspace].end(), int64_t(1), std::multiplies<>());
        break;
      case package::Argument::Kind::TensorMap:
        if (launches[i].arguments.blocks > 0 && arg.tensor >= 0)
          device.encodeTensorMap(*arg.source, tensor ? merge(*tensor, arg.source->merged) : absent,
                                 launches[i].parameters[a]);
        break;
      }
    }
  }
  describeProducts(given);
}

char *PreparedLaunches::address(int buffer, char *base) const {
  int root = plan.workspace[buffer].root;
  bool isPrepared = plan.workspace[root >= 0 ? root : buffer].prepared;
  return (isPrepared && preparedBase ? preparedBase : base) + offsets[buffer];
}

xlstm_tensor PreparedLaunches::workspaceTensor(int index, char *base) const {
  xlstm_tensor tensor = {};
  tensor.data = address(index, base);
  tensor.dtype = plan.source.workspace[index].dtype;
  tensor.rank = static_cast<int32_t>(extents[index].size());
  int64_t stride = 1;
  for (int axis = tensor.rank - 1; axis >= 0; --axis) {
    tensor.shape[axis] = extents[index][axis];
    tensor.strides[axis] = stride;
    stride *= tensor.shape[axis];
  }
  return tensor;
}

void PreparedLaunches::setAddresses(size_t launch, char *base) {
  const auto &args = plan.launches[launch].args;
  for (size_t a = 0; a < args.size(); ++a) {
    if (args[a].tensor >= 0)
      continue;
    int index = args[a].workspace;
    if (plan.workspace[index].argument >= 0) // the address of the argument is there already
      continue;
    if (args[a].kind == package::Argument::Kind::Pointer)
      launches[launch].values[a] =
          static_cast<int64_t>(reinterpret_cast<intptr_t>(address(index, base)));
    else if (args[a].kind == package::Argument::Kind::TensorMap &&
             launches[launch].arguments.blocks > 0)
      device->encodeTensorMap(*args[a].source,
                              merge(workspaceTensor(index, base), args[a].source->merged),
                              launches[launch].parameters[a]);
  }
}

void PreparedLaunches::setWorkspace(char *base) {
  if (placed && base == workspaceBase)
    return;
  placed = true;
  workspaceBase = base;
  for (size_t i = 0; i < launches.size(); ++i)
    if (!preparedBase || !plan.launches[i].prepare)
      setAddresses(i, base);
}

void PreparedLaunches::launch(bool preparing, Program &program, void *stream) const {
  bool first = true;
  for (size_t i = 0; i < launches.size(); ++i) {
    bool skipped = preparedBase && plan.launches[i].prepare != preparing;
    if (skipped || launches[i].arguments.blocks <= 0)
      continue;
    launchOne(i, program, std::exchange(first, false), stream);
  }
}

void PreparedLaunches::run(Program &program, void *stream) const {
  launch(/*preparing=*/false, program, stream);
}

void PreparedLaunches::fillPrepared(Program &program, void *stream) {
  // These launches take no buffer outside of the prepared memory.
  for (size_t i = 0; i < launches.size(); ++i)
    if (plan.launches[i].prepare)
      setAddresses(i, nullptr);
  launch(/*preparing=*/true, program, stream);
}

} // namespace xlstm

// SPDX-License-Identifier: Apache-2.0
// The C border of runtime.h.
#include "runtime/include/xlstm/runtime.h"

#include "runtime/src/Function.h"
#include "runtime/src/api/Border.h"
#include "runtime/src/cpu/Host.h"

using namespace xlstm;
using namespace xlstm::api_border;

struct xlstm_function {
  std::shared_ptr<const BoundFunction> function;
};
struct xlstm_context {
  Context context;
};
struct xlstm_event {
  std::shared_ptr<Device> device;
  void *native;
};

namespace {

void inRange(const char *what, int32_t index, size_t count) {
  if (index < 0 || static_cast<size_t>(index) >= count)
    fail(XLSTM_ERROR_INVALID_ARGUMENT, what, ": expected an index below ", count, ", got ", index);
}

const package::Function &functionAt(const xlstm_package *package, int32_t function) {
  const auto &functions = package->container->manifest().functions;
  inRange("function", function, functions.size());
  return functions[function];
}

void describe(const package::Tensor &tensor, xlstm_argument_info &info) {
  info = {};
  info.name = tensor.outside().c_str();
  info.dtype = tensor.dtype;
  info.rank = static_cast<int32_t>(tensor.shape.size());
  info.optional = tensor.optional;
  info.with = tensor.with.empty() ? nullptr : tensor.with.c_str();
  info.in_place = tensor.inPlace.empty() ? nullptr : tensor.inPlace.c_str();
  for (size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    bool symbolic = !tensor.shape[axis].dim.empty();
    info.shape[axis] = symbolic ? -1 : tensor.shape[axis].value;
    info.symbols[axis] = symbolic ? tensor.shape[axis].dim.c_str() : nullptr;
    info.added[axis] = symbolic ? tensor.shape[axis].add : 0;
  }
}

int32_t findArgument(const std::vector<package::Tensor> &list, const char *name, const char *kind) {
  std::string known;
  for (size_t i = 0; i < list.size(); ++i) {
    if (list[i].outside() == name)
      return static_cast<int32_t>(i);
    known += cat(known.empty() ? "" : ", ", list[i].outside());
  }
  fail(XLSTM_ERROR_INVALID_ARGUMENT, "expected an ", kind, " (", known, "), got '", name, "'");
}

} // namespace

extern "C" {

const char *xlstm_version(void) { return XLSTM_VERSION_TEXT; }
int32_t xlstm_package_format_version(void) { return static_cast<int32_t>(package::kFormatVersion); }
const char *xlstm_last_error(void) { return lastError(); }
const char *xlstm_dtype_name(xlstm_dtype dtype) { return dtypeName(dtype); }
size_t xlstm_dtype_size(xlstm_dtype dtype) { return dtypeSize(dtype); }

xlstm_status xlstm_tensor_init(xlstm_tensor *tensor, void *data, xlstm_dtype dtype, int32_t rank,
                               const int64_t *shape, xlstm_device_kind kind, int32_t index) {
  return guard([&] {
    required("xlstm_tensor_init", tensor);
    if (rank < 0 || rank > XLSTM_MAX_RANK || (rank > 0 && !shape))
      fail(XLSTM_ERROR_INVALID_ARGUMENT, "rank: expected 0 to ", XLSTM_MAX_RANK,
           " and a shape, got ", rank);
    if (dtypeSize(dtype) == 0)
      fail(XLSTM_ERROR_INVALID_ARGUMENT, "dtype: expected an xlstm_dtype, got ",
           static_cast<int>(dtype));
    *tensor = {};
    tensor->data = data;
    tensor->dtype = dtype;
    tensor->rank = rank;
    tensor->device_kind = kind;
    tensor->device_index = index;
    std::optional<int64_t> stride = 1;
    for (int axis = rank - 1; axis >= 0; --axis) {
      if (shape[axis] < 0)
        fail(XLSTM_ERROR_INVALID_ARGUMENT, "axis ", axis,
             ": expected an extent of at least 0, got ", shape[axis]);
      tensor->shape[axis] = shape[axis];
      tensor->strides[axis] = *stride;
      stride = multiply(*stride, std::max<int64_t>(shape[axis], 1));
      if (!stride || !multiply(*stride, static_cast<int64_t>(dtypeSize(dtype))))
        fail(XLSTM_ERROR_INVALID_ARGUMENT, "axis ", axis, ": expected a tensor below 2^63 bytes");
    }
  });
}

xlstm_status xlstm_package_open(const char *path, xlstm_package **package) {
  return guard([&] {
    required("xlstm_package_open", path, package);
    *package =
        new xlstm_package{std::make_shared<package::Container>(package::Container::open(path))};
  });
}

xlstm_status xlstm_package_open_memory(const void *data, size_t size, const char *name,
                                       xlstm_package **package) {
  return guard([&] {
    required("xlstm_package_open_memory", data, package);
    std::string_view bytes(static_cast<const char *>(data), size);
    *package = new xlstm_package{std::make_shared<package::Container>(
        package::Container::fromMemory(bytes, name ? name : "package"))};
  });
}

void xlstm_package_close(xlstm_package *package) { delete package; }
const char *xlstm_package_weights(const xlstm_package *package) {
  return package ? package->container->manifest().weights.c_str() : "";
}

const char *xlstm_package_name(const xlstm_package *package) {
  return package ? package->container->manifest().name.c_str() : "";
}
const char *xlstm_package_tool_version(const xlstm_package *package) {
  return package ? package->container->manifest().toolVersion.c_str() : "";
}
int32_t xlstm_package_function_count(const xlstm_package *package) {
  return package ? static_cast<int32_t>(package->container->manifest().functions.size()) : 0;
}

xlstm_status xlstm_package_find_function(const xlstm_package *package, const char *name,
                                         int32_t *index) {
  return guard([&] {
    required("xlstm_package_find_function", package, name, index);
    *index = findFunction(*package->container, name);
  });
}

xlstm_status xlstm_package_function(const xlstm_package *package, int32_t function,
                                    xlstm_function_info *info) {
  return guard([&] {
    required("xlstm_package_function", package, info);
    const package::Function &f = functionAt(package, function);
    *info = {f.name.c_str(), f.attributes.c_str(), static_cast<int32_t>(f.inputs.size()),
             static_cast<int32_t>(f.outputs.size()),
             static_cast<int32_t>(f.implementations.size())};
  });
}

xlstm_status xlstm_package_input(const xlstm_package *package, int32_t function, int32_t index,
                                 xlstm_argument_info *info) {
  return guard([&] {
    required("xlstm_package_input", package, info);
    const auto &list = functionAt(package, function).inputs;
    inRange("input", index, list.size());
    describe(list[index], *info);
  });
}

xlstm_status xlstm_package_output(const xlstm_package *package, int32_t function, int32_t index,
                                  xlstm_argument_info *info) {
  return guard([&] {
    required("xlstm_package_output", package, info);
    const auto &list = functionAt(package, function).outputs;
    inRange("output", index, list.size());
    describe(list[index], *info);
  });
}

xlstm_status xlstm_package_implementation(const xlstm_package *package, int32_t function,
                                          int32_t index, xlstm_implementation_info *info) {
  return guard([&] {
    required("xlstm_package_implementation", package, info);
    const auto &list = functionAt(package, function).implementations;
    inRange("implementation", index, list.size());
    const package::Implementation &implementation = list[index];
    *info = {implementation.target.c_str(),
             implementation.isa.c_str(),
             implementation.schedule.c_str(),
             static_cast<int32_t>(implementation.launches.size()),
             0,
             0,
             -1,
             -1};
    for (const package::Launch &launch : implementation.launches) {
      info->shared_bytes = std::max(info->shared_bytes, launch.sharedBytes);
      info->scratch_bytes = std::max(info->scratch_bytes, launch.scratchBytes);
      info->registers = std::max(info->registers, static_cast<int32_t>(launch.registers));
      info->spill_bytes = std::max(info->spill_bytes, static_cast<int32_t>(launch.spillBytes));
    }
  });
}

xlstm_status xlstm_device_count(xlstm_device_kind kind, int32_t *count) {
  return guard([&] {
    required("xlstm_device_count", count);
    *count = kind == XLSTM_CUDA ? cuda::count() : kind == XLSTM_CPU ? 1 : 0;
  });
}

static void checkDevice(xlstm_device_kind kind, int32_t index) {
  if (kind != XLSTM_CPU && kind != XLSTM_CUDA)
    fail(XLSTM_ERROR_INVALID_ARGUMENT, "device: expected XLSTM_CPU or XLSTM_CUDA, got ",
         static_cast<int>(kind));
  if (kind == XLSTM_CPU && index != 0)
    fail(XLSTM_ERROR_INVALID_ARGUMENT, "device: expected index 0 for the CPU, got ", index);
}

xlstm_status xlstm_device_query(xlstm_device_kind kind, int32_t index, xlstm_device_info *info) {
  return guard([&] {
    required("xlstm_device_query", info);
    checkDevice(kind, index);
    *info = kind == XLSTM_CUDA ? cuda::query(index) : cpu::query();
  });
}

xlstm_status xlstm_device_open(xlstm_device_kind kind, int32_t index,
                               const xlstm_device_options *options, xlstm_device **device) {
  return guard([&] {
    required("xlstm_device_open", device);
    checkDevice(kind, index);
    *device = new xlstm_device{kind == XLSTM_CUDA ? cuda::open(index)
                                                  : cpu::open(options ? options->threads : 0)};
  });
}

void xlstm_device_close(xlstm_device *device) { delete device; }

xlstm_status xlstm_device_get_info(const xlstm_device *device, xlstm_device_info *info) {
  return guard([&] {
    required("xlstm_device_get_info", device, info);
    *info = device->device->info();
  });
}

xlstm_status xlstm_device_allocate(xlstm_device *device, size_t bytes, void **data) {
  return guard([&] {
    required("xlstm_device_allocate", device, data);
    *data = device->device->allocate(bytes);
  });
}

void xlstm_device_free(xlstm_device *device, void *data) {
  if (device && data)
    device->device->release(data);
}

xlstm_status xlstm_device_upload(xlstm_device *device, void *to, const void *from, size_t bytes,
                                 void *stream) {
  return guard([&] {
    required("xlstm_device_upload", device);
    device->device->upload(to, from, bytes, stream);
  });
}

xlstm_status xlstm_device_download(xlstm_device *device, void *to, const void *from, size_t bytes,
                                   void *stream) {
  return guard([&] {
    required("xlstm_device_download", device);
    device->device->download(to, from, bytes, stream);
  });
}

xlstm_status xlstm_device_fill(xlstm_device *device, void *data, uint8_t byte, size_t bytes,
                               void *stream) {
  return guard([&] {
    required("xlstm_device_fill", device);
    device->device->fill(data, byte, bytes, stream);
  });
}

xlstm_status xlstm_stream_create(xlstm_device *device, void **stream) {
  return guard([&] {
    required("xlstm_stream_create", device, stream);
    *stream = device->device->createStream();
  });
}

void xlstm_stream_destroy(xlstm_device *device, void *stream) {
  if (device && stream)
    device->device->destroyStream(stream);
}

xlstm_status xlstm_stream_synchronize(xlstm_device *device, void *stream) {
  return guard([&] {
    required("xlstm_stream_synchronize", device);
    device->device->synchronize(stream);
  });
}

xlstm_status xlstm_event_create(xlstm_device *device, xlstm_event **event) {
  return guard([&] {
    required("xlstm_event_create", device, event);
    auto created = std::make_unique<xlstm_event>(xlstm_event{device->device, nullptr});
    created->native = device->device->createEvent();
    *event = created.release();
  });
}

void xlstm_event_destroy(xlstm_event *event) {
  if (event)
    event->device->destroyEvent(event->native);
  delete event;
}

xlstm_status xlstm_event_record(xlstm_event *event, void *stream) {
  return guard([&] {
    required("xlstm_event_record", event);
    event->device->recordEvent(event->native, stream);
  });
}

xlstm_status xlstm_event_elapsed(xlstm_event *begin, xlstm_event *end, float *milliseconds) {
  return guard([&] {
    required("xlstm_event_elapsed", begin, end, milliseconds);
    *milliseconds = begin->device->elapsed(begin->native, end->native);
  });
}

xlstm_status xlstm_function_bind(xlstm_package *package, const char *name, xlstm_device *device,
                                 const xlstm_bind_options *options, xlstm_function **function) {
  return guard([&] {
    required("xlstm_function_bind", package, name, device, function);
    std::string target = options && options->target ? options->target : "";
    *function = new xlstm_function{
        std::make_shared<const BoundFunction>(package->container, name, device->device, target)};
  });
}

void xlstm_function_release(xlstm_function *function) { delete function; }
int32_t xlstm_function_index(const xlstm_function *function) {
  return function ? function->function->index() : -1;
}

xlstm_status xlstm_function_find_input(const xlstm_function *function, const char *name,
                                       int32_t *index) {
  return guard([&] {
    required("xlstm_function_find_input", function, name, index);
    *index = findArgument(function->function->plan().function().inputs, name, "input");
  });
}

xlstm_status xlstm_function_find_output(const xlstm_function *function, const char *name,
                                        int32_t *index) {
  return guard([&] {
    required("xlstm_function_find_output", function, name, index);
    *index = findArgument(function->function->plan().function().outputs, name, "output");
  });
}

xlstm_status xlstm_context_create(xlstm_function *function, xlstm_context **context) {
  return guard([&] {
    required("xlstm_context_create", function, context);
    *context = new xlstm_context{Context(function->function)};
  });
}

void xlstm_context_destroy(xlstm_context *context) { delete context; }

xlstm_status xlstm_context_output_shape(xlstm_context *context, const xlstm_tensor *const *inputs,
                                        int32_t index, int64_t shape[XLSTM_MAX_RANK]) {
  return guard([&] {
    required("xlstm_context_output_shape", context, inputs, shape);
    inRange("output", index, context->context.function().plan().function().outputs.size());
    context->context.outputShape(inputs, index, shape);
  });
}

xlstm_status xlstm_context_workspace_size(xlstm_context *context, const xlstm_tensor *const *inputs,
                                          const xlstm_tensor *const *outputs, size_t *bytes) {
  return guard([&] {
    required("xlstm_context_workspace_size", context, inputs, outputs, bytes);
    *bytes = context->context.workspaceSize(inputs, outputs);
  });
}

xlstm_status xlstm_context_run(xlstm_context *context, const xlstm_tensor *const *inputs,
                               const xlstm_tensor *const *outputs, void *workspace,
                               size_t workspace_bytes, void *stream) {
  return guard([&] {
    required("xlstm_context_run", context, inputs, outputs);
    context->context.run(inputs, outputs, workspace, workspace_bytes, stream);
  });
}

xlstm_status xlstm_context_prepared_size(xlstm_context *context, const xlstm_tensor *const *inputs,
                                         const xlstm_tensor *const *outputs, size_t *bytes) {
  return guard([&] {
    required("xlstm_context_prepared_size", context, inputs, outputs, bytes);
    *bytes = context->context.preparedSize(inputs, outputs);
  });
}

xlstm_status xlstm_context_prepare(xlstm_context *context, const xlstm_tensor *const *inputs,
                                   const xlstm_tensor *const *outputs, void *memory, size_t bytes,
                                   void *stream) {
  return guard([&] {
    required("xlstm_context_prepare", context, inputs, outputs);
    context->context.makePrepared(inputs, outputs, memory, bytes, stream);
    // No memory for what there is: the context was told to forget.
    if (context->context.function().device().wantsProducts() &&
        (memory || !context->context.preparedSize(inputs, outputs)))
      context->context.chooseProducts(inputs, outputs, stream);
  });
}

const char *xlstm_context_products(const xlstm_context *context) {
  return context ? context->context.productReport().c_str() : "";
}

int32_t xlstm_context_implementation(const xlstm_context *context) {
  return context ? context->context.implementation() : -1;
}

} // extern "C"

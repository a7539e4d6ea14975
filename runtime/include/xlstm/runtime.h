/* SPDX-License-Identifier: Apache-2.0 */
/* The C API of the xLSTM runtime: open a package, bind one of its functions to a device, run it.
 *
 *   xlstm_package  an opened .xlpkg: functions with typed arguments, and compiled kernels
 *   xlstm_device   the CPU with its thread pool, or one CUDA GPU
 *   xlstm_function one function of a package, bound to a device
 *   xlstm_context  what one thread needs to run a function; several threads use several contexts
 *
 *   xlstm_package_open(path, &package);
 *   xlstm_device_open(XLSTM_CPU, 0, NULL, &device);
 *   xlstm_function_bind(package, "forward", device, NULL, &function);
 *   xlstm_context_create(function, &context);
 *   xlstm_context_workspace_size(context, inputs, outputs, &bytes);
 *   xlstm_context_run(context, inputs, outputs, workspace, bytes, stream);
 *
 * Errors. Every call that can fail returns an xlstm_status. After a failure xlstm_last_error() is
 * one line of text for the calling thread. No call exits the process or throws across this border.
 * Ownership. Handles are released with their _close, _release or _destroy call, in any order: a
 * function keeps its package and device alive, a context its function. Releasing NULL does nothing.
 * Strings that the API returns live as long as the handle they came from.
 * Threads. Packages, devices and functions may be used from several threads at once; a context from
 * one thread at a time.
 *
 * Environment variables, read when a device is opened (none of them changes a result):
 *   XLSTM_THREADS      threads of a CPU device when its options give none
 *                      default: the CPUs that this process may use
 *   XLSTM_ISA          highest instruction set level to use: x86-64, x86-64-v3 or x86-64-v4
 *                      default: what the CPU has
 *   XLSTM_CUDA_DRIVER  file name of the CUDA driver library; default: libcuda.so.1
 */
#ifndef XLSTM_RUNTIME_H
#define XLSTM_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define XLSTM_API __attribute__((visibility("default")))
#else
#define XLSTM_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Outcome of a call. */
typedef enum xlstm_status {
  XLSTM_OK = 0,
  XLSTM_ERROR_INVALID_INPUT =
      1, /* a file or a tensor is wrong: malformed, wrong shape, type or layout */
  XLSTM_ERROR_INVALID_ARGUMENT =
      2, /* the call is wrong: NULL handle, index out of range, unknown name */
  XLSTM_ERROR_ENVIRONMENT =
      3, /* this machine lacks something: no GPU, driver too old, CPU too old */
  XLSTM_ERROR_UNSUPPORTED = 4,   /* the package has no kernel for this device or these tensors */
  XLSTM_ERROR_OUT_OF_MEMORY = 5, /* host or device memory ran out */
  XLSTM_ERROR_DEVICE = 6,  /* the driver reported a failure while loading, copying or launching */
  XLSTM_ERROR_INTERNAL = 7 /* a defect of the runtime */
} xlstm_status;

/* Element types; the names in packages are f64 f32 bf16 f16 i64 i32 u8. */
typedef enum xlstm_dtype {
  XLSTM_F64 = 0,
  XLSTM_F32 = 1,
  XLSTM_BF16 = 2,
  XLSTM_F16 = 3,
  XLSTM_I64 = 4,
  XLSTM_I32 = 5,
  XLSTM_U8 = 6,
  XLSTM_DTYPE_MAX_ENUM =
      0x7fffffff /* no type: makes every 32-bit value a valid argument to check */
} xlstm_dtype;

/* Kinds of device, with the values of DLPack's DLDeviceType. */
typedef enum xlstm_device_kind {
  XLSTM_CPU = 1,
  XLSTM_CUDA = 2,
  XLSTM_DEVICE_KIND_MAX_ENUM = 0x7fffffff /* no kind */
} xlstm_device_kind;

#define XLSTM_MAX_RANK 8

/* A tensor in memory that the caller owns, as in DLPack with byte_offset already added to `data`.
 * `data` is a host or a device address (NULL allowed when an extent is 0); strides count elements
 * and are >= 0. Axes may be permuted (a [B, T, H, D] tensor stored as [B, H, T, D]); a layout that
 * no kernel of the package can read is an error that names tensor and axis. */
typedef struct xlstm_tensor {
  void *data;
  xlstm_dtype dtype;
  int32_t rank;
  xlstm_device_kind device_kind;
  int32_t device_index;
  int64_t shape[XLSTM_MAX_RANK];
  int64_t strides[XLSTM_MAX_RANK];
} xlstm_tensor;

typedef struct xlstm_package xlstm_package;
typedef struct xlstm_device xlstm_device;
typedef struct xlstm_function xlstm_function;
typedef struct xlstm_context xlstm_context;

/* Version of this library, "major.minor.patch". Never fails. */
XLSTM_API const char *xlstm_version(void);

/* Package format versions that this library reads, from 1 to the returned one. */
XLSTM_API int32_t xlstm_package_format_version(void);

/* Message of the last failed call of this thread: one line, "" if none failed yet. Valid until the
 * next failing call of this thread. */
XLSTM_API const char *xlstm_last_error(void);

/* Name of an element type as in packages ("bf16"), "?" for a value that is none. */
XLSTM_API const char *xlstm_dtype_name(xlstm_dtype dtype);

/* Bytes of one element, 0 for a value that is none. */
XLSTM_API size_t xlstm_dtype_size(xlstm_dtype dtype);

/* Fills `tensor` with a compact row-major tensor of the given shape (extents >= 0) on device
 * (kind, index). Fails with INVALID_ARGUMENT for a rank outside [0, XLSTM_MAX_RANK] or a size over
 * 2^63. */
XLSTM_API xlstm_status xlstm_tensor_init(xlstm_tensor *tensor, void *data, xlstm_dtype dtype,
                                         int32_t rank, const int64_t *shape, xlstm_device_kind kind,
                                         int32_t index);

/* ---- packages ---- */

/* Opens a package: a file, or a directory with manifest.json and the blobs. Everything is checked
 * here, checksums too. INVALID_INPUT for a file that is no package, truncated, damaged or of
 * another format version; the message names the file and the place in it. */
XLSTM_API xlstm_status xlstm_package_open(const char *path, xlstm_package **package);

/* The same for a package in memory. The bytes must stay unchanged until the package and everything
 * made from it is released. `name` stands for the file in messages (NULL: "package"). */
XLSTM_API xlstm_status xlstm_package_open_memory(const void *data, size_t size, const char *name,
                                                 xlstm_package **package);
XLSTM_API void xlstm_package_close(xlstm_package *package);

/* Name of the package and version of the compiler that wrote it. */
XLSTM_API const char *xlstm_package_name(const xlstm_package *package);
XLSTM_API const char *xlstm_package_tool_version(const xlstm_package *package);
/* Path of the checkpoint (safetensors, a file or a folder) whose tensors are the inputs of the same
   names; "" if the package names none. Lives as long as the package. */
XLSTM_API const char *xlstm_package_weights(const xlstm_package *package);

/* One function: counts index the calls below; `attributes` is JSON text (options of the cell). */
typedef struct xlstm_function_info {
  const char *name;
  const char *attributes;
  int32_t inputs;
  int32_t outputs;
  int32_t implementations;
} xlstm_function_info;

/* One argument: extent k is shape[k], or, where that is -1, the run-time dimension named symbols[k]
 * plus added[k]. An optional input may be absent; an optional output need not be asked for, and one
 * with `with` not NULL exists only when the input of that name is given (dc0 with c0). An output with
 * `in_place` not NULL may be the very tensor of the input of that name: the same address, shape and
 * strides (c_last of an mLSTM's `step` may be c0). */
typedef struct xlstm_argument_info {
  const char *name;
  xlstm_dtype dtype;
  int32_t rank;
  int64_t shape[XLSTM_MAX_RANK];
  const char *symbols[XLSTM_MAX_RANK];
  int32_t optional;
  int64_t added[XLSTM_MAX_RANK];
  const char *with;
  const char *in_place;
} xlstm_argument_info;

/* One implementation: target "cpu", "sm_80", "sm_90a"; isa "x86-64-v3" … on a CPU, else "";
 * `schedule` is JSON text; resources of its launches, largest first where there are several. */
typedef struct xlstm_implementation_info {
  const char *target;
  const char *isa;
  const char *schedule;
  int32_t launches;
  int64_t shared_bytes;  /* shared memory of a block (GPU) */
  int64_t scratch_bytes; /* scratch of a thread (CPU) */
  int32_t registers;     /* registers of a thread, -1 if not known */
  int32_t spill_bytes;   /* spilled bytes of a thread, -1 if not known */
} xlstm_implementation_info;

XLSTM_API int32_t xlstm_package_function_count(const xlstm_package *package);

/* Index of the function `name`; INVALID_ARGUMENT lists the names there are. */
XLSTM_API xlstm_status xlstm_package_find_function(const xlstm_package *package, const char *name,
                                                   int32_t *index);
XLSTM_API xlstm_status xlstm_package_function(const xlstm_package *package, int32_t function,
                                              xlstm_function_info *info);
XLSTM_API xlstm_status xlstm_package_input(const xlstm_package *package, int32_t function,
                                           int32_t index, xlstm_argument_info *info);
XLSTM_API xlstm_status xlstm_package_output(const xlstm_package *package, int32_t function,
                                            int32_t index, xlstm_argument_info *info);
XLSTM_API xlstm_status xlstm_package_implementation(const xlstm_package *package, int32_t function,
                                                    int32_t index, xlstm_implementation_info *info);

/* ---- devices ---- */

/* Options of a device; zero means default. */
typedef struct xlstm_device_options {
  int32_t threads; /* CPU: threads that work on a run, the calling one included; 0: XLSTM_THREADS,
                      else all CPUs */
} xlstm_device_options;

/* What a device is. Fields that do not apply are 0 or "". */
typedef struct xlstm_device_info {
  xlstm_device_kind kind;
  int32_t index;
  char name[128];
  char isa[16];             /* CPU: best supported level, "x86-64-v4" … */
  int32_t threads;          /* CPU: default number of threads */
  int32_t capability_major; /* GPU: compute capability */
  int32_t capability_minor;
  int32_t multiprocessors; /* GPU */
  int64_t memory_bytes;    /* GPU */
  int64_t shared_bytes;    /* GPU: most shared memory of one block */
  int32_t driver_version;  /* GPU: CUDA version of the driver, 1000 * major + 10 * minor */
} xlstm_device_info;

/* Number of devices of a kind. Opens libcuda only for XLSTM_CUDA; ENVIRONMENT says why there is no
 * GPU. */
XLSTM_API xlstm_status xlstm_device_count(xlstm_device_kind kind, int32_t *count);

/* Describes a device without opening it (no CUDA context is made). */
XLSTM_API xlstm_status xlstm_device_query(xlstm_device_kind kind, int32_t index,
                                          xlstm_device_info *info);

/* Opens a device. On a GPU this retains the primary context, which the CUDA runtime API and
 * frameworks share. ENVIRONMENT when there is none, or the driver is too old. `options` may be
 * NULL. */
XLSTM_API xlstm_status xlstm_device_open(xlstm_device_kind kind, int32_t index,
                                         const xlstm_device_options *options,
                                         xlstm_device **device);
XLSTM_API void xlstm_device_close(xlstm_device *device);
XLSTM_API xlstm_status xlstm_device_get_info(const xlstm_device *device, xlstm_device_info *info);

/* Memory for callers that have no allocator of their own; at least 256-byte aligned. On a CPU
 * `stream` is ignored and copies are done when the call returns. On a GPU copies and fills are in
 * stream order and the host may only reuse its memory after xlstm_stream_synchronize. */
XLSTM_API xlstm_status xlstm_device_allocate(xlstm_device *device, size_t bytes, void **data);
XLSTM_API void xlstm_device_free(xlstm_device *device, void *data);
XLSTM_API xlstm_status xlstm_device_upload(xlstm_device *device, void *to_device,
                                           const void *from_host, size_t bytes, void *stream);
XLSTM_API xlstm_status xlstm_device_download(xlstm_device *device, void *to_host,
                                             const void *from_device, size_t bytes, void *stream);
XLSTM_API xlstm_status xlstm_device_fill(xlstm_device *device, void *data, uint8_t byte,
                                         size_t bytes, void *stream);

/* Streams and timing for callers without the CUDA headers. A stream is a CUstream; on a CPU it is
 * NULL. An event keeps a time stamp; xlstm_event_elapsed waits for `end` and gives milliseconds. */
typedef struct xlstm_event xlstm_event;
XLSTM_API xlstm_status xlstm_stream_create(xlstm_device *device, void **stream);
XLSTM_API void xlstm_stream_destroy(xlstm_device *device, void *stream);
XLSTM_API xlstm_status xlstm_stream_synchronize(xlstm_device *device, void *stream);
XLSTM_API xlstm_status xlstm_event_create(xlstm_device *device, xlstm_event **event);
XLSTM_API void xlstm_event_destroy(xlstm_event *event);
XLSTM_API xlstm_status xlstm_event_record(xlstm_event *event, void *stream);
XLSTM_API xlstm_status xlstm_event_elapsed(xlstm_event *begin, xlstm_event *end,
                                           float *milliseconds);

/* ---- functions ---- */

/* Options of a binding; zero means default. */
typedef struct xlstm_bind_options {
  const char
      *target; /* only implementations for this target ("sm_80" on an sm_90 GPU); NULL: the best */
} xlstm_bind_options;

/* Binds function `name` to a device and loads its preferred implementation (on a GPU: a cubin, else
 * PTX through the driver's compiler). UNSUPPORTED or ENVIRONMENT when no implementation can run
 * there, with the reason of each. `options` may be NULL. */
XLSTM_API xlstm_status xlstm_function_bind(xlstm_package *package, const char *name,
                                           xlstm_device *device, const xlstm_bind_options *options,
                                           xlstm_function **function);
XLSTM_API void xlstm_function_release(xlstm_function *function);

/* Index of the function in its package, for the introspection calls above. */
XLSTM_API int32_t xlstm_function_index(const xlstm_function *function);

/* Index of an argument by name; INVALID_ARGUMENT lists the names there are. */
XLSTM_API xlstm_status xlstm_function_find_input(const xlstm_function *function, const char *name,
                                                 int32_t *index);
XLSTM_API xlstm_status xlstm_function_find_output(const xlstm_function *function, const char *name,
                                                  int32_t *index);

/* A context keeps the argument storage of a run, so that running allocates nothing. */
XLSTM_API xlstm_status xlstm_context_create(xlstm_function *function, xlstm_context **context);
XLSTM_API void xlstm_context_destroy(xlstm_context *context);

/* In the calls below `inputs` and `outputs` are arrays with one entry per declared argument, in
 * their declared order; NULL stands for an absent optional one. Only shape, dtype, strides, device
 * and, for the choice of an implementation, addresses are read; the data stays untouched until a
 * run. */

/* Shape of output `index` for the given inputs (extents of the run-time dimensions filled in).
 * INVALID_INPUT when inputs contradict each other or leave a dimension open. */
XLSTM_API xlstm_status xlstm_context_output_shape(xlstm_context *context,
                                                  const xlstm_tensor *const *inputs, int32_t index,
                                                  int64_t shape[XLSTM_MAX_RANK]);

/* Checks the tensors, chooses and if need be loads the implementation, and gives the bytes of
 * workspace that a run with these tensors needs (256-byte aligned, on the function's device).
 * INVALID_INPUT names the tensor and axis that is wrong. Call it before capturing a run in a CUDA
 * graph. */
XLSTM_API xlstm_status xlstm_context_workspace_size(xlstm_context *context,
                                                    const xlstm_tensor *const *inputs,
                                                    const xlstm_tensor *const *outputs,
                                                    size_t *bytes);

/* Runs the function. On a GPU it enqueues kernels on `stream` (a CUstream of the device; NULL is
 * the legacy default stream) and returns: nothing is allocated or synchronised, and the call may be
 * captured in a CUDA graph. On a CPU it returns when the outputs are written; `stream` is ignored,
 * and a cu_seqlens that does not begin with 0, decreases or does not end with T is INVALID_INPUT.
 * `workspace` may be NULL if the size is 0; it may be reused by the next run on the same stream.
 * Inputs and outputs must not overlap unless the function says so: an output may be the very tensor
 * that `in_place` of its xlstm_argument_info names, and is then written over it. */
XLSTM_API xlstm_status xlstm_context_run(xlstm_context *context, const xlstm_tensor *const *inputs,
                                         const xlstm_tensor *const *outputs, void *workspace,
                                         size_t workspace_bytes, void *stream);

/* What a function computes from its parameters alone (1 + w of a norm, other element types) need not
 * be computed in every run. `prepared_size` gives the bytes that it takes, 0 if there is nothing;
 * `prepare` computes it into `memory` (256-byte aligned, on the function's device, on a GPU on
 * `stream`). From then on runs of this context that choose the same implementation and have the same
 * parameters, at the same addresses, read it there; they need less workspace (ask again) and give
 * the same bits. All other runs compute everything, as before. Keep the memory, and the values of
 * the parameters, until the context is destroyed or prepared again; memory NULL of 0 bytes makes it
 * forget. Do not prepare while a run of this context is captured in a CUDA graph or in flight. */
XLSTM_API xlstm_status xlstm_context_prepared_size(xlstm_context *context,
                                                   const xlstm_tensor *const *inputs,
                                                   const xlstm_tensor *const *outputs,
                                                   size_t *bytes);
XLSTM_API xlstm_status xlstm_context_prepare(xlstm_context *context,
                                             const xlstm_tensor *const *inputs,
                                             const xlstm_tensor *const *outputs, void *memory,
                                             size_t bytes, void *stream);

/* On a GPU, with XLSTM_CUBLAS=auto in the environment (default: off), xlstm_context_prepare also times
 * products with weights, each shape once, here and in cuBLASLt (libcublasLt.so.13 or .12, or the path
 * in XLSTM_CUBLASLT), and runs of this context whose products have a shape that cuBLASLt was faster at
 * take it there: of as many rows, or fewer down to half. It waits for `stream`, and takes the memory
 * of a workspace meanwhile. It does so, too, where the prepared size is 0. The text has a line for each
 * shape, with both times and the choice; "" if nothing was timed. Valid until the next
 * xlstm_context_prepare. */
XLSTM_API const char *xlstm_context_products(const xlstm_context *context);

/* The implementation that the last workspace_size or run of this context chose, by its index in the
 * package, or -1 before the first. */
XLSTM_API int32_t xlstm_context_implementation(const xlstm_context *context);

#ifdef __cplusplus
}
#endif
#endif

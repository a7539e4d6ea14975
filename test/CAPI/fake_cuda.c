/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for libcuda: one "GPU" whose memory is the host's. It knows the kernels of the GPU
 * test package and lets a test choose what the GPU is like through the environment:
 *   FAKE_CUDA_CAPABILITY  "90" (default), "80" …      FAKE_CUDA_DEVICES  number of GPUs (default 1)
 *   FAKE_CUDA_SHARED      bytes of shared memory      FAKE_CUDA_INIT     result of cuInit (default
 * 0)
 *   FAKE_CUDA_FREE        bytes of free memory (default: all, 1 GiB)
 *   FAKE_CUDA_MOST        bytes of the largest allocation (default 1 GiB)
 *   FAKE_CUDA_LAUNCH_US   what a launch adds to 1.5 ms between two events (default 0)
 * Images: text that begins with "cubin", "ptx" (compiles), "bad ptx" (does not), "new ptx" (too
 * new). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef int CUresult;

static int number(const char *name, int fallback) {
  const char *text = getenv(name);
  return text ? atoi(text) : fallback;
}

static char journal[4096]; /* what was called, for the tests */
static void *current;

const char *fake_cuda_journal(void) { return journal; }
void fake_cuda_clear(void) { journal[0] = 0; }
static void note(const char *text) {
  if (strlen(journal) + strlen(text) + 2 < sizeof journal)
    strcat(strcat(journal, text), ";");
}

CUresult cuInit(unsigned flags) { return (void)flags, number("FAKE_CUDA_INIT", 0); }
CUresult cuDriverGetVersion(int *version) { return *version = 12040, 0; }
CUresult cuGetErrorName(CUresult code, const char **text) {
  *text = code == 218   ? "CUDA_ERROR_INVALID_PTX"
          : code == 222 ? "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"
                        : "CUDA_ERROR";
  return 0;
}
CUresult cuGetErrorString(CUresult code, const char **text) {
  return (void)code, *text = "fake failure", 0;
}
CUresult cuDeviceGetCount(int *count) { return *count = number("FAKE_CUDA_DEVICES", 1), 0; }
CUresult cuDeviceGet(int *device, int index) { return *device = index, 0; }
CUresult cuDeviceGetName(char *name, int length, int device) {
  return (void)device, snprintf(name, (size_t)length, "Fake GPU"), 0;
}
CUresult cuDeviceTotalMem_v2(size_t *bytes, int device) {
  return (void)device, *bytes = (size_t)1 << 30, 0;
}
CUresult cuDeviceGetAttribute(int *value, int attribute, int device) {
  int capability = number("FAKE_CUDA_CAPABILITY", 90);
  (void)device;
  *value = attribute == 75   ? capability / 10
           : attribute == 76 ? capability % 10
           : attribute == 97 ? number("FAKE_CUDA_SHARED", 232448)
                             : 132;
  return 0;
}
CUresult cuDevicePrimaryCtxRetain(void **context, int device) {
  return (void)device, *context = journal, 0;
}
CUresult cuDevicePrimaryCtxRelease_v2(int device) { return (void)device, 0; }
CUresult cuCtxGetCurrent(void **context) { return *context = current, 0; }
CUresult cuCtxPushCurrent_v2(void *context) { return current = context, 0; }
CUresult cuCtxPopCurrent_v2(void **context) { return *context = current, current = 0, 0; }

CUresult cuModuleLoadDataEx(void **module, const void *image, unsigned count, int *options,
                            void **values) {
  const char *text = (const char *)image;
  unsigned k;
  if (!current)
    return 201;
  *module = (void *)image;
  if (strncmp(text, "cubin", 5) == 0)
    return note("load cubin"), 0;
  if (strncmp(text, "ptx", 3) == 0)
    return note("load ptx"), 0;
  for (k = 0; k < count; ++k)
    if (options[k] == 5)
      strcpy((char *)values[k], "ptxas fatal: line 1;\nunknown opcode\n");
  return strncmp(text, "new", 3) == 0 ? 222 : strncmp(text, "bad ptx", 7) == 0 ? 218 : 200;
}
CUresult cuModuleUnload(void *module) { return (void)module, note("unload"), 0; }
CUresult cuModuleGetFunction(void **function, void *module, const char *name) {
  (void)module;
  *function = strcmp(name, "double_it") == 0 ? "1" : strcmp(name, "double_mapped") == 0 ? "2" : 0;
  return *function ? 0 : 500;
}
CUresult cuFuncSetAttribute(void *function, int attribute, int value) {
  char text[64];
  (void)function;
  snprintf(text, sizeof text, "attribute %d = %d", attribute, value);
  return note(text), 0;
}

/* Graphs: what is launched while a stream is captured. */
struct launch {
  const float *x;
  float *y;
  int64_t n;
};
struct graph {
  struct launch launches[16];
  unsigned count;
};
static struct graph *capture;
static unsigned launched; /* kernels so far; between events each takes FAKE_CUDA_LAUNCH_US */

static void doubled(struct launch launch) {
  for (int64_t k = 0; k < launch.n; ++k)
    launch.y[k] = 2 * launch.x[k];
}
CUresult cuStreamBeginCapture_v2(void *stream, int mode) {
  (void)stream, (void)mode;
  capture = calloc(1, sizeof *capture);
  return note("begin capture"), 0;
}
CUresult cuStreamEndCapture(void *stream, void **graph) {
  (void)stream;
  *graph = capture;
  capture = 0;
  return note("end capture"), 0;
}
CUresult cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long flags) {
  return (void)flags, *executable = graph, 0;
}
CUresult cuGraphLaunch(void *executable, void *stream) {
  struct graph *graph = executable;
  (void)stream;
  if (!current)
    return 201;
  for (unsigned k = 0; k < graph->count; ++k)
    doubled(graph->launches[k]);
  return note("graph"), 0;
}
CUresult cuGraphDestroy(void *graph) { return free(graph), 0; }
CUresult cuGraphExecDestroy(void *executable) { return (void)executable, 0; }

/* y[k] = 2 x[k]; parameters x, y, N and for double_mapped a map of x. */
CUresult cuLaunchKernel(void *function, unsigned gridX, unsigned gridY, unsigned gridZ,
                        unsigned blockX, unsigned blockY, unsigned blockZ, unsigned sharedBytes,
                        void *stream, void **parameters, void **extra) {
  char text[128];
  const float *x = *(const float **)parameters[0];
  float *y = *(float **)parameters[1];
  int64_t n = *(int64_t *)parameters[2];
  (void)extra, (void)stream;
  if (!current)
    return 201;
  snprintf(text, sizeof text, "launch %s grid %u %u %u block %u %u %u shared %u",
           *(const char *)function == '1' ? "plain" : "mapped", gridX, gridY, gridZ, blockX, blockY,
           blockZ, sharedBytes);
  note(text);
  ++launched;
  if (*(const char *)function == '2') {
    if ((uintptr_t)parameters[3] % 64)
      return 1;
    x = *(const float **)parameters[3];
  }
  if (capture)
    capture->launches[capture->count++] = (struct launch){x, y, n};
  else
    doubled((struct launch){x, y, n});
  return 0;
}

CUresult cuTensorMapEncodeTiled(void *map, int type, uint32_t rank, void *address,
                                const uint64_t *extents, const uint64_t *strides,
                                const uint32_t *box, const uint32_t *elementStrides, int interleave,
                                int swizzle, int promotion, int fill) {
  char text[128];
  (void)strides;
  if (!current)
    return 201;
  memcpy(map, &address, sizeof address);
  snprintf(text, sizeof text, "map type %d rank %u extent %llu box %u step %u modes %d %d %d %d",
           type, rank, (unsigned long long)extents[0], box[0], elementStrides[0], interleave,
           swizzle, promotion, fill);
  return note(text), 0;
}

CUresult cuMemAlloc_v2(unsigned long long *data, size_t bytes) {
  void *memory = bytes > (size_t)number("FAKE_CUDA_MOST", 1 << 30) ? 0 : aligned_alloc(256, (bytes + 255) / 256 * 256);
  *data = (unsigned long long)(uintptr_t)memory;
  return memory ? 0 : 2;
}
CUresult cuMemAllocHost_v2(void **data, size_t bytes) {
  return *data = malloc(bytes), current ? 0 : 201;
}
CUresult cuMemFreeHost(void *data) { return free(data), 0; }
CUresult cuMemFree_v2(unsigned long long data) { return free((void *)(uintptr_t)data), 0; }
CUresult cuMemcpyHtoDAsync_v2(unsigned long long to, const void *from, size_t bytes, void *stream) {
  return (void)stream, memcpy((void *)(uintptr_t)to, from, bytes), 0;
}
CUresult cuMemcpyDtoHAsync_v2(void *to, unsigned long long from, size_t bytes, void *stream) {
  return (void)stream, memcpy(to, (void *)(uintptr_t)from, bytes), 0;
}
CUresult cuMemcpyDtoDAsync_v2(unsigned long long to, unsigned long long from, size_t bytes,
                              void *stream) {
  note("copy");
  return (void)stream, memcpy((void *)(uintptr_t)to, (void *)(uintptr_t)from, bytes), 0;
}
CUresult cuMemGetInfo_v2(size_t *available, size_t *total) {
  *total = (size_t)1 << 30;
  *available = (size_t)number("FAKE_CUDA_FREE", 1 << 30);
  return current ? 0 : 201;
}
CUresult cuMemsetD8Async(unsigned long long data, unsigned char byte, size_t bytes, void *stream) {
  return (void)stream, memset((void *)(uintptr_t)data, byte, bytes), 0;
}
CUresult cuStreamCreate(void **stream, unsigned flags) { return (void)flags, *stream = journal, 0; }
CUresult cuStreamDestroy_v2(void *stream) { return (void)stream, 0; }
CUresult cuStreamSynchronize(void *stream) { return (void)stream, note("synchronize"), 0; }
CUresult cuEventCreate(void **event, unsigned flags) {
  return (void)flags, *event = calloc(1, sizeof(unsigned)), 0;
}
CUresult cuEventDestroy_v2(void *event) { return free(event), 0; }
CUresult cuEventRecord(void *event, void *stream) {
  return (void)stream, *(unsigned *)event = launched, 0;
}
CUresult cuEventSynchronize(void *event) { return (void)event, 0; }
CUresult cuEventElapsedTime(float *milliseconds, void *begin, void *end) {
  unsigned count = *(unsigned *)end - *(unsigned *)begin;
  *milliseconds = 1.5f + (float)count * (float)number("FAKE_CUDA_LAUNCH_US", 0) / 1000;
  return 0;
}

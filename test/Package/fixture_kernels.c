// SPDX-License-Identifier: Apache-2.0
// CPU kernels of the test package, by the calling convention of runtime/src/package/Manifest.h.
#include <stdint.h>

enum { D = 4 };

// y[b, t, :] = 2 x[b, t, :] + bias[b, :];  last[b, :] = y[b, T-1, :], or bias when T = 0. One block
// per b. args: x, y, bias or 0, last or 0, T, strides of x (b, t), strides of y (b, t)
__attribute__((visibility("default"))) void scale(const int64_t *args, int64_t begin, int64_t end,
                                                  void *scratch) {
  (void)scratch;
  const float *x = (const float *)args[0], *bias = (const float *)args[2];
  float *y = (float *)args[1], *last = (float *)args[3];
  for (int64_t b = begin; b < end; ++b) {
    for (int d = 0; d < D; ++d) {
      float offset = bias ? bias[b * D + d] : 0.0f, value = offset;
      for (int64_t t = 0; t < args[4]; ++t) {
        value = 2.0f * x[b * args[5] + t * args[6] + d] + offset;
        y[b * args[7] + t * args[8] + d] = value;
      }
      if (last)
        last[b * D + d] = value;
    }
  }
}

// sums[b, :] = sum over t of x[b, t, :], through the thread's scratch. One block per b.
// args: x, sums, T
__attribute__((visibility("default"))) void sum_rows(const int64_t *args, int64_t begin,
                                                     int64_t end, void *scratch) {
  const float *x = (const float *)args[0];
  float *sums = (float *)args[1], *total = (float *)scratch;
  for (int64_t b = begin; b < end; ++b) {
    for (int d = 0; d < D; ++d)
      total[d] = 0.0f;
    for (int64_t t = 0; t < args[2]; ++t)
      for (int d = 0; d < D; ++d)
        total[d] += x[(b * args[2] + t) * D + d];
    for (int d = 0; d < D; ++d)
      sums[b * D + d] = total[d];
  }
}

// y[b, t, :] = x[b, t, :] + sums[b, :]. One block per b and 64 rows.
// args: x, sums, y, T
__attribute__((visibility("default"))) void add_rows(const int64_t *args, int64_t begin,
                                                     int64_t end, void *scratch) {
  (void)scratch;
  const float *x = (const float *)args[0], *sums = (const float *)args[1];
  float *y = (float *)args[2];
  int64_t length = args[3], chunks = (length + 63) / 64;
  for (int64_t block = begin; block < end; ++block) {
    int64_t b = block / chunks, first = block % chunks * 64;
    for (int64_t t = first; t < length && t < first + 64; ++t)
      for (int d = 0; d < D; ++d)
        y[(b * length + t) * D + d] = x[(b * length + t) * D + d] + sums[b * D + d];
  }
}

// y[b, t, h, :] = g[b, t, h] x[b, t, h, :] for 2 heads of 4. One block per b and head.
// args: x, g, y, T, strides of x (b, t, h), of g (b, t, h), of y (b, t, h)
__attribute__((visibility("default"))) void gate(const int64_t *args, int64_t begin, int64_t end,
                                                 void *scratch) {
  (void)scratch;
  const float *x = (const float *)args[0], *g = (const float *)args[1];
  float *y = (float *)args[2];
  for (int64_t block = begin; block < end; ++block) {
    int64_t b = block / 2, h = block % 2;
    for (int64_t t = 0; t < args[3]; ++t)
      for (int d = 0; d < D; ++d)
        y[b * args[10] + t * args[11] + h * args[12] + d] =
            g[b * args[7] + t * args[8] + h * args[9]] *
            x[b * args[4] + t * args[5] + h * args[6] + d];
  }
}

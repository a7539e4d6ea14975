/* SPDX-License-Identifier: Apache-2.0 */
/* A stand-in for libcublasLt on the GPU of fake_cuda.c: products of f32, computed at once. Products of
 * more than FAKE_CUBLAS_MOST_ROWS rows it has none of. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct layout {
  int type;
  uint64_t rows, columns;
  int64_t stride;
};
struct desc {
  int transposed, epilogue;
  const float *bias;
};
static char journal[4096];
const char *fake_cublas_journal(void) { return journal; }
void fake_cublas_clear(void) { journal[0] = 0; }
static void note(const char *text) {
  if (strlen(journal) + strlen(text) + 2 < sizeof journal)
    strcat(strcat(journal, text), ";");
}

int cublasLtCreate(void **handle) { return *handle = journal, 0; }
int cublasLtDestroy(void *handle) { return (void)handle, note("destroy"), 0; }
size_t cublasLtGetVersion(void) { return 130100; }
int cublasLtMatmulDescCreate(struct desc **desc, int compute, int scale) {
  *desc = calloc(1, sizeof **desc);
  return compute == 68 && scale == 0 ? 0 : 7;
}
int cublasLtMatmulDescDestroy(struct desc *desc) { return free(desc), 0; }
int cublasLtMatmulDescSetAttribute(struct desc *desc, int attribute, const void *value,
                                   size_t bytes) {
  void *to = attribute == 3   ? (void *)&desc->transposed
             : attribute == 7 ? (void *)&desc->epilogue
             : attribute == 8 ? (void *)&desc->bias
                              : 0;
  if (!to || bytes != (attribute == 8 ? 8 : 4))
    return 7;
  return memcpy(to, value, bytes), 0;
}
int cublasLtMatrixLayoutCreate(struct layout **layout, int type, uint64_t rows, uint64_t columns,
                               int64_t stride) {
  *layout = malloc(sizeof **layout);
  **layout = (struct layout){type, rows, columns, stride};
  return 0;
}
int cublasLtMatrixLayoutDestroy(struct layout *layout) { return free(layout), 0; }
int cublasLtMatmulPreferenceCreate(size_t **preference) {
  return *preference = calloc(1, sizeof **preference), 0;
}
int cublasLtMatmulPreferenceDestroy(size_t *preference) { return free(preference), 0; }
int cublasLtMatmulPreferenceSetAttribute(size_t *preference, int attribute, const void *value,
                                         size_t bytes) {
  if (attribute == 1)
    memcpy(preference, value, bytes);
  return 0;
}
struct heuristic {
  uint64_t algorithm[8];
  size_t workspace;
  int state;
  float waves;
  int reserved[4];
};
int cublasLtMatmulAlgoGetHeuristic(void *handle, struct desc *desc, struct layout *a,
                                   struct layout *b, struct layout *c, struct layout *d,
                                   size_t *preference, int wanted, struct heuristic *results,
                                   int *count) {
  char text[160];
  const char *most = getenv("FAKE_CUBLAS_MOST_ROWS");
  (void)handle, (void)wanted;
  snprintf(text, sizeof text, "find %llu x %llu x %llu strides %lld %lld %lld %lld epilogue %d",
           (unsigned long long)d->columns, (unsigned long long)d->rows,
           (unsigned long long)a->rows, (long long)a->stride, (long long)b->stride,
           (long long)c->stride, (long long)d->stride, desc->epilogue);
  note(text);
  memset(results, 0, sizeof *results);
  results->algorithm[0] = 42;
  *count = !most || d->columns <= strtoull(most, 0, 10);
  return *preference == (size_t)32 << 20 && desc->transposed == 1 && a->type == 0 ? 0 : 7;
}
int cublasLtMatmul(void *handle, struct desc *desc, const float *alpha, const float *a,
                   struct layout *la, const float *b, struct layout *lb, const float *beta,
                   const float *c, struct layout *lc, float *d, struct layout *ld,
                   const uint64_t *algorithm, void *workspace, size_t bytes, void *stream) {
  (void)handle, (void)workspace, (void)stream;
  if (algorithm[0] != 42 || bytes != (size_t)32 << 20)
    return 7;
  note("matmul");
  for (uint64_t m = 0; m < ld->columns; ++m)
    for (uint64_t n = 0; n < ld->rows; ++n) {
      float sum = 0;
      for (uint64_t k = 0; k < la->rows; ++k)
        sum += a[n * la->stride + k] * b[m * lb->stride + k];
      sum *= *alpha;
      if (*beta != 0)
        sum += *beta * c[m * lc->stride + n];
      if (desc->epilogue == 4)
        sum += desc->bias[n];
      d[m * ld->stride + n] = sum;
    }
  return 0;
}

/* SPDX-License-Identifier: Apache-2.0 */
/* mLSTM forward by hand, in the recurrent form, for one (batch, head) per block: what xlstm-check
   is tested with. `mlstm` is right; the others have one fault each. */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

enum { DQK = 5, DV = 6, H = 3 };

typedef struct {
  int64_t b, t, h;
} Strides;

typedef struct {
  const float *q, *k, *v, *i, *f;
  float *h, *m_last;
  int64_t T;
  Strides qs, ks, vs, is, fs, hs;
  int64_t ms;
} Args;

static int64_t at(Strides strides, int64_t b, int64_t t, int64_t h) {
  return b * strides.b + t * strides.t + h * strides.h;
}

static float log_sigmoid(float x) { return fminf(x, 0) - log1pf(expf(-fabsf(x))); }

/* `fault`: the step that leaves an m too large by 1/4, -1 without. */
static void cell(const int64_t *args, int64_t begin, int64_t end, float eps, int drop_row,
                 uint32_t noise, int64_t fault) {
  Args a;
  memcpy(&a, args, sizeof a);
  for (int64_t block = begin; block < end; ++block) {
    int64_t b = block / H, head = block % H;
    float c[DQK][DV] = {{0}}, n[DQK] = {0}, m = 0;
    for (int64_t t = 0; t < a.T; ++t) {
      const float *q = a.q + at(a.qs, b, t, head), *k = a.k + at(a.ks, b, t, head),
                  *v = a.v + at(a.vs, b, t, head);
      float *h = a.h + at(a.hs, b, t, head), i = a.i[at(a.is, b, t, head)],
            f = a.f[at(a.fs, b, t, head)];
      float decayed = log_sigmoid(f) + m, next = fmaxf(decayed, i);
      float forget = expf(decayed - next), input = expf(i - next), z = 0;
      m = t == fault ? next + 0.25f : next;
      for (int r = 0; r < DQK; ++r) {
        n[r] = forget * n[r] + input * k[r];
        z += q[r] / sqrtf(DQK) * n[r];
        for (int s = 0; s < DV; ++s)
          c[r][s] = forget * c[r][s] + input * k[r] * v[s];
      }
      if (drop_row && t == a.T - 1)
        continue; /* leaves what was in memory */
      float denominator = fmaxf(fabsf(z), expf(-m)) + eps;
      for (int s = 0; s < DV; ++s) {
        float sum = 0;
        for (int r = 0; r < DQK; ++r)
          sum += q[r] / sqrtf(DQK) * c[r][s];
        h[s] = sum / denominator * (1 + 4e-6f * (float)((noise >> (t + s) % 16) & 1));
      }
    }
    if (a.m_last) /* optional */
      a.m_last[b * a.ms + head] = m;
  }
}

void mlstm(const int64_t *args, int64_t begin, int64_t end, void *scratch) {
  (void)scratch;
  cell(args, begin, end, 1e-6f, 0, 0, -1);
}
void wrong_eps(const int64_t *args, int64_t begin, int64_t end, void *scratch) {
  (void)scratch;
  cell(args, begin, end, 1e-2f, 0, 0, -1);
}
void unwritten_row(const int64_t *args, int64_t begin, int64_t end, void *scratch) {
  (void)scratch;
  cell(args, begin, end, 1e-6f, 1, 0, -1);
}
/* Other bits in every run, but within the tolerance. */
void unrepeatable(const int64_t *args, int64_t begin, int64_t end, void *scratch) {
  (void)scratch;
  struct timespec now;
  timespec_get(&now, TIME_UTC);
  cell(args, begin, end, 1e-6f, 0, (uint32_t)now.tv_nsec * 2654435761u >> 8, -1);
}
void late_fault(const int64_t *args, int64_t begin, int64_t end, void *scratch) {
  (void)scratch;
  cell(args, begin, end, 1e-6f, 0, 0, 20);
}

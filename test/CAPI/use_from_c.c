/* SPDX-License-Identifier: Apache-2.0 */
/* The C API from C11: use_from_c PACKAGE.xlpkg. Exit code 0 if all results are right. */
#include "xlstm/model.h"
#include "xlstm/runtime.h"

#include <stdio.h>
#include <string.h>

#define TRY(call)                                                                                  \
  do {                                                                                             \
    if ((call) != XLSTM_OK) {                                                                      \
      fprintf(stderr, "%s: %s\n", #call, xlstm_last_error());                                      \
      return 1;                                                                                    \
    }                                                                                              \
  } while (0)

#define EXPECT(condition)                                                                          \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "line %d: expected %s\n", __LINE__, #condition);                             \
      return 1;                                                                                    \
    }                                                                                              \
  } while (0)

int main(int argc, char **argv) {
  xlstm_package *package = NULL;
  xlstm_device *device = NULL;
  xlstm_function *function = NULL;
  xlstm_context *context = NULL;
  xlstm_device_options options = {2};
  xlstm_model *model = NULL;
  xlstm_argument_info info;
  xlstm_tensor x, y;
  const xlstm_tensor *inputs[1], *outputs[1];
  const int64_t shape[3] = {2, 3, 4};
  int64_t got[XLSTM_MAX_RANK];
  float in[24], out[24];
  void *workspace = NULL;
  size_t bytes = 0;
  int k, b, d, t;

  EXPECT(argc == 2);
  EXPECT(xlstm_package_open("no such file", &package) == XLSTM_ERROR_INVALID_INPUT);
  EXPECT(strcmp(xlstm_last_error(), "no such file: cannot open: No such file or directory") == 0);
  TRY(xlstm_package_open(argv[1], &package));
  TRY(xlstm_package_input(package, 1, 0, &info));
  EXPECT(strcmp(info.name, "x") == 0 && info.dtype == XLSTM_F32 && info.rank == 3 &&
         info.shape[2] == 4);
  EXPECT(strcmp(info.symbols[1], "T") == 0 && info.symbols[2] == NULL && !info.optional);
  TRY(xlstm_device_open(XLSTM_CPU, 0, &options, &device));
  EXPECT(xlstm_model_open(argv[1], device, NULL, &model) == XLSTM_ERROR_INVALID_ARGUMENT);
  EXPECT(strstr(xlstm_last_error(), "(scale, two_step, gate), got 'prefill'") != NULL);
  xlstm_model_close(model);
  TRY(xlstm_function_bind(package, "two_step", device, NULL, &function));
  TRY(xlstm_context_create(function, &context));
  /* Handles may go in any order. */
  xlstm_package_close(package);
  xlstm_function_release(function);

  for (k = 0; k < 24; ++k)
    in[k] = (float)k;
  TRY(xlstm_tensor_init(&x, in, XLSTM_F32, 3, shape, XLSTM_CPU, 0));
  TRY(xlstm_tensor_init(&y, out, XLSTM_F32, 3, shape, XLSTM_CPU, 0));
  inputs[0] = &x;
  outputs[0] = &y;
  TRY(xlstm_context_output_shape(context, inputs, 0, got));
  EXPECT(got[0] == 2 && got[1] == 3 && got[2] == 4);
  TRY(xlstm_context_workspace_size(context, inputs, outputs, &bytes));
  EXPECT(bytes >= 2 * 4 * 4);
  TRY(xlstm_device_allocate(device, bytes, &workspace));
  TRY(xlstm_context_run(context, inputs, outputs, workspace, bytes, NULL));
  for (b = 0; b < 2; ++b)
    for (d = 0; d < 4; ++d)
      for (t = 0; t < 3; ++t) {
        const float *row = in + b * 12 + d;
        EXPECT(out[b * 12 + t * 4 + d] == row[t * 4] + row[0] + row[4] + row[8]);
      }
  xlstm_device_free(device, workspace);
  xlstm_context_destroy(context);
  xlstm_device_close(device);
  puts("ok");
  return 0;
}

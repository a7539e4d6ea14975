// SPDX-License-Identifier: Apache-2.0
// The C border of model.h.
#include "runtime/src/model/Model.h"

#include "runtime/src/api/Border.h"

using namespace xlstm;
using namespace xlstm::api_border;

struct xlstm_model {
  Model model;
};

extern "C" {

xlstm_status xlstm_model_open(const char *path, xlstm_device *device,
                              const xlstm_model_options *options, xlstm_model **model) {
  return guard([&] {
    required("xlstm_model_open", path, device, model);
    *model =
        new xlstm_model{Model(path, device->device, options ? *options : xlstm_model_options{})};
  });
}

void xlstm_model_close(xlstm_model *model) { delete model; }

xlstm_status xlstm_model_get_info(const xlstm_model *model, xlstm_model_info *info) {
  return guard([&] {
    required("xlstm_model_get_info", model, info);
    *info = model->model.info();
  });
}

const char *xlstm_model_products(const xlstm_model *model) {
  return model ? model->model.products().c_str() : "";
}

static void checkCount(int32_t count) {
  if (count < 0)
    fail(XLSTM_ERROR_INVALID_ARGUMENT, "count: expected at least 0, got ", count);
}

xlstm_status xlstm_model_prefill(xlstm_model *model, const int32_t *tokens, const int64_t *lengths,
                                 const int32_t *slots, int32_t count, float *logits) {
  return guard([&] {
    required("xlstm_model_prefill", model);
    checkCount(count);
    if (count)
      required("xlstm_model_prefill", tokens, lengths, slots);
    model->model.prefill(tokens, lengths, slots, count, logits);
  });
}

xlstm_status xlstm_model_step(xlstm_model *model, const int32_t *tokens, const int32_t *slots,
                              int32_t count, float *logits) {
  return guard([&] {
    required("xlstm_model_step", model);
    checkCount(count);
    if (count)
      required("xlstm_model_step", tokens, slots);
    model->model.step(tokens, slots, count, logits);
  });
}

xlstm_status xlstm_model_reset(xlstm_model *model, int32_t slot) {
  return guard([&] {
    required("xlstm_model_reset", model);
    model->model.reset(slot);
  });
}

xlstm_status xlstm_model_copy(xlstm_model *model, int32_t from, int32_t to) {
  return guard([&] {
    required("xlstm_model_copy", model);
    model->model.copy(from, to);
  });
}

xlstm_status xlstm_model_length(const xlstm_model *model, int32_t slot, int64_t *length) {
  return guard([&] {
    required("xlstm_model_length", model, length);
    *length = model->model.length(slot);
  });
}

xlstm_status xlstm_model_save(xlstm_model *model, int32_t slot, const char *path) {
  return guard([&] {
    required("xlstm_model_save", model, path);
    model->model.save(slot, path);
  });
}

xlstm_status xlstm_model_load(xlstm_model *model, int32_t slot, const char *path) {
  return guard([&] {
    required("xlstm_model_load", model, path);
    model->model.load(slot, path);
  });
}

} // extern "C"

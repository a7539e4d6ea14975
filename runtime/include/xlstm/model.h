/* SPDX-License-Identifier: Apache-2.0 */
/* Running a language model: a package of a whole model on a device, with its weights and with the
 * recurrent states of many sequences.
 *
 *   xlstm_model_open("m.xlpkg", device, NULL, &model);
 *   xlstm_model_prefill(model, tokens, lengths, slots, count, logits);  read prompts
 *   xlstm_model_step(model, tokens, slots, count, logits);              one more token each
 *   xlstm_model_close(model);
 *
 * A sequence lives in a slot: what the model remembers of the tokens read so far, in a fixed number
 * of bytes however many they are. Any set of slots goes on together in one call, so sequences may
 * begin and end at any time (continuous batching).
 *
 * Logits are float32 in the caller's memory, row-major [count, vocab_size], row k for slots[k]: what
 * the model gives for the token that follows. NULL where they are not wanted.
 *
 * What is equal. Two runs on the same inputs give the same bits; a saved state and a copy of a slot
 * continue with the same bits as the slot itself. On a CPU a sequence's results do not depend, not
 * by a bit, on which slots it and others are in, on their order, or on what else is in the call.
 * Reading T tokens as a prompt, in pieces, or token by token is the same function rounded in
 * another order: within 1e-5 in f32, as a relative L2 error. In bf16 and f16 every layer rounds what
 * it hands on, and two orders may be several 1e-3 apart; so may they where the package keeps C in
 * bf16 (xlstm-compile --state-dtype), which is rounded at the end of each call, and about 1e-3 where
 * it keeps C in f16.
 *
 * Errors, strings and threads as in runtime.h. A model may be used by one thread at a time; several
 * models on one device by several threads. Calls return when their results are there. Arguments are
 * checked before anything changes; after XLSTM_ERROR_DEVICE or XLSTM_ERROR_OUT_OF_MEMORY from
 * prefill or step the slots of that call have to be reset or loaded.
 */
#ifndef XLSTM_MODEL_H
#define XLSTM_MODEL_H

#include "xlstm/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct xlstm_model xlstm_model;

/* Options of a model; zero and NULL mean default. */
typedef struct xlstm_model_options {
  const char *weights; /* safetensors, a file or a folder of a checkpoint; NULL: the one that the
                          package names (a relative name is relative to the working folder) */
  const char *target;  /* only implementations for this target, as in xlstm_bind_options */
  int32_t slots;       /* sequences that have a state; 0: 1 */
  int32_t batch;       /* most sequences of one run of the model, up to `slots`; calls with more are
                          several runs; 0: the smaller of slots and 64 */
  int64_t prefill_tokens; /* most tokens of one run of prefill; longer prompts are read in pieces of
                             that many tokens each; 0: 8192 */
} xlstm_model_options;

/* What a model is and what memory of the device it holds, in bytes. */
typedef struct xlstm_model_info {
  const char *name;    /* of the package */
  const char *weights; /* path of the checkpoint that was read */
  int64_t vocab_size;  /* tokens are at least 0 and less than this */
  xlstm_dtype dtype;   /* of the logits before they are converted to float32 */
  int32_t slots;       /* as opened, defaults filled in, and so on */
  int32_t batch;
  int64_t prefill_tokens;
  int32_t states;          /* state tensors of a slot */
  int64_t state_bytes;     /* of one slot */
  int64_t parameters;      /* numbers in the weights */
  int64_t weight_bytes;    /* weights in the device's memory: 0 for those that a CPU reads where the
                             checkpoint is mapped */
  int64_t prepared_bytes;  /* what is computed once from weights alone */
  int64_t slot_bytes;      /* the states of all slots */
  int64_t workspace_bytes; /* of runs: intermediate values, staged states, logits */
} xlstm_model_info;

/* Opens the package at `path` and makes its functions `prefill` and `step` ready to run on `device`:
 * every parameter is found in the checkpoint and checked, then mapped (CPU) or uploaded (GPU);
 * floating-point parameters of another type than the package's are converted, rounding to nearest
 * even. All slots are empty. The model keeps the device alive.
 * INVALID_INPUT: the package or the checkpoint is wrong (a missing tensor, a wrong shape or type, a
 * damaged or truncated file; the message names file and tensor), or there is no checkpoint.
 * INVALID_ARGUMENT: an option is out of range, or the package holds no such functions.
 * UNSUPPORTED, ENVIRONMENT: as xlstm_function_bind.
 * OUT_OF_MEMORY: on a GPU the sum of all of the model's memory is compared with the free memory
 * before any of it is allocated; the message says need and have, and what needs how much, in GiB. */
XLSTM_API xlstm_status xlstm_model_open(const char *path, xlstm_device *device,
                                        const xlstm_model_options *options, xlstm_model **model);
XLSTM_API void xlstm_model_close(xlstm_model *model);

/* Describes a model. The strings live as long as the model. */
XLSTM_API xlstm_status xlstm_model_get_info(const xlstm_model *model, xlstm_model_info *info);

/* What XLSTM_CUBLAS=auto (see xlstm_context_products) has chosen when the model was opened, a line for
 * each shape of a product; "" if nothing was timed. Lives as long as the model. */
XLSTM_API const char *xlstm_model_products(const xlstm_model *model);

/* ---- running ---- */

/* Reads `count` sequences: lengths[k] >= 1 tokens each, one sequence after the other in `tokens`, the
 * k-th into slots[k]. A slot that has read tokens goes on from there, so a prompt may come in
 * pieces; an empty one begins. Sequences may differ in length. `logits`: after the last token of each.
 * Reading in pieces is not bit by bit reading at once: inside a run the kernels of the mLSTM keep C
 * and n relative to an m of their own choice; where a run ends they are scaled to the m of the cell,
 * which rounds once more, and the last tokens of a run may be computed in smaller tiles.
 * INVALID_ARGUMENT, with nothing changed: a slot that there is not or that is given twice, a length
 * below 1, a token outside of the vocabulary. */
XLSTM_API xlstm_status xlstm_model_prefill(xlstm_model *model, const int32_t *tokens,
                                           const int64_t *lengths, const int32_t *slots,
                                           int32_t count, float *logits);

/* Reads one more token in each of `count` slots: tokens[k] in slots[k]. An empty slot begins with it.
 * Fails as xlstm_model_prefill. */
XLSTM_API xlstm_status xlstm_model_step(xlstm_model *model, const int32_t *tokens,
                                        const int32_t *slots, int32_t count, float *logits);

/* ---- slots ---- */

/* Empties a slot: no tokens, the initial state. */
XLSTM_API xlstm_status xlstm_model_reset(xlstm_model *model, int32_t slot);

/* Makes slot `to` what slot `from` is now; afterwards they go on independently (a prompt that is
 * read once and continued many times, beams). */
XLSTM_API xlstm_status xlstm_model_copy(xlstm_model *model, int32_t from, int32_t to);

/* Tokens that a slot has read since it was empty. */
XLSTM_API xlstm_status xlstm_model_length(const xlstm_model *model, int32_t slot, int64_t *length);

/* Writes a slot to a safetensors file, whole or not at all: the tensors `state.*` as the functions of
 * the package have them, with B = 1, bit by bit. */
XLSTM_API xlstm_status xlstm_model_save(xlstm_model *model, int32_t slot, const char *path);

/* Reads a slot from such a file. INVALID_INPUT, with the slot unchanged, if the file is damaged or
 * is of another model: the message names file, tensor, and expected and found shape or type. */
XLSTM_API xlstm_status xlstm_model_load(xlstm_model *model, int32_t slot, const char *path);

#ifdef __cplusplus
}
#endif
#endif

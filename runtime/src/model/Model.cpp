// SPDX-License-Identifier: Apache-2.0
// Running a model: which rows run together, and from and to where their states go.
#include "runtime/src/model/Model.h"

#include "runtime/src/support/Convert.h"
#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <cstring>

namespace xlstm {

void Model::checkSlot(int32_t slot, const char *what) const {
  if (slot < 0 || slot >= description.slots)
    fail(XLSTM_ERROR_INVALID_ARGUMENT, what, ": expected a slot of at least 0 and less than ",
         description.slots, ", got ", slot);
}

void Model::checkCall(const int32_t *tokens, const int64_t *lengths, const int32_t *slots,
                      int32_t count) const {
  std::vector<char> taken(static_cast<size_t>(description.slots));
  int64_t total = 0;
  for (int32_t k = 0; k < count; ++k) {
    std::string name = cat("slots[", k, "]");
    checkSlot(slots[k], name.c_str());
    if (taken[slots[k]]++)
      fail(XLSTM_ERROR_INVALID_ARGUMENT, name, ": expected each slot once, got ", slots[k],
           " again");
    int64_t length = lengths ? lengths[k] : 1;
    if (length < 1 || length > INT64_MAX / 8 - total)
      fail(XLSTM_ERROR_INVALID_ARGUMENT, "lengths[", k, "]: expected at least 1 token, got ",
           length);
    total += length;
  }
  for (int64_t t = 0; t < total; ++t)
    if (tokens[t] < 0 || tokens[t] >= description.vocab_size)
      fail(XLSTM_ERROR_INVALID_ARGUMENT, "tokens[", t, "]: expected at least 0 and less than ",
           description.vocab_size, ", got ", tokens[t]);
}

/// Sequences are cut into pieces of prefill_tokens, wherever else they are, so that a sequence is
/// computed in the same way in every company. Pieces of one length run together.
void Model::prefill(const int32_t *tokens, const int64_t *lengthsOfCall, const int32_t *slotsOfCall,
                    int32_t count, float *logits) {
  checkCall(tokens, lengthsOfCall, slotsOfCall, count);
  std::vector<const int32_t *> starts;
  int64_t longest = 0;
  for (int32_t k = 0; k < count; ++k) {
    starts.push_back(tokens);
    tokens += lengthsOfCall[k];
    longest = std::max(longest, lengthsOfCall[k]);
  }
  for (int64_t done = 0; done < longest; done += description.prefill_tokens) {
    std::map<std::pair<int64_t, bool>, Rows> groups; // by length and whether they begin
    for (int32_t k = 0; k < count; ++k) {
      int64_t left = lengthsOfCall[k] - done;
      if (left <= 0)
        continue;
      bool isLast = left <= description.prefill_tokens;
      int32_t slot = slotsOfCall[k];
      groups[{std::min(left, description.prefill_tokens), lengths[slot] == 0}].push_back(
          {slot, starts[k] + done,
           isLast && logits ? logits + k * description.vocab_size : nullptr});
    }
    for (auto &[key, rows] : groups)
      runGroup(rows, key.first, key.second ? Kind::Begin : Kind::Continue);
  }
}

void Model::step(const int32_t *tokens, const int32_t *slotsOfCall, int32_t count, float *logits) {
  checkCall(tokens, nullptr, slotsOfCall, count);
  Rows rows;
  for (int32_t k = 0; k < count; ++k)
    rows.push_back(
        {slotsOfCall[k], tokens + k, logits ? logits + k * description.vocab_size : nullptr});
  runGroup(rows, 1, Kind::Step);
}

/// Rows of one length in runs of as many as there is room for. In the order of their slots, so that
/// neighbours are views.
void Model::runGroup(Rows &rows, int64_t length, Kind kind) {
  std::sort(rows.begin(), rows.end(), [](const Row &a, const Row &b) { return a.slot < b.slot; });
  int64_t most = description.batch;
  if (kind != Kind::Step)
    most = std::max<int64_t>(1, std::min(most, description.prefill_tokens / length));
  for (size_t first = 0; first < rows.size();) {
    size_t end = std::min(rows.size(), first + static_cast<size_t>(most));
    // Staged states are what such a run reads: it has only the slots to write to.
    if (kind == Kind::Continue)
      for (size_t k = first + 1; k < end; ++k)
        if (rows[k].slot != rows[k - 1].slot + 1)
          end = k;
    runRows(rows.data() + first, static_cast<int64_t>(end - first), length, kind);
    first = end;
  }
}

bool Model::isView(size_t state, const Row *rows, int64_t count) const {
  bool aligned = stepFunction.states()[state].rowBytes % kRowAlignment == 0;
  return (aligned || rows[0].slot == 0) && rows[count - 1].slot - rows[0].slot == count - 1;
}

bool Model::areViews(const Row *rows, int64_t count) const {
  for (size_t k = 0; k < stepFunction.states().size(); ++k)
    if (!isView(k, rows, count))
      return false;
  return true;
}

/// Copies the rows' states from their slots to neighbouring rows of a packed tensor, or back.
/// Neighbouring slots are one copy.
void Model::moveRows(size_t state, const Row *rows, int64_t count, char *packed, bool toPacked) {
  size_t rowBytes = stepFunction.states()[state].rowBytes;
  for (int64_t first = 0, end; first < count; first = end) {
    for (end = first + 1; end < count && rows[end].slot == rows[end - 1].slot + 1;)
      ++end;
    char *inSlots = slots.row(state, rows[first].slot);
    char *there = packed + static_cast<size_t>(first) * rowBytes;
    device->copy(toPacked ? there : inSlots, toPacked ? inSlots : there,
                 static_cast<size_t>(end - first) * rowBytes, stream.get());
  }
}

/// Decides where a run reads and writes each state, and brings there what it reads. A step finds
/// states in their slots, neighbours or not; older packages, and states that are not written in place,
/// have theirs copied together.
ModelRun Model::place(const Row *rows, int64_t count, int64_t length, Kind kind) {
  ModelRun run;
  run.batch = count;
  run.length = length;
  run.tokens = deviceTokens;
  run.logits = deviceLogits;
  const std::vector<StateType> &types = stepFunction.states();
  if (kind == Kind::Step && stepsInSlots && !areViews(rows, count)) {
    for (int64_t k = 0; k < count; ++k)
      reinterpret_cast<int32_t *>(hostSlots.data())[k] = rows[k].slot;
    device->upload(deviceSlots, hostSlots.data(), sizeof(int32_t) * static_cast<size_t>(count),
                   stream.get());
    run.slots = deviceSlots;
    run.rows = description.slots;
    for (size_t k = 0; k < types.size(); ++k)
      run.in.push_back(slots.row(k, 0));
    run.out = run.in;
    return run;
  }
  for (size_t k = 0; k < types.size(); ++k) {
    char *view = isView(k, rows, count) ? slots.row(k, rows[0].slot) : nullptr;
    char *in = nullptr, *out = nullptr;
    switch (kind) {
    case Kind::Begin:
      out = view ? view : staged.row(k, 0);
      break;
    case Kind::Continue: // what it reads and writes must not overlap
      in = staged.row(k, 0);
      out = view ? view : results.row(k, 0);
      break;
    case Kind::Step:
      in = view ? view : staged.row(k, 0);
      out = types[k].inPlace ? in : results.row(k, 0);
      break;
    }
    if (in == staged.row(k, 0))
      moveRows(k, rows, count, in, /*toPacked=*/true);
    if (in)
      run.in.push_back(in);
    run.out.push_back(out);
  }
  return run;
}

void Model::runRows(const Row *rows, int64_t count, int64_t length, Kind kind) {
  size_t rowBytes = static_cast<size_t>(length) * sizeof(int32_t);
  for (int64_t k = 0; k < count; ++k)
    std::memcpy(hostTokens.data() + rowBytes * static_cast<size_t>(k), rows[k].tokens, rowBytes);
  device->upload(deviceTokens, hostTokens.data(), rowBytes * static_cast<size_t>(count),
                 stream.get());
  ModelRun run = place(rows, count, length, kind);
  ModelFunction &function = kind == Kind::Step ? stepFunction : prefillFunction;
  // Plans at opening were for the largest runs; should another need more, it gets more.
  if (size_t bytes = function.workspaceSize(run); bytes > workspace.size()) {
    device->synchronize(stream.get());
    recordedSteps.clear();
    workspace = DeviceMemory();
    workspace = DeviceMemory(device, bytes);
  }
  launch(function, run, kind);
  for (size_t k = 0; k < run.out.size() && !run.slots; ++k)
    if (char *out = static_cast<char *>(run.out[k]); out != slots.row(k, rows[0].slot))
      moveRows(k, rows, count, out, /*toPacked=*/false);
  takeLogits(rows, count);
  for (int64_t k = 0; k < count; ++k)
    lengths[rows[k].slot] += length;
}

/// Launches a run; a step as one recording (on a GPU a graph), made when it comes for the second time
/// in a row with the same tensors: then it is likely to come again.
void Model::launch(ModelFunction &function, const ModelRun &run, Kind kind) {
  if (kind != Kind::Step)
    return function.run(run, workspace, stream.get());
  RecordedStep &step = recordedSteps[run.batch];
  if (!(step.run == run)) {
    step = {run, nullptr};
    return function.run(run, workspace, stream.get());
  }
  if (!step.recording)
    step.recording =
        device->record(stream.get(), [&] { function.run(run, workspace, stream.get()); });
  if (step.recording)
    step.recording->launch(stream.get());
  else
    function.run(run, workspace, stream.get());
}

/// Waits for the run, and hands out its logits.
void Model::takeLogits(const Row *rows, int64_t count) {
  bool wanted = std::any_of(rows, rows + count, [](const Row &row) { return row.logits; });
  size_t rowBytes = static_cast<size_t>(description.vocab_size) * dtypeSize(description.dtype);
  if (wanted)
    device->download(hostLogits.data(), deviceLogits, rowBytes * static_cast<size_t>(count),
                     stream.get());
  device->synchronize(stream.get());
  for (int64_t k = 0; wanted && k < count; ++k)
    if (rows[k].logits)
      convertFloats(description.dtype, hostLogits.data() + rowBytes * static_cast<size_t>(k),
                    XLSTM_F32, rows[k].logits, static_cast<size_t>(description.vocab_size));
}

} // namespace xlstm

// SPDX-License-Identifier: Apache-2.0
// States in the middle of a sequence.
//
// The state after step t is the last state of a run over the steps 0 to t, so a function needs no
// other output to be looked into: `--probe c,n@0,100` are two runs, of 1 and of 101 steps, whose
// outputs c_last and n_last are named c@0, n@0, c@100, n@100. Of packed sequences, the one that
// holds the step is shown.
#ifndef XLSTM_TOOLS_COMMON_PROBES_H
#define XLSTM_TOOLS_COMMON_PROBES_H

#include "tools/common/InputFile.h"

namespace xlstm::tools {

/// States to look at after steps.
struct Probe {
  std::vector<std::string> states;
  std::vector<int64_t> steps;
};

/// "c,n@0,5,100". Throws UsageError.
Probe parseProbe(const std::string &text);

/// The states of each step, by step.
std::vector<std::pair<int64_t, std::vector<std::string>>>
statesByStep(const std::vector<Probe> &probes);

/// The name of a probe's output: "c@5".
std::string probeName(const std::string &state, int64_t step);

/// The first `steps` steps of inputs: of each tensor that has a time axis that part, and of
/// cu_seqlens the boundaries within it. Inputs whose `axes` are empty have no time axis.
HostInputs prefixOf(const HostInputs &inputs, int64_t steps);

/// The sequence of cu_seqlens [N + 1] that holds a step.
int64_t sequenceOf(const HostTensor &cuSeqlens, int64_t step);

/// The length of the time axis of inputs, -1 if none has one.
int64_t stepsOf(const HostInputs &inputs);

} // namespace xlstm::tools
#endif

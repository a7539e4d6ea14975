// SPDX-License-Identifier: Apache-2.0
// Long sequences in segments. Where batch, heads and slices are fewer than a device's
// multiprocessors, each sequence is cut into G segments that run side by side:
//
//   adds     what each segment adds to the state: the recurrence from zero, without outputs
//   starts   the state before each segment, folded from those of the segments before it
//   outputs  the chunkwise kernel, each segment from its start
//
//             segment 0      segment 1      segment 2
//   adds      0 ───► A0      0 ───► A1      (the last one's are not needed)
//   starts    c0             c0·A0          c0·A0·A1
//   outputs   c0 ──► h       S1 ──► h       S2 ──► h, last state
//
// With Ag = (C, n relative to m; M; sum of log f) of segment g, the state before segment g + 1 is
//   m' = max(m + sum, m_A)    C' = exp(m + sum - m') C + exp(m_A - m') C_A,  n' likewise
//   M' = max(M + sum, M_A)    the cell's own reference, see MLSTMProgram.h; exponential gate
//
// G is a run-time dimension of the plan (package::Parts); all segments but the last are whole
// numbers of chunks.
#ifndef XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_MLSTMSEGMENTS_H
#define XLSTM_COMPILER_CONVERSION_XLSTMTOTILE_MLSTMSEGMENTS_H

#include "compiler/Conversion/XLSTMToTile/Program.h"

namespace xlstm {

/// States of segments: C^T [S, G, H, dv, dqk], as kernels hold it, n [S, G, H, dqk], and m [S, G, H, 3], which has m, M
/// and the sum of log f.
struct SegmentStates {
  KernelBuffer C, n, m;
};

/// What the kernels of one op share.
struct Segments {
  SegmentStates adds, starts;
};

} // namespace xlstm

#endif

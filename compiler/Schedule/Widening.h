// SPDX-License-Identifier: Apache-2.0
// Which activations of a 16-bit model a device is to compute in f32 (--xlstm-widen-activations).
#ifndef XLSTM_COMPILER_SCHEDULE_WIDENING_H
#define XLSTM_COMPILER_SCHEDULE_WIDENING_H

#include "compiler/Schedule/Device.h"
#include "compiler/Schedule/Reason.h"
#include <map>
#include <optional>

namespace xlstm {

enum class Widening {
  None,        // none: every op rounds its result to the model's type
  Activations, // those that are not multiplied by matrix units
  Operands     // all
};

/// The key of `--set` that decides otherwise: none, activations or operands.
inline constexpr const char *wideningKey = "widen";

/// For a function; the reason in `reason` if the override names nothing, or what the device's
/// matrix units do not take. Functions with gradients keep all types: what they save has them.
std::optional<Widening> chooseWidening(const std::string &function, const Device &device,
                                       const std::map<std::string, std::string> &overrides,
                                       Reason &reason);

} // namespace xlstm

#endif

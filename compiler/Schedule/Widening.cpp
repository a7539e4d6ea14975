// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/Widening.h"

using namespace xlstm;

std::optional<Widening> xlstm::chooseWidening(const std::string &function, const Device &device,
                                              const std::map<std::string, std::string> &overrides,
                                              Reason &reason) {
  bool hasMatrixUnits = !device.matrixUnit.empty();
  // A CPU multiplies in f32 in any case.
  Widening widening = hasMatrixUnits ? Widening::None : Widening::Operands;
  if (auto chosen = overrides.find(wideningKey); chosen != overrides.end()) {
    const std::string &text = chosen->second;
    if (text != "none" && text != "activations" && text != "operands") {
      reason = say("widen must be none, activations or operands, got '", text, "'");
      return std::nullopt;
    }
    widening = text == "none"          ? Widening::None
               : text == "activations" ? Widening::Activations
                                       : Widening::Operands;
  }
  if (widening == Widening::Operands && hasMatrixUnits) {
    reason = say("widen = operands is for devices without matrix units, got ", device.name,
                 " with ", device.matrixUnit);
    return std::nullopt;
  }
  return function == "loss_grad" ? Widening::None : widening;
}

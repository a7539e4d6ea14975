// SPDX-License-Identifier: Apache-2.0
// What the families whose schedules are a few numbers share: the attribute, and overrides.
#ifndef XLSTM_COMPILER_SCHEDULE_PARAMETERS_H
#define XLSTM_COMPILER_SCHEDULE_PARAMETERS_H

#include "compiler/Schedule/Reason.h"
#include "mlir/IR/Builders.h"
#include <map>
#include <string>

namespace xlstm {

/// A number of a schedule: its key in the attribute, and that of `--set`.
template <typename Schedule> struct Parameter {
  const char *key, *override;
  int64_t Schedule::*member;
};

template <typename Schedule, size_t N>
mlir::DictionaryAttr writeParameters(mlir::MLIRContext *context, const Schedule &schedule,
                                     const Parameter<Schedule> (&parameters)[N]) {
  mlir::Builder builder(context);
  mlir::NamedAttrList list;
  list.append("target", builder.getStringAttr(schedule.target));
  for (const Parameter<Schedule> &parameter : parameters)
    if (schedule.*parameter.member) // 0: the device has no such parameter
      list.append(parameter.key, builder.getI64IntegerAttr(schedule.*parameter.member));
  return list.getDictionary(context);
}

/// Keys that the attribute lacks keep their default.
template <typename Schedule, size_t N>
Schedule readParameters(mlir::DictionaryAttr attribute,
                        const Parameter<Schedule> (&parameters)[N]) {
  Schedule schedule;
  if (auto target = attribute.getAs<mlir::StringAttr>("target"))
    schedule.target = target.getValue().str();
  for (const Parameter<Schedule> &parameter : parameters)
    if (auto value = attribute.getAs<mlir::IntegerAttr>(parameter.key))
      schedule.*parameter.member = value.getInt();
  return schedule;
}

/// Puts overrides into a schedule; the reason if a key is unknown or a value no integer.
template <typename Schedule, size_t N>
Reason putOverrides(Schedule &schedule, const std::map<std::string, std::string> &overrides,
                    const Parameter<Schedule> (&parameters)[N]) {
  for (auto &[key, value] : overrides) {
    const Parameter<Schedule> *found = nullptr;
    std::string known;
    for (size_t i = 0; i < N; ++i) {
      found = key == parameters[i].override ? &parameters[i] : found;
      known += std::string(i == 0 ? "" : i + 1 < N ? ", " : " or ") + parameters[i].override;
    }
    Reason reason = found ? putInteger(key, value, schedule.*found->member)
                          : say("unknown schedule parameter '", key, "', expected ", known);
    if (!reason.empty())
      return reason;
  }
  return {};
}

} // namespace xlstm

#endif

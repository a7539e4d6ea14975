// SPDX-License-Identifier: Apache-2.0
#include "tools/common/TensorNames.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <cstdlib>

namespace xlstm::tools {
namespace {

bool endsWith(const std::string &text, const std::string &end) {
  return text.size() > end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

/// Initial, last and probed states have no time axis.
bool isState(const std::string &name) {
  return endsWith(name, "_last") || endsWith(name, "0") || splitProbe(name).second >= 0 ||
         name.compare(0, 6, "state.") == 0;
}

bool isParameter(const std::string &name) {
  for (const char *parameter : {"r", "b", "dr", "db"})
    if (name == parameter)
      return true;
  return name.compare(0, 5, "grad.") == 0;
}

/// Names of the axes that are neither batch nor time.
std::vector<std::string> innerLabels(const std::string &name, size_t count) {
  if (isParameter(name)) // r [G, H, Dout, Din], b [G, H, D]
    return count == 4   ? std::vector<std::string>{"g", "h", "out", "in"}
           : count == 3 ? std::vector<std::string>{"g", "h", "d"}
                        : std::vector<std::string>(count, "");
  switch (count) {
  case 1:
    return {"h"};
  case 2:
    return {"h", "d"};
  case 3: // c [S, H, dqk, dv]; wx [B, T, G, H, D]
    return isState(name) ? std::vector<std::string>{"h", "k", "v"}
                         : std::vector<std::string>{"g", "h", "d"};
  default:
    return std::vector<std::string>(count, "");
  }
}

std::string positionOf(const TensorAxes &axes, const std::vector<int64_t> &shape, int64_t element,
                       size_t count) {
  std::vector<int64_t> index(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    index[axis] = element % shape[axis];
    element /= shape[axis];
  }
  std::string text;
  for (size_t axis = 0; axis < count; ++axis) {
    const std::string &label = axes.labels[axis];
    text += cat(axis ? " " : "", label.empty() ? cat("axis", axis) : label, "=", index[axis]);
  }
  return text;
}

} // namespace

bool isGradient(const std::string &output) {
  if (output.compare(0, 5, "grad.") == 0)
    return true;
  return output.size() > 1 && output[0] == 'd' && !endsWith(output, "_last") && output != "d0" &&
         splitProbe(output).second < 0;
}

double tolerance(DType dtype, bool gradient) {
  switch (dtype) {
  case XLSTM_F64:
    return gradient ? 1e-11 : 1e-12;
  case XLSTM_F32:
    return gradient ? 1e-4 : 1e-5;
  case XLSTM_F16:
    return gradient ? 5e-3 : 2e-3;
  default:
    return gradient ? 1e-2 : 5e-3;
  }
}

std::string TensorAxes::position(const std::vector<int64_t> &shape, int64_t element) const {
  return positionOf(*this, shape, element, shape.size());
}

std::string TensorAxes::rowPosition(const std::vector<int64_t> &shape, int64_t element) const {
  return positionOf(*this, shape, element, shape.empty() ? 0 : shape.size() - 1);
}

TensorAxes axesOf(const HostTensor &tensor) {
  TensorAxes result;
  size_t rank = tensor.shape.size();
  if (!tensor.axes.empty()) {
    auto find = [&](const char *symbol) {
      auto found = std::find(tensor.axes.begin(), tensor.axes.end(), symbol);
      return found == tensor.axes.end() ? -1 : static_cast<int>(found - tensor.axes.begin());
    };
    result.time = find("T");
    result.batch = std::max({find("B"), find("S"), find("R")});
  } else if (!isParameter(tensor.name) && rank) {
    result.batch = 0;
    result.time = rank > 1 && !isState(tensor.name) ? 1 : -1;
  }
  size_t outer = (result.batch >= 0) + (result.time >= 0);
  std::vector<std::string> inner = innerLabels(tensor.name, rank - outer);
  auto next = inner.begin();
  for (int axis = 0; axis < static_cast<int>(rank); ++axis)
    result.labels.push_back(axis == result.batch ? "b" : axis == result.time ? "t" : *next++);
  return result;
}

std::pair<std::string, int64_t> splitProbe(const std::string &name) {
  size_t at = name.rfind('@');
  if (at == std::string::npos || at == 0 || at + 1 == name.size() || name.size() - at > 16 ||
      name.find_first_not_of("0123456789", at + 1) != std::string::npos)
    return {"", -1};
  return {name.substr(0, at), std::atoll(name.c_str() + at + 1)};
}

} // namespace xlstm::tools

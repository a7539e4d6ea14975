// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/Products.h"

#include "runtime/src/support/Failure.h"

#include <cstdio>
#include <utility>

namespace xlstm {

std::string ProductShape::text() const {
  return cat(m, " x ", n, " x ", k, " ", dtypeName(input),
             result == input ? std::string() : cat(" to ", dtypeName(result)),
             weights > 1 ? cat(", ", weights, " weights") : std::string(),
             hasResidual ? ", residual" : "", hasBias ? ", bias" : "");
}

void ProductChoice::add(const ProductShape &shape, double ours, std::optional<double> theirs) {
  // Within the noise of a measurement the package's kernel stays.
  constexpr double clearly = 0.97;
  bool faster = theirs && *theirs < clearly * ours;
  timed[shape] = faster;
  char times[96] = "";
  if (theirs)
    std::snprintf(times, sizeof times, "%.4f ms, %s %.4f ms: ", ours, library->name().c_str(),
                  *theirs);
  else
    std::snprintf(times, sizeof times, "%.4f ms, %s has none: ", ours, library->name().c_str());
  report +=
      cat("product ", shape.text(), ": ", times, faster ? library->name() : "own kernel", "\n");
}

bool ProductChoice::usesLibrary(const ProductShape &shape) const {
  auto nearest = timed.lower_bound(shape); // of equal ones but for m, the next m
  if (nearest == timed.end())
    return false;
  ProductShape there = nearest->first;
  if (there.m >= 2 * shape.m)
    return false;
  there.m = shape.m;
  return there == shape && nearest->second;
}

std::string ProductChoice::takeReport() { return std::exchange(report, {}); }

} // namespace xlstm

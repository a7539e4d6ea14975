// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/model/States.h"

namespace xlstm {

States::States(const std::vector<StateType> &types, int64_t rows, const std::vector<char> &wanted) {
  for (size_t k = 0; k < types.size(); ++k) {
    offsets.push_back(total);
    rowBytes.push_back(types[k].rowBytes);
    if (wanted.empty() || wanted[k])
      total += roundedUp(types[k].rowBytes * static_cast<size_t>(rows));
  }
}

} // namespace xlstm

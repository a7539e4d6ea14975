// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/api/Border.h"

#include <algorithm>
#include <cstring>

namespace xlstm::api_border {

static thread_local char message[4096] = "";

const char *lastError() { return message; }

xlstm_status report(xlstm_status status, const char *text) {
  size_t length = std::min(std::strlen(text), sizeof message - 1);
  std::memcpy(message, text, length);
  message[length] = 0;
  return status;
}

} // namespace xlstm::api_border

// SPDX-License-Identifier: Apache-2.0
// What all of the C border shares: handles, arguments that a caller got wrong, exceptions into
// statuses.
#ifndef XLSTM_RUNTIME_API_BORDER_H
#define XLSTM_RUNTIME_API_BORDER_H

#include "runtime/src/Device.h"
#include "runtime/src/support/Failure.h"

#include <memory>
#include <new>

struct xlstm_package {
  std::shared_ptr<const xlstm::package::Container> container;
};
struct xlstm_device {
  std::shared_ptr<xlstm::Device> device;
};

namespace xlstm::api_border {

/// The message of the calling thread's last failure.
const char *lastError();
/// Keeps it; returns `status`.
xlstm_status report(xlstm_status status, const char *message);

/// Runs `body` and turns what it throws into a status.
template <typename Body> xlstm_status guard(Body body) noexcept {
  try {
    body();
    return XLSTM_OK;
  } catch (const Failure &failure) {
    return report(failure.status(), failure.what());
  } catch (const std::bad_alloc &) {
    return report(XLSTM_ERROR_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception &error) {
    return report(XLSTM_ERROR_INTERNAL, error.what());
  } catch (...) {
    return report(XLSTM_ERROR_INTERNAL, "unknown failure");
  }
}

/// Throws unless every pointer is set.
template <typename... Pointers> void required(const char *call, Pointers... pointers) {
  if (!(... && (pointers != nullptr)))
    fail(XLSTM_ERROR_INVALID_ARGUMENT, call, ": expected handles and addresses, got NULL");
}

} // namespace xlstm::api_border
#endif

// SPDX-License-Identifier: Apache-2.0
#ifndef XLSTM_TOOLS_XLSTM_DOCTOR_DOCTOR_H
#define XLSTM_TOOLS_XLSTM_DOCTOR_DOCTOR_H

#include "tools/common/Arguments.h"

namespace xlstm::tools {

/// Looks at CPU, GPUs, driver and ptxas, and prints the findings.
void printFindings(bool json);

} // namespace xlstm::tools
#endif

// SPDX-License-Identifier: Apache-2.0
// What xlstm-opt knows: the dialects that it can read and the passes that its command line names.
#ifndef XLSTM_TOOLS_XLSTM_OPT_REGISTER_H
#define XLSTM_TOOLS_XLSTM_OPT_REGISTER_H

namespace mlir {
class DialectRegistry;
} // namespace mlir

namespace xlstm {

/// Adds this project's dialects and the upstream ones that the compiler lowers to, with their
/// conversion interfaces.
void registerXLSTMDialects(mlir::DialectRegistry &registry);

/// Adds passes and pipelines to the global table that the command line reads. Call it once, before
/// parsing options.
void registerXLSTMPasses();

} // namespace xlstm

#endif // XLSTM_TOOLS_XLSTM_OPT_REGISTER_H

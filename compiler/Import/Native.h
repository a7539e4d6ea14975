// SPDX-License-Identifier: Apache-2.0
/// \file
/// The tables of the native form. Native.cpp reads with them, Schema.cpp prints them.
#ifndef XLSTM_COMPILER_IMPORT_NATIVE_H
#define XLSTM_COMPILER_IMPORT_NATIVE_H

#include "compiler/Import/Table.h"

namespace xlstm::description {

/// The top level before its parts are put together.
struct NativeModel {
  int64_t version = 1;
  ModelDescription model;
  NetworkDescription network;
};

/// Names of the two kinds of top level, as messages say them.
extern const std::string nativeCellModel, nativeBlockModel;

const Table<NativeModel> &nativeModelTable();
/// The kinds of this table are the spellings of CellKind.
const Table<CellDescription> &nativeCellTable();
/// A cell as it stands in a native description, every option spelled out.
Value nativeCell(const CellDescription &cell);
/// The kinds of this table are the spellings of BlockKind.
const Table<BlockDescription> &nativeBlockTable();

} // namespace xlstm::description

#endif // XLSTM_COMPILER_IMPORT_NATIVE_H

// SPDX-License-Identifier: Apache-2.0
/// \file
/// One reader for each form of description. Import.cpp picks one by the content of the document.
#ifndef XLSTM_COMPILER_IMPORT_FORMATS_H
#define XLSTM_COMPILER_IMPORT_FORMATS_H

#include "compiler/Import/Description.h"
#include "compiler/Import/Value.h"

namespace xlstm::description {

/// {"xlstm_model": 1, …}
Result<ModelDescription, Problem> importNative(const Value &root);

/// The HuggingFace configuration (`huggingFace`) or xLSTMLargeConfig: the same names with other
/// defaults.
Result<ModelDescription, Problem> importLarge(const Value &root, bool huggingFace);

/// One recurrent cell of FlashRNN.
Result<ModelDescription, Problem> importFlashRNN(const Value &root);

/// The first package's block stack or language model. `document` is the whole file, in which
/// `${a.b}` is looked up; `path` says where in it the configuration stands: empty or `model`.
Result<ModelDescription, Problem> importBlockStack(const Value &document, const std::string &path);

/// Why C cannot be kept in `dtype`.
std::optional<std::string> checkStateDtype(const ModelDescription &model, DType dtype);

} // namespace xlstm::description

#endif // XLSTM_COMPILER_IMPORT_FORMATS_H

// SPDX-License-Identifier: Apache-2.0
/// \file
/// What the import library returns: a value, or one diagnostic that fits on one line. Nothing here
/// throws.
#ifndef XLSTM_COMPILER_IMPORT_DIAGNOSTIC_H
#define XLSTM_COMPILER_IMPORT_DIAGNOSTIC_H

#include <optional>
#include <string>
#include <utility>

namespace xlstm::description {

/// A problem and its place inside the document: `cell.heads`, `blocks[2].kind`, or `line 3, column
/// 7` for malformed text. The path is empty for the document as a whole.
struct Problem {
  std::string path;
  std::string message;
};

/// The outcome of a check: nothing, or the first problem.
using Check = std::optional<Problem>;

/// A problem with the file in which it was found.
struct Diagnostic {
  std::string file;
  std::string path;
  std::string message;

  /// `<file>: <path>: <message>`, always one line.
  std::string str() const;
};

/// A value or the diagnostic that says why there is none.
template <class T, class Error = Diagnostic> class Result {
public:
  Result(T value) : value(std::move(value)) {}
  Result(Error error) : failure(std::move(error)) {}

  explicit operator bool() const { return value.has_value(); }
  T &operator*() { return *value; }
  const T &operator*() const { return *value; }
  T *operator->() { return &*value; }
  const T *operator->() const { return &*value; }

  /// Valid only when the result converts to false.
  const Error &error() const { return *failure; }

private:
  std::optional<T> value;
  std::optional<Error> failure;
};

} // namespace xlstm::description

#endif // XLSTM_COMPILER_IMPORT_DIAGNOSTIC_H

// SPDX-License-Identifier: Apache-2.0
// What text the tokens of a model are.
#ifndef XLSTM_EXAMPLES_GENERATE_VOCABULARY_H
#define XLSTM_EXAMPLES_GENERATE_VOCABULARY_H

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace xlstm::example {

class Vocabulary {
public:
  /// Token k is the byte k (size <= 256), as train_lm has it.
  static Vocabulary ofBytes(int64_t size);
  /// From a JSON file: an array of texts, that of token k at place k, or an object that gives each
  /// text its token. Tokens without a text stay without. Throws Failure unless tokens are different
  /// and below `size`.
  static Vocabulary read(const std::string &path, int64_t size);
  /// The file if it is given; else vocab.json in the folder of the checkpoint, if there is one; else
  /// bytes, if `size` allows that. Throws Failure otherwise.
  static Vocabulary find(const std::string &file, const std::string &checkpoint, int64_t size);

  /// Tokens of a text: at each place the longest one that fits. Throws Failure for a text that is
  /// empty or has characters that no token has.
  std::vector<int32_t> encode(const std::string &text) const;
  const std::string &text(int32_t token) const { return texts[static_cast<size_t>(token)]; }
  /// Whether a token has a text; others are not to be drawn.
  const std::vector<std::string> &all() const { return texts; }

private:
  std::vector<std::string> texts; // by token, "" where there is none
  std::map<std::string, int32_t> tokens;
  size_t longest = 0;
  std::string source; // for messages

  void add(const std::string &text, int64_t token);
};

} // namespace xlstm::example
#endif

// SPDX-License-Identifier: Apache-2.0
#include "examples/generate/Vocabulary.h"

#include "runtime/src/support/Failure.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace xlstm::example {

void Vocabulary::add(const std::string &text, int64_t token) {
  if (token < 0 || token >= static_cast<int64_t>(texts.size()))
    fail(XLSTM_ERROR_INVALID_INPUT, source, ": expected tokens below the model's ", texts.size(),
         ", got ", token);
  if (text.empty())
    return;
  std::string &place = texts[static_cast<size_t>(token)];
  if (!place.empty() || !tokens.emplace(text, static_cast<int32_t>(token)).second)
    fail(XLSTM_ERROR_INVALID_INPUT, source, ": token ", token,
         ": expected one text for a token and one token for a text, got another");
  place = text;
  longest = std::max(longest, text.size());
}

Vocabulary Vocabulary::ofBytes(int64_t size) {
  Vocabulary result;
  result.source = cat("the ", size, " bytes of the vocabulary");
  result.texts.resize(static_cast<size_t>(size));
  for (int64_t byte = 0; byte < size; ++byte)
    result.add(std::string(1, static_cast<char>(byte)), byte);
  return result;
}

Vocabulary Vocabulary::read(const std::string &path, int64_t size) {
  Vocabulary result;
  result.source = path;
  result.texts.resize(static_cast<size_t>(size));
  std::ifstream file(path, std::ios::binary);
  if (!file)
    fail(XLSTM_ERROR_INVALID_INPUT, path, ": cannot be opened");
  auto json = nlohmann::json::parse(file, nullptr, false);
  auto wrong = [&] {
    fail(XLSTM_ERROR_INVALID_INPUT, path,
         ": expected a JSON array of texts, or an object of tokens by text, got something else");
  };
  if (json.is_array()) {
    for (size_t k = 0; k < json.size(); ++k)
      json[k].is_string() ? result.add(json[k].get<std::string>(), static_cast<int64_t>(k))
                          : wrong();
  } else if (json.is_object()) {
    for (const auto &[text, token] : json.items())
      token.is_number_integer() ? result.add(text, token.get<int64_t>()) : wrong();
  }
  if (result.tokens.empty())
    wrong();
  return result;
}

Vocabulary Vocabulary::find(const std::string &file, const std::string &checkpoint, int64_t size) {
  if (!file.empty())
    return read(file, size);
  std::filesystem::path folder(checkpoint);
  if (!std::filesystem::is_directory(folder))
    folder = folder.parent_path();
  std::filesystem::path beside = folder / "vocab.json";
  if (std::filesystem::exists(beside))
    return read(beside.string(), size);
  if (size <= 256)
    return ofBytes(size);
  fail(XLSTM_ERROR_INVALID_INPUT, beside.string(), ": expected a vocabulary of the ", size,
       " tokens here or with --vocab, got none");
}

std::vector<int32_t> Vocabulary::encode(const std::string &text) const {
  if (text.empty())
    fail(XLSTM_ERROR_INVALID_INPUT, "the prompt: expected at least one character, got none");
  std::vector<int32_t> result;
  for (size_t at = 0; at < text.size();) {
    auto found = tokens.end();
    size_t length = std::min(longest, text.size() - at);
    for (; length && found == tokens.end(); --length)
      found = tokens.find(text.substr(at, length));
    if (found == tokens.end()) {
      size_t end = at + 1; // the whole of a UTF-8 character
      while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80)
        ++end;
      fail(XLSTM_ERROR_INVALID_INPUT, "the prompt: expected characters of ", source, ", got '",
           text.substr(at, end - at), "' at byte ", at);
    }
    result.push_back(found->second);
    at += found->first.size();
  }
  return result;
}

} // namespace xlstm::example

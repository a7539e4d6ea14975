// SPDX-License-Identifier: Apache-2.0
/// \file
/// From a path or a text to a description: reading, telling the forms apart, and the one place
/// where a problem gets the name of its file.
#include "compiler/Import/Formats.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace xlstm::description {
namespace {

constexpr const char *forms = "expected a native description (\"xlstm_model\": 1), a HuggingFace "
                              "config.json (\"model_type\": \"xlstm\"), an "
                              "xLSTMLargeConfig (embedding_dim, num_blocks, chunkwise_kernel), a "
                              "block stack (mlstm_block, slstm_block, "
                              "slstm_at) or a FlashRNN cell (function, recurrent_shape), got ";

bool endsWith(std::string_view text, std::string_view ending) {
  return text.size() >= ending.size() && text.substr(text.size() - ending.size()) == ending;
}

/// JSON begins with `{` or `[`. YAML may too, so an ending that says YAML decides then.
bool isYaml(std::string_view text, std::string_view filename) {
  if (endsWith(filename, ".yaml") || endsWith(filename, ".yml"))
    return true;
  size_t first = text.find_first_not_of(" \t\r\n");
  bool looksLikeJson = first == std::string_view::npos || text[first] == '{' || text[first] == '[';
  return !looksLikeJson && !endsWith(filename, ".json");
}

bool hasAny(const Value &value, std::initializer_list<const char *> keys) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const char *key) { return value.find(key) != nullptr; });
}

bool isBlockStack(const Value &value) {
  return hasAny(value, {"mlstm_block", "slstm_block", "slstm_at"});
}

Result<ModelDescription, Problem> importValue(const Value &root) {
  if (!root.isObject())
    return Problem{"", forms + root.describe()};
  if (const Value *type = root.find("model_type")) {
    if (type->isString() && type->string == "xlstm")
      return importLarge(root, /*huggingFace=*/true);
    return Problem{"model_type", "expected the string \"xlstm\", got " + type->describe()};
  }
  if (root.find("xlstm_model"))
    return importNative(root);
  if (isBlockStack(root))
    return importBlockStack(root, "");
  if (const Value *model = root.find("model"); model && isBlockStack(*model))
    return importBlockStack(root, "model");
  if (root.find("function") && root.find("recurrent_shape"))
    return importFlashRNN(root);
  if (root.find("embedding_dim") && root.find("num_blocks") &&
      hasAny(root, {"chunkwise_kernel", "sequence_kernel", "step_kernel", "qk_dim_factor",
                    "v_dim_factor", "gate_soft_cap", "ffn_proj_factor", "weight_mode"}))
    return importLarge(root, /*huggingFace=*/false);
  if (root.find("quantiles") && hasAny(root, {"block_kwargs", "stack_config"}))
    return Problem{"", "recognised as a TiRex configuration, not importable by this version"};
  std::vector<std::string> names;
  for (const Member &member : root.members)
    names.push_back(printable(member.name));
  if (names.empty())
    return Problem{"", std::string(forms) + "an empty object"};
  for (const char *key : {"xlstm_model", "model_type"})
    if (std::string near = nearest(key, names); !near.empty())
      return Problem{near, "unknown key '" + near + "', did you mean '" + key + "'?"};
  bool many = names.size() > 6;
  names.resize(std::min<size_t>(names.size(), 6));
  return Problem{"", forms + std::string("an object with ") + list(names) + (many ? ", ..." : "")};
}

Result<ModelDescription, Problem> importText(std::string_view text, std::string_view filename) {
  if (text.size() > maxFileBytes)
    return Problem{"", "expected at most " + std::to_string(maxFileBytes >> 20) + " MiB, got more"};
  if (text.substr(0, 3) == "\xef\xbb\xbf")
    text.remove_prefix(3);
  if (Check problem = checkText(text))
    return *problem;
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return Problem{"", std::string(forms) + "an empty file"};
  Result<Value, Problem> root = isYaml(text, filename) ? readYaml(text) : readJson(text);
  if (!root)
    return root.error();
  return importValue(*root);
}

/// The whole file; reads at most one byte more than is allowed, so a device or a pipe ends too.
Result<std::string, Problem> readFile(const std::string &path) {
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    return Problem{"", std::string("expected a readable file, got '") +
                           std::strerror(errno ? errno : ENOENT) + "'"};
  std::string text;
  char buffer[65536];
  while (text.size() <= maxFileBytes && (stream.read(buffer, sizeof buffer), stream.gcount() > 0))
    text.append(buffer, static_cast<size_t>(stream.gcount()));
  if (stream.bad())
    return Problem{"", "expected a readable file, got an error while reading"};
  return text;
}

} // namespace

Result<ModelDescription> importDescriptionFromText(std::string_view text,
                                                   std::string_view filename) {
  std::string file = printable(filename, 4096);
  try {
    Result<ModelDescription, Problem> model = importText(text, filename);
    if (model)
      return std::move(*model);
    return Diagnostic{file, model.error().path, model.error().message};
  } catch (const std::bad_alloc &) {
    return Diagnostic{file, "",
                      "expected a description that fits in memory, got one that does not"};
  }
}

Result<ModelDescription> importDescription(const std::string &path) {
  namespace fs = std::filesystem;
  std::error_code status;
  std::string file = path;
  if (fs::is_directory(path, status)) {
    file.clear();
    for (const char *name : {"config.json", "config.yaml", "config.yml"})
      if (file.empty() && fs::exists(fs::path(path) / name, status))
        file = (fs::path(path) / name).string();
    if (file.empty())
      return Diagnostic{printable(path, 4096), "",
                        "expected config.json or config.yaml in the folder, got neither"};
  }
  Result<std::string, Problem> text = readFile(file);
  if (!text)
    return Diagnostic{printable(file, 4096), "", text.error().message};
  return importDescriptionFromText(*text, file);
}

} // namespace xlstm::description

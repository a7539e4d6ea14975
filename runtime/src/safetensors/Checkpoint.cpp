// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/safetensors/Checkpoint.h"

#include "runtime/src/support/Failure.h"
#include "runtime/src/support/Json.h"

#include <algorithm>
#include <filesystem>
#include <set>

namespace fs = std::filesystem;

namespace xlstm::safetensors {
namespace {

constexpr const char *kIndexName = "model.safetensors.index.json";

/// The files of a folder that its names alone tell, in their order.
std::vector<std::string> filesOf(const std::string &folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (const fs::directory_entry &entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".safetensors" &&
        entry.path().filename().string().rfind("model", 0) == 0)
      files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

/// The index of a folder: the file of each tensor, by name.
std::map<std::string, std::string> readIndex(const std::string &path) {
  MappedFile file(path);
  nlohmann::json json = parseJson({file.data(), file.size()}, path);
  JsonNode map = JsonNode(json, path).object().at("weight_map").object();
  std::map<std::string, std::string> result;
  for (const auto &[tensor, value] : map.json().items()) {
    std::string name = map.member(tensor).string();
    // A file of the same folder: nothing else is opened for a stranger's index.
    if (name.empty() || name.find('/') != std::string::npos || name[0] == '.')
      map.member(tensor).expected("the name of a file in the same folder");
    result[tensor] = name;
  }
  return result;
}

/// `text` with its part `from`, if it has that, replaced.
std::string replaced(std::string text, const std::string &from, const std::string &to) {
  if (size_t at = text.find(from); at != std::string::npos)
    text.replace(at, from.size(), to);
  return text;
}

/// What else a parameter of an xlstm_large model may be called, likeliest first. A checkpoint of the
/// bare model, without a head, lacks the name of the part that the model is of the whole; layers
/// under long names and an embedding of its own name occur too.
std::vector<std::string> otherNames(const std::string &name) {
  constexpr const char *kBackbone = "backbone.";
  std::vector<std::string> names{name};
  auto add = [&](auto change) {
    for (size_t k = 0, count = names.size(); k < count; ++k)
      if (std::string other = change(names[k]); other != names[k])
        names.push_back(std::move(other));
  };
  for (const auto &[brief, full] :
       {std::pair("q", "query"), std::pair("k", "key"), std::pair("v", "value")}) {
    std::string from = cat(".mlstm_layer.", brief, "."), to = cat(".mlstm_layer.", full, ".");
    add([&](const std::string &text) { return replaced(text, from, to); });
  }
  if (name == "backbone.embeddings.weight")
    names.push_back("embedding.weight");
  if (name == "embedding.weight")
    names.push_back("backbone.embeddings.weight");
  add([&](const std::string &text) {
    return text.rfind(kBackbone, 0) == 0 ? text.substr(std::string(kBackbone).size()) : text;
  });
  names.erase(names.begin());
  return names;
}

} // namespace

bool Checkpoint::isThere(const std::string &path) {
  std::error_code error;
  if (!isDirectory(path))
    return fs::exists(path, error) && fs::path(path).extension() == ".safetensors";
  return fs::exists(fs::path(path) / kIndexName, error) || !filesOf(path).empty();
}

Checkpoint Checkpoint::open(const std::string &path) {
  Checkpoint result;
  result.path = path;
  std::vector<std::string> files{path};
  std::map<std::string, std::string> index;
  std::string indexPath = (fs::path(path) / kIndexName).string();
  std::error_code error;
  if (isDirectory(path)) {
    files = filesOf(path);
    if (fs::exists(indexPath, error)) {
      index = readIndex(indexPath);
      std::set<std::string> named;
      for (const auto &[tensor, file] : index)
        named.insert(file);
      files.clear();
      for (const std::string &file : named) {
        files.push_back((fs::path(path) / file).string());
        if (!fs::exists(files.back(), error))
          fail(XLSTM_ERROR_INVALID_INPUT, indexPath, ": weight_map: expected the file ", file,
               " in the folder, got none");
      }
    }
    if (files.empty())
      fail(XLSTM_ERROR_INVALID_INPUT, path,
           ": expected a folder with model*.safetensors files, got none in it");
  }
  for (const std::string &file : files)
    result.list.push_back(File::open(file));
  for (size_t number = 0; number < result.list.size(); ++number)
    for (const TensorView &tensor : result.list[number].tensors()) {
      auto [entry, isNew] = result.fileOf.try_emplace(tensor.name, number);
      if (!isNew)
        fail(XLSTM_ERROR_INVALID_INPUT, files[number], ": ", oneLine(tensor.name),
             ": expected each tensor once, got it in ", files[entry->second], " too");
    }
  for (const auto &[tensor, file] : index)
    if (Entry entry = result.findExactly(tensor);
        !entry.file || fs::path(entry.file->source()).filename() != file)
      fail(XLSTM_ERROR_INVALID_INPUT, indexPath, ": weight_map: expected ", oneLine(tensor), " in ",
           file, ", got ", entry.file ? "it in " + entry.file->source() : "none");
  return result;
}

Checkpoint::Entry Checkpoint::find(const std::string &name) const {
  Entry entry = findExactly(name);
  if (!entry.tensor)
    for (const std::string &other : otherNames(name))
      if (Entry found = findExactly(other); found.tensor)
        return found;
  return entry;
}

Checkpoint::Entry Checkpoint::findExactly(const std::string &name) const {
  auto found = fileOf.find(name);
  if (found == fileOf.end())
    return {nullptr, nullptr};
  const File &file = list[found->second];
  return {&file, file.find(name)};
}

} // namespace xlstm::safetensors

// SPDX-License-Identifier: Apache-2.0
// The tensors of a checkpoint: one safetensors file, or a folder of them.
#ifndef XLSTM_RUNTIME_SAFETENSORS_CHECKPOINT_H
#define XLSTM_RUNTIME_SAFETENSORS_CHECKPOINT_H

#include "runtime/src/safetensors/Safetensors.h"

namespace xlstm::safetensors {

/// Files that are mapped, not read: a tensor's data point into the mapping.
class Checkpoint {
public:
  /// `path` is a file, or a folder. In a folder, model.safetensors.index.json names the files, if it
  /// is there; otherwise all of the form model*.safetensors belong to the checkpoint. Throws
  /// Failure(INVALID_INPUT) "<path>: …" where there is none, where a file of the index is missing
  /// or lacks a tensor that the index gives it, and where two files have a tensor of one name.
  static Checkpoint open(const std::string &path);
  /// Whether open(path) would find files, whatever they hold.
  static bool isThere(const std::string &path);

  struct Entry {
    const File *file;
    const TensorView *tensor;
  };
  /// The tensor of that name, or, if there is none, the one that checkpoints of xlstm_large models
  /// may have in its place: "backbone.blocks.0.mlstm_layer.q.weight" may be called "….query.weight"
  /// and lack "backbone.", "backbone.embeddings.weight" may be "embedding.weight". {nullptr, nullptr}
  /// if there is none of them.
  Entry find(const std::string &name) const;
  const std::vector<File> &files() const { return list; }
  /// The path that was opened, for messages.
  const std::string &source() const { return path; }

private:
  Entry findExactly(const std::string &name) const;

  std::string path;
  std::vector<File> list;
  std::map<std::string, size_t> fileOf; // by the tensor's name
};

} // namespace xlstm::safetensors
#endif

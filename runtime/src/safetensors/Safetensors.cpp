// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/safetensors/Safetensors.h"

#include "runtime/src/support/Failure.h"
#include "runtime/src/support/Json.h"

#include <algorithm>

namespace xlstm::safetensors {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr size_t kMaxTensorRank = 64;

/// Bytes of a compact tensor, nullopt if they do not fit.
std::optional<int64_t> compactBytes(DType dtype, const std::vector<int64_t> &shape) {
  // An extent of 0 makes the product 0 however large the others are.
  if (std::find(shape.begin(), shape.end(), 0) != shape.end())
    return 0;
  std::optional<int64_t> bytes = static_cast<int64_t>(dtypeSize(dtype));
  for (int64_t extent : shape)
    if (bytes)
      bytes = multiply(*bytes, extent);
  return bytes;
}

std::string shapeText(const std::vector<int64_t> &shape) {
  std::string out = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    out += cat(i ? ", " : "", shape[i]);
  return out + "]";
}

TensorView readTensor(const JsonNode &node, const std::string &name, const std::string &source,
                      uint64_t dataBytes) {
  TensorView tensor;
  tensor.name = name;
  JsonNode dtype = node.object().at("dtype");
  auto parsed = parseSafetensorsDType(dtype.string());
  if (!parsed)
    dtype.expected("one of F64 F32 BF16 F16 I64 I32 U8 BOOL");
  tensor.dtype = *parsed;
  JsonNode shape = node.at("shape");
  shape.array(kMaxTensorRank);
  for (size_t i = 0; i < shape.size(); ++i)
    tensor.shape.push_back(shape[i].integer(0, INT64_MAX));
  JsonNode offsets = node.at("data_offsets");
  if (!offsets.isArray() || offsets.size() != 2)
    offsets.expected("[begin, end]");
  tensor.offset = static_cast<uint64_t>(offsets[0].integer(0, INT64_MAX));
  uint64_t end = static_cast<uint64_t>(offsets[1].integer(0, INT64_MAX));
  if (end < tensor.offset || end > dataBytes)
    fail(XLSTM_ERROR_INVALID_INPUT, source, ": ", name,
         ".data_offsets: expected a range inside the ", dataBytes, " bytes of data, got [",
         tensor.offset, ", ", end, "]");
  tensor.bytes = end - tensor.offset;
  auto bytes = compactBytes(tensor.dtype, tensor.shape);
  if (!bytes || static_cast<uint64_t>(*bytes) != tensor.bytes)
    fail(XLSTM_ERROR_INVALID_INPUT, source, ": ", name, ": expected ",
         bytes ? cat(*bytes) : "more than 2^63", " bytes for ", dtypeSafetensorsName(tensor.dtype),
         " ", shapeText(tensor.shape), ", got data_offsets of ", tensor.bytes);
  return tensor;
}

} // namespace

File File::open(const std::string &path) {
  File result;
  result.name = path;
  result.file = MappedFile(path);
  result.read({result.file.data(), result.file.size()});
  return result;
}

File File::fromMemory(std::string_view bytes, const std::string &source) {
  File result;
  result.name = source;
  result.read(bytes);
  return result;
}

void File::read(std::string_view bytes) {
  if (bytes.size() < kLengthBytes)
    fail(XLSTM_ERROR_INVALID_INPUT, name, ": not a safetensors file: expected at least ",
         kLengthBytes, " bytes, got ", bytes.size());
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i)
    length |= static_cast<uint64_t>(static_cast<unsigned char>(bytes[i])) << (8 * i);
  if (length > kMaxHeaderBytes)
    fail(XLSTM_ERROR_INVALID_INPUT, name, ": not a safetensors file: expected a header of at most ",
         kMaxHeaderBytes, " bytes, got ", length);
  if (length > bytes.size() - kLengthBytes)
    fail(XLSTM_ERROR_INVALID_INPUT, name, ": truncated: expected a header of ", length,
         " bytes, got ", bytes.size() - kLengthBytes);
  nlohmann::json json = parseJson(bytes.substr(kLengthBytes, length), name, /*maxDepth=*/4);
  JsonNode root(json, name);
  root.object();
  const char *data = bytes.data() + kLengthBytes + length;
  uint64_t dataBytes = bytes.size() - kLengthBytes - length;
  for (auto item = json.begin(); item != json.end(); ++item) {
    JsonNode node = root.member(item.key());
    if (item.key() == "__metadata__") {
      for (auto entry = node.object().json().begin(); entry != node.json().end(); ++entry)
        meta[entry.key()] = node.member(entry.key()).string(SIZE_MAX);
      continue;
    }
    list.push_back(readTensor(node, item.key(), name, dataBytes));
    list.back().data = data + list.back().offset;
  }
  std::stable_sort(list.begin(), list.end(), [](const TensorView &a, const TensorView &b) {
    return a.offset != b.offset ? a.offset < b.offset : a.bytes < b.bytes;
  });
  for (size_t i = 1; i < list.size(); ++i)
    if (list[i].offset < list[i - 1].offset + list[i - 1].bytes)
      fail(XLSTM_ERROR_INVALID_INPUT, name, ": ", list[i].name,
           ".data_offsets: expected data of its own, got bytes of ", list[i - 1].name);
}

const TensorView *File::find(const std::string &tensorName) const {
  for (const TensorView &tensor : list)
    if (tensor.name == tensorName)
      return &tensor;
  return nullptr;
}

void write(const std::string &path, const std::vector<TensorView> &tensors,
           const std::map<std::string, std::string> &metadata) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty())
    header["__metadata__"] = metadata;
  uint64_t offset = 0;
  std::vector<uint64_t> sizes;
  for (const TensorView &tensor : tensors) {
    auto bytes = compactBytes(tensor.dtype, tensor.shape);
    if (!bytes || header.contains(tensor.name))
      fail(XLSTM_ERROR_INVALID_INPUT, path, ": ", tensor.name, ": ",
           bytes ? "is given twice" : "is too large");
    sizes.push_back(static_cast<uint64_t>(*bytes));
    header[tensor.name] = {{"dtype", dtypeSafetensorsName(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {offset, offset + sizes.back()}}};
    offset += sizes.back();
  }
  std::string text = header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  text.append((8 - text.size() % 8) % 8, ' '); // the data section starts 8-byte aligned
  char length[kLengthBytes];
  for (size_t i = 0; i < kLengthBytes; ++i)
    length[i] = static_cast<char>(static_cast<uint64_t>(text.size()) >> (8 * i));
  AtomicFile file(path);
  file.write(length, sizeof length);
  file.write(text.data(), text.size());
  for (size_t i = 0; i < tensors.size(); ++i)
    file.write(tensors[i].data, sizes[i]);
  file.commit();
}

} // namespace xlstm::safetensors

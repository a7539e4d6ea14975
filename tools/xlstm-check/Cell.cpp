// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Cell.h"

#include "runtime/src/package/Container.h"
#include "runtime/src/support/Failure.h"
#include "runtime/src/support/Json.h"

namespace xlstm::tools {
namespace {

constexpr int64_t kMaxHeadSize = 65536;

/// The index in `names` of a text attribute, 0 if it is absent.
int choice(const JsonNode &attributes, const char *key, const std::vector<const char *> &names) {
  std::optional<JsonNode> node = attributes.find(key);
  if (!node)
    return 0;
  std::string text = node->string();
  std::string expected;
  for (size_t k = 0; k < names.size(); ++k) {
    if (text == names[k])
      return static_cast<int>(k);
    expected += cat(k ? " or " : "", names[k]);
  }
  node->expected(expected);
}

reference::MLSTMOptions readOptions(const JsonNode &attributes) {
  reference::MLSTMOptions options;
  options.inputGate = reference::InputGate(choice(attributes, "input_gate", {"exp", "sigmoid"}));
  options.scaleOn = reference::ScaleOn(choice(attributes, "scale_on", {"q", "k"}));
  options.denominator =
      reference::Denominator(choice(attributes, "denominator", {"max_plus_eps", "max_with_eps"}));
  if (auto normalize = attributes.find("normalize"))
    options.normalize = normalize->boolean();
  if (auto eps = attributes.find("eps")) {
    if (!eps->json().is_number())
      eps->expected("a number");
    options.eps = eps->json().get<double>();
  }
  return options;
}

const package::Tensor *findTensor(const std::vector<package::Tensor> &tensors, const char *name) {
  for (const package::Tensor &tensor : tensors)
    if (tensor.name == name)
      return &tensor;
  return nullptr;
}

} // namespace

reference::ElementType elementType(DType dtype) {
  switch (dtype) {
  case XLSTM_F64:
    return reference::ElementType::F64;
  case XLSTM_F32:
    return reference::ElementType::F32;
  case XLSTM_BF16:
    return reference::ElementType::BF16;
  case XLSTM_F16:
    return reference::ElementType::F16;
  default:
    fail(XLSTM_ERROR_UNSUPPORTED, "expected a floating-point tensor, got ", dtypeName(dtype));
  }
}

std::string Cell::str() const {
  std::string file = package.substr(package.find_last_of('/') + 1);
  return cat(file, " ", function.name, " ", dtypeName(dtype), " ", heads, "x", dqk, "x", dv);
}

std::vector<Cell> readCells(const std::string &path, std::vector<std::string> &skipped) {
  package::Container container = package::Container::open(path);
  std::vector<Cell> cells;
  for (const package::Function &function : container.manifest().functions) {
    nlohmann::json json = parseJson(function.attributes, path);
    JsonNode attributes(json, path, cat("functions.", function.name, ".attributes"));
    std::optional<JsonNode> kind = attributes.find("kind");
    if (!kind || kind->string() != "mlstm" || function.name != "forward") {
      skipped.push_back(cat(path, ": ", function.name, ": no float64 reference"));
      continue;
    }
    Cell cell;
    cell.package = path;
    cell.function = function;
    cell.heads = attributes.at("heads").integer(1, kMaxHeadSize);
    cell.dqk = attributes.at("dqk").integer(1, kMaxHeadSize);
    cell.dv = attributes.at("dv").integer(1, kMaxHeadSize);
    cell.options = readOptions(attributes);
    const package::Tensor *q = findTensor(function.inputs, "q");
    if (!q || !findTensor(function.outputs, "h"))
      fail(XLSTM_ERROR_INVALID_INPUT, path, ": ", function.name,
           ": expected an input q and an output h");
    cell.dtype = q->dtype;
    elementType(cell.dtype); // floating-point, or a Failure
    cells.push_back(std::move(cell));
  }
  return cells;
}

} // namespace xlstm::tools

// SPDX-License-Identifier: Apache-2.0
#include "tools/xlstm-check/Cell.h"

#include "runtime/src/package/Container.h"
#include "runtime/src/support/Failure.h"
#include "runtime/src/support/Json.h"
#include "tools/common/HostTensor.h"

#include <algorithm>

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

const package::Tensor *findTensor(const std::vector<package::Tensor> &tensors,
                                  const std::string &name) {
  for (const package::Tensor &tensor : tensors)
    if (tensor.name == name)
      return &tensor;
  return nullptr;
}

void readMLSTM(const JsonNode &attributes, Cell &cell) {
  cell.heads = attributes.at("heads").integer(1, kMaxHeadSize);
  cell.dqk = attributes.at("dqk").integer(1, kMaxHeadSize);
  cell.dv = attributes.at("dv").integer(1, kMaxHeadSize);
  cell.size = cat(cell.heads, "x", cell.dqk, "x", cell.dv);
  cell.options = readOptions(attributes);
  cell.normalizerGrad =
      reference::NormalizerGrad(choice(attributes, "normalizer_grad", {"exact", "dropped"}));
}

/// The gates of wx: those of a custom cell as it says, those of a built-in one as documented; none
/// for a cell that is given as a region.
std::vector<std::string> readInputGates(const JsonNode &attributes, const std::string &kind) {
  if (kind == "slstm" || kind == "lstm")
    return {"i", "f", "z", "o"};
  if (kind == "gru")
    return {"r", "z", "n"};
  if (kind == "elman")
    return {"z"};
  if (kind != "custom")
    return {};
  std::optional<JsonNode> gates = attributes.find("input_gates");
  JsonNode list = gates ? *gates : attributes.at("gates");
  list.array(1024);
  std::vector<std::string> names;
  for (size_t k = 0; k < list.size(); ++k)
    names.push_back(list[k].string());
  return names;
}

void readScan(const JsonNode &attributes, Cell &cell) {
  cell.size = cat(attributes.at("heads").integer(1, kMaxHeadSize), "x",
                  attributes.at("d").integer(1, kMaxHeadSize));
  cell.inputGates = readInputGates(attributes, cell.kind);
  // As text: the order of the members of `update` counts.
  if (cell.kind != "mlir")
    cell.description = cat(R"({"xlstm_model": 1, "name": "checked", "dtype": ")",
                           dtypeName(cell.dtype), R"(", "cell": )", cell.function.attributes, "}");
}

bool isCellFunction(const std::string &name) {
  return name == "forward" || name == "forward_backward" || name == "step";
}

} // namespace

const package::Tensor *Cell::input(const std::string &name) const {
  return findTensor(function.inputs, name);
}

std::string Cell::str() const {
  std::string file = package.substr(package.find_last_of('/') + 1);
  return cat(file, " ", bySteps ? "steps" : function.name, " ", dtypeName(dtype), " ",
             isMLSTM() ? "" : kind + " ", size);
}

std::vector<Cell> readCells(const std::string &path, const std::vector<std::string> &functions,
                            bool modelGiven, std::vector<std::string> &skipped) {
  package::Container container = package::Container::open(path);
  std::vector<Cell> cells;
  for (const package::Function &function : container.manifest().functions) {
    if (!functions.empty() &&
        std::find(functions.begin(), functions.end(), function.name) == functions.end())
      continue;
    nlohmann::json json = parseJson(function.attributes, path);
    JsonNode attributes(json, path, cat("functions.", function.name, ".attributes"));
    std::optional<JsonNode> kind = attributes.find("kind");
    if (!kind || !isCellFunction(function.name)) {
      skipped.push_back(cat(path, ": ", function.name, ": no float64 reference"));
      continue;
    }
    Cell cell;
    cell.package = path;
    cell.function = function;
    cell.kind = kind->string();
    const package::Tensor *h = findTensor(function.outputs, "h");
    if (!h)
      fail(XLSTM_ERROR_INVALID_INPUT, path, ": ", function.name, ": expected an output h");
    cell.dtype = h->dtype;
    elementType(cell.dtype); // floating-point, or a Failure
    cell.isMLSTM() ? readMLSTM(attributes, cell) : readScan(attributes, cell);
    if (!cell.isMLSTM() && cell.description.empty() && !modelGiven) {
      skipped.push_back(cat(path, ": ", function.name,
                            ": the cell is a region, whose float64 reference needs --model"));
      continue;
    }
    cells.push_back(std::move(cell));
  }
  return cells;
}

} // namespace xlstm::tools

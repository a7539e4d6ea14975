// SPDX-License-Identifier: Apache-2.0
// Manifest <-> JSON.
#include "runtime/src/package/Manifest.h"

#include "runtime/src/support/Failure.h"
#include "runtime/src/support/Json.h"

#include <algorithm>
#include <charconv>

namespace xlstm::package {
namespace {

using Json = nlohmann::ordered_json;
constexpr size_t kMaxItems = 65536;

// ---- writing ----

Json write(const Factor &factor) {
  if (factor.dim.empty())
    return factor.value;
  if (factor.ceilDiv == 1 && factor.add == 0)
    return factor.dim;
  Json out{{"dim", factor.dim}};
  if (factor.ceilDiv != 1)
    out["ceil_div"] = factor.ceilDiv;
  if (factor.add != 0)
    out["add"] = factor.add;
  return out;
}

Json write(const Product &product) {
  Json out = Json::array();
  for (const Factor &factor : product)
    out.push_back(write(factor));
  return out;
}

Json writeSum(const Sum &sum) {
  Json out = Json::array();
  for (const Product &product : sum)
    out.push_back(write(product));
  return out;
}

Json write(const Workspace &workspace) {
  Json out{{"name", workspace.name}};
  if (workspace.shape.empty()) {
    out["bytes"] = writeSum(workspace.bytes);
    return out;
  }
  out["dtype"] = dtypeName(workspace.dtype);
  if (!workspace.of.empty())
    out["of"] = workspace.of;
  Json &shape = out["shape"] = Json::array();
  for (const Sum &extent : workspace.shape)
    shape.push_back(writeSum(extent));
  return out;
}

Json write(const std::vector<Tensor> &tensors) {
  Json out = Json::array();
  for (const Tensor &tensor : tensors) {
    Json item{
        {"name", tensor.name}, {"dtype", dtypeName(tensor.dtype)}, {"shape", write(tensor.shape)}};
    if (tensor.optional)
      item["optional"] = true;
    if (!tensor.with.empty())
      item["with"] = tensor.with;
    if (!tensor.inPlace.empty())
      item["in_place"] = tensor.inPlace;
    if (tensor.parameter)
      item["parameter"] = true;
    if (!tensor.as.empty())
      item["as"] = tensor.as;
    out.push_back(std::move(item));
  }
  return out;
}

/// [tensor, axis], and how many axes that is if it is more than one.
Json axisOf(const Argument &arg) {
  Json out = Json::array({arg.tensor, arg.axis});
  if (arg.merged > 1)
    out.push_back(arg.merged);
  return out;
}

Json write(const Argument &arg) {
  switch (arg.kind) {
  case Argument::Kind::Pointer:
    return Json{{"ptr", arg.tensor}};
  case Argument::Kind::Dim:
    return Json{{"dim", axisOf(arg)}};
  case Argument::Kind::Stride:
    return Json{{"stride", axisOf(arg)}};
  case Argument::Kind::TensorMap: {
    Json map{{"tensor", arg.tensor}, {"box", arg.box}, {"swizzle", arg.swizzle}};
    if (arg.merged > 1)
      map["merged"] = arg.merged;
    return Json{{"tensormap", std::move(map)}};
  }
  }
  fail(XLSTM_ERROR_INTERNAL, "kernel argument of unknown kind");
}

Json write(const Launch &launch, bool cpu) {
  Json out{{"kernel", launch.kernel}};
  if (cpu) {
    out["blob"] = launch.blob;
  } else {
    if (!launch.ptx.empty())
      out["ptx"] = launch.ptx;
    if (!launch.cubin.empty())
      out["cubin"] = launch.cubin;
  }
  out["grid"] = write(launch.grid);
  if (launch.prepare)
    out["prepare"] = true;
  if (cpu) {
    out["scratch_bytes"] = launch.scratchBytes;
  } else {
    out["block"] = launch.block;
    out["shared_bytes"] = launch.sharedBytes;
    if (launch.cluster != 1)
      out["cluster"] = launch.cluster;
    if (launch.overlaps)
      out["overlaps"] = true;
    if (launch.early)
      out["early"] = true;
    if (launch.product) {
      Json &product = out["product"] = Json{{"x", launch.product->x},
                                            {"weights", launch.product->weights},
                                            {"results", launch.product->results}};
      if (!launch.product->residual.empty())
        product["residual"] = launch.product->residual;
      if (!launch.product->bias.empty())
        product["bias"] = launch.product->bias;
    }
    if (launch.registers >= 0)
      out["registers"] = launch.registers;
    if (launch.spillBytes >= 0)
      out["spill_bytes"] = launch.spillBytes;
  }
  if (!launch.requirements.empty()) {
    Json &list = out["requires"] = Json::array();
    for (const Requirement &requirement : launch.requirements)
      list.push_back(requirement.absent
                         ? Json{{"tensor", requirement.tensor}, {"absent", true}}
                         : Json{{"tensor", requirement.tensor}, {"align", requirement.align}});
  }
  Json &args = out["args"] = Json::array();
  for (const Argument &arg : launch.args)
    args.push_back(write(arg));
  return out;
}

Json freeForm(const std::string &text, const std::string &what) {
  Json parsed = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_object())
    fail(XLSTM_ERROR_INVALID_INPUT, "manifest: ", what, ": expected the text of a JSON object");
  return parsed;
}

Json write(const Implementation &implementation) {
  bool cpu = implementation.target == "cpu";
  Json out{{"target", implementation.target}};
  if (cpu)
    out["isa"] = implementation.isa;
  out["schedule"] = freeForm(implementation.schedule, "schedule");
  if (!implementation.workspace.empty()) {
    Json &list = out["workspace"] = Json::array();
    for (const Workspace &workspace : implementation.workspace)
      list.push_back(write(workspace));
  }
  for (const DimRange &range : implementation.when) {
    Json item{{"dim", range.dim}};
    if (range.atLeast > 0)
      item["at_least"] = range.atLeast;
    if (range.atMost < INT64_MAX)
      item["at_most"] = range.atMost;
    out["when"].push_back(std::move(item));
  }
  Json &launches = out["launches"] = Json::array();
  for (const Launch &launch : implementation.launches)
    launches.push_back(write(launch, cpu));
  return out;
}

// ---- reading ----

/// Calls `read` on every element of the array `node`.
template <typename T, typename Read>
std::vector<T> readList(const JsonNode &node, size_t maxItems, Read read) {
  std::vector<T> out;
  node.array(maxItems);
  for (size_t i = 0; i < node.size(); ++i)
    out.push_back(read(node[i]));
  return out;
}

std::string readName(const JsonNode &node) {
  std::string name = node.string(256);
  bool good = !name.empty();
  for (char c : name)
    good &= static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '/' && c != '\\';
  if (!good || name[0] == '.')
    node.expected("a name without spaces, slashes or a leading dot");
  return name;
}

Factor readFactor(const JsonNode &node) {
  if (node.isString())
    return Factor(readName(node));
  if (node.isObject()) {
    Factor factor(readName(node.at("dim")));
    if (auto divisor = node.find("ceil_div"))
      factor.ceilDiv = divisor->integer(1, INT64_MAX);
    if (auto add = node.find("add"))
      factor.add = add->integer(0, 1 << 30);
    return factor;
  }
  if (!node.json().is_number_integer())
    node.expected("a number, a dimension name or {\"dim\", \"ceil_div\", \"add\"}");
  return Factor(node.integer(0, INT64_MAX));
}

Product readProduct(const JsonNode &node) { return readList<Factor>(node, 64, readFactor); }
Sum readSum(const JsonNode &node) { return readList<Product>(node, 64, readProduct); }

DType readDType(const JsonNode &node) {
  auto parsed = parseDType(node.string());
  if (!parsed)
    node.expected("one of f64 f32 bf16 f16 i64 i32 u8");
  return *parsed;
}

Workspace readWorkspace(const JsonNode &node) {
  Workspace workspace;
  workspace.name = readName(node.object().at("name"));
  if (auto shape = node.find("shape")) {
    workspace.dtype = readDType(node.at("dtype"));
    workspace.shape = readList<Sum>(*shape, XLSTM_MAX_RANK, readSum);
    if (auto of = node.find("of"))
      workspace.of = readName(*of);
  } else {
    workspace.bytes = readSum(node.at("bytes"));
  }
  return workspace;
}

Tensor readTensor(const JsonNode &node) {
  Tensor tensor;
  tensor.name = readName(node.object().at("name"));
  tensor.dtype = readDType(node.at("dtype"));
  tensor.shape = readList<Factor>(node.at("shape"), XLSTM_MAX_RANK, [](const JsonNode &extent) {
    if (extent.isObject() && extent.find("ceil_div"))
      extent.expected("a number, a dimension name or {\"dim\", \"add\"}");
    return readFactor(extent);
  });
  if (auto optional = node.find("optional"))
    tensor.optional = optional->boolean();
  if (auto with = node.find("with"))
    tensor.with = readName(*with);
  if (auto inPlace = node.find("in_place"))
    tensor.inPlace = readName(*inPlace);
  if (auto parameter = node.find("parameter"))
    tensor.parameter = parameter->boolean();
  if (auto as = node.find("as"))
    tensor.as = readName(*as);
  return tensor;
}

Argument readArgument(const JsonNode &node) {
  node.object();
  if (auto pointer = node.find("ptr"))
    return Argument::pointer(readName(*pointer));
  for (const char *key : {"dim", "stride"}) {
    if (auto pair = node.find(key)) {
      if (!pair->isArray() || pair->size() < 2 || pair->size() > 3)
        pair->expected("[tensor name, axis] or [tensor name, axis, number of axes]");
      std::string tensor = readName((*pair)[0]);
      int axis = static_cast<int>((*pair)[1].integer(0, XLSTM_MAX_RANK - 1));
      int merged = pair->size() == 3 ? static_cast<int>((*pair)[2].integer(1, XLSTM_MAX_RANK)) : 1;
      return key[0] == 'd' ? Argument::dim(tensor, axis, merged)
                           : Argument::stride(tensor, axis, merged);
    }
  }
  if (auto map = node.find("tensormap")) {
    auto box =
        readList<int64_t>(map->at("box"), 5, [](const JsonNode &n) { return n.integer(1, 256); });
    JsonNode swizzle = map->at("swizzle");
    int64_t bytes = swizzle.integer(0, 128);
    if (bytes != 0 && bytes != 32 && bytes != 64 && bytes != 128)
      swizzle.expected("0, 32, 64 or 128");
    auto merged = map->find("merged");
    return Argument::tensorMap(readName(map->at("tensor")), std::move(box), static_cast<int>(bytes),
                               merged ? static_cast<int>(merged->integer(1, XLSTM_MAX_RANK)) : 1);
  }
  node.expected("an object with ptr, dim, stride or tensormap");
}

Launch readLaunch(const JsonNode &node, bool cpu) {
  Launch launch;
  launch.kernel = readName(node.object().at("kernel"));
  if (cpu) {
    launch.blob = readName(node.at("blob"));
    if (auto scratch = node.find("scratch_bytes"))
      launch.scratchBytes = scratch->integer(0, int64_t(1) << 32);
  } else {
    if (auto ptx = node.find("ptx"))
      launch.ptx = readName(*ptx);
    if (auto cubin = node.find("cubin"))
      launch.cubin = readName(*cubin);
    launch.block = node.at("block").integer(1, 1024);
    launch.sharedBytes = node.at("shared_bytes").integer(0, 1 << 30);
    if (auto cluster = node.find("cluster"))
      launch.cluster = cluster->integer(1, 16);
    if (auto overlaps = node.find("overlaps"))
      launch.overlaps = overlaps->boolean();
    if (auto early = node.find("early"))
      launch.early = early->boolean();
    if (auto product = node.find("product")) {
      launch.product = MatrixProduct{readName(product->object().at("x")),
                                     readList<std::string>(product->at("weights"), 64, readName),
                                     readList<std::string>(product->at("results"), 64, readName)};
      if (auto residual = product->find("residual"))
        launch.product->residual = readName(*residual);
      if (auto bias = product->find("bias"))
        launch.product->bias = readName(*bias);
    }
    if (auto registers = node.find("registers"))
      launch.registers = registers->integer(0, 1024);
    if (auto spill = node.find("spill_bytes"))
      launch.spillBytes = spill->integer(0, 1 << 30);
  }
  launch.grid = readProduct(node.at("grid"));
  if (auto prepare = node.find("prepare"))
    launch.prepare = prepare->boolean();
  if (auto requirements = node.find("requires"))
    launch.requirements = readList<Requirement>(*requirements, kMaxItems, [](const JsonNode &item) {
      Requirement requirement{readName(item.object().at("tensor"))};
      if (auto absent = item.find("absent"))
        requirement.absent = absent->boolean();
      if (!requirement.absent)
        requirement.align = item.at("align").integer(1, 4096);
      return requirement;
    });
  launch.args = readList<Argument>(node.at("args"), 4096, readArgument);
  return launch;
}

template <typename AnyJson> std::string dumpFreeForm(const AnyJson &object) {
  return object.dump(-1, ' ', true, AnyJson::error_handler_t::replace);
}

std::string readFreeForm(const JsonNode &node, const char *key) {
  auto found = node.find(key);
  return found ? dumpFreeForm(found->object().json()) : "{}";
}

Implementation readImplementation(const JsonNode &node) {
  Implementation out;
  out.target = readName(node.object().at("target"));
  bool cpu = out.target == "cpu";
  if (cpu)
    out.isa = readName(node.at("isa"));
  out.schedule = readFreeForm(node, "schedule");
  if (auto workspace = node.find("workspace"))
    out.workspace = readList<Workspace>(*workspace, 4096, readWorkspace);
  out.launches = readList<Launch>(node.at("launches"), 4096,
                                  [&](const JsonNode &n) { return readLaunch(n, cpu); });
  if (auto when = node.find("when"))
    out.when = readList<DimRange>(*when, 64, [](const JsonNode &item) {
      DimRange range{readName(item.object().at("dim"))};
      if (auto least = item.find("at_least"))
        range.atLeast = least->integer(0, INT64_MAX);
      if (auto most = item.find("at_most"))
        range.atMost = most->integer(0, INT64_MAX);
      return range;
    });
  return out;
}

Function readFunction(const JsonNode &node) {
  Function function;
  function.name = readName(node.object().at("name"));
  function.inputs = readList<Tensor>(node.at("inputs"), kMaxItems, readTensor);
  function.outputs = readList<Tensor>(node.at("outputs"), kMaxItems, readTensor);
  if (auto derived = node.find("derived_dims"))
    function.derivedDims = readList<DerivedDim>(*derived, 64, [](const JsonNode &item) {
      DerivedDim dim{readName(item.object().at("name"))};
      if (auto parts = item.find("parts"))
        dim.parts =
            Parts{readName(parts->object().at("of")), parts->at("least").integer(1, 1 << 30),
                  readProduct(parts->at("blocks")), parts->at("most_blocks").integer(1, 1 << 30)};
      else if (auto factors = item.find("product_of"))
        dim.factors = readList<std::string>(*factors, 16, readName);
      else
        dim.sources = readList<std::string>(item.at("first_of"), 16, readName);
      if (auto unless = item.find("unless"))
        dim.unless = readName(*unless);
      return dim;
    });
  function.attributes = readFreeForm(node, "attributes");
  function.implementations =
      readList<Implementation>(node.at("implementations"), 1024, readImplementation);
  return function;
}

Blob readBlob(const JsonNode &node) {
  Blob blob;
  blob.name = readName(node.object().at("name"));
  blob.offset = static_cast<uint64_t>(node.at("offset").integer(0, INT64_MAX));
  blob.size = static_cast<uint64_t>(node.at("size").integer(0, INT64_MAX));
  JsonNode hash = node.at("xxh64");
  std::string digits = hash.string();
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), blob.xxh64, 16);
  if (digits.size() != 16 || error != std::errc() || end != digits.data() + digits.size())
    hash.expected("16 hexadecimal digits");
  return blob;
}

} // namespace

std::string toJson(const Manifest &manifest, bool inLines) {
  Json out{{"xlstm_package", kFormatVersion},
           {"tool_version", manifest.toolVersion},
           {"name", manifest.name}};
  if (!manifest.weights.empty())
    out["weights"] = manifest.weights;
  Json &blobs = out["blobs"] = Json::array();
  for (const Blob &blob : manifest.blobs) {
    char digits[17];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(blob.xxh64));
    blobs.push_back(
        Json{{"name", blob.name}, {"offset", blob.offset}, {"size", blob.size}, {"xxh64", digits}});
  }
  Json &functions = out["functions"] = Json::array();
  for (const Function &function : manifest.functions) {
    Json item{{"name", function.name},
              {"inputs", write(function.inputs)},
              {"outputs", write(function.outputs)}};
    if (!function.derivedDims.empty()) {
      Json &derived = item["derived_dims"] = Json::array();
      for (const DerivedDim &dim : function.derivedDims) {
        derived.push_back(dim.parts ? Json{{"name", dim.name},
                                           {"parts",
                                            {{"of", dim.parts->of},
                                             {"least", dim.parts->least},
                                             {"blocks", write(dim.parts->blocks)},
                                             {"most_blocks", dim.parts->mostBlocks}}}}
                          : dim.factors.empty()
                              ? Json{{"name", dim.name}, {"first_of", dim.sources}}
                              : Json{{"name", dim.name}, {"product_of", dim.factors}});
        if (!dim.unless.empty())
          derived.back()["unless"] = dim.unless;
      }
    }
    item["attributes"] = freeForm(function.attributes, "attributes");
    Json &list = item["implementations"] = Json::array();
    for (const Implementation &implementation : function.implementations)
      list.push_back(write(implementation));
    functions.push_back(std::move(item));
  }
  return out.dump(inLines ? 1 : -1);
}

Manifest parseManifest(std::string_view text, const std::string &source) {
  nlohmann::json json = parseJson(text, source);
  JsonNode root(json, source);
  JsonNode version = root.object().at("xlstm_package");
  if (version.integer(0, INT64_MAX) != kFormatVersion)
    fail(XLSTM_ERROR_INVALID_INPUT, source, ": package format version ",
         version.integer(0, INT64_MAX), " is not known to this runtime, which reads version ",
         kFormatVersion);
  Manifest manifest;
  if (auto name = root.find("name"))
    manifest.name = name->string();
  if (auto tool = root.find("tool_version"))
    manifest.toolVersion = tool->string();
  if (auto weights = root.find("weights"))
    manifest.weights = weights->string();
  manifest.blobs = readList<Blob>(root.at("blobs"), kMaxItems, readBlob);
  manifest.functions = readList<Function>(root.at("functions"), 4096, readFunction);
  // The members of a custom cell's update are computed in the order of the text. Models have none,
  // and a manifest long enough for a second reading to be noticed.
  bool hasAttributes = std::any_of(manifest.functions.begin(), manifest.functions.end(),
                                   [](const Function &f) { return f.attributes != "{}"; });
  Json ordered = hasAttributes ? Json::parse(text) : Json();
  for (size_t k = 0; hasAttributes && k < manifest.functions.size(); ++k)
    if (const Json &function = ordered["functions"][k]; function.contains("attributes"))
      manifest.functions[k].attributes = dumpFreeForm(function["attributes"]);
  validate(manifest, source);
  return manifest;
}

} // namespace xlstm::package

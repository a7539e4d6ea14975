// SPDX-License-Identifier: Apache-2.0
#include "test/Package/Fixture.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace xlstm::test {

using namespace package;

std::string readFile(const std::string &path) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw std::runtime_error("cannot read " + path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

void writeFile(const std::string &path, const std::string &bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

Manifest fixtureManifest() {
  Tensor x{"x", XLSTM_F32, {"B", "T", 4}, false}, y{"y", XLSTM_F32, {"B", "T", 4}, false};
  Tensor bias{"bias", XLSTM_F32, {"B", 4}, true}, last{"last", XLSTM_F32, {"B", 4}, true};

  Launch scale;
  scale.kernel = "scale";
  scale.blob = "fixture.cpu.x86-64.so";
  scale.grid = {"B"};
  scale.args = {Argument::pointer("x"),    Argument::pointer("y"),   Argument::pointer("bias"),
                Argument::pointer("last"), Argument::dim("x", 1),    Argument::stride("x", 0),
                Argument::stride("x", 1),  Argument::stride("y", 0), Argument::stride("y", 1)};

  Launch sum;
  sum.kernel = "sum_rows";
  sum.blob = scale.blob;
  sum.grid = {"B"};
  sum.scratchBytes = 16;
  sum.args = {Argument::pointer("x"), Argument::pointer("sums"), Argument::dim("x", 1)};
  Launch addRows;
  addRows.kernel = "add_rows";
  addRows.blob = scale.blob;
  addRows.grid = {"B", Factor("T", 64)};
  addRows.args = {Argument::pointer("x"), Argument::pointer("sums"), Argument::pointer("y"),
                  Argument::dim("x", 1)};

  Tensor wide{"x", XLSTM_F32, {"B", "T", 2, 4}, false}, g{"g", XLSTM_F32, {"B", "T", 2}, false},
      result = wide;
  result.name = "y";
  Launch gate;
  gate.kernel = "gate";
  gate.blob = scale.blob;
  gate.grid = {"B", 2};
  gate.args = {Argument::pointer("x"), Argument::pointer("g"), Argument::pointer("y"),
               Argument::dim("x", 1)};
  for (const char *name : {"x", "g", "y"})
    for (int axis = 0; axis < 3; ++axis)
      gate.args.push_back(Argument::stride(name, axis));

  Manifest manifest;
  manifest.name = "fixture";
  manifest.toolVersion = "0.1.0";
  Function one{"scale",
               {x, bias},
               {y, last},
               R"({"purpose": "test"})",
               {{"cpu", "x86-64", "{}", {}, {scale}}}};
  Function two{
      "two_step", {x}, {y}, "{}", {{"cpu", "x86-64", R"({"rows": 64})", {}, {sum, addRows}}}};
  two.implementations[0].workspace = {{"sums", {{"B", 4, 4}}}};
  Function three{"gate", {wide, g}, {result}, "{}", {{"cpu", "x86-64", "{}", {}, {gate}}}};
  manifest.functions = {one, two, three};
  return manifest;
}

PackageWriter fixturePackage(const Manifest &manifest) {
  PackageWriter writer(manifest);
  writer.addBlob("fixture.cpu.x86-64.so", readFile(XLSTM_FIXTURE_KERNELS));
  return writer;
}

PackageWriter gpuFixture(const std::string &ptx, const std::string &cubin, int64_t sharedBytes) {
  Tensor x{"x", XLSTM_F32, {"N"}, false}, y{"y", XLSTM_F32, {"N"}, false};
  Launch launch;
  launch.kernel = "double_it";
  launch.ptx = ptx.empty() ? "" : "code.ptx";
  launch.cubin = cubin.empty() ? "" : "code.cubin";
  launch.grid = {Factor("N", 64)};
  launch.block = 64;
  launch.sharedBytes = sharedBytes;
  launch.args = {Argument::pointer("x"), Argument::pointer("y"), Argument::dim("x", 0)};
  Launch mapped = launch;
  mapped.kernel = "double_mapped";
  mapped.args.push_back(Argument::tensorMap("x", {64}, 0));

  Manifest manifest;
  manifest.name = "gpu fixture";
  manifest.toolVersion = "0.1.0";
  manifest.functions = {{"double",
                         {x},
                         {y},
                         "{}",
                         {{"sm_80", "", "{}", {}, {launch}}, {"sm_90a", "", "{}", {}, {mapped}}}}};
  PackageWriter writer(manifest);
  if (!ptx.empty())
    writer.addBlob("code.ptx", ptx);
  if (!cubin.empty())
    writer.addBlob("code.cubin", cubin);
  return writer;
}

PackageWriter gpuModelFixture(bool slots) {
  Tensor w{"w", XLSTM_F32, {8}}, state{"state.0.h", XLSTM_F32, {"B"}, true},
      logits{"logits", XLSTM_F32, {"B", 8}}, next{"state.0.h.next", XLSTM_F32, {"B"}};
  w.parameter = true;
  next.as = state.name;
  Launch launch;
  launch.kernel = "double_it";
  launch.ptx = "code.ptx";
  launch.grid = {1};
  launch.block = 64;
  Manifest manifest;
  manifest.name = "gpu model";
  manifest.toolVersion = "0.1.0";
  for (bool isStep : {false, true}) {
    Tensor tokens{"tokens", XLSTM_I32, {"B"}};
    if (!isStep)
      tokens.shape.push_back("T");
    Launch advance = launch, read = launch;
    advance.args = {Argument::pointer(isStep ? state.name : w.name), Argument::pointer(next.name),
                    Argument::dim(next.name, 0)};
    read.args = {Argument::pointer(w.name), Argument::pointer(logits.name),
                 Argument::dim(w.name, 0)};
    Function function{isStep ? "step" : "prefill",
                      {tokens, state, w},
                      {logits, next},
                      "{}",
                      {{"sm_80", "", "{}", {}, {advance, read}}}};
    if (isStep && slots) {
      function.inputs[1].shape = function.outputs[1].shape = {"R"};
      function.outputs[1].inPlace = state.name;
      function.inputs.insert(function.inputs.begin() + 2, {"slots", XLSTM_I32, {"B"}, true});
      function.derivedDims = {{"R", {"B"}, {}, {}, "slots"}};
    }
    manifest.functions.push_back(function);
  }
  PackageWriter writer(manifest);
  writer.addBlob("code.ptx", "ptx");
  return writer;
}

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "xlstm-test-XXXXXX").string();
  if (!::mkdtemp(name.data()))
    throw std::runtime_error("cannot create " + name);
  folder = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
}

std::string TemporaryFolder::list() const {
  std::vector<std::string> names;
  for (const auto &entry : std::filesystem::directory_iterator(folder))
    names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  std::string out;
  for (const std::string &name : names)
    out += (out.empty() ? "" : " ") + name;
  return out;
}

} // namespace xlstm::test

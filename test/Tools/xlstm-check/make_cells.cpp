// SPDX-License-Identifier: Apache-2.0
// make_cells KERNELS.so FOLDER: writes a package for each kernel of mlstm_kernels.c,
// FOLDER/<kernel>.xlpkg.
#include "compiler/Package/Package.h"
#include "test/Package/Fixture.h"

using namespace xlstm;
using namespace xlstm::package;

static Manifest manifestFor(const std::string &kernel) {
  constexpr int64_t kHeads = 3, kKey = 5, kValue = 6;
  Tensor q{"q", XLSTM_F32, {"B", "T", kHeads, kKey}, false},
      k = q, v{"v", XLSTM_F32, {"B", "T", kHeads, kValue}, false};
  Tensor i{"i", XLSTM_F32, {"B", "T", kHeads}, false}, f = i, h = v;
  Tensor mLast{"m_last", XLSTM_F32, {"B", kHeads}, true};
  k.name = "k";
  f.name = "f";
  h.name = "h";

  Launch launch;
  launch.kernel = kernel;
  launch.blob = "kernels.so";
  launch.grid = {"B", kHeads};
  for (const char *name : {"q", "k", "v", "i", "f", "h", "m_last"})
    launch.args.push_back(Argument::pointer(name));
  launch.args.push_back(Argument::dim("q", 1));
  for (const char *name : {"q", "k", "v", "i", "f", "h"})
    for (int axis : {0, 1, 2})
      launch.args.push_back(Argument::stride(name, axis));
  launch.args.push_back(Argument::stride("m_last", 0));

  Manifest manifest;
  manifest.name = kernel;
  manifest.toolVersion = "0.1.0";
  Function forward{"forward",
                   {q, k, v, i, f},
                   {h, mLast},
                   R"({"kind": "mlstm", "heads": 3, "dqk": 5, "dv": 6})",
                   {{"cpu", "x86-64", "{}", {}, {launch}}}};
  manifest.functions = {forward};
  return manifest;
}

int main(int, char **argv) {
  for (std::string kernel : {"mlstm", "wrong_eps", "unwritten_row", "unrepeatable", "late_fault"}) {
    PackageWriter writer(manifestFor(kernel));
    writer.addBlob("kernels.so", test::readFile(argv[1]));
    writer.write(std::string(argv[2]) + "/" + kernel + ".xlpkg");
  }
}

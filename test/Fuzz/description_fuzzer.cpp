// SPDX-License-Identifier: Apache-2.0
/// \file
/// Feeds any bytes to the description reader, as JSON or YAML by the first byte, and checks the
/// contract of its answers: a description within its limits, or a diagnostic on one line.
#include "compiler/Import/Description.h"

#include <cstdlib>

using namespace xlstm::description;

static void require(bool condition) {
  if (!condition)
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0)
    return 0;
  std::string_view text(reinterpret_cast<const char *>(data) + 1, size - 1);
  const char *names[] = {"fuzz.json", "fuzz.yaml", "fuzz"};
  auto model = importDescriptionFromText(text, names[data[0] % 3]);
  if (!model) {
    const std::string line = model.error().str();
    require(line.find('\n') == std::string::npos && !model.error().message.empty() &&
            line.size() < 16384);
    return 0;
  }
  require(model->cell || model->network);
  auto checkCell = [](const CellDescription &cell) {
    require(cell.heads >= 1 && cell.heads <= 65536);
    require(cell.kind == CellKind::MLSTM ? cell.dqk >= 1 && cell.dv >= 1 : cell.d >= 1);
  };
  if (model->cell)
    checkCell(*model->cell);
  if (model->network)
    for (const BlockDescription &block : model->network->blocks)
      checkCell(block.cell);
  return 0;
}

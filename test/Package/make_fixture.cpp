// SPDX-License-Identifier: Apache-2.0
// Writes the test package: make_fixture OUT.xlpkg. test/Package/Inputs/v1.xlpkg was made by it.
#include "test/Package/Fixture.h"

#include <cstdio>

int main(int argc, char **argv) {
  if (argc != 2)
    return 2;
  try {
    xlstm::test::fixturePackage().write(argv[1]);
  } catch (const std::exception &error) {
    std::fprintf(stderr, "make_fixture: error: %s\n", error.what());
    return 1;
  }
}

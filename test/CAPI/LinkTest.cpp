// SPDX-License-Identifier: Apache-2.0
// What the runtime is linked with, how large it is, what it exports; and a C program that uses it.
#include "test/Package/Fixture.h"

#include <array>
#include <cstdio>
#include <gtest/gtest.h>
#include <sstream>

using namespace xlstm;

namespace {

/// Standard output of a command; a test failure unless it exits with 0.
std::string outputOf(const std::string &command) {
  std::string out;
  std::FILE *pipe = ::popen((command + " 2>&1").c_str(), "r");
  if (!pipe)
    throw std::runtime_error("cannot run " + command);
  std::array<char, 4096> buffer;
  while (size_t n = std::fread(buffer.data(), 1, buffer.size(), pipe))
    out.append(buffer.data(), n);
  EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << out;
  return out;
}

class LinkTest : public ::testing::TestWithParam<const char *> {};

TEST_P(LinkTest, NeedsTheSystemOnly) {
  std::istringstream lines(outputOf(std::string("readelf -d ") + GetParam()));
  int needed = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("(NEEDED)") == std::string::npos)
      continue;
    ++needed;
    std::string library = line.substr(line.find('[') + 1);
    library.resize(library.find(".so"));
    bool allowed = false;
    for (const char *name :
         {"libc", "libm", "libstdc++", "libgcc_s", "libpthread", "libdl", "ld-linux-x86-64"})
      allowed |= library == name;
    EXPECT_TRUE(allowed) << GetParam() << " needs " << library;
  }
  EXPECT_GT(needed, 0);
}

TEST_P(LinkTest, StaysSmall) {
  test::TemporaryFolder folder;
  std::string stripped = folder.path("stripped");
  outputOf(std::string("strip -o ") + stripped + " " + GetParam());
  size_t bytes = test::readFile(stripped).size();
  EXPECT_GT(bytes, 10000u);
  EXPECT_LT(bytes, 3u << 20);
}

INSTANTIATE_TEST_SUITE_P(Runtime, LinkTest, ::testing::Values(XLSTM_RUN, XLSTM_RUNTIME_SO),
                         [](const auto &info) { return info.index == 0 ? "Tool" : "Library"; });

TEST(Exports, TheCApiOnly) {
  std::istringstream lines(outputOf("nm -D --defined-only " XLSTM_RUNTIME_SO));
  int exported = 0;
  for (std::string line; std::getline(lines, line); ++exported) {
    std::string symbol = line.substr(line.rfind(' ') + 1);
    EXPECT_EQ(symbol.substr(0, 6), "xlstm_") << symbol;
  }
  EXPECT_GT(exported, 30);
}

TEST(CProgram, Runs) {
  test::TemporaryFolder folder;
  test::fixturePackage().write(folder.path("p.xlpkg"));
  EXPECT_EQ(outputOf(XLSTM_C_PROGRAM " " + folder.path("p.xlpkg")), "ok\n");
}

} // namespace

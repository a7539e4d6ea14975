// SPDX-License-Identifier: Apache-2.0
// Package files and directories: whole, cut, damaged, lying.
#include "runtime/src/package/Container.h"
#include "runtime/src/support/Failure.h"
#include "test/Package/Fixture.h"

#include <gtest/gtest.h>

using namespace xlstm;
using namespace xlstm::package;

namespace {

std::string errorOf(const std::string &bytes) {
  try {
    Container::fromMemory(bytes, "p");
  } catch (const Failure &failure) {
    EXPECT_EQ(failure.status(), XLSTM_ERROR_INVALID_INPUT);
    return failure.what();
  }
  return "accepted";
}

std::string openError(const std::string &path) {
  try {
    Container::open(path);
  } catch (const Failure &failure) {
    return failure.what();
  }
  return "accepted";
}

/// A file with the given manifest and the bytes of the blob section.
std::string file(const std::string &manifest, const std::string &blobs) {
  std::string out("XLSTMPKG\1\0\0\0\0\0\0\0", 16);
  for (int i = 0; i < 8; ++i)
    out += static_cast<char>(manifest.size() >> (8 * i));
  out += manifest;
  out.resize((out.size() + 63) / 64 * 64);
  return out + blobs;
}

std::string oneBlob(const std::string &offset, const std::string &size, const std::string &hash) {
  return R"({"xlstm_package": 1, "functions": [], "blobs": [{"name": "b", "offset": )" + offset +
         R"(, "size": )" + size + R"(, "xxh64": ")" + hash + "\"}]}";
}

// xxh64 of "abc" with seed 0, from the algorithm's published test values.
const char kHashOfAbc[] = "44bc2cf5ad770999";

TEST(Container, ReadsWhatTheWriterWrites) {
  PackageWriter writer = test::fixturePackage();
  writer.addBlob("empty", "");
  writer.addBlob("abc", "abc");
  std::string bytes = writer.serialize();
  Container container = Container::fromMemory(bytes, "p");
  EXPECT_EQ(container.manifest().name, "fixture");
  EXPECT_EQ(container.blob("abc"), "abc");
  EXPECT_EQ(container.blob("empty"), "");
  EXPECT_EQ(container.blob("fixture.cpu.x86-64.so").substr(1, 3), "ELF");
  EXPECT_EQ(container.manifest().blobs[2].offset % 64, 0u);
}

TEST(Container, HandMadeBytes) {
  std::string bytes = file(oneBlob("64", "3", kHashOfAbc), std::string(64, 'x') + "abc");
  Container container = Container::fromMemory(bytes, "p");
  EXPECT_EQ(container.blob("b"), "abc");
}

TEST(Container, Header) {
  EXPECT_EQ(errorOf(""),
            "p: not an xLSTM package: expected a file that begins with XLSTMPKG, got an empty one");
  EXPECT_EQ(errorOf("XLSTMPK"),
            "p: not an xLSTM package: expected a file that begins with XLSTMPKG");
  EXPECT_EQ(errorOf(std::string("XLSTMPKG\1\0\0\0", 12)),
            "p: truncated: expected a header of 24 bytes, got 12");
  std::string bytes = file("{}", "");
  bytes[8] = 2;
  EXPECT_EQ(errorOf(bytes),
            "p: package format version 2 is not known to this runtime, which reads version 1");
  bytes[8] = 1;
  bytes[16] = 100;
  EXPECT_EQ(errorOf(bytes), "p: truncated: expected a manifest of 100 bytes, got 40");
  bytes[23] = 0x7f;
  EXPECT_EQ(errorOf(bytes).substr(0, 52), "p: expected a manifest of at most 268435456 bytes, g");
}

TEST(Container, LyingBlobs) {
  std::string blobs = std::string(64, 'x') + "abc";
  EXPECT_EQ(errorOf(file(oneBlob("64", "4", kHashOfAbc), blobs)),
            "p: truncated: blob b: expected 4 bytes at offset 64, got a blob section of 67");
  EXPECT_EQ(errorOf(file(oneBlob("9223372036854775744", "64", kHashOfAbc), blobs)),
            "p: truncated: blob b: expected 64 bytes at offset 9223372036854775744, got a blob "
            "section of 67");
  EXPECT_EQ(errorOf(file(oneBlob("64", "9223372036854775807", kHashOfAbc), blobs)),
            "p: truncated: blob b: expected 9223372036854775807 bytes at offset 64, got a blob "
            "section of 67");
  EXPECT_EQ(errorOf(file(oneBlob("63", "3", kHashOfAbc), blobs)),
            "p: blob b: expected an offset that is a multiple of 64, got 63");
  EXPECT_EQ(errorOf(file(oneBlob("64", "3", "0000000000000000"), blobs)),
            "p: blob b is damaged: its checksum does not match");
}

TEST(Container, EveryCutIsAnError) {
  std::string bytes = test::fixturePackage().serialize();
  ASSERT_EQ(errorOf(bytes), "accepted");
  for (size_t length = 0; length < bytes.size(); ++length)
    ASSERT_NE(errorOf(bytes.substr(0, length)), "accepted")
        << "cut to " << length << " of " << bytes.size();
}

TEST(Container, EveryFlippedBlobBitIsAnError) {
  std::string bytes = file(oneBlob("0", "3", kHashOfAbc), "abc");
  for (size_t bit = 0; bit < 24; ++bit) {
    std::string damaged = bytes;
    damaged[bytes.size() - 3 + bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_EQ(errorOf(damaged), "p: blob b is damaged: its checksum does not match");
  }
}

TEST(Container, FilesAndDirectories) {
  test::TemporaryFolder folder;
  std::string missing = folder.path("none.xlpkg");
  EXPECT_EQ(openError(missing), missing + ": cannot open: No such file or directory");
  EXPECT_EQ(openError("/dev/null"), "/dev/null: cannot read: expected a regular file");

  PackageWriter writer = test::fixturePackage();
  writer.write(folder.path("a.xlpkg"));
  writer.write(folder.path("a.xlpkg")); // replaces
  writer.writeDirectory(folder.path("b"));
  writer.writeDirectory(folder.path("b")); // replaces
  EXPECT_EQ(folder.list(), "a.xlpkg b");   // no temporary left
  EXPECT_EQ(openError(folder.path("a.xlpkg")), "accepted");
  EXPECT_EQ(Container::open(folder.path("b")).blob("fixture.cpu.x86-64.so"),
            Container::open(folder.path("a.xlpkg")).blob("fixture.cpu.x86-64.so"));

  std::string blob = folder.path("b/fixture.cpu.x86-64.so"), bytes = test::readFile(blob);
  test::writeFile(blob, bytes.substr(1));
  EXPECT_EQ(openError(folder.path("b")),
            cat(blob, ": expected ", bytes.size(), " bytes, got ", bytes.size() - 1));
  ::remove(blob.c_str());
  EXPECT_EQ(openError(folder.path("b")), blob + ": cannot open: No such file or directory");
}

TEST(Container, WriterRefusesWhatTheReaderWould) {
  Manifest manifest = test::fixtureManifest(); // its blob is never added
  test::TemporaryFolder folder;
  EXPECT_THROW(PackageWriter(manifest).write(folder.path("a.xlpkg")), Failure);
  EXPECT_THROW(PackageWriter(manifest).writeDirectory(folder.path("b")), Failure);
  EXPECT_THROW(test::fixturePackage().write(folder.path("none/a.xlpkg")), Failure);
  EXPECT_EQ(folder.list(), "");
}

TEST(Container, WriterKeepsForeignDirectories) {
  test::TemporaryFolder folder;
  test::writeFile(folder.path("precious"), "1");
  EXPECT_THROW(test::fixturePackage().writeDirectory(folder.path("")), Failure);
  EXPECT_EQ(folder.list(), "precious");
}

TEST(Container, PackagesOfReleasedVersionsLoad) {
  Container container = Container::open(XLSTM_SOURCE_DIR "/test/Package/Inputs/v1.xlpkg");
  EXPECT_EQ(container.manifest().functions[0].name, "scale");
}

} // namespace

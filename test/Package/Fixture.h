// SPDX-License-Identifier: Apache-2.0
// A small package made by hand, for the tests of package, runtime and tools.
//
//   scale      x f32 [B, T, 4], bias? f32 [B, 4]  ->  y f32 [B, T, 4] = 2 x + bias, last? f32 [B,
//   4] two_step   x f32 [B, T, 4]                    ->  y f32 [B, T, 4] = x + sum over t of x;
//   uses a workspace gate       x f32 [B, T, 2, 4], g f32 [B, T, 2]  ->  y f32 [B, T, 2, 4] = g x;
//   any strides of B, T and heads
#ifndef XLSTM_TEST_PACKAGE_FIXTURE_H
#define XLSTM_TEST_PACKAGE_FIXTURE_H

#include "compiler/Package/Package.h"

#include <string>

namespace xlstm::test {

/// The manifest, without blobs.
package::Manifest fixtureManifest();

/// The manifest with the compiled kernels for the x86-64 baseline.
package::PackageWriter fixturePackage(const package::Manifest &manifest = fixtureManifest());

/// A package with GPU implementations of `scale_gpu` (x f32 [N] -> y f32 [N]) for sm_80 and sm_90a;
/// the blobs are what the fake driver of test/CAPI/fake_cuda.c understands.
package::PackageWriter gpuFixture(const std::string &ptx, const std::string &cubin,
                                  int64_t sharedBytes);

/// A "model" for the fake driver: weights w f32 [8]; state.0.h f32 [B] is 2 w[0] after a prompt and
/// doubled by every step; the first row of the logits is 2 w. With `slots` its step takes those, in
/// place: it doubles all rows of the state, whatever they name.
package::PackageWriter gpuModelFixture(bool slots = false);

/// Bytes of a file; a test failure if there is none.
std::string readFile(const std::string &path);
void writeFile(const std::string &path, const std::string &bytes);

/// A new empty folder under the system's temporary one, removed with the object.
class TemporaryFolder {
public:
  TemporaryFolder();
  ~TemporaryFolder();
  std::string path(const std::string &name) const { return folder + "/" + name; }
  /// Names of the files in it, sorted and separated by spaces.
  std::string list() const;

private:
  std::string folder;
};

} // namespace xlstm::test
#endif

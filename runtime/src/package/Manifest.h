// SPDX-License-Identifier: Apache-2.0
// Package format version 1, as plain structs. The writer (compiler/Package) and the reader share
// them, so the format stands in one place.
//
// A package is a file, or a directory with manifest.json and one file per blob:
//
//   offset 0    8 bytes   "XLSTMPKG"
//          8    u32 LE    format version (1)
//         12    u32 LE    0
//         16    u64 LE    bytes of the manifest
//         24    JSON      the manifest, UTF-8, then zero bytes up to a multiple of 64
//          …              blobs, each at a multiple of 64; offsets in the manifest count from here
//
// Kernel calling conventions:
//   cpu  extern "C" void kernel(const int64_t *args, int64_t begin, int64_t end, void *scratch)
//        runs blocks [begin, end) of the linear grid; `scratch` has scratch_bytes, 64-byte aligned,
//        one per thread
//   gpu  kernel parameters in the order of `args`: 8-byte integers, tensor maps by value; a linear
//   grid in x
#ifndef XLSTM_RUNTIME_PACKAGE_MANIFEST_H
#define XLSTM_RUNTIME_PACKAGE_MANIFEST_H

#include "runtime/src/support/DType.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace xlstm::package {

constexpr char kMagic[8] = {'X', 'L', 'S', 'T', 'M', 'P', 'K', 'G'};
constexpr uint32_t kFormatVersion = 1;
constexpr size_t kHeaderBytes = 24;
constexpr size_t kBlobAlignment = 64;
constexpr size_t kMaxManifestBytes = 256 << 20;

/// A run-time quantity: a number, or a dimension of the function, divided by `ceilDiv` and rounded
/// up, plus `add`. JSON: 32, "T", {"dim": "T", "ceil_div": 64} or {"dim": "N", "add": 1}.
struct Factor {
  int64_t value = 0;   ///< the number, when `dim` is empty
  std::string dim;     ///< name of a run-time dimension
  int64_t ceilDiv = 1; ///< >= 1, only with a dimension
  int64_t add = 0;     ///< >= 0, only with a dimension

  Factor() = default;
  template <typename Number, typename = std::enable_if_t<std::is_integral_v<Number>>>
  Factor(Number value) : value(static_cast<int64_t>(value)) {}
  Factor(std::string dim, int64_t ceilDiv = 1, int64_t add = 0)
      : dim(std::move(dim)), ceilDiv(ceilDiv), add(add) {}
  Factor(const char *dim) : dim(dim) {}
};
using Product = std::vector<Factor>;

/// An argument of a function. An extent is a number (its `dim` empty) or a run-time dimension, to
/// which `add` may be added; `ceilDiv` is 1.
struct Tensor {
  std::string name;
  DType dtype = XLSTM_F32;
  std::vector<Factor> shape; ///< at most XLSTM_MAX_RANK
  bool optional = false;
  std::string with = {}; ///< an optional output that exists only when this optional input is given
  std::string inPlace =
      {}; ///< an output whose memory may be that of this input, of its type and shape
  bool parameter = false; ///< an input that a checkpoint has under this name
  std::string as = {};    ///< what callers call it, if that is the name of an input too

  const std::string &outside() const { return as.empty() ? name : as; }
};

/// A number of parts that an axis is cut into, so that few sequences fill a device: as many as keep
/// parts * blocks <= mostBlocks, but no shorter ones than `least`, and at least 1:
/// max(1, min(mostBlocks / blocks, ceil(of / least))).
struct Parts {
  std::string of;         ///< the dimension that is cut
  int64_t least = 1;      ///< >= 1
  Product blocks;         ///< of one part
  int64_t mostBlocks = 1; ///< >= 1
};

/// A dimension that other dimensions give. Either the first of `sources` that the given tensors have;
/// those after it are then 1: the number of sequences S is N, the number of packed ones, if
/// cu_seqlens is given, else the batch size B. With `unless`, an optional input, they do not follow
/// where that is given: R rows of states are the batch's, unless `slots` name those that are. Or a
/// number of parts. Or the product of other dimensions.
struct DerivedDim {
  std::string name;
  std::vector<std::string> sources = {};
  std::optional<Parts> parts = {};
  std::vector<std::string> factors = {};
  std::string unless = {}; ///< only with `sources`
};

/// A range that a dimension is in.
struct DimRange {
  std::string dim;
  int64_t atLeast = 0;
  int64_t atMost = INT64_MAX;
};

/// A sum of products.
using Sum = std::vector<Product>;

/// A buffer in the workspace that the caller supplies, 256-byte aligned. Kernels take it by this
/// name: a compact row-major tensor, or, without a shape, an address of so many bytes. Its memory is
/// its own from the first launch that takes it to the last one; buffers that no launch needs at the
/// same time share memory. With `of` it is a view: the memory of that buffer or argument, which then
/// has to be compact, under another shape of as many elements.
struct Workspace {
  std::string name;
  Sum bytes; ///< when there is no shape
  DType dtype = XLSTM_F32;
  std::vector<Sum> shape = {}; ///< extent of each axis
  std::string of = {};         ///< of a view: an earlier buffer that is none, or an argument
};

/// A kernel argument.
struct Argument {
  enum class Kind {
    Pointer,   ///< address of a tensor or workspace buffer; null for an absent tensor
    Dim,       ///< extent of an axis; for an absent tensor 0 on axis 0 and on run-time extents
    Stride,    ///< elements between neighbours along an axis; 0 for an absent tensor
    TensorMap, ///< CUtensorMap, 128 bytes by value (GPU, compute capability >= 9.0)
  };
  Kind kind = Kind::Pointer;
  std::string tensor;
  int axis = 0;             ///< Dim, Stride
  std::vector<int64_t> box; ///< TensorMap: box extents, fastest axis first, one per axis, 1..256
  int swizzle = 0;          ///< TensorMap: bytes, 0, 32, 64 or 128
  /// The tensor's first axes that the kernel takes for one, of the product of their extents. They
  /// must be compact relative to each other; their stride is that of the innermost one that has
  /// more than one element. A Dim or Stride of axis 0 is of all of them.
  int merged = 1;

  static Argument pointer(std::string tensor) {
    return {Kind::Pointer, std::move(tensor), 0, {}, 0, 1};
  }
  static Argument dim(std::string tensor, int axis, int merged = 1) {
    return {Kind::Dim, std::move(tensor), axis, {}, 0, merged};
  }
  static Argument stride(std::string tensor, int axis, int merged = 1) {
    return {Kind::Stride, std::move(tensor), axis, {}, 0, merged};
  }
  static Argument tensorMap(std::string tensor, std::vector<int64_t> box, int swizzle,
                            int merged = 1) {
    return {Kind::TensorMap, std::move(tensor), 0, std::move(box), swizzle, merged};
  }
};

/// What a kernel asks of a tensor: its address and the byte strides of every axis but the last are
/// multiples of `align` (a power of two); or that it is not given, because the kernel ignores it.
struct Requirement {
  std::string tensor;
  int64_t align = 1;
  bool absent = false;
};

/// What a launch computes, if that is a product with weights and nothing else, which another library
/// may then compute in its place: results_w = x weights_w^T, plus residual or bias. Leading axes of
/// x, residual and results are rows. All are pointers among the launch's arguments.
struct MatrixProduct {
  std::string x;                    ///< [.., K]
  std::vector<std::string> weights; ///< [N, K], of the type of x
  std::vector<std::string> results; ///< [.., N], one for each weight
  std::string residual = {};        ///< [.., N], of the type of the one result; may be empty
  std::string bias = {};            ///< [N], likewise
};

/// One kernel launch. An axis whose stride is no argument of the launch must be laid out compactly
/// (relative to the axis after it); the runtime checks that.
struct Launch {
  std::string kernel;      ///< symbol
  std::string blob;        ///< cpu: ELF shared object
  std::string ptx;         ///< gpu: PTX text
  std::string cubin;       ///< gpu: binary, preferred where it runs
  Product grid;            ///< number of blocks; 0 blocks mean no launch
  int64_t block = 0;       ///< gpu: threads of a block
  int64_t sharedBytes = 0; ///< gpu: dynamic shared memory of a block
  int64_t cluster = 1;     ///< gpu: blocks of a cluster, as the kernel's code says
  bool overlaps = false;   ///< gpu: the kernel itself waits for what is before it in the stream, so
                           ///< that it may be launched while that ends
  bool early = false; ///< gpu: before it waits, it reads tensors that no launch of a run writes, so
      ///< that as the first of a run it is not launched before what is before it ends
  bool prepare = false; ///< reads nothing but parameters and what such launches write: it need not
                        ///< run again while they stay. Its grid and buffers have no dimensions
  std::optional<MatrixProduct> product = {}; ///< gpu
  int64_t scratchBytes = 0;                  ///< cpu: scratch of a thread
  int64_t registers = -1;                    ///< gpu, of a thread, as ptxas reports; -1: not known
  int64_t spillBytes = -1;                   ///< gpu, of a thread, as ptxas reports; -1: not known
  std::vector<Requirement> requirements;
  std::vector<Argument> args;
};

/// One way to run a function. Several may share a target; the first whose requirements hold is
/// taken.
struct Implementation {
  std::string target;          ///< "cpu", "sm_80" (capability 8.0 or later), "sm_90a" (exactly 9.0)
  std::string isa;             ///< cpu: "x86-64", "x86-64-v3" or "x86-64-v4"
  std::string schedule = "{}"; ///< JSON object, free-form, for reports
  std::vector<Workspace> workspace;
  std::vector<Launch> launches;
  std::vector<DimRange> when = {}; ///< extents that it is for; requirements of all its launches
};

struct Function {
  std::string name;
  std::vector<Tensor> inputs;
  std::vector<Tensor> outputs;
  std::string attributes = "{}"; ///< JSON object, free-form: the cell's options, for reports
  std::vector<Implementation> implementations;
  std::vector<DerivedDim> derivedDims = {};
};

/// Bytes carried by the package. The writer fills offset, size and xxh64.
struct Blob {
  std::string name;
  uint64_t offset = 0; ///< from the start of the blob section
  uint64_t size = 0;
  uint64_t xxh64 = 0;
};

struct Manifest {
  std::string name;
  std::string toolVersion;
  std::string weights; ///< path of the checkpoint with the parameters, as safetensors; may be empty
  std::vector<Blob> blobs;
  std::vector<Function> functions;
};

/// The manifest as JSON text, in lines for people to read or without any space: that is a third of
/// the text and much of the time to open a package of a model. Throws Failure if `schedule` or
/// `attributes` is no JSON object.
std::string toJson(const Manifest &manifest, bool inLines = true);

/// Reads a manifest. Throws Failure(INVALID_INPUT) "<source>: <path>: expected …, got …".
Manifest parseManifest(std::string_view json, const std::string &source);

/// Checks what both sides rely on: unique names; blobs, tensors, axes and dimensions that exist;
/// ranges. Throws Failure(INVALID_INPUT) as parseManifest.
void validate(const Manifest &manifest, const std::string &source);

/// "sm_90a" -> {9, 0, exact}. False when `target` is not of that form.
struct GpuTarget {
  int major = 0;
  int minor = 0;
  bool exact = false; ///< architecture-specific: runs on this capability only
};
bool parseGpuTarget(std::string_view target, GpuTarget &out);

/// Level of a CPU instruction set: 1 "x86-64", 3 "x86-64-v3", 4 "x86-64-v4", 0 for others.
int isaLevel(std::string_view isa);

} // namespace xlstm::package
#endif

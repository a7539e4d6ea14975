// SPDX-License-Identifier: Apache-2.0
#include "test/Codegen/CPU/Program.h"

#include "compiler/Conversion/TileToVector/Passes.h"
#include "compiler/Target/CPU/CPU.h"
#include "dialect/tile/IR/Tile.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include <atomic>
#include <cmath>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <stdexcept>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

using namespace mlir;

namespace xlstm::test {

static DialectRegistry registry() {
  DialectRegistry registry;
  registry
      .insert<tile::TileDialect, func::FuncDialect, LLVM::LLVMDialect, math::MathDialect,
              vector::VectorDialect, memref::MemRefDialect, scf::SCFDialect, arith::ArithDialect>();
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  return registry;
}

Program::Program(const std::string &source, const std::string &isa) {
  MLIRContext context(registry(), MLIRContext::Threading::DISABLED);
  context.loadAllAvailableDialects();
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    message += diagnostic.str() + "\n";
    return success();
  });
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source, &context);
  if (!module)
    throw std::runtime_error("the kernel does not parse: " + message);
  for (tile::KernelOp kernel : module->getOps<tile::KernelOp>()) {
    Kernel &entry = kernels[kernel.getSymName().str()];
    for (unsigned i = 0; i < kernel.getNumTensors(); ++i) {
      auto type = cast<MemRefType>(kernel.getTensor(i).getType());
      SmallVector<int64_t> strides;
      int64_t offset;
      (void)getStridesAndOffset(type, strides, offset);
      std::vector<bool> extents, steps;
      for (int64_t axis = 0; axis < type.getRank(); ++axis) {
        extents.push_back(type.isDynamicDim(axis));
        steps.push_back(ShapedType::isDynamic(strides[axis]));
      }
      entry.dynamic.emplace_back(extents, steps);
    }
  }
  ConvertTileToVectorOptions options;
  options.vectorWidth = findISA(isa)->vectorElements;
  options.registers = findISA(isa)->vectorRegisters;
  PassManager lower(&context), finish(&context);
  lower.addPass(createConvertTileToVector(options));
  if (failed(lower.run(*module)))
    throw std::runtime_error("convert-tile-to-vector failed: " + message);
  for (auto function : module->getOps<LLVM::LLVMFuncOp>())
    if (auto bytes = function->getAttrOfType<IntegerAttr>("tile.scratch_bytes"))
      kernels.at(function.getSymName().str()).scratchBytes = bytes.getInt();
  buildCPUPipeline(finish);
  if (failed(finish.run(*module)))
    throw std::runtime_error("the CPU pipeline failed: " + message);
  llvm::Expected<std::string> object = emitSharedObject(*module, isa);
  if (!object)
    throw std::runtime_error(llvm::toString(object.takeError()));

  // Open as long as the library is: a second one under the same path would be taken for the first.
  file = memfd_create("kernel.so", MFD_CLOEXEC);
  if (file < 0 || write(file, object->data(), object->size()) != ssize_t(object->size()))
    throw std::runtime_error("cannot write the shared object to memory");
  library = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library)
    throw std::runtime_error(dlerror());
  for (auto &[name, kernel] : kernels)
    if (!(kernel.function = reinterpret_cast<Function>(dlsym(library, name.c_str()))))
      throw std::runtime_error("the shared object does not export " + name);
}

Program::~Program() {
  if (library)
    dlclose(library);
  if (file >= 0)
    close(file);
}

std::vector<int64_t> Program::arguments(const Kernel &kernel, const std::vector<Array *> &arrays) {
  std::vector<int64_t> arguments;
  for (size_t i = 0; i < arrays.size(); ++i) {
    auto &[extents, strides] = kernel.dynamic[i];
    arguments.push_back(reinterpret_cast<int64_t>(arrays[i]->data()));
    for (size_t axis = 0; axis < extents.size(); ++axis)
      if (extents[axis])
        arguments.push_back(arrays[i]->shape()[axis]);
    for (size_t axis = 0; axis < strides.size(); ++axis)
      if (strides[axis])
        arguments.push_back(arrays[i]->strides()[axis]);
  }
  return arguments;
}

/// What this thread has taken of a processor.
static double processorSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec + 1e-9 * time.tv_nsec;
}

double Program::seconds(const std::string &name, const std::vector<Array *> &arrays, int64_t blocks,
                        int rounds) {
  const Kernel &kernel = kernels.at(name);
  std::vector<int64_t> values = arguments(kernel, arrays);
  size_t size = (kernel.scratchBytes + 63) / 64 * 64;
  double best = HUGE_VAL;
  for (int round = 0; round < rounds; ++round) {
    std::atomic<int64_t> next{0};
    auto work = [&](double &seconds) {
      std::unique_ptr<void, decltype(&std::free)> scratch(std::aligned_alloc(64, size), &std::free);
      std::memset(scratch.get(), 0, size);
      double start = processorSeconds();
      for (int64_t block; (block = next++) < blocks;)
        kernel.function(values.data(), block, block + 1, scratch.get());
      seconds = processorSeconds() - start;
    };
    double mine = 0, others = 0;
    std::thread other([&] { work(others); });
    work(mine);
    other.join();
    best = std::min(best, (mine + others) / 2);
  }
  return best;
}

void Program::run(const std::string &name, const std::vector<Array *> &arrays, int64_t begin,
                  int64_t end) {
  const Kernel &kernel = kernels.at(name);
  ASSERT_EQ(arrays.size(), kernel.dynamic.size());
  for (size_t i = 0; i < arrays.size(); ++i)
    ASSERT_EQ(arrays[i]->shape().size(), kernel.dynamic[i].first.size());
  std::vector<int64_t> values = arguments(kernel, arrays);
  constexpr size_t margin = 4096;
  constexpr uint8_t canary = 0x5A;
  size_t size = (kernel.scratchBytes + 63) / 64 * 64;
  std::unique_ptr<uint8_t, decltype(&std::free)> memory(
      static_cast<uint8_t *>(std::aligned_alloc(64, size + 2 * margin)), &std::free);
  std::memset(memory.get(), canary, size + 2 * margin);
  std::memset(memory.get() + margin, 0xFF, kernel.scratchBytes);
  kernel.function(values.data(), begin, end, memory.get() + margin);
  auto intact = [&](size_t from, size_t to) {
    return std::all_of(memory.get() + from, memory.get() + to,
                       [&](uint8_t byte) { return byte == canary; });
  };
  EXPECT_TRUE(intact(0, margin)) << name << " wrote before its scratch memory";
  EXPECT_TRUE(intact(margin + kernel.scratchBytes, size + 2 * margin))
      << name << " wrote behind its scratch memory";
  for (size_t i = 0; i < arrays.size(); ++i)
    EXPECT_TRUE(arrays[i]->gapsIntact())
        << name << " wrote between or around the elements of tensor " << i;
}

/// 1, 3 or 4: the level of x86-64 that this processor reaches.
static int levelOfProcessor() {
  __builtin_cpu_init();
  bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
            __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("f16c");
  bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
            __builtin_cpu_supports("avx512cd");
  return v4 ? 4 : v3 ? 3 : 1;
}

const char *bestISA() {
  int level = levelOfProcessor();
  return level == 4 ? "x86-64-v4" : level == 3 ? "x86-64-v3" : "x86-64";
}

void OnISA::SetUp() {
  int level = levelOfProcessor();
  if ((isa() == "x86-64-v4" && level < 4) || (isa() == "x86-64-v3" && level < 3))
    GTEST_SKIP() << "this processor does not run " << isa();
}

std::string substitute(std::string text, const std::map<std::string, std::string> &values) {
  for (auto entry = values.rbegin(); entry != values.rend(); ++entry) // $ab before $a
    for (size_t at = 0; (at = text.find("$" + entry->first, at)) != std::string::npos;
         at += entry->second.size())
      text.replace(at, entry->first.size() + 1, entry->second);
  return text;
}

} // namespace xlstm::test

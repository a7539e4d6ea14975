// SPDX-License-Identifier: Apache-2.0
#include "runtime/src/Function.h"

#include "runtime/src/support/Failure.h"

#include <algorithm>
#include <utility>

namespace xlstm {

int findFunction(const package::Container &container, const std::string &name) {
  std::vector<std::string> names;
  for (const package::Function &function : container.manifest().functions) {
    if (function.name == name)
      return static_cast<int>(names.size());
    names.push_back(function.name);
  }
  std::string list;
  for (const std::string &known : names)
    list += cat(list.empty() ? "" : ", ", known);
  fail(XLSTM_ERROR_INVALID_ARGUMENT, container.source(), ": expected a function of the package (",
       list, "), got '", name, "'");
}

BoundFunction::BoundFunction(std::shared_ptr<const package::Container> package,
                             const std::string &name, std::shared_ptr<Device> device,
                             const std::string &target)
    : container(std::move(package)), dev(std::move(device)),
      functionIndex(findFunction(*container, name)),
      functionPlan(container->manifest().functions[functionIndex]) {
  const auto &implementations = functionPlan.function().implementations;
  std::vector<std::pair<int, int>> order; // preference, index
  std::string reasons;
  for (size_t i = 0; i < implementations.size(); ++i) {
    const package::Implementation &implementation = implementations[i];
    std::string reason = "is not the target that was asked for";
    int preference = 0;
    if (target.empty() || target == implementation.target)
      preference = dev->preference(implementation, reason);
    if (preference > 0)
      order.emplace_back(preference, static_cast<int>(i));
    else
      reasons += cat(reasons.empty() ? "" : "; ", implementation.target,
                     implementation.isa.empty() ? "" : " ", implementation.isa, ": ", reason);
  }
  if (order.empty())
    fail(XLSTM_ERROR_ENVIRONMENT, container->source(), ": ", name,
         " has no implementation that runs on ", dev->info().name,
         target.empty() ? "" : cat(" for target ", target), ": ",
         reasons.empty() ? "the package has none at all" : reasons);
  std::stable_sort(order.begin(), order.end(), [](auto a, auto b) { return a.first > b.first; });
  for (auto [preference, index] : order)
    candidates.push_back(std::make_unique<Candidate>(functionPlan, implementations[index], index));
  load(*candidates[0]);
}

void BoundFunction::load(Candidate &candidate) const {
  std::call_once(candidate.loading, [&] {
    candidate.program = dev->load(*container, candidate.plan.implementation());
  });
}

Context::Context(std::shared_ptr<const BoundFunction> function)
    : bound(std::move(function)), dims(bound->plan().makeDimensions()) {
  size_t count = static_cast<size_t>(bound->plan().tensorCount());
  given.resize(count);
  last.resize(count);
  lastGiven.resize(count);
  for (size_t i = 0; i < bound->candidateCount(); ++i)
    launches.push_back(std::make_unique<PreparedLaunches>(bound->candidate(i).plan));
}

void Context::outputShape(TensorList inputs, int output, int64_t *shape) {
  const FunctionPlan &plan = bound->plan();
  prepared = nullptr; // the dimensions of the last preparation are overwritten
  plan.resolve(inputs, plan.inputCount(), bound->device().info(), dims);
  plan.shape(plan.inputCount() + output, dims, shape);
}

/// Whether two tensors are the same memory in the same layout.
static bool isSame(const xlstm_tensor &a, const xlstm_tensor &b) {
  return a.data == b.data && a.dtype == b.dtype && a.rank == b.rank &&
         a.device_kind == b.device_kind && a.device_index == b.device_index &&
         std::equal(a.shape, a.shape + b.rank, b.shape) &&
         std::equal(a.strides, a.strides + b.rank, b.strides);
}

bool Context::isPrepared(TensorList inputs, TensorList outputs) const {
  if (!prepared)
    return false;
  size_t inputCount = static_cast<size_t>(bound->plan().inputCount());
  for (size_t i = 0; i < last.size(); ++i) {
    const xlstm_tensor *tensor = i < inputCount ? inputs[i] : outputs[i - inputCount];
    if ((tensor != nullptr) != (lastGiven[i] != 0))
      return false;
    if (!tensor)
      continue;
    if (!isSame(*tensor, last[i]))
      return false;
  }
  return true;
}

bool Context::holdsParameters(const BoundFunction::Candidate &candidate) const {
  if (held.candidate != &candidate)
    return false;
  for (size_t i = 0; i < held.parameters.size(); ++i) {
    if (!bound->plan().tensor(static_cast<int>(i)).parameter)
      continue;
    if ((given[i] != nullptr) != (held.given[i] != 0) ||
        (given[i] && !isSame(*given[i], held.parameters[i])))
      return false;
  }
  return true;
}

void Context::noCandidate() const {
  std::string reasons, reason;
  for (size_t i = 0; i < bound->candidateCount(); ++i)
    if (!bound->candidate(i).plan.accepts(given.data(), dims, &reason) &&
        reasons.find(reason) == std::string::npos)
      reasons += cat(reasons.empty() ? "" : "; ", reason);
  fail(XLSTM_ERROR_INVALID_INPUT, bound->plan().function().name,
       ": no kernel reads tensors laid out like this: ", reasons);
}

void Context::prepare(TensorList inputs, TensorList outputs) {
  if (isPrepared(inputs, outputs))
    return;
  prepared = nullptr;
  const FunctionPlan &plan = bound->plan();
  size_t inputCount = static_cast<size_t>(plan.inputCount());
  for (size_t i = 0; i < given.size(); ++i)
    given[i] = i < inputCount ? inputs[i] : outputs[i - inputCount];
  plan.resolve(given.data(), plan.tensorCount(), bound->device().info(), dims);
  size_t choice = 0;
  while (choice < bound->candidateCount() &&
         !bound->candidate(choice).plan.accepts(given.data(), dims, nullptr))
    ++choice;
  if (choice == bound->candidateCount())
    noCandidate();
  bound->load(bound->candidate(choice));
  launches[choice]->prepare(given.data(), dims, bound->device(),
                            holdsParameters(bound->candidate(choice)) ? held.memory : nullptr);
  chosen = &bound->candidate(choice);
  for (size_t i = 0; i < given.size(); ++i) {
    lastGiven[i] = given[i] != nullptr;
    if (given[i])
      last[i] = *given[i];
  }
  prepared = launches[choice].get();
}

size_t Context::workspaceSize(TensorList inputs, TensorList outputs) {
  prepare(inputs, outputs);
  return prepared->workspaceBytes();
}

size_t Context::preparedSize(TensorList inputs, TensorList outputs) {
  prepare(inputs, outputs);
  return prepared->preparedBytes();
}

void Context::makePrepared(TensorList inputs, TensorList outputs, void *memory, size_t bytes,
                           void *stream) {
  held.candidate = nullptr;
  prepared = nullptr;
  for (auto &list : launches)
    list->setProducts(nullptr);
  products.clear();
  report.clear();
  if (!memory && !bytes)
    return;
  prepare(inputs, outputs);
  size_t needed = prepared->preparedBytes();
  if (bytes < needed || (needed && !memory))
    fail(XLSTM_ERROR_INVALID_ARGUMENT, "prepared parameters: expected ", needed, " bytes, got ",
         memory ? bytes : 0);
  if (reinterpret_cast<uintptr_t>(memory) % kDeviceAlignment)
    fail(XLSTM_ERROR_INVALID_ARGUMENT,
         "prepared parameters: expected an address that is a multiple of ", kDeviceAlignment);
  if (!needed)
    return;
  held.memory = static_cast<char *>(memory);
  size_t inputCount = static_cast<size_t>(bound->plan().inputCount());
  held.parameters.assign(inputCount, {});
  held.given.assign(inputCount, 0);
  for (size_t i = 0; i < inputCount; ++i)
    if (given[i]) {
      held.parameters[i] = *given[i];
      held.given[i] = 1;
    }
  prepared->prepare(given.data(), dims, bound->device(), held.memory);
  PreparedLaunches *filled = std::exchange(prepared, nullptr); // until it has been filled
  filled->fillPrepared(*chosen->program, stream);
  held.candidate = chosen;
  prepared = filled;
}

void Context::chooseProducts(TensorList inputs, TensorList outputs, void *stream) {
  if (!bound->device().wantsProducts())
    return;
  try {
    timeProducts(inputs, outputs, stream);
  } catch (const Failure &failure) {
    if (failure.status() != XLSTM_ERROR_OUT_OF_MEMORY)
      throw;
    report +=
        cat("products: own kernels, as there is no memory to time others: ", failure.what(), "\n");
  }
}

void Context::timeProducts(TensorList inputs, TensorList outputs, void *stream) {
  prepare(inputs, outputs);
  if (!prepared->hasProducts())
    return;
  std::unique_ptr<ProductChoice> &choice = products[chosen];
  if (!choice) {
    std::string why;
    std::shared_ptr<ProductLibrary> library = bound->device().products(why);
    if (!why.empty() && report.empty())
      report = why + "\n";
    if (!library)
      return;
    choice = std::make_unique<ProductChoice>(std::move(library));
  }
  PreparedLaunches *timed = std::exchange(prepared, nullptr); // with tensors of its own meanwhile
  timed->timeProducts(*chosen->program, *choice, stream);
  report += choice->takeReport();
  timed->setProducts(choice.get());
}

void Context::run(TensorList inputs, TensorList outputs, void *workspace, size_t workspaceBytes,
                  void *stream) {
  prepare(inputs, outputs);
  size_t needed = prepared->workspaceBytes();
  if (workspaceBytes < needed || (needed && !workspace))
    fail(XLSTM_ERROR_INVALID_ARGUMENT, "workspace: expected ", needed, " bytes, got ",
         workspace ? workspaceBytes : 0);
  if (needed && reinterpret_cast<uintptr_t>(workspace) % kDeviceAlignment)
    fail(XLSTM_ERROR_INVALID_ARGUMENT, "workspace: expected an address that is a multiple of ",
         kDeviceAlignment);
  if (bound->device().info().kind == XLSTM_CPU) {
    bound->plan().checkBoundaries(given.data(), dims);
    bound->plan().checkSlots(given.data(), dims);
  }
  prepared->setWorkspace(static_cast<char *>(workspace));
  prepared->run(*chosen->program, stream);
}

} // namespace xlstm

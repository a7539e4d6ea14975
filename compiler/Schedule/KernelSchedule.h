// SPDX-License-Identifier: Apache-2.0
// What the GPU lowering reads of a kernel's schedule, whichever family decided it. Every family
// writes these keys; its other keys are for its own program.
#ifndef XLSTM_COMPILER_SCHEDULE_KERNELSCHEDULE_H
#define XLSTM_COMPILER_SCHEDULE_KERNELSCHEDULE_H

#include "mlir/IR/BuiltinAttributes.h"
#include <algorithm>
#include <string>

namespace xlstm {

struct KernelSchedule {
  std::string target;     // name of the device
  std::string matrixUnit; // mma_sync, wgmma; empty where nothing is multiplied by it
  std::string copy;       // of loads with stages: tma, cp_async, elementwise
  bool overlaps = false;  // it is launched while what is before it ends, and waits for that itself
  int64_t resident = 1;   // blocks that a multiprocessor is to hold: limits their registers
  int64_t threads = 0;    // of a block: `threads`, or those of warps = [m, n] and of its roles
  // Warps over matrices that no product divides: along rows, along columns (`tile_warps`).
  int64_t tileWarpsM = 0, tileWarpsN = 0;
  // Every lane arrives at the barriers of rings, instead of one for its warp behind bar.warp.sync.
  // The memory model orders both; compute-sanitizer's racecheck follows the first only, and reports
  // hazards of the second (`lane_arrivals`).
  bool laneArrivals = false;
  // With roles: where the stage of a ring is stays in registers through an iteration. Without, it is
  // computed anew for each use: some kernels have no register to spare (`keeps_places`).
  bool keepsPlaces = false;
  bool roles = false;    // the kernel is to be split into roles, or has been
  bool aligned = false;  // rows of all tensors begin at multiples of 16 bytes
  bool deferred = false; // loads for maps, and maps for stores, are done where a store asks
  // Kernels without a matrix unit: how threads share every matrix, `spread` = [rows, columns,
  // vector]. Thread t of rows * columns has part t / columns of the rows and, of each, the columns
  // from vector * (t % columns) on.
  int64_t spreadRows = 0, spreadColumns = 0, spreadVector = 0;

  bool precise = false; // functions that the machine approximates to a few bits are computed to all
  // Of such kernels that multiply a row with matrices that stay the same: lanes that have a row of the
  // matrix together, elements that each reads at once (`products`), and whether the matrices are
  // copied into shared memory (`matrices`); 0: matrices are spread.
  int64_t productLanes = 0, productVector = 0;
  bool keepsMatrices = false;

  static KernelSchedule fromAttribute(mlir::DictionaryAttr attribute) {
    KernelSchedule schedule;
    auto string = [&](const char *name) {
      auto value = attribute.getAs<mlir::StringAttr>(name);
      return value ? value.getValue().str() : std::string();
    };
    schedule.target = string("target");
    schedule.matrixUnit = string("matrix_unit");
    schedule.copy = string("copy");
    if (auto warps = attribute.getAs<mlir::DenseI64ArrayAttr>("warps")) {
      schedule.threads = 32;
      for (int64_t extent : warps.asArrayRef())
        schedule.threads *= extent;
    }
    if (auto places = attribute.getAs<mlir::DictionaryAttr>("roles")) {
      schedule.roles = true;
      for (mlir::NamedAttribute entry : places) // first warp, number of warps, registers
        if (auto place = mlir::dyn_cast<mlir::DenseI64ArrayAttr>(entry.getValue());
            place && place.size() == 3)
          schedule.threads = std::max(schedule.threads, (place[0] + place[1] + 3) / 4 * 128);
    }
    if (auto warps = attribute.getAs<mlir::DenseI64ArrayAttr>("tile_warps");
        warps && warps.size() == 2) {
      schedule.tileWarpsM = warps[0];
      schedule.tileWarpsN = warps[1];
    }
    schedule.laneArrivals = attribute.contains("lane_arrivals");
    schedule.keepsPlaces = attribute.contains("keeps_places");
    schedule.aligned = attribute.contains("aligned");
    schedule.deferred = attribute.contains("deferred");
    if (auto spread = attribute.getAs<mlir::DenseI64ArrayAttr>("spread");
        spread && spread.size() == 3) {
      schedule.spreadRows = spread[0];
      schedule.spreadColumns = spread[1];
      schedule.spreadVector = spread[2];
    }
    if (auto products = attribute.getAs<mlir::DenseI64ArrayAttr>("products");
        products && products.size() == 2) {
      schedule.productLanes = products[0];
      schedule.productVector = products[1];
      schedule.keepsMatrices = string("matrices") == "shared";
    }
    schedule.precise = attribute.contains("precise");
    schedule.overlaps = attribute.contains("overlaps");
    if (auto resident = attribute.getAs<mlir::IntegerAttr>("resident"))
      schedule.resident = resident.getInt();
    if (auto threads = attribute.getAs<mlir::IntegerAttr>("threads"))
      schedule.threads = threads.getInt();
    return schedule;
  }
};

} // namespace xlstm

#endif

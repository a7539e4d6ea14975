// SPDX-License-Identifier: Apache-2.0
#include "compiler/Schedule/Device.h"
#include <gtest/gtest.h>

using namespace xlstm;

TEST(Device, namesInOrderOfPreference) {
  EXPECT_EQ(deviceNames(), (std::vector<std::string>{"sm_90a", "sm_80", "cpu"}));
}

TEST(Device, everyNameIsFound) {
  for (const std::string &name : deviceNames()) {
    std::optional<Device> device = findDevice(name);
    ASSERT_TRUE(device) << name;
    EXPECT_EQ(device->name, name);
  }
}

TEST(Device, othersAreNot) {
  for (const char *name : {"", "sm_90", "SM_80", "cpu ", "sm_100"})
    EXPECT_FALSE(findDevice(name)) << name;
}

// NVIDIA's CUDA C++ programming guide, table of technical specifications per compute capability.
TEST(Device, limitsOfTheHardware) {
  Device hopper = *findDevice("sm_90a"), ampere = *findDevice("sm_80");
  EXPECT_EQ(hopper.sharedBytes, 227 * 1024);
  EXPECT_EQ(ampere.sharedBytes, 99 * 1024); // that of 8.6 and 8.9 too, which run the code of 8.0
  for (const Device &device : {hopper, ampere}) {
    EXPECT_TRUE(device.isGPU);
    EXPECT_EQ(device.threadsPerBlock, 1024);
    EXPECT_EQ(device.registersPerThread, 255);
    EXPECT_FALSE(device.ptxFeatures.empty());
  }
  EXPECT_EQ(hopper.matrixUnit, "wgmma");
  EXPECT_EQ(hopper.copy, "tma");
  EXPECT_EQ(ampere.matrixUnit, "mma_sync");
  EXPECT_EQ(ampere.copy, "cp_async");
}

TEST(Device, cpu) {
  Device cpu = *findDevice("cpu");
  EXPECT_FALSE(cpu.isGPU);
  EXPECT_GT(cpu.l2Bytes, 0);
  EXPECT_TRUE(cpu.matrixUnit.empty());
}

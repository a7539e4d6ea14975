# SPDX-License-Identifier: Apache-2.0
"""gate.py TARGET FOLDER [KEY=VALUE]: compiles a covering set of cells and asks ptxas about every kernel; with a schedule
parameter, those cells that dqk up to 256 allows.

A kernel passes when ptxas reports no spill, no warning (C75xx: a matrix product that it had to serialise) and what the
schedule has said of shared memory. One line for each kernel, "ok" or "BAD"; the exit code says whether all are ok.
"""
import json
import os
import subprocess
import sys

import cell

# The gates of the large and of the odd cells all differ in what is alive; the others take them in turn.
ALL_GATES = ["256x512", "512x512", "256x128", "5x5"]
IN_TURN = ["128x256", "64x64", "16x48", "96x96", "512x64", "256x64", "64x96", "1x1"]
F16 = ["256x512", "512x64", "64x96"]
LARGE = ["1024x1024", "384x768", "1000x72"]  # by several kernels, as those of dqk = 512
STEPS = ["64x64", "1000x24", "7x1024", "1024x1024", "33x36"]  # inputs and shapes that only the step form takes


def cells():
    options = list(cell.OPTIONS)
    for shape in ALL_GATES:
        for option in options:
            yield "bf16", shape, option
    for turn, shape in enumerate(IN_TURN + LARGE):
        yield "bf16", shape, options[turn % len(options)]
    for turn, shape in enumerate(F16):
        yield "f16", shape, options[turn % len(options)]
    for turn, shape in enumerate(STEPS):
        yield "f32", shape, options[turn % len(options)]


def main():
    target, folder, overrides = sys.argv[1], sys.argv[2], sys.argv[3:]
    limit = {"sm_80": 101376, "sm_90a": 232448}[target]  # bytes of shared memory of a block
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(folder, "cell.json")
    bad = False
    for dtype, shape, option in cells():
        if overrides and (int(shape.split("x")[0]) > 256 or dtype == "f32"):
            continue
        with open(source, "w") as file:
            file.write(cell.describe(dtype, shape, option))
        command = ["xlstm-compile", source, "-o", os.path.join(folder, "cell.xlpkg"), "--target", target, "--json"]
        for override in overrides:
            command += ["--set", override]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        kernels = [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []
        if not kernels:
            bad = True
            print("BAD %s %s %s: %s" % (dtype, shape, option, done.stdout.strip()))
        for kernel in kernels:
            warnings = [remark for remark in kernel["remarks"] if "warning" in remark or "C75" in remark]
            ok = kernel["spill_bytes"] == 0 and not warnings and 0 < kernel["registers"] <= 255 and kernel["shared_bytes"] <= limit
            bad |= not ok
            print("%s %s %s %s %s: %d registers, %d bytes spilled, %d bytes shared, %s %s" % (
                "ok" if ok else "BAD", dtype, shape, option, kernel["variant"], kernel["registers"], kernel["spill_bytes"],
                kernel["shared_bytes"], json.dumps(kernel["schedule"]), " ".join(warnings)), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

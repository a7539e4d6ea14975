# SPDX-License-Identifier: Apache-2.0
"""linear.py KIND:NxK: a model of one xlstm.linear on standard output. linear.py TARGET FOLDER: compiles a covering set
and asks ptxas about every kernel, as gate.py does for cells. The kinds are those of tools/xlstm-bench/compare_gemm.py."""
import importlib.util
import json
import os
import subprocess
import sys

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), *[os.pardir] * 4, "tools", "xlstm-bench", "compare_gemm.py")
spec = importlib.util.spec_from_file_location("compare_gemm", path)
compare_gemm = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compare_gemm)

SHAPES = [(10944, 4096), (96, 72), (33, 45)]


def describe(case):
    kind, sizes = case.split(":")
    n, k = (int(part) for part in sizes.split("x"))
    return compare_gemm.model(kind, n, k)


def main():
    if len(sys.argv) == 2:
        sys.stdout.write(describe(sys.argv[1]))
        return 0
    target, folder = sys.argv[1:]
    limit = {"sm_80": 101376, "sm_90a": 232448}[target]  # bytes of shared memory of a block
    os.makedirs(folder, exist_ok=True)
    source = os.path.join(folder, "linear.mlir")
    bad = False
    for kind in compare_gemm.REGIONS:
        for n, k in SHAPES:
            with open(source, "w") as file:
                file.write(compare_gemm.model(kind, n, k))
            done = subprocess.run(["xlstm-compile", source, "-o", os.path.join(folder, "linear.xlpkg"), "--target", target,
                                   "--function", "forward", "--json"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
            kernels = [json.loads(line) for line in done.stdout.splitlines()] if done.returncode == 0 else []
            if not kernels:
                bad = True
                print("BAD %s %dx%d: %s" % (kind, n, k, done.stdout.strip()))
            for kernel in kernels:
                warnings = [remark for remark in kernel["remarks"] if "warning" in remark or "C75" in remark]
                ok = (kernel["spill_bytes"] == 0 and not warnings and 0 < kernel["registers"] <= 255
                      and kernel["shared_bytes"] <= limit)
                bad |= not ok
                print("%s %s %dx%d %s: %d registers, %d bytes spilled, %d bytes shared %s" % (
                    "ok" if ok else "BAD", kind, n, k, kernel["variant"], kernel["registers"], kernel["spill_bytes"],
                    kernel["shared_bytes"], " ".join(warnings)), flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

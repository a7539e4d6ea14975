# SPDX-License-Identifier: Apache-2.0
"""Makes the GPU test bundle: compiled packages, the runtime's tools, and run.sh. Nothing in it needs a compiler.

    BUNDLE/run.sh            runs everything; see the comment at its top
    BUNDLE/bin/              xlstm-run, xlstm-check, xlstm-doctor, xlstm-bench
    BUNDLE/bench/            the packages of xlstm-bench's suites mlstm, headdim and step
    BUNDLE/compare_peers.py  times the public kernels in the same run, where they are installed
    BUNDLE/packages.tar.gz   the matrix of test/Numerics/cells.py for sm_80 and sm_90a
    BUNDLE/steps/            the step alone, of more sizes, of f32 inputs, and with a C of bf16
    BUNDLE/layer_7b/         the cell of xLSTM-7B, for timing
    BUNDLE/models.tar.gz     models, recurrent cells and a product, with inputs and what float64 gives for them (models.py)
"""
import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(SOURCE, "test", "Numerics"))
import cells  # noqa: E402  (the path above leads to it)
import models as whole_models  # noqa: E402

DTYPES = ["bf16", "f16"]
TARGETS = "sm_80,sm_90a"
TOOLS = ["xlstm-run", "xlstm-check", "xlstm-doctor", "xlstm-bench"]


def fresh(folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    return folder


def compile_all(compiler, models, folder, options=()):
    """Compiles (name, description) pairs; returns the names that failed, with their messages."""
    def one(model):
        name, description = model
        with tempfile.TemporaryDirectory() as scratch:
            path = cells.write(scratch, name, description)
            command = [compiler, path, "-o", os.path.join(folder, name + ".xlpkg"), "--target", TARGETS, *options]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        return None if done.returncode == 0 else "%s: %s" % (name, done.stdout.strip())

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [failure for failure in pool.map(one, models) if failure]


def pack(folder):
    """Replaces a folder by FOLDER.tar.gz, a quarter of its size; run.sh unpacks it."""
    with tarfile.open(folder + ".tar.gz", "w:gz", compresslevel=6) as archive:
        archive.add(folder, arcname=os.path.basename(folder))
    shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compiler", required=True, help="path of xlstm-compile")
    parser.add_argument("--tools", required=True, help="folder of xlstm-run and xlstm-check, without shared C++ libraries")
    parser.add_argument("--output", required=True, help="the folder to make; what it holds of an earlier bundle is replaced")
    arguments = parser.parse_args()

    tools = fresh(os.path.join(arguments.output, "bin"))
    for tool in TOOLS:
        shutil.copy2(os.path.join(arguments.tools, tool), tools)
        subprocess.run(["strip", os.path.join(tools, tool)], check=False)
    shutil.copy2(os.path.join(SOURCE, "test", "gpu", "run.sh"), arguments.output)
    shutil.copy2(os.path.join(SOURCE, "tools", "xlstm-bench", "compare_peers.py"), arguments.output)

    packages = fresh(os.path.join(arguments.output, "packages"))
    failures = compile_all(arguments.compiler, list(cells.cells(DTYPES)) + list(cells.large_cells(DTYPES)), packages)
    steps = fresh(os.path.join(arguments.output, "steps"))
    matrix = {name for name, _ in cells.cells(DTYPES)}
    models = [model for model in cells.step_cells(DTYPES + ["f32"]) if model[0] not in matrix]
    failures += compile_all(arguments.compiler, models, steps, ["--function", "step"])
    layer = fresh(os.path.join(arguments.output, "layer_7b"))
    failures += compile_all(arguments.compiler, [cells.layer_7b(dtype) for dtype in DTYPES], layer)

    beside = os.path.dirname(arguments.compiler)
    models = fresh(os.path.join(arguments.output, "models"))
    failures += whole_models.make(models, arguments.compiler, os.path.join(beside, "xlstm-interpret"),
                                  os.path.join(beside, "xlstm-run"), TARGETS, log=lambda name: None)
    pack(models)

    bench = fresh(os.path.join(arguments.output, "bench"))
    command = [os.path.join(tools, "xlstm-bench"), "--packages-for", "mlstm,headdim,step", bench, "--target", TARGETS, "--compiler", arguments.compiler]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if done.returncode:
        failures.append("bench: " + done.stdout.strip())

    count = sum(len(os.listdir(folder)) for folder in (packages, steps, layer))
    print("%s: %d packages, %d failed to compile" % (arguments.output, count, len(failures)))
    pack(packages)
    for failure in failures:
        print("make_bundle: error: " + failure, file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

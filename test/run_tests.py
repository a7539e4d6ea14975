# SPDX-License-Identifier: Apache-2.0
"""Runs every test of a build and prints a summary whose last line is "N passed, N failed[, N skipped]".

Suites: gtest     every program in BUILD/test/bin
        lit       the textual tests, over BUILD/test
        numerics  compiled cells against float64 (test/Numerics/cells.py, xlstm-check)
        fuzz      every program in BUILD/test/fuzz, for a bounded time
"""
import argparse
import concurrent.futures
import glob
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET

SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(SOURCE, "test", "Numerics"))
import cells  # noqa: E402  (the path above leads to it)

LIT = "/usr/lib/llvm-19/build/utils/lit/lit.py"
TIMEOUT = 1200  # seconds, of one program


class Results:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def add_pass(self, count=1):
        self.passed += count

    def add_failure(self, name, message=""):
        self.failed.append(name)
        print("FAILED %s\n%s" % (name, message.rstrip()), flush=True)

    def add_skip(self, name, reason):
        self.skipped.append((name, " ".join(reason.split()) or "no reason given"))


def execute(command, **options):
    """Runs a command; returns its exit code (None: it took too long) and output."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=TIMEOUT, **options)
        return done.returncode, done.stdout.decode(errors="replace")
    except subprocess.TimeoutExpired as expired:
        return None, (expired.stdout or b"").decode(errors="replace")


def how_it_ended(code):
    if code is None:
        return "took more than %d s" % TIMEOUT
    return "ended by signal %d" % -code if code < 0 else "exit code %d" % code


def tail(text, lines=60):
    return "\n".join(text.splitlines()[-lines:])


def programs(folder):
    found = sorted(glob.glob(os.path.join(folder, "*")))
    return [path for path in found if os.path.isfile(path) and os.access(path, os.X_OK)]


def run_gtest(arguments, results):
    found = programs(os.path.join(arguments.build, "test", "bin"))
    if not found:
        results.add_failure("gtest", "no test program in %s/test/bin" % arguments.build)

    def run_one(program):
        report = program + ".xml"
        if os.path.exists(report):
            os.remove(report)
        return program, report, execute([program, "--gtest_output=xml:" + report, "--gtest_brief=1"])

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        outcomes = list(pool.map(run_one, found))
    for program, report, (code, output) in outcomes:
        name = os.path.basename(program)
        before = len(results.failed)
        if os.path.exists(report):
            for case in ET.parse(report).iter("testcase"):
                add_gtest_case(results, name, case)
        if code != 0 and len(results.failed) == before:
            results.add_failure(name, how_it_ended(code) + "\n" + tail(output))


def add_gtest_case(results, program, case):
    name = "%s %s.%s" % (program, case.get("classname"), case.get("name"))
    failures = [failure.get("message", "") for failure in case.findall("failure")]
    skipped = case.find("skipped")
    if failures:
        results.add_failure(name, "\n".join(failures))
    elif skipped is not None:
        results.add_skip(name, re.sub(r"^\S+:\d+\s", "", skipped.get("message", "")))
    elif case.get("status") == "notrun":
        return  # a benchmark, which is no test
    else:
        results.add_pass()


def run_lit(arguments, results):
    report = os.path.join(arguments.build, "test", "lit.json")
    if os.path.exists(report):
        os.remove(report)
    command = [sys.executable, LIT, "-q", "-o", report, os.path.join(arguments.build, "test")]
    code, output = execute(command)
    if not os.path.exists(report):
        results.add_failure("lit", how_it_ended(code) + "\n" + tail(output))
        return
    with open(report) as file:
        tests = json.load(file)["tests"]
    if not tests:
        results.add_failure("lit", "no test found\n" + tail(output))
    for test in tests:
        if test["code"] in ("PASS", "FLAKYPASS", "XFAIL"):
            results.add_pass()
        elif test["code"] in ("UNSUPPORTED", "SKIPPED"):
            results.add_skip(test["name"], test["output"])
        else:
            results.add_failure(test["name"], tail(test["output"]))


def compile_cells(arguments, results, models, options, subfolder=""):
    """Compiles (name, description or path of a model) pairs; returns the paths of the packages."""
    folder = os.path.join(arguments.build, "test", "numerics", subfolder)
    os.makedirs(folder, exist_ok=True)

    def compile_one(model):
        name, description = model
        package = os.path.join(folder, name + ".xlpkg")
        path = description if isinstance(description, str) else cells.write(folder, name, description)
        compiler = os.path.join(arguments.build, "bin", "xlstm-compile")
        return name, package, execute([compiler, path, "-o", package, "--target", "cpu"] + options)

    packages = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, package, (code, output) in pool.map(compile_one, models):
            if code == 0:
                packages.append(package)
            else:
                results.add_failure("compile " + name, how_it_ended(code) + "\n" + tail(output))
    return packages


def run_numerics(arguments, results):
    tools = os.path.join(arguments.build, "bin")
    jobs = ["--jobs", str(os.cpu_count())]
    packages = compile_cells(arguments, results, cells.cells(["f32", "bf16"]), ["--function", "forward"])
    small = [package for package in packages if cells.is_small(os.path.basename(package))]
    for chosen, options in [
        (packages, []),
        (packages, ["--T", "65,200", "--gates", "wild,low,high,init7b"]),
        (packages, ["--T", "1,130", "--states", "--strided"]),
        (small, ["--T", "65", "--B", "1", "--threads", "1"]),
    ]:
        if chosen:
            add_checks(results, tools, chosen, options + jobs)

    several = compile_cells(arguments, results, cells.several_cells(["f32", "bf16"]),
                            ["--function", "forward", "--set", "kernels=several"] + native_isa())
    for options in [["--T", "0,1,65,300"], ["--T", "130", "--gates", "wild,low,high,init7b"], ["--T", "1,130", "--states", "--strided"]]:
        if several:
            add_checks(results, tools, several, options + jobs)
    steps = compile_cells(arguments, results, cells.step_cells(["f32", "bf16"]), ["--function", "step"] + native_isa(), "step")
    for options in [["--gates", "bench,wild"], ["--states", "--strided", "--in-place", "--gates", "bench,high"], ["--steps", "3", "--in-place"]]:
        if steps:
            add_checks(results, tools, steps, options + jobs)

    trained = compile_cells(arguments, results, cells.trained_cells(), native_isa())

    def named(test):
        return [package for package in trained if test(os.path.basename(package))]

    both = ["--function", "forward,forward_backward"]
    long = named(lambda name: name in cells.LONG)
    # A clipped state that saturated gates keep lies on the kink of the clip: either side is a gradient there.
    smooth = named(lambda name: "clip" not in name)
    # On a CPU a reset is a large drop in the running sum of log f, which costs an mlstm in f64 (nothing else) some digits.
    resets = named(lambda name: not name.startswith("mlstm_f64"))
    resets_f64 = named(lambda name: name.startswith("mlstm_f64"))
    for chosen, options in [
        (trained, ["--T", "0,1,2,63,64,65,200"]),
        (trained, ["--T", "65,130", "--gates", "low,high,init7b"]),
        (smooth, ["--T", "65,130", "--gates", "wild"]),
        (trained, ["--T", "1,130", "--states", "--strided"]),
        (resets, ["--T", "130", "--states", "--reset", "some"] + both),
        (resets, ["--T", "66", "--reset", "each"] + both),
        (resets_f64, ["--T", "66", "--reset", "each", "--bound", "1e-10"] + both),
        (trained, ["--T", "0,300", "--states", "--packed"] + both),
        ([package for package in resets if package in smooth], ["--T", "70", "--states", "--packed", "--reset", "some", "--gates", "wild"] + both),
        (long, ["--T", "4096", "--B", "1", "--gates", "bench,high"] + both),
    ]:
        if chosen:
            add_checks(results, tools, chosen, options + jobs)
    # A cell given as a region: only its source says what it computes.
    region = os.path.join(cells.EXAMPLES, "sru.mlir")
    packages = compile_cells(arguments, results, [("sru", region)], native_isa())
    for options in [["--T", "0,1,65", "--gates", "bench,wild"], ["--T", "70", "--states", "--packed", "--reset", "some"]]:
        if packages:
            add_checks(results, tools, packages, ["--model", region] + options + jobs)


def native_isa():
    """The instruction set that this CPU would choose from a package: the others need not be compiled."""
    with open("/proc/cpuinfo") as file:
        flags = next((line.split() for line in file if line.startswith("flags")), [])
    return ["--isa", "x86-64-v4" if "avx512vl" in flags else "x86-64-v3" if "avx2" in flags else "x86-64"]


def add_checks(results, tools, packages, options):
    code, output = execute([os.path.join(tools, "xlstm-check"), "--json"] + packages + options)
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    checks = [line for line in lines if "reason" in line or "outputs" in line]
    for check in checks:
        if check["passed"]:
            results.add_pass()
        else:
            what = "%(package)s %(function)s B=%(B)d T=%(T)d %(gates)s" % check
            results.add_failure("xlstm-check " + what + " " + " ".join(options), check["reason"])
    if code not in (0, 1) or not checks or "failed" not in lines[-1]:
        results.add_failure("xlstm-check " + " ".join(options), how_it_ended(code) + "\n" + tail(output))


def seed_folders(name):
    stem = name[: -len("_fuzzer")] if name.endswith("_fuzzer") else name
    places = [os.path.join("Fuzz", "corpus", stem), os.path.join("Import", "corpus" if stem == "description" else stem)]
    return [path for path in (os.path.join(SOURCE, "test", place) for place in places) if os.path.isdir(path)]


def run_fuzz(arguments, results):
    found = programs(os.path.join(arguments.build, "test", "fuzz"))
    if not found:
        results.add_skip("fuzz", "no fuzzer was built (clang's fuzzer runtime is missing)")
    for program in found:
        name = os.path.basename(program)
        corpus = os.path.join(arguments.build, "test", "corpus", name)
        os.makedirs(corpus, exist_ok=True)
        artifact = os.path.join(arguments.build, "test", name + "-")
        command = [program, "-max_total_time=%d" % arguments.fuzz_seconds, "-timeout=10", "-rss_limit_mb=2048",
                   "-print_final_stats=1", "-artifact_prefix=" + artifact, corpus] + seed_folders(name)
        code, output = execute(command)
        if code == 0:
            executed = re.search(r"number_of_executed_units: (\d+)", output)
            print("  %s: %s inputs" % (name, executed.group(1) if executed else "?"))
            results.add_pass()
        else:
            written = re.search(r"Test unit written to (\S+)", output)
            where = "\nthe input is in %s" % written.group(1) if written else ""
            results.add_failure(name, how_it_ended(code) + "\n" + tail(output) + where)


SUITES = {"gtest": run_gtest, "lit": run_lit, "numerics": run_numerics, "fuzz": run_fuzz}


def main():
    parser = argparse.ArgumentParser(prog="./x test", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="build folder (default build)")
    parser.add_argument("--only", metavar="SUITES", default=",".join(SUITES), help="suites to run, separated by commas")
    parser.add_argument("--fuzz-seconds", type=int, default=20, help="time of each fuzzer (default 20)")
    arguments = parser.parse_args()
    arguments.build = os.path.abspath(arguments.build)
    chosen = arguments.only.split(",")
    unknown = [name for name in chosen if name not in SUITES]
    if unknown:
        parser.error("--only: expected %s, got '%s'" % (", ".join(SUITES), unknown[0]))

    results = Results()
    for name in chosen:
        start, passed, failed = time.monotonic(), results.passed, len(results.failed)
        print("%s ..." % name, flush=True)
        SUITES[name](arguments, results)
        counts = (name, results.passed - passed, len(results.failed) - failed, time.monotonic() - start)
        print("%s: %d passed, %d failed in %.0f s" % counts, flush=True)

    for name, reason in results.skipped:
        print("skipped %s: %s" % (name, reason))
    for name in results.failed:
        print("failed  %s" % name)
    skipped = ", %d skipped" % len(results.skipped) if results.skipped else ""
    print("%d passed, %d failed%s" % (results.passed, len(results.failed), skipped), flush=True)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())

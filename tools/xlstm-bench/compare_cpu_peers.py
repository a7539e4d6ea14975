#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times xlstm-bench's cells and the PyTorch code of the public packages in one run on one CPU.

For each case of the suite: rounds of ours and of every peer in turn, all with the same number of threads. A round's
time is the median of its runs after a warm-up, and the row has the median of the rounds. A peer that takes over twice
the fastest one's time is in the first round only. The ratio is the fastest peer's time over ours: over 1 means that
ours is faster. Peers, all by their public functions:
  mLSTM      mlstm_kernels: chunkwise "native_autograd" and "native_custbw", chunks of 64 (its default) and 128;
             step "native"
  sLSTM      xlstm: its vanilla sLSTM; flashrnn: backends "vanilla" and "vanilla_fwbw"
  LSTM, GRU  flashrnn likewise, as far as it has them
Inputs are normal(0, 1), the forget gate of an mLSTM normal(4, 1), R normal(0, 1 / d). In bf16 the peers' gates of an
mLSTM are bf16 too, because they refuse a mixture; ours are f32. The peers get their own layout. A backward pass is that
of a gradient of h. A recurrent cell's step is, for the peers, a sequence of one token.

Needs PyTorch, and the packages mlstm_kernels, xlstm and flashrnn with what they import (einops, omegaconf, packaging).
What is not here is said first, and its rows have an error in place of a time.
"""
import argparse
import collections
import datetime
import logging
import os
import platform
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from compare_peers import cell, reason, run_bench, save, versions  # noqa: E402

PACKAGES = ("torch", "mlstm_kernels", "xlstm", "flashrnn")
GATES = {"slstm": (4, 4, 4), "lstm": (4, 4, 4), "gru": (3, 3, 4)}  # of wx, r and b
STATES = {"slstm": 4, "lstm": 2, "gru": 1}
# The autograd of the vanilla loops copies all states at each step: over so many elements of h a run takes minutes.
VANILLA_BACKWARD_ELEMENTS = 1 << 20
Peer = collections.namedtuple("Peer", "name make")


def gradients(torch, tensors, function):
    """Forward and backward from a gradient of ones that is kept outside of the timing."""
    ones = []

    def run():
        leaves = [tensor.detach().requires_grad_() for tensor in tensors]
        h = function(*leaves)
        if not ones:
            ones.append(torch.ones_like(h))
        h.backward(ones[0])
    return run


def timed(torch, row, tensors, function):
    if row["function"] == "forward_backward":
        return gradients(torch, tensors, function)

    def run():
        with torch.no_grad():
            function(*tensors)
    return run


def mlstm_inputs(torch, row, *rows):
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[row["dtype"]]
    sizes = [rows + (row[key],) for key in ("dqk", "dqk", "dv")] + [rows, rows]
    q, k, v, i, f = (torch.randn(size).to(dtype) for size in sizes)
    return q, k, v, i, f + 4


def mlstm_chunkwise(kernel, chunk):
    def make(row):
        import torch
        from mlstm_kernels.torch import get_mlstm_kernel
        function = get_mlstm_kernel("chunkwise--" + kernel)
        tensors = mlstm_inputs(torch, row, row["B"], row["heads"], row["T"])
        options = {"chunk_size": chunk}
        if kernel == "native_custbw":
            options["autocast_kernel_dtype"] = tensors[0].dtype
        return timed(torch, row, tensors, lambda *inputs: function(*inputs, **options))
    return Peer("mlstm_kernels %s %d" % (kernel, chunk), make)


def mlstm_step(row):
    import torch
    from mlstm_kernels.torch import get_mlstm_step_kernel
    function = get_mlstm_step_kernel("native")
    rows = (row["B"], row["heads"])
    q, k, v, i, f = mlstm_inputs(torch, row, *rows)
    state = {"c": torch.randn(*rows, row["dqk"], row["dv"]), "n": torch.randn(*rows, row["dqk"]),
             "m": torch.zeros(*rows, 1)}
    return timed(torch, row, (q, k, v, i[..., None], f[..., None]), lambda *inputs: function(*inputs, **state))


def expect_short_backward(row):
    elements = row["B"] * row.get("T", 1) * row["heads"] * row["d"]
    if row["function"] == "forward_backward" and elements > VANILLA_BACKWARD_ELEMENTS:
        raise ValueError("not timed: its autograd copies all states at each step, minutes at this size")


def xlstm_vanilla(row):
    import torch
    from xlstm.blocks.slstm.src.vanilla import slstm_forward, slstm_pointwise_function_registry
    expect_short_backward(row)
    heads, d, width = row["heads"], row["d"], row["heads"] * row["d"]
    pointwise = slstm_pointwise_function_registry["slstm"]
    states = torch.zeros(4, row["B"], width)
    tensors = (torch.randn(row.get("T", 1), row["B"], 4 * width), torch.randn(heads, 4 * d, d) / d**0.5,
               torch.randn(4 * width))
    return timed(torch, row, tensors, lambda wx, r, b: slstm_forward(wx, states, r, b, pointwise)[0][0, 1:])


def flashrnn(backend):
    def make(row):
        import torch
        from flashrnn import flashrnn as function
        if backend == "vanilla":
            expect_short_backward(row)
        heads, d, kind = row["heads"], row["d"], row["kind"]
        wx, r, b = GATES[kind]
        tensors = (torch.randn(row["B"], row.get("T", 1), wx, heads, d), torch.randn(r, heads, d, d) / d**0.5,
                   torch.randn(b, heads, d))
        return timed(torch, row, tensors, lambda wx, r, b: function(
            wx, r, b, function=kind, backend=backend, dtype="float32")[0][0])
    return Peer("flashrnn " + backend, make)


CHUNKWISE = [mlstm_chunkwise(kernel, chunk) for kernel in ("native_autograd", "native_custbw") for chunk in (64, 128)]
FLASHRNN = [flashrnn("vanilla"), flashrnn("vanilla_fwbw")]


def peers_of(row):
    if row["kind"] == "mlstm":
        if row["function"] == "forward":
            return [peer for peer in CHUNKWISE if "autograd" in peer.name]  # the other is the same code here
        return CHUNKWISE if row["function"] == "forward_backward" else [Peer("mlstm_kernels step native", mlstm_step)]
    if row["kind"] == "slstm":
        return [Peer("xlstm vanilla", xlstm_vanilla)] + FLASHRNN
    return FLASHRNN if row["kind"] == "lstm" else FLASHRNN[:1]


def time_runs(run, seconds):
    """Median of runs in ms: up to 20 in `seconds`, at least 3, one alone that takes longer than that. A run that takes
    less than 0.1 ms is the mean of 20."""
    def sample(runs):
        begin = time.perf_counter()
        for _ in range(runs):
            run()
        return 1e3 * (time.perf_counter() - begin) / runs
    first = sample(1)
    if first > 1e3 * seconds:
        return first  # no further warm-up: it would not show
    runs = 20 if sample(1) < 0.1 else 1
    times, end = [], time.perf_counter() + seconds
    while len(times) < 3 or (len(times) < 20 and time.perf_counter() < end):
        times.append(sample(runs))
    return statistics.median(times)


class Contender:
    """A peer at one case: its times, or the reason why there are none."""

    def __init__(self, peer, row):
        self.name, self.times, self.error = peer.name, [], None
        try:
            self.run = peer.make(row)
        except Exception as error:  # what a peer cannot run is a result too
            self.error = reason(error)

    def measure(self, seconds, fastest):
        """One round, unless an earlier one was over twice the time `fastest` (None: not known yet)."""
        if self.error or (self.times and fastest and min(self.times) > 2 * fastest):
            return
        try:
            self.times.append(time_runs(self.run, seconds))
        except Exception as error:
            self.error = reason(error)

    def result(self):
        return {"peer": self.name, **({"error": self.error} if self.error else
                                      {"median_ms": statistics.median(self.times), "rounds_ms": self.times})}


def bench_command(arguments):
    command = [arguments.bench, "--suite", arguments.suite, "--device", "cpu", "--threads", str(arguments.threads)]
    return command + (["--packages", arguments.packages] if arguments.packages else [])


def compare(arguments, case):
    """One row: ours, every peer, and the ratio to the fastest."""
    contenders = [Contender(peer, case) for peer in peers_of(case)]
    ours = []
    for _ in range(arguments.rounds):
        command = bench_command(arguments) + ["--case", case["case"]]
        rows = run_bench(command + (["--iters", str(arguments.iters)] if arguments.iters else []))
        ours += [row for row in rows if row["case"] == case["case"]]
        fastest = min((min(contender.times) for contender in contenders if contender.times), default=None)
        for contender in contenders:
            contender.measure(arguments.seconds, fastest)
    row = {**ours[-1], "load_average": os.getloadavg()[0], "peers": [contender.result() for contender in contenders]}
    times = [one["median_ms"] for one in ours if "median_ms" in one]
    if times:
        row["median_ms"], row["rounds_ms"] = statistics.median(times), times
    for rate in ("min_ms", "max_ms", "iters", "tokens_per_s", "tflops", "gbps"):  # of one round only
        row.pop(rate, None)
    in_time = [peer for peer in row["peers"] if "median_ms" in peer]
    fastest = min(in_time, key=lambda peer: peer["median_ms"], default=None)
    if fastest:
        row["fastest_peer"] = fastest["peer"]
    if fastest and times:
        row["ratio"] = fastest["median_ms"] / row["median_ms"]
    return row


def print_row(row):
    if "error" in row:
        print("%-52s     failed   %s" % (row["case"], row["error"][:150]))
    for peer in row["peers"]:
        time = peer.get("median_ms")
        ratio = time / row["median_ms"] if time and row.get("median_ms") else None
        mark = "*" if peer["peer"] == row.get("fastest_peer") else " "
        print("%-52s %s %s %-33s %s %s%s" % (
            row["case"], cell(row.get("median_ms"), 10, 4), mark, peer["peer"], cell(time, 10, 4), cell(ratio, 8, 2),
            "  " + peer["error"][:100] if "error" in peer else ""), flush=True)


def summary(rows):
    """The least ratio of each kind and function."""
    groups = collections.defaultdict(list)
    for row in rows:
        groups[row["kind"], row["function"], row["dtype"]].append(row)
    print("\n%-34s %6s %8s %8s   %s" % ("to the fastest peer", "rows", "least", "median", "at"))
    for key, group in groups.items():
        ratios = sorted((row["ratio"], row["case"]) for row in group if "ratio" in row)
        least, where = ratios[0] if ratios else (None, "no row has a ratio")
        median = statistics.median(ratio for ratio, _ in ratios) if ratios else None
        print("%-34s %6d %s %s   %s" % (" ".join(key), len(group), cell(least, 8, 2), cell(median, 8, 2), where))


def missing_packages():
    """What the peers need and is not here, and why, by trying it."""
    missing = {}
    for name in PACKAGES:
        try:
            __import__(name)
        except Exception as error:
            missing[name] = reason(error)
            print("compare_cpu_peers: note: no %s (%s): rows that need it have no ratio" % (name, missing[name]))
    return missing


def machine(threads):
    name = platform.processor()
    try:
        with open("/proc/cpuinfo") as file:
            name = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), name)
    except OSError:
        pass
    return {"cpu": name, "cpus": len(os.sched_getaffinity(0)), "threads": threads}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    bench = os.path.join(HERE, "..", "..", "build", "bin", "xlstm-bench")
    parser.add_argument("--bench", default=bench, help="the program xlstm-bench")
    parser.add_argument("--packages", help="folder of packages (xlstm-bench --packages-for); others are compiled anew")
    parser.add_argument("--suite", default="cpu", help="suites, separated by commas (default: cpu)")
    parser.add_argument("--case", action="append", help="only cases whose name contains this; may be given again")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)),
                        help="threads of both (default: all CPUs)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of ours and the peers in turn (default: 3)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of a peer's runs in a round (default: 1)")
    parser.add_argument("--iters", type=int, help="timed runs of ours in a round (default: xlstm-bench's)")
    parser.add_argument("--out", required=True, help="the JSON file")
    arguments = parser.parse_args()

    logging.disable(logging.WARNING)  # PyTorch's words on the lack of CUDA
    missing = missing_packages()
    if "torch" not in missing:
        import torch
        torch.set_num_threads(arguments.threads)
        torch.manual_seed(0)
    cases = [row for row in run_bench([arguments.bench, "--list"]) if row["suite"] in arguments.suite.split(",")]
    cases = [row for row in cases if any(text in row["case"] for text in arguments.case or [""])]
    if not cases:
        parser.error("--suite, --case: no case of %s contains %s" % (
            arguments.suite, " or ".join(arguments.case or [""])))
    result = {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
              "machine": machine(arguments.threads), "rounds": arguments.rounds, "versions": versions(*PACKAGES),
              "missing": missing, "rows": []}
    print("%-52s %10s   %-33s %10s %8s" % ("case", "ours ms", "peer (*: the fastest)", "theirs ms", "ratio"))
    for case in cases:
        result["rows"].append(compare(arguments, case))
        print_row(result["rows"][-1])
        save(arguments.out, result)  # a run that is cut short leaves what was measured
    summary(result["rows"])


if __name__ == "__main__":
    main()

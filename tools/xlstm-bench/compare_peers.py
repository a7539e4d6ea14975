#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times xlstm-bench's mLSTM cells and the public Triton kernels (TFLA) in one run on one GPU.

Order: xlstm-bench, the peers, xlstm-bench again; the two runs of ours show how far the machine drifted. Each time is
the median of runs between device events, warmed up, the L2 cache flushed before each one; inputs are normal(0, 1) in
bf16, gates in f32, the forget gate normal(4, 1). The peers keep their tensors as [B, heads, T, size], ours are
[B, T, heads, size]. A step is replayed in a CUDA graph of at least 20 launches, each over the states of other
sequences, 256 MB of them or more; ours writes them in place, the peer's returns new ones. Prints a table (ratio: theirs
over ours, over 1 means that ours is faster) and writes one JSON file.

Needs an NVIDIA GPU, PyTorch, Triton, and the packages mlstm-kernels and einops on PYTHONPATH.
"""
import argparse
import collections
import datetime
import json
import os
import subprocess
import sys
import tempfile

# For each input gate: label, name in mlstm_kernels, and what its chunk and options are.
PEERS = {
    "exp": [("limit 64", "chunkwise--triton_limit_chunk", {"chunk_size": 64}),
            ("xl 128", "chunkwise--triton_xl_chunk", {"chunk_size": 128})],
    "sigmoid": [("sig 128", "chunkwise--triton_xl_chunk_siging", {"chunk_size": 128, "normalize": False})],
}
# The peers' step, of the exponential gate.
STEP_PEERS = {"exp": [("triton step", "triton_step")]}
Shape = collections.namedtuple("Shape", "function gate B T heads dqk dv")


def gpu_state():
    """Clock, power and temperature now: a GPU at its power limit runs slower than a cool one."""
    query = "name,driver_version,clocks.sm,clocks.mem,power.draw,temperature.gpu"
    try:
        text = subprocess.run(["nvidia-smi", "--query-gpu=" + query, "--format=csv,noheader"], check=True,
                              stdout=subprocess.PIPE, universal_newlines=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        return {"error": str(error)}
    return dict(zip(query.split(","), (part.strip() for part in text.splitlines()[0].split(","))))


def run_bench(command):
    """Rows of one run of xlstm-bench. A case that fails is a row with "error"."""
    done = subprocess.run(command + ["--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode not in (0, 1) or not rows:
        sys.exit("%s: error: %s ended with exit code %d and %d rows: %s" % (
            os.path.basename(sys.argv[0]), " ".join(command), done.returncode, len(rows), done.stderr.strip()))
    return rows


def run_ours(arguments):
    command = [arguments.bench, "--suite", arguments.suite, "--device", "cuda", "--packages", arguments.packages]
    if arguments.target:
        command += ["--target", arguments.target]
    if arguments.iters:
        command += ["--iters", str(arguments.iters)]
    rows = run_bench(command)
    for row in rows:
        print("ours   %-52s %-8s %s" % (row["case"], row["target"], show(row)), flush=True)
    return rows


def shape_of(row):
    return Shape(*(row.get(key) for key in Shape._fields))  # a step has no T


def peers_of(shape):
    return (STEP_PEERS if shape.function == "step" else PEERS).get(shape.gate, [])


def show(row):
    return "%9.4f ms" % row["median_ms"] if row.get("median_ms") else "failed: " + row.get("error", "?")[:80]


def reason(error):
    """An exception as one line."""
    return " ".join(("%s: %s" % (type(error).__name__, error)).split())[:300]


def inputs(torch, shape):
    """q, k, v, i, f in the peers' layout."""
    def normal(*sizes, dtype=torch.bfloat16):
        return torch.randn(*sizes, device="cuda", dtype=dtype)
    rows = (shape.B, shape.heads, shape.T)
    return {"q": normal(*rows, shape.dqk), "k": normal(*rows, shape.dqk), "v": normal(*rows, shape.dv),
            "i": normal(*rows, dtype=torch.float32), "f": normal(*rows, dtype=torch.float32) + 4.0}


def time_step(shape):
    """Times of a launch of the peer's step in ms, each the mean of one replay of the graph."""
    import torch
    from mlstm_kernels.torch.recurrent.triton_step import mlstm_recurrent_step__triton as kernel

    def normal(*sizes, dtype=torch.float32):
        return torch.randn(shape.B, shape.heads, *sizes, device="cuda", dtype=dtype)
    token = {"q": normal(shape.dqk, dtype=torch.bfloat16), "k": normal(shape.dqk, dtype=torch.bfloat16),
             "v": normal(shape.dv, dtype=torch.bfloat16), "i": normal(1), "f": normal(1) + 4.0}
    copies = -(-256 * 10**6 // (4 * shape.B * shape.heads * shape.dqk * shape.dv))
    states = [{"c": normal(shape.dqk, shape.dv), "n": normal(shape.dqk) + 4.0, "m": normal(1)} for _ in range(copies)]
    launches = -(-20 // copies) * copies
    stream, graph, kept = torch.cuda.Stream(), torch.cuda.CUDAGraph(), []
    with torch.cuda.stream(stream):
        kernel(**token, **states[0])  # compiles
    torch.cuda.synchronize()
    with torch.cuda.graph(graph, stream=stream):
        for launch in range(launches):  # kept, so that every launch writes memory of its own
            kept.append(kernel(**token, **states[launch % copies]))
    times = []
    for sample in range(23):
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        before.record()
        graph.replay()
        after.record()
        torch.cuda.synchronize()
        times.append(before.elapsed_time(after) / launches)
    return times[3:]


def time_forward(shape, name, options):
    import torch
    import triton.testing
    from mlstm_kernels.torch import get_mlstm_kernel
    kernel = get_mlstm_kernel(name)
    tensors = inputs(torch, shape)
    with torch.no_grad():
        kernel(**tensors, **options)  # compiles
        torch.cuda.synchronize()
        return triton.testing.do_bench(lambda: kernel(**tensors, **options), warmup=50, rep=200, return_mode="all")


def time_peer(shape, label, name, options=None):
    row = {"peer": label, "kernel": name, "options": options, **shape._asdict()}
    try:
        times = time_step(shape) if shape.function == "step" else time_forward(shape, name, options)
        times = sorted(float(time) for time in times)
        row.update(median_ms=times[len(times) // 2], min_ms=times[0], max_ms=times[-1], iters=len(times))
        row["gpu"] = gpu_state()
    except Exception as error:  # what a peer cannot run is a result too
        row["error"] = reason(error)
    name = " ".join(str(value) for value in shape if value is not None)
    print("theirs %-52s %-8s %s" % (name, label, show(row)), flush=True)
    try:
        import torch
        torch.cuda.empty_cache()
    except Exception:  # no PyTorch, or a GPU that a failed kernel left unusable
        pass
    return row


def ceilings():
    """What this GPU reaches on a large matrix product and a large copy, in this run."""
    try:
        import torch
        import triton.testing
        a, b = (torch.randn(8192, 8192, device="cuda", dtype=torch.bfloat16) for _ in range(2))
        matmul = triton.testing.do_bench(lambda: a @ b, return_mode="median")
        source = torch.empty(1 << 30, device="cuda", dtype=torch.bfloat16).normal_()
        target = torch.empty_like(source)
        copy = triton.testing.do_bench(lambda: target.copy_(source), return_mode="median")
        return {"matmul_8192_bf16_tflops": 2 * 8192**3 / matmul / 1e9, "copy_2GiB_tbps": 4 * source.numel() / copy / 1e9}
    except Exception as error:
        return {"error": reason(error)}


def versions(*names):
    """Of Python and of these packages, None for one that is not here."""
    from importlib import metadata
    result = {"python": sys.version.split()[0]}
    for name in names:
        try:
            result[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            result[name] = None
    return result


def table(before, after, peers):
    """One line per case, target and peer."""
    again = {(row["case"], row["target"]): row.get("median_ms") for row in after}
    theirs = collections.defaultdict(list)
    for row in peers:
        theirs[shape_of(row)].append(row)
    lines = []
    for row in before:
        first, second = row.get("median_ms"), again.get((row["case"], row["target"]))
        ours = (first + second) / 2 if first and second else first or second
        for peer in theirs[shape_of(row)]:
            time = peer.get("median_ms")
            lines.append({"case": row["case"], "target": row["target"], "peer": peer["peer"], "ours_ms": ours,
                          "drift": second / first - 1 if first and second else None, "theirs_ms": time,
                          "ratio": time / ours if time and ours else None,
                          **{key: row[key] for key in ("tflops", "gbps") if key in row}})
    return lines


def cell(value, width, digits):
    return ("%*.*f" % (width, digits, value)) if value is not None else "%*s" % (width, "failed")


def print_table(lines):
    print("\n%-52s %-8s %9s %7s   %-9s %9s %7s" % ("case", "target", "ours ms", "drift", "peer", "theirs ms", "ratio"))
    for line in lines:
        drift = "%+6.1f%%" % (100 * line["drift"]) if line["drift"] is not None else "%7s" % ""
        print("%-52s %-8s %s %s   %-9s %s %s" % (line["case"], line["target"], cell(line["ours_ms"], 9, 4), drift,
                                                line["peer"], cell(line["theirs_ms"], 9, 4), cell(line["ratio"], 7, 2)))


def save(path, result):
    """Writes the file whole or not at all."""
    folder = os.path.dirname(os.path.abspath(path))
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        json.dump(result, file, indent=1)
    os.replace(file.name, path)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", default=os.path.join(here, "..", "..", "build", "bin", "xlstm-bench"), help="the program xlstm-bench")
    parser.add_argument("--packages", required=True, help="folder with the suite's packages (xlstm-bench --packages-for)")
    parser.add_argument("--suite", default="mlstm", help="suites, separated by commas (default: mlstm)")
    parser.add_argument("--target", help="targets of ours to time, as sm_90a,sm_80 (default: the best one)")
    parser.add_argument("--iters", type=int, help="timed runs of ours (default: xlstm-bench's)")
    parser.add_argument("--out", required=True, help="the JSON file")
    arguments = parser.parse_args()

    result = {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
              "versions": versions("torch", "triton", "mlstm-kernels"), "gpu_before": gpu_state(), "ours_before": run_ours(arguments)}
    save(arguments.out, result)
    result["ceilings"] = ceilings()
    peers = result["peers"] = []
    for shape in dict.fromkeys(shape_of(row) for row in result["ours_before"]):
        for peer in peers_of(shape):
            peers.append(time_peer(shape, *peer))
            save(arguments.out, result)  # a peer that ends the process leaves what was measured
    result["ours_after"] = run_ours(arguments)
    result["gpu_after"] = gpu_state()
    result["table"] = table(result["ours_before"], result["ours_after"], peers)
    save(arguments.out, result)
    print_table(result["table"])


if __name__ == "__main__":
    main()

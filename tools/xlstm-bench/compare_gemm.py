#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times xlstm.linear beside PyTorch's products (cuBLAS) in one run, on the same data, and compares both with float64.

A case is KIND:MxNxK: y [M, N] from x [M, K] and weights [N, K], all bf16. Kinds: plain; bias (y + b); residual (y + r, r and
y in f32); swiglu (SiLU(x Wg^T) * (x Wu^T), N columns of each); rows (y * s, a factor for each row). PyTorch computes what
follows the product by its own elementwise kernels.

Times are medians between device events, ours and PyTorch's in turn, the L2 cache flushed before each. Up to 64 rows, and
after a load, they are those of a CUDA graph's replay divided by its products, up to 64 rows over so many copies of the
weights that the cache holds none. Useful work is 2 M N K for each weight; bytes are those of x, weights and y. The relative
L2 error is over all elements.

Models and packages, on a machine with the compiler, then the comparison on one with a GPU, PyTorch and the library:

    compare_gemm.py --write-models MODELS
    for m in MODELS/*.mlir; do xlstm-compile $m -o PACKAGES/$(basename $m .mlir).xlpkg --function forward --target sm_90a; done
    compare_gemm.py --library libxlstm_runtime.so --packages PACKAGES --out ROWS.json
"""
import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import time

TIMED = ["plain:4096x4096x4096", "plain:8192x8192x8192", "plain:65536x8192x4096", "plain:8192x10944x4096",
         "plain:8192x4096x10944", "swiglu:8192x10944x4096", "residual:8192x4096x10944", "bias:8192x4096x4096",
         "rows:8192x8192x4096"]
CHECKED = ["%s:%dx%s" % (kind, m, shape) for kind, shape in [
    ("plain", "4096x4096"), ("plain", "328x72"), ("plain", "33x45"), ("swiglu", "10944x4096"), ("swiglu", "200x64"),
    ("residual", "4096x10944"), ("bias", "328x72"), ("rows", "328x72"), ("residual", "33x45"), ("swiglu", "33x45")]
    for m in (1, 100, 129, 1000)]
DECODED = ["%s:%dx%s" % (kind, m, shape) for kind, shape in [
    ("plain", "4096x4096"), ("plain", "8192x4096"), ("swiglu", "10944x4096"), ("residual", "4096x10944")]
    for m in (1, 8, 16, 64)]

REGIONS = {
    "plain": "",
    "bias": "%2 = arith.addf %a, %d : f32",
    "residual": "%2 = arith.addf %a, %d : f32",
    "rows": "%2 = arith.mulf %a, %d : f32",
    "swiglu": "%0 = xlstm.sigmoid %a : f32\n    %1 = arith.mulf %a, %0 : f32\n    %2 = arith.mulf %1, %v : f32",
}


def parse_case(text):
    kind, sizes = text.split(":")
    m, n, k = (int(part) for part in sizes.split("x"))
    return kind, m, n, k


def model(kind, n, k):
    """The model of a case as MLIR."""
    out = "f32" if kind == "residual" else "bf16"
    weights = ["w", "u"] if kind == "swiglu" else ["w"]
    extra = {"bias": ("cols", "%dxf32" % n, ""), "residual": ("elems", "?x?x%dxf32" % n, '"B", "T"'),
             "rows": ("rows", "?x?xf32", '"B", "T"')}.get(kind)
    arguments = ['%%x: tensor<?x?x%dxbf16> {xlstm.name = "x", xlstm.dims = ["B", "T"]}' % k]
    arguments += ['%%%s: tensor<%dx%dxbf16> {xlstm.name = "%s"}' % (w, n, k, w) for w in weights]
    operands = "weights(%s : %s)" % (", ".join("%" + w for w in weights), ", ".join(["tensor<%dx%dxbf16>" % (n, k)] * len(weights)))
    names = ["%a: f32"] + (["%v: f32"] if kind == "swiglu" else [])
    if extra:
        keyword, shape, dims = extra
        arguments.append('%%e: tensor<%s> {xlstm.name = "e"%s}' % (shape, ", xlstm.dims = [%s]" % dims if dims else ""))
        operands += " %s(%%e : tensor<%s>)" % (keyword, shape)
        names.append("%d: f32")
    region = ""
    if REGIONS[kind]:
        region = " epilogue {\n  ^bb0(%s):\n    %s\n    xlstm.yield outputs(%%2 : f32)\n  }" % (", ".join(names), REGIONS[kind])
    y = "tensor<?x?x%dx%s>" % (n, out)
    return ('func.func @forward(%s)\n    -> (%s {xlstm.name = "y", xlstm.dims = ["B", "T"]}) {\n'
            '  %%y = xlstm.linear %%x %s%s : tensor<?x?x%dxbf16> -> %s\n  return %%y : %s\n}\n' % (
                ",\n    ".join(arguments), y, operands, region, k, y, y))


def package_name(kind, n, k):
    return "%s_%dx%d" % (kind, n, k)


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_int32), ("kind", ctypes.c_int),
                ("index", ctypes.c_int32), ("shape", ctypes.c_int64 * 8), ("strides", ctypes.c_int64 * 8)]


class Library:
    """What of the C API is needed to run the function `forward`."""

    def __init__(self, path, torch, target=None):
        self.torch, self.lib = torch, ctypes.CDLL(path)
        self.options = ctypes.byref(ctypes.c_char_p(target.encode())) if target else None
        self.lib.xlstm_last_error.restype = ctypes.c_char_p
        self.device = ctypes.c_void_p()
        self.call("xlstm_device_open", 2, 0, None, ctypes.byref(self.device))

    def call(self, name, *arguments):
        if getattr(self.lib, name)(*arguments):
            raise RuntimeError(self.lib.xlstm_last_error().decode())

    def tensor(self, tensor):
        kinds = {self.torch.float64: 0, self.torch.float32: 1, self.torch.bfloat16: 2, self.torch.float16: 3}
        tensor = tensor if tensor.dim() != 2 or tensor.is_weight else tensor.unsqueeze(0)
        return Tensor(tensor.data_ptr(), kinds[tensor.dtype], tensor.dim(), 2, 0,
                      (ctypes.c_int64 * 8)(*tensor.shape), (ctypes.c_int64 * 8)(*tensor.stride()))

    def bind(self, package, inputs, output):
        """A function without arguments that runs it on these tensors and PyTorch's stream."""
        handle, function, context = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        self.call("xlstm_package_open", package.encode(), ctypes.byref(handle))
        self.call("xlstm_function_bind", handle, b"forward", self.device, self.options, ctypes.byref(function))
        self.call("xlstm_context_create", function, ctypes.byref(context))
        structs = [self.tensor(t) for t in inputs + [output]]
        pointers = [ctypes.pointer(s) for s in structs]
        given = (ctypes.POINTER(Tensor) * len(inputs))(*pointers[:-1])
        results = (ctypes.POINTER(Tensor) * 1)(pointers[-1])
        size = ctypes.c_size_t()
        self.call("xlstm_context_workspace_size", context, given, results, ctypes.byref(size))
        workspace = self.torch.empty(max(size.value, 1), dtype=self.torch.uint8, device="cuda")
        keep = (structs, pointers, workspace)

        def run():
            assert keep
            stream = ctypes.c_void_p(self.torch.cuda.current_stream().cuda_stream)
            self.call("xlstm_context_run", context, given, results, ctypes.c_void_p(workspace.data_ptr()), size, stream)
        return run


def make(torch, kind, m, n, k, seed=0):
    """Inputs in the package's order, an output of NaNs, PyTorch's way, and the float64 result."""
    generator = torch.Generator("cuda").manual_seed(seed)

    def normal(*shape, dtype=torch.bfloat16, scale=1.0, is_weight=False):
        t = (torch.randn(*shape, device="cuda", generator=generator) * scale).to(dtype)
        t.is_weight = is_weight
        return t
    weight = lambda: normal(n, k, scale=k ** -0.5, is_weight=True)
    x, w = normal(m, k), weight()
    inputs = [x, w]
    out = torch.float32 if kind == "residual" else torch.bfloat16
    if kind == "swiglu":
        inputs.append(weight())
    if kind == "bias":
        inputs.append(normal(n, dtype=torch.float32))
    if kind == "residual":
        inputs.append(normal(m, n, dtype=torch.float32))
    if kind == "rows":
        # [1, M] for the kernel: a value for each row.
        inputs.append(normal(m, dtype=torch.float32).unsqueeze(0))
        inputs[-1].is_weight = True
    y = torch.full((m, n), float("nan"), dtype=out, device="cuda")
    y.is_weight = False

    def torch_way():
        p = torch.matmul(x, w.t())
        if kind == "swiglu":
            return torch.nn.functional.silu(p) * torch.matmul(x, inputs[2].t())
        if kind == "rows":
            return p * inputs[2].squeeze(0)[:, None].to(p.dtype)
        if kind == "bias":
            return p + inputs[2].to(p.dtype)
        return p + inputs[2] if kind == "residual" else p

    def exact():
        p = x.double() @ w.double().t()
        if kind == "swiglu":
            return torch.nn.functional.silu(p) * (x.double() @ inputs[2].double().t())
        if kind == "rows":
            return p * inputs[2].squeeze(0)[:, None].double()
        return p + inputs[2].double() if kind in ("bias", "residual") else p
    return inputs, y, torch_way, exact


def relative(y, exact):
    return ((y.double() - exact).norm() / exact.norm()).item()


def clock():
    text = subprocess.run(["nvidia-smi", "--query-gpu=clocks.sm,power.draw,temperature.gpu", "--format=csv,noheader"],
                          stdout=subprocess.PIPE, universal_newlines=True).stdout
    return text.splitlines()[0].strip() if text else "?"


def measure(torch, run, flush):
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    flush.zero_()
    begin.record()
    run()
    end.record()
    torch.cuda.synchronize()
    return begin.elapsed_time(end)


def graph_of(torch, runs):
    """A CUDA graph of these runs, one after the other."""
    side = torch.cuda.Stream()
    with torch.cuda.stream(side):
        for run in runs:
            run()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        for run in runs:
            run()
    return graph


def replayed(torch, runs, replays, seconds=0.0):
    """Milliseconds of one of the runs in a graph, after so many seconds of nothing else."""
    graph = graph_of(torch, runs)
    graph.replay()
    torch.cuda.synchronize()
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        graph.replay()
        torch.cuda.synchronize()
    times = []
    for _ in range(replays):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        graph.replay()
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) / len(runs))
    return statistics.median(times)


def decode_times(torch, library, package, kind, m, n, k, replays):
    """Ours and PyTorch's, over copies of the weights."""
    copies = max(4, int(200e6 / (2 * n * k)))
    ours, theirs, keep = [], [], []
    for seed in range(copies):
        inputs, y, torch_way, _ = make(torch, kind, m, n, k, seed)
        ours.append(library.bind(package, inputs, y))
        theirs.append(torch_way)
        keep.append((inputs, y))
    pairs = [(replayed(torch, ours, replays), replayed(torch, theirs, replays)) for _ in range(3)]
    return tuple(statistics.median(part) for part in zip(*pairs))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write-models", metavar="DIR", help="write the models of all cases, and end")
    parser.add_argument("--library", help="libxlstm_runtime.so")
    parser.add_argument("--packages", metavar="DIR")
    parser.add_argument("--case", action="append", help="time only these (default: a list of large and small ones)")
    parser.add_argument("--check", action="store_true", help="only compare with float64, over tails and odd sizes")
    parser.add_argument("--target", help="only kernels for this target, as sm_80 on an sm_90 GPU")
    parser.add_argument("--iters", type=int, default=20)
    parser.add_argument("--load", type=float, default=0, metavar="SECONDS", help="also time after so many seconds of load")
    parser.add_argument("--out", help="rows as JSON")
    arguments = parser.parse_args()
    cases = arguments.case or (CHECKED if arguments.check else TIMED + DECODED)
    if arguments.write_models:
        os.makedirs(arguments.write_models, exist_ok=True)
        for kind, _, n, k in map(parse_case, arguments.case or TIMED + CHECKED + DECODED):
            with open(os.path.join(arguments.write_models, package_name(kind, n, k) + ".mlir"), "w") as file:
                file.write(model(kind, n, k))
        return 0
    if not arguments.library or not arguments.packages:
        parser.error("expected --library and --packages, or --write-models")
    import torch
    library = Library(arguments.library, torch, arguments.target)
    flush = torch.empty(256 << 20, dtype=torch.uint8, device="cuda")
    rows, bad = [], 0
    for text in cases:
        kind, m, n, k = parse_case(text)
        row = {"case": text}
        try:
            inputs, y, torch_way, exact = make(torch, kind, m, n, k)
            package = os.path.join(arguments.packages, package_name(kind, n, k) + ".xlpkg")
            ours = library.bind(package, inputs, y)
            ours()
            torch.cuda.synchronize()
            reference = exact()
            row["error"], row["torch_error"] = relative(y, reference), relative(torch_way(), reference)
            first = y.clone()
            ours()
            torch.cuda.synchronize()
            row["same_bits"] = torch.equal(first, y)
            del reference, first
            # bf16 rounds a result by 1.7e-3 on average; f32 results of 16-bit products are good to 1e-5.
            good = row["error"] < (1e-5 if y.dtype == torch.float32 else 2.5e-3) and row["same_bits"]
            row["ok"] = good
            bad += not good
        except RuntimeError as error:
            row["failed"], bad = " ".join(str(error).split())[:300], bad + 1
            print("%-28s failed: %s" % (text, row["failed"]), flush=True)
            rows.append(row)
            continue
        line = "%-28s error %.2e (torch %.2e) %s" % (text, row["error"], row["torch_error"], "ok" if good else "BAD")
        if not arguments.check:
            if m <= 64:
                row["ms"], row["torch_ms"] = decode_times(torch, library, package, kind, m, n, k, arguments.iters)
            else:
                for _ in range(3):
                    ours(), torch_way()
                times = [(measure(torch, ours, flush), measure(torch, torch_way, flush)) for _ in range(arguments.iters)]
                row["ms"], row["torch_ms"] = (statistics.median(part) for part in zip(*times))
            row["clock"] = clock()
            weights = 2 if kind == "swiglu" else 1
            flop = 2.0 * weights * m * n * k
            size = 2.0 * (m * k + weights * n * k) + m * n * (8 if kind == "residual" else 2)
            row["tflops"], row["torch_tflops"] = (flop / ms * 1e-9 for ms in (row["ms"], row["torch_ms"]))
            row["gbps"] = size / row["ms"] * 1e-6
            row["ratio"] = row["torch_ms"] / row["ms"]
            line += "  %9.4f ms %7.1f TFLOP/s %7.0f GB/s | torch %9.4f ms %7.1f TFLOP/s | ratio %.3f" % (
                row["ms"], row["tflops"], row["gbps"], row["torch_ms"], row["torch_tflops"], row["ratio"])
            if arguments.load and m > 64:
                row["load_ms"] = replayed(torch, [ours] * 20, 5, arguments.load)
                row["torch_load_ms"] = replayed(torch, [torch_way] * 20, 5, arguments.load)
                row["load_clock"] = clock()
                line += " | under load %.4f, torch %.4f, ratio %.3f" % (
                    row["load_ms"], row["torch_load_ms"], row["torch_load_ms"] / row["load_ms"])
        print(line, flush=True)
        rows.append(row)
        del inputs, y, torch_way, exact, ours
        torch.cuda.empty_cache()
    if arguments.out:
        with open(arguments.out, "w") as file:
            json.dump({"device": torch.cuda.get_device_name(0), "torch": torch.__version__, "rows": rows}, file, indent=1)
    print("%d cases, %d bad" % (len(rows), bad))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times a compiled xLSTM-7B beside the official PyTorch package in one process, on the same random weights, and compares logits.

Rows: prefill (tokens to the logits of the last position, and states) for each --prefill BxT, decoding one token for each
--decode B. Decoding runs in a CUDA graph on both sides; ours writes the states in place. Times are medians in ms between
device events, ours and theirs in turn. Errors are relative L2 over logits: ours and theirs against the official model in
float32 (its plain PyTorch kernels, TF32 off), and against each other.

The package is made from the configuration that --write-config writes for the same number of blocks:

    compare_model.py --write-config config.json --blocks 32
    xlstm-compile config.json -o model.xlpkg --target sm_90a --function prefill,step
    compare_model.py --library libxlstm_runtime.so --package model.xlpkg --blocks 32 --out ROWS.json
"""
import argparse
import ctypes
import json
import statistics
import subprocess
import sys
import time
import traceback

DTYPES = {"torch.float64": 0, "torch.float32": 1, "torch.bfloat16": 2, "torch.float16": 3, "torch.int64": 4, "torch.int32": 5}
TORCH = {0: "float64", 1: "float32", 2: "bfloat16", 3: "float16", 4: "int64", 5: "int32"}


class Tensor(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_int32), ("kind", ctypes.c_int),
                ("index", ctypes.c_int32), ("shape", ctypes.c_int64 * 8), ("strides", ctypes.c_int64 * 8)]


class FunctionInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("attributes", ctypes.c_char_p), ("inputs", ctypes.c_int32),
                ("outputs", ctypes.c_int32), ("implementations", ctypes.c_int32)]


class ArgumentInfo(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("dtype", ctypes.c_int), ("rank", ctypes.c_int32), ("shape", ctypes.c_int64 * 8),
                ("symbols", ctypes.c_char_p * 8), ("optional", ctypes.c_int32), ("added", ctypes.c_int64 * 8),
                ("with_", ctypes.c_char_p), ("in_place", ctypes.c_char_p)]


class Library:
    def __init__(self, path):
        self.lib = ctypes.CDLL(path)
        self.lib.xlstm_last_error.restype = ctypes.c_char_p
        self.device = ctypes.c_void_p()
        self.call("xlstm_device_open", 2, 0, None, ctypes.byref(self.device))

    def call(self, name, *arguments):
        if getattr(self.lib, name)(*arguments):
            raise RuntimeError("%s: %s" % (name, self.lib.xlstm_last_error().decode()))

    def open(self, package):
        handle = ctypes.c_void_p()
        self.call("xlstm_package_open", package.encode(), ctypes.byref(handle))
        return handle


class Function:
    """One function of a package on PyTorch's tensors."""

    def __init__(self, torch, library, package, name):
        self.torch, self.library = torch, library
        index, info = ctypes.c_int32(), FunctionInfo()
        library.call("xlstm_package_find_function", package, name.encode(), ctypes.byref(index))
        library.call("xlstm_package_function", package, index, ctypes.byref(info))
        arguments = {}
        for kind, count in (("input", info.inputs), ("output", info.outputs)):
            arguments[kind] = []
            for i in range(count):
                argument = ArgumentInfo()
                library.call("xlstm_package_" + kind, package, index, i, ctypes.byref(argument))
                arguments[kind].append(argument)
        self.inputs, self.outputs = arguments["input"], arguments["output"]
        self.function, self.context = ctypes.c_void_p(), ctypes.c_void_p()
        library.call("xlstm_function_bind", package, name.encode(), library.device, None, ctypes.byref(self.function))
        library.call("xlstm_context_create", self.function, ctypes.byref(self.context))

    def struct(self, tensor):
        return Tensor(tensor.data_ptr(), DTYPES[str(tensor.dtype)], tensor.dim(), 2, 0,
                      (ctypes.c_int64 * 8)(*tensor.shape), (ctypes.c_int64 * 8)(*tensor.stride()))

    def empty(self, argument, dims):
        shape = [dims[argument.symbols[k].decode()] + argument.added[k] if argument.shape[k] < 0 else argument.shape[k]
                 for k in range(argument.rank)]
        dtype = getattr(self.torch, TORCH[argument.dtype])
        return self.torch.full(shape, float("nan") if dtype.is_floating_point else -1, dtype=dtype, device="cuda")

    def bind(self, tensors, dims, in_place):
        """The outputs by name, and a function without arguments that runs on these tensors and the current stream."""
        torch, library = self.torch, self.library
        results, keep = {}, []
        for argument in self.outputs:
            name = argument.name.decode()
            source = argument.in_place.decode() if argument.in_place else name
            results[name] = tensors[source] if in_place and name != "logits" and source in tensors else self.empty(argument, dims)

        def pointers(arguments, source):
            array = (ctypes.POINTER(Tensor) * len(arguments))()
            for i, argument in enumerate(arguments):
                tensor = source.get(argument.name.decode())
                if tensor is None:
                    if not argument.optional:
                        raise RuntimeError("no tensor for " + argument.name.decode())
                    continue
                keep.append((self.struct(tensor), tensor))
                array[i] = ctypes.pointer(keep[-1][0])
            return array
        given, wanted = pointers(self.inputs, tensors), pointers(self.outputs, results)
        size = ctypes.c_size_t()
        if hasattr(library.lib, "xlstm_context_prepared_size"):
            library.call("xlstm_context_prepared_size", self.context, given, wanted, ctypes.byref(size))
            prepared = torch.empty(max(size.value, 1), dtype=torch.uint8, device="cuda")
            keep.append(prepared)
            stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
            library.call("xlstm_context_prepare", self.context, given, wanted, ctypes.c_void_p(prepared.data_ptr()), size, stream)
            torch.cuda.synchronize()
        library.call("xlstm_context_workspace_size", self.context, given, wanted, ctypes.byref(size))
        workspace = torch.empty(max(size.value, 1), dtype=torch.uint8, device="cuda")
        workspace.fill_(0xFF)

        def run():
            assert keep
            stream = ctypes.c_void_p(torch.cuda.current_stream().cuda_stream)
            library.call("xlstm_context_run", self.context, given, wanted, ctypes.c_void_p(workspace.data_ptr()), size, stream)
        return results, run


def configuration(blocks, state_dtype, weight_mode="fused"):
    return {"embedding_dim": 4096, "num_heads": 8, "num_blocks": blocks, "vocab_size": 50304, "weight_mode": weight_mode,
            "return_last_states": True, "mode": "inference", "inference_state_dtype": state_dtype}


def single(weights):
    """The official model's fused weights, which it runs fastest with, as views under the names of single ones."""
    parts = {"mlstm_layer.qkv_opreact": (("q", 2048), ("k", 2048), ("v", 4096), ("ogate_preact", 4096)),
             "mlstm_layer.ifgate_preact": (("igate_preact", 8), ("fgate_preact", 8)),
             "ffn.proj_up_gate_z": (("proj_up_gate", 10944), ("proj_up", 10944))}
    result = {}
    for name, tensor in weights.items():
        for fused, names in parts.items():
            if fused in name:
                first = 0
                for own, rows in names:
                    path = fused.rsplit(".", 1)[0] + "." + own
                    result[name.replace(fused, path)] = tensor[first:first + rows]
                    first += rows
                assert first == tensor.shape[0], name
                break
        else:
            result[name] = tensor
    return result


def official(torch, blocks, state_dtype, **kernels):
    from xlstm.xlstm_large.model import xLSTMLarge, xLSTMLargeConfig
    with torch.device("meta"):
        model = xLSTMLarge(xLSTMLargeConfig(**configuration(blocks, state_dtype), **kernels))
    return model


def graph_of(torch, run):
    graph, stream = torch.cuda.CUDAGraph(), torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        run()
    torch.cuda.synchronize()
    with torch.cuda.graph(graph, stream=stream):
        run()
    return graph


def in_turn(torch, runs, rounds, warm=2):
    """The median time in ms of each of the functions, called one after the other `rounds` times."""
    times = [[] for _ in runs]
    for turn in range(rounds + warm):
        for run, list_ in zip(runs, times):
            begin, end = torch.cuda.Event(True), torch.cuda.Event(True)
            begin.record()
            run()
            end.record()
            torch.cuda.synchronize()
            if turn >= warm:
                list_.append(begin.elapsed_time(end))
    return [statistics.median(t) for t in times]


def error(a, b):
    return ((a.double() - b.double()).norm() / b.double().norm()).item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write-config", metavar="FILE")
    parser.add_argument("--library")
    parser.add_argument("--package")
    parser.add_argument("--blocks", type=int, default=32)
    parser.add_argument("--state-dtype", default="float32", choices=["float32", "bfloat16", "float16"],
                        help="inference_state_dtype of the configuration and of the official package; the package's is that of its configuration")
    parser.add_argument("--prefill", default="1x512,1x8192,1x2048,8x2048")
    parser.add_argument("--decode", default="1,8,64")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ours-only", action="store_true", help="no timing of the official package")
    parser.add_argument("--no-check", action="store_true", help="no comparison with float32")
    parser.add_argument("--profile", action="store_true", help="print the kernels of a step and a prefill by time")
    parser.add_argument("--out", default="rows.json")
    options = parser.parse_args()
    if options.write_config:
        with open(options.write_config, "w") as file:
            json.dump(configuration(options.blocks, options.state_dtype, "single"), file)
        return 0
    import torch
    rows = []

    def record(**row):
        rows.append(row)
        print(json.dumps(row), flush=True)
        with open(options.out, "w") as file:
            json.dump({"machine": torch.cuda.get_device_name(), "torch": torch.__version__, "blocks": options.blocks, "state_dtype": options.state_dtype, "rows": rows}, file, indent=1)

    torch.manual_seed(0)
    model = official(torch, options.blocks, options.state_dtype, chunkwise_kernel="chunkwise--triton_limit_chunk", sequence_kernel="native_sequence__triton",
                     step_kernel="triton", chunk_size=64)
    model = model.to(torch.bfloat16).to_empty(device="cuda").eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.fill_(1.0) if parameter.ndim == 1 and "norm" in name else parameter.normal_(0, 0.02)
    weights = single(dict(model.named_parameters()))
    library = Library(options.library)
    package = library.open(options.package)
    functions = {name: Function(torch, library, package, name) for name in ("prefill", "step")}

    def profile(what, run):
        if not options.profile:
            return
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as trace:
            run()
            torch.cuda.synchronize()
        print("== profile of", what)
        events = sorted(trace.key_averages(), key=lambda e: -e.device_time_total)
        for event in events[:24]:
            print("  %9.3f ms %5d x  %s" % (event.device_time_total / 1e3, event.count, event.key[:90]), flush=True)

    with torch.no_grad():
        def prefill(tokens, **more):
            batch, length = tokens.shape
            return functions["prefill"].bind({**weights, "tokens": tokens.int(), **more}, {"B": batch, "T": length}, False)

        if not options.no_check:
            try:
                plain = official(torch, options.blocks, "float32", chunkwise_kernel="chunkwise--native_autograd",
                                 sequence_kernel="native_sequence__native", step_kernel="native", autocast_kernel_dtype="float32")
                plain = plain.to_empty(device="cuda").eval()
                for parameter, source in zip(plain.parameters(), model.parameters()):
                    parameter.copy_(source)
                tokens = torch.randint(0, 50304, (1, 256), device="cuda")
                expected = plain.backbone(plain.embedding(tokens), None)[0]
                expected = plain.lm_head(expected)
                cap = plain.config.output_logit_soft_cap
                expected = cap * torch.tanh(expected[:, -1].float() / cap)
                theirs = model(tokens)[0][:, -1].float()
                results, run = prefill(tokens)
                run()
                torch.cuda.synchronize()
                ours = results["logits"]
                record(what="check_prefill", B=1, T=256, ours=error(ours, expected), theirs=error(theirs, expected), ours_theirs=error(ours, theirs))
                first, run_first = prefill(tokens[:, :-1])
                run_first()
                states = {name: t for name, t in first.items() if name != "logits"}
                stepped, run = functions["step"].bind({**weights, **states, "tokens": tokens[:, -1].int()}, {"B": 1}, True)
                run()
                torch.cuda.synchronize()
                record(what="check_step", B=1, ours=error(stepped["logits"], expected), ours_theirs=error(stepped["logits"], theirs))
                del plain, expected
            except Exception as problem:
                traceback.print_exc(limit=3)
                record(what="check", error=str(problem)[:300])
            torch.cuda.empty_cache()

        for batch in (int(b) for b in options.decode.split(",") if b):
            try:
                tokens = torch.randint(0, 50304, (batch, 65), device="cuda")
                results, run = prefill(tokens[:, :64])
                run()
                torch.cuda.synchronize()
                states = {name: t for name, t in results.items() if name != "logits"}
                now = tokens[:, 64].int().contiguous()
                stepped, run = functions["step"].bind({**weights, **states, "tokens": now}, {"B": batch}, True)
                ours = graph_of(torch, run)
                ours_logits = None
                runs = [ours.replay]
                profile("ours, decode B=%d" % batch, run)
                row = {"what": "decode", "B": batch}
                if not options.ours_only:
                    _, state = model(tokens[:, :64])
                    theirs = graph_of(torch, lambda: model(tokens[:, 64:], state))
                    runs.append(theirs.replay)
                times = in_turn(torch, runs, max(20, options.rounds))
                row.update(ours_ms=times[0], ours_tokens_s=batch / times[0] * 1e3)
                if len(times) > 1:
                    row.update(theirs_ms=times[1], ratio=times[1] / times[0])
                record(**row)
                del results, run, states, stepped, ours, runs
                if not options.ours_only:
                    del state, theirs
            except Exception as problem:
                traceback.print_exc(limit=3)
                record(what="decode", B=batch, error=str(problem)[:300])
            torch.cuda.empty_cache()

        for batch, length in ([int(n) for n in case.split("x")] for case in options.prefill.split(",") if case):
            try:
                tokens = torch.randint(0, 50304, (batch, length), device="cuda")
                results, run = prefill(tokens)
                runs = [run] if options.ours_only else [run, lambda: model(tokens)]
                times = in_turn(torch, runs, options.rounds, warm=1)
                profile("ours, prefill %dx%d" % (batch, length), run)
                row = {"what": "prefill", "B": batch, "T": length, "ours_ms": times[0], "ours_tokens_s": batch * length / times[0] * 1e3}
                if length <= 2048 or batch == 1:
                    graph_ms = in_turn(torch, [graph_of(torch, run).replay], options.rounds, warm=1)[0]
                    row.update(ours_graph_ms=graph_ms)
                if len(times) > 1:
                    theirs = model(tokens)[0][:, -1]
                    row.update(theirs_ms=times[1], theirs_tokens_s=batch * length / times[1] * 1e3, ratio=times[1] / times[0],
                               ours_theirs=error(results["logits"], theirs))
                record(**row)
                del results, run, runs
            except Exception as problem:
                traceback.print_exc(limit=3)
                record(what="prefill", B=batch, T=length, error=str(problem)[:300])
            torch.cuda.empty_cache()
    query = subprocess.run(["nvidia-smi", "--query-gpu=name,driver_version,clocks.sm,power.draw", "--format=csv,noheader"], capture_output=True, text=True)
    record(what="machine", smi=query.stdout.strip(), time=time.strftime("%Y-%m-%d"))
    return 0


if __name__ == "__main__":
    sys.exit(main())

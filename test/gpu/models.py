# SPDX-License-Identifier: Apache-2.0
"""Models, cells and a product for the GPU tests: packages, weights, inputs, and what the interpreter gives for them in float64.

    FOLDER/NAME/model.json, m.xlpkg, weights.safetensors
    FOLDER/NAME/CASE.in.safetensors, CASE.expected.safetensors
    FOLDER/cases             a line for each case: NAME CASE FUNCTION BOUND

A case is a function for some B and T. The states that a prefill or a step goes on from are those of the reference after
a prefill before. A model rounds what its layers hand on, so that its error is more than that of one kernel: the bound is
the type's tolerance, or one and a half times the error of the same model compiled for a CPU with all that rounding,
whichever is more.
"""
import json
import math
import os
import random
import re
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, "Tools", "Inputs"))
from tensors import read, write

LARGE = {"kind": "xlstm_large_block", "heads": 4}
MLSTM = {"kind": "mlstm_block", "heads": 4}
SLSTM = {"kind": "slstm_block", "heads": 4}


def model(dtype, blocks, width=128, **options):
    return {"xlstm_model": 1, "name": "m", "dtype": dtype, "vocab_size": 72, "embedding_dim": width, "blocks": blocks, **options}


MODELS = {
    "large_bf16": model("bf16", [LARGE, LARGE]),
    # Rows of 16 bytes everywhere, the gates' too: the kernels of aligned tensors, products of few rows in one launch.
    "aligned_bf16": model("bf16", [dict(LARGE, heads=8)], width=256),
    "aligned_f16": model("f16", [dict(LARGE, heads=8), dict(LARGE, heads=8)], width=256),
    "mlstm_bf16": model("bf16", [MLSTM, MLSTM]),
    # 12 blocks of 8, projections with bias, no convolution's history, tied weights, a cap.
    "mlstm_options_f16": model("f16", [dict(MLSTM, use_bias=True, qkv_proj_blocksize=2, conv1d_kernel_size=1)], width=96,
                               tie_word_embeddings=True, output_logit_soft_cap=3.0),
    "mixed_f16": model("f16", [MLSTM, LARGE]),
    "slstm_bf16": model("bf16", [SLSTM, SLSTM]),
    "all_f16": model("f16", [MLSTM, SLSTM, LARGE]),
    # C in 16 bits between calls.
    "kept_bf16": model("bf16", [LARGE, MLSTM], state_dtype="bf16"),
    "kept_f16": model("f16", [LARGE, SLSTM], state_dtype="f16"),
}


def cell(dtype, kind, d, heads=4, **options):
    return {"xlstm_model": 1, "name": "c", "dtype": dtype, "cell": {"kind": kind, "heads": heads, "d": d, **options}}


# Recurrent matrices in shared memory and in global memory, rows of any number of bytes, one unit a head.
CELLS = {
    "cell_slstm_bf16_64": cell("bf16", "slstm", 64),
    "cell_slstm_f16_192": cell("f16", "slstm", 192),
    "cell_slstm_f32_40": cell("f32", "slstm", 40, heads=3),
    "cell_lstm_f32_272": cell("f32", "lstm", 272, heads=1),
    "cell_gru_f16_20": cell("f16", "gru", 20, heads=5),
    "cell_gru_bf16_600": cell("bf16", "gru", 600, heads=2),
    "cell_custom_bf16_1": cell("bf16", "custom", 1, heads=150, states=["h"], gates=["x"], update={"h": "tanh(x + 0.5 * h)"}),
    "cell_elman_f32_33": cell("f32", "elman", 33, heads=2),
}
LENGTHS = {1: 70, 3: 33, 70: 5}  # T for each B

# Two results of several tiles a block; rows of the weights come again every 1000, so that expected outputs compress.
PRODUCT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "Codegen", "NVPTX", "linear-two-results.mlir")
ROWS, DISTINCT = [65, 200, 512], 1000
BOUNDS = {"bf16": 5e-3, "f16": 2e-3, "f32": 1e-5}


def error_on_cpu(run, runner, package, here, label, function):
    """The largest relative error of an output, of the package for this machine's CPU."""
    out = run(runner, package, "--function", function, "--inputs", os.path.join(here, label + ".in.safetensors"),
              "--weights", os.path.join(here, "weights.safetensors"), "--poison", "--json", "--bound", "1",
              "--compare", os.path.join(here, label + ".expected.safetensors"))
    rows = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    return max(row["relative_l2"] for row in rows if "relative_l2" in row)


def rounded(value, dtype):
    if dtype == "f32":
        return struct.unpack("<f", struct.pack("<f", value))[0]
    if dtype == "f16":
        return struct.unpack("<e", struct.pack("<e", value))[0]
    bits = struct.unpack("<I", struct.pack("<f", value))[0]
    return struct.unpack("<f", struct.pack("<I", (bits + 0x7FFF + (bits >> 16 & 1)) & 0xFFFF0000))[0]


def in_f32(tensors):
    """Half the size, and far more digits than any bound asks for."""
    return {name: ("F32", shape, struct.pack("<%df" % (len(raw) // 8), *struct.unpack("<%dd" % (len(raw) // 8), raw)))
            if dtype == "F64" else (dtype, shape, raw) for name, (dtype, shape, raw) in tensors.items()}


def functions_of(listing):
    """{function: [(name, type, dims)]} from `xlstm-run --list`; a dimension is a number or a name."""
    functions, current = {}, None
    for line in listing.splitlines():
        if re.fullmatch(r"\w+", line):
            current = functions.setdefault(line, [])
        found = re.match(r"  input +(\S+) +(\w+) +\[(.*?)\]", line)
        if found:
            current.append((found[1], found[2], [int(d) if d.isdigit() else d for d in found[3].split(", ")]))
    return functions


def weights_of(inputs, dtype):
    tensors = {}
    for name, _, dims in inputs:
        if not all(isinstance(d, int) for d in dims):
            continue
        source = random.Random(name)
        count = math.prod(dims)
        if name.endswith("norm.weight") or "skip" in name:
            values = [1 + 0.2 * source.gauss(0, 1) for _ in range(count)]
        elif len(dims) == 1 or name.endswith("bias"):
            values = [0.5 * source.gauss(0, 1) for _ in range(count)]
        else:
            scale, period = 1 / math.sqrt(dims[-1]), DISTINCT * dims[-1]
            values = [scale * source.gauss(0, 1) for _ in range(min(count, period) if name in ("v", "w") else count)]
            values = (values * (count // len(values) + 1))[:count]
        tensors[name] = ("F32", dims, struct.pack("<%df" % count, *(rounded(v, dtype) for v in values)))
    return tensors


def sequences(inputs, batch, time, name, dtype):
    """What a cell reads at each token."""
    tensors = {}
    for tensor, _, dims in inputs:
        if dims[0] != "B" or tensor.endswith("0") or tensor == "reset":
            continue
        shape = [{"B": batch, "T": time}.get(d, d) for d in dims]
        source = random.Random("%s %s %d %d" % (name, tensor, batch, time))
        count = math.prod(shape)
        tensors[tensor] = ("F32", shape, struct.pack("<%df" % count, *(rounded(source.gauss(0, 1), dtype) for _ in range(count))))
    return tensors


def tokens(batch, time, vocabulary, name):
    source = random.Random("%s %d %s" % (name, batch, time))
    shape = [batch] + ([time] if time else [])
    return ("I32", shape, struct.pack("<%di" % math.prod(shape), *(source.randrange(vocabulary) for _ in range(math.prod(shape)))))


def make(folder, compiler, interpreter, runner, targets="sm_80,sm_90a", names=None, log=print):
    """Everything above. Returns what failed, with its message."""
    failures, lines = [], []

    def run(*command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
        if done.returncode:
            raise RuntimeError("%s: %s" % (" ".join(command), done.stdout.strip()))
        return done.stdout

    def make_one(name, description):
        here = os.path.join(folder, name)
        os.makedirs(here, exist_ok=True)
        path = lambda file: os.path.join(here, file)
        source = path("model.json")
        if "file" in description:
            source = description["file"]
        else:
            with open(source, "w") as out:
                json.dump(description, out)
        wanted = "forward" if "file" in description else "forward,step" if "cell" in description else "logits,prefill,step"
        run(compiler, source, "-o", path("m.xlpkg"), "--target", targets, "--function", wanted)
        cpu = os.path.join(folder, name + "_cpu.xlpkg")
        run(compiler, source, "-o", cpu, "--target", "cpu", "--isa", "x86-64-v3", "--function", wanted, "--set", "widen=none")
        functions = functions_of(run(runner, path("m.xlpkg"), "--list"))
        write(path("weights.safetensors"), weights_of(functions[wanted.split(",")[0]], description["dtype"]))

        def case(label, function, inputs):
            write(path(label + ".in.safetensors"), inputs)
            run(interpreter, source, "--function", function, "--inputs", path(label + ".in.safetensors"),
                "--weights", path("weights.safetensors"), "-o", path(label + ".expected.safetensors"))
            # Before the expected outputs are rounded.
            error = error_on_cpu(run, runner, cpu, here, label, function)
            lines.append("%s %s %s %.3g" % (name, label, function, max(BOUNDS[description["dtype"]], 1.5 * error)))
            outputs = in_f32(read(path(label + ".expected.safetensors")))
            write(path(label + ".expected.safetensors"), outputs)
            return {re.sub("_last$", "0", key): value for key, value in outputs.items() if "state." in key or key.endswith("_last")}

        for rows in ROWS if "file" in description else []:
            case("rows_%d" % rows, "forward", sequences(functions["forward"], 1, rows, name, description["dtype"]))
        for batch, time in LENGTHS.items() if "file" not in description else []:
            if "cell" in description:
                drawn = lambda function, length: sequences(functions[function], batch, length, name, description["dtype"])
                states = case("forward_%d" % batch, "forward", drawn("forward", time))
                if batch > 3:  # many states are large files
                    case("step_%d" % batch, "step", drawn("step", 0))
                    continue
                states = case("continued_%d" % batch, "forward", {**drawn("forward", time), **states})
                case("step_%d" % batch, "step", {**drawn("step", 0), **states})
                continue
            drawn = lambda length, what: {"tokens": tokens(batch, length, description["vocab_size"], name + what)}
            case("logits_%d" % batch, "logits", drawn(time, "logits"))
            if batch > 3:  # many states are large files
                case("step_%d" % batch, "step", drawn(0, "step"))
                continue
            states = case("prefill_%d" % batch, "prefill", drawn(time, "prefill"))
            states = case("continued_%d" % batch, "prefill", {**drawn(time, "continued"), **states})
            case("step_%d" % batch, "step", {**drawn(0, "step"), **states})
            if batch > 1:  # every row, so that all of the outputs are written
                order = [batch - 1, *range(batch - 1)]
                slots = {"slots": ("I32", [batch], struct.pack("<%di" % batch, *order))}
                case("slots_%d" % batch, "step", {**drawn(0, "slots"), **states, **slots})
        os.remove(cpu)
        log(name)

    for name, description in {**MODELS, **CELLS, "product_bf16": {"dtype": "bf16", "file": PRODUCT}}.items():
        try:
            if not names or name in names:
                make_one(name, description)
        except RuntimeError as error:
            failures.append("%s: %s" % (name, error))
    with open(os.path.join(folder, "cases"), "w") as out:
        out.write("\n".join(lines) + "\n")
    return failures


if __name__ == "__main__":
    sys.exit("\n".join(make(sys.argv[1], *(os.path.join(sys.argv[2], tool) for tool in ("xlstm-compile", "xlstm-interpret", "xlstm-run")),
                            names=sys.argv[3:])) or 0)

# SPDX-License-Identifier: Apache-2.0
"""The cells that numeric tests compile.

cells() is the matrix of mLSTM forward passes: every head size in both roles, and every option. large_cells() and
several_cells() are for the forward pass by several kernels, on a GPU and on a CPU. trained_cells() are smaller
cells of every kind, option and type, whose forward, backward and step functions are all checked.
"""
import json
import os

# (dqk, dv): each of 1, 5, 16, 48, 64, 96, 128, 256, 512 occurs as dqk and as dv.
SIZES = [
    (1, 5), (5, 1), (5, 16), (16, 16), (16, 128), (48, 64), (48, 96), (64, 48), (64, 64), (64, 128),
    (96, 48), (96, 256), (128, 128), (128, 256), (256, 256), (256, 512), (512, 64), (512, 512),
]
OPTIONS = {
    "exp": {},
    "exp-k": {"scale_on": "k"},
    "exp-max": {"denominator": "max_with_eps"},
    "exp-k-max": {"scale_on": "k", "denominator": "max_with_eps"},
    "sigmoid": {"input_gate": "sigmoid"},
    "sigmoid-k": {"input_gate": "sigmoid", "scale_on": "k"},
    "sigmoid-bare": {"input_gate": "sigmoid", "normalize": False},
}
# Sizes that only a step takes on a GPU, and ones that fill no block: (dqk, dv).
STEP_SIZES = [(1024, 1024), (1000, 24), (7, 1024), (33, 36)]
# All options are tried on these; the other sizes take the options in turn.
FULL = [(48, 64), (64, 128)]
SMALL = [(5, 16), (48, 64), (96, 48)]
# By several kernels on a GPU: heads, dqk, dv. (520, 1000) are no multiples of a tile, (300, 5) not of 16 bytes.
LARGE = [(2, 384, 384), (2, 512, 1024), (1, 768, 768), (1, 1024, 1024), (2, 1024, 256), (2, 520, 1000), (2, 300, 5)]
# By several kernels on a CPU, where a schedule has to ask for them.
SEVERAL = [(3, 5, 16), (2, 48, 64), (2, 300, 70), (1, 384, 384)]
LAYER_7B = {"heads": 8, "dqk": 256, "dv": 512}

# Options of the gradient of the mLSTM cell, beside those above.
GRADIENTS = {**OPTIONS, "dropped": {"normalizer_grad": "dropped"}}
GRADIENT_SIZES = [(5, 16), (16, 16), (48, 64), (1, 5), (64, 64), (96, 48), (64, 128)]
# Cells with a recurrent matrix: name, cell, types. Sizes that fill no vector, and ones that do.
BUILT_IN = [
    ("slstm", {"kind": "slstm"}, ["f32", "bf16", "f16", "f64"]),
    ("slstm-floor", {"kind": "slstm", "n_rule": "floor_one"}, ["f32", "bf16"]),
    ("slstm-clip", {"kind": "slstm", "forward_clip": 0.5, "recurrent_grad_clip": 0.1}, ["f32", "bf16"]),
    ("slstm-cut", {"kind": "slstm", "recurrent_grad_cut": True}, ["f32"]),
    ("lstm", {"kind": "lstm"}, ["f32", "bf16", "f16", "f64"]),
    ("gru", {"kind": "gru"}, ["f32", "bf16", "f16"]),
    ("elman", {"kind": "elman"}, ["f32", "bf16", "f16"]),
]
BUILT_IN_SIZES = [(2, 16), (3, 5), (1, 33), (2, 1), (2, 24)]
# Cells that are given as expressions only.
CUSTOM = ["minimal_gated_unit", "peephole_lstm", "indrnn"]
CUSTOM_TYPES = ["f32", "bf16", "f16"]
# Those that are also run over 4,096 steps.
LONG = ["mlstm_f32_exp_grad.xlpkg", "mlstm_bf16_exp_grad.xlpkg", "slstm_f32.xlpkg", "slstm_bf16.xlpkg", "lstm_f32.xlpkg"]
EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "cells")


def cells(dtypes):
    """Yields (name, description) of each cell."""
    turn = 0
    names = list(OPTIONS)
    for dtype in dtypes:
        for dqk, dv in SIZES:
            chosen = names if (dqk, dv) in FULL else [names[turn % len(names)]]
            turn += (dqk, dv) not in FULL
            for option in chosen:
                # Three heads where they are small: no power of two that strides could hide behind.
                heads = 3 if dqk * dv <= 128 * 128 else 2
                cell = {"kind": "mlstm", "heads": heads, "dqk": dqk, "dv": dv, **OPTIONS[option]}
                yield describe("mlstm_%s_%dx%d_%s" % (dtype, dqk, dv, option), dtype, cell)


def large_cells(dtypes):
    """Yields (name, description) of cells with large heads."""
    yield from in_turn("large", LARGE, dtypes)


def several_cells(dtypes):
    """Yields (name, description) of cells that are compiled with kernels = several."""
    yield from in_turn("several", SEVERAL, dtypes)


def in_turn(prefix, sizes, dtypes):
    names = list(OPTIONS)
    for i, dtype in enumerate(dtypes):
        for turn, (heads, dqk, dv) in enumerate(sizes):
            option = names[(turn + i * len(sizes)) % len(names)]
            cell = {"kind": "mlstm", "heads": heads, "dqk": dqk, "dv": dv, **OPTIONS[option]}
            yield describe("%s_%s_%dx%d_%s" % (prefix, dtype, dqk, dv, option), dtype, cell)


def step_cells(dtypes):
    """Yields (name, description) of cells of which only the step is compiled: those of cells() and STEP_SIZES, and a C of bf16 and f16."""
    yield from cells(dtypes)
    turn = 0
    names = list(OPTIONS)
    for dtype in dtypes:
        for dqk, dv in STEP_SIZES:
            option = names[turn % len(names)]
            turn += 1
            cell = {"kind": "mlstm", "heads": 2, "dqk": dqk, "dv": dv, **OPTIONS[option]}
            yield describe("mlstm_%s_%dx%d_%s" % (dtype, dqk, dv, option), dtype, cell)
        for dqk, dv, kept in [(48, 64, "bf16"), (256, 512, "bf16"), (33, 36, "bf16"), (64, 96, "f16")]:
            cell = {"kind": "mlstm", "heads": 2, "dqk": dqk, "dv": dv, "state_dtype": kept}
            yield describe("mlstm_%s_%dx%d_kept" % (dtype, dqk, dv), dtype, cell)


def trained_cells():
    """Yields (name, description) of the cells whose gradients are checked."""
    turn = 0
    for option, attributes in GRADIENTS.items():
        for dtype in ["f32", "bf16", "f16", "f64"]:
            dqk, dv = GRADIENT_SIZES[turn % len(GRADIENT_SIZES)]
            turn += 1
            cell = {"kind": "mlstm", "heads": 3, "dqk": dqk, "dv": dv, **attributes}
            yield describe("mlstm_%s_%s_grad" % (dtype, option), dtype, cell)
    for kind, attributes, dtypes in BUILT_IN:
        for dtype in dtypes:
            heads, d = BUILT_IN_SIZES[turn % len(BUILT_IN_SIZES)]
            turn += 1
            yield describe("%s_%s" % (kind, dtype), dtype, {"heads": heads, "d": d, **attributes})
    for name in CUSTOM:
        with open(os.path.join(EXAMPLES, name + ".json")) as file:
            description = json.load(file)
        for dtype in CUSTOM_TYPES:
            yield describe("%s_%s" % (name, dtype), dtype, description["cell"])


def layer_7b(dtype):
    """(name, description) of the xLSTM-7B layer's cell."""
    return describe("layer_7b_" + dtype, dtype, {"kind": "mlstm", **LAYER_7B})


def describe(name, dtype, cell):
    return name, {"xlstm_model": 1, "name": name.replace("-", "_"), "dtype": dtype, "cell": cell}


def is_small(name):
    return any("_%dx%d_" % size in name for size in SMALL)


def write(folder, name, description):
    """Writes the description; returns its path."""
    path = os.path.join(folder, name + ".json")
    with open(path, "w") as file:
        json.dump(description, file)
    return path

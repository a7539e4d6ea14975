# SPDX-License-Identifier: Apache-2.0
"""The cells that numeric tests compile: every head size in both roles, and every option of the mLSTM cell."""
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
# All options are tried on these; the other sizes take the options in turn.
FULL = [(48, 64), (64, 128)]
SMALL = [(5, 16), (48, 64), (96, 48)]
LAYER_7B = {"heads": 8, "dqk": 256, "dv": 512}


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

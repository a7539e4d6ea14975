# SPDX-License-Identifier: Apache-2.0
"""cell.py DTYPE DQKxDV OPTION: the model description of one mLSTM cell with three heads, on standard output."""
import json
import sys

OPTIONS = {
    "exp": {"input_gate": "exp"},
    "sigmoid": {"input_gate": "sigmoid"},
    "bare": {"input_gate": "sigmoid", "normalize": False},
}


def describe(dtype, shape, option):
    dqk, dv = (int(size) for size in shape.split("x"))
    cell = {"kind": "mlstm", "heads": 3, "dqk": dqk, "dv": dv, **OPTIONS[option]}
    return json.dumps({"xlstm_model": 1, "name": "cell", "dtype": dtype, "cell": cell})


if __name__ == "__main__":
    print(describe(*sys.argv[1:]))

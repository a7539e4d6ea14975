# SPDX-License-Identifier: Apache-2.0
"""usage: gradients.py GOT MODEL INPUTS BOUND [MODEL_F32]: compares gradients that a package gave (safetensors, f32 or f64) with
those of xlstm-interpret in float64.

Each has to be within BOUND in relative L2, or within four times what is lost at least: the largest error of the same ops where
each result is rounded once to f32 (xlstm-interpret --round), to nearest and four times at random. Four times, as a compiled sum rounds
after each addition and the cell is not in its recurrent form. So a sum that all but cancels and a model that magnifies any error
have to have as many digits as f32 leaves them. For results in f64, MODEL_F32 is the same model in f32, and what f64 loses is taken to
be 2^-29 of that; the bound is eight times it, as the reference has lost as much, and exp and its like are good to some ulps. Where all
that is expected is 0 and stays so when rounded, it has to be 0.
"""
import array, json, math, os, struct, subprocess, sys, tempfile

ROUNDED = [("nearest", 0), ("random", 1), ("random", 2), ("random", 3), ("random", 4)]


def read(path):
    data = open(path, "rb").read()
    size, = struct.unpack("<Q", data[:8])
    result = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            result[name] = array.array({"F64": "d", "F32": "f"}[entry["dtype"]], data[8 + size + begin:8 + size + end])
    return result


def interpret(model, inputs, *options):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "out.safetensors")
        subprocess.run(["xlstm-interpret", model, "--function", "loss_grad", "--inputs", inputs, "-o", path, *options], check=True)
        return read(path)


def error(values, expected):
    assert len(values) == len(expected)
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(values, expected)))


def lost(model, inputs):
    """By name, the largest error of rounded results."""
    expected = interpret(model, inputs)
    runs = [interpret(model, inputs, "--round", mode, "--seed", str(seed)) for mode, seed in ROUNDED]
    return {name: max(error(run[name], value) for run in runs) for name, value in expected.items()}


got, model, inputs, bound = read(sys.argv[1]), sys.argv[2], sys.argv[3], float(sys.argv[4])
expected, floors, worst, rounded, worst_ratio = interpret(model, inputs), None, 0.0, 0, 0.0
assert set(got) == set(expected), sorted(set(got) ^ set(expected))
for name, reference in expected.items():
    found, scale = error(got[name], reference), math.hypot(*reference)
    if found <= bound * scale:
        worst = max(worst, found / scale if scale else 0.0)
        continue
    if floors is None:
        floors = lost(sys.argv[5] if len(sys.argv) > 5 else model, inputs)
    floor, times = (floors[name] * 2.0 ** -29, 8) if got[name].typecode == "d" else (floors[name], 4)
    ratio = found / floor if floor else math.inf
    if ratio > times:
        sys.exit("%s: expected an error of at most %.1e of %.1e, or %d times %.1e, what rounding loses, got %.1e" % (
            name, bound, scale, times, floor, found))
    rounded, worst_ratio = rounded + 1, max(worst_ratio, ratio)
print("%d values agree, %d of them within what rounding loses" % (len(expected), rounded))
print("the worst of the others within %.1e" % worst)
print("the worst of these %.2f times that" % worst_ratio)

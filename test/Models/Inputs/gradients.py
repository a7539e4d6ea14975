# SPDX-License-Identifier: Apache-2.0
"""usage: gradients.py GOT EXPECTED BOUND: compares two files of gradients (safetensors, f32 or f64), each within BOUND in relative L2.

The bias of an mLSTM's exponential input gate scales numerator and denominator of h alike: its gradient is a sum that all but
cancels, and its error is measured by the gradient of the gate's weight, whose terms are of the same size. Where all that is expected
is 0, it has to be that.
"""
import array, json, math, struct, sys


def read(path):
    data = open(path, "rb").read()
    size, = struct.unpack("<Q", data[:8])
    result = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            result[name] = array.array({"F64": "d", "F32": "f"}[entry["dtype"]], data[8 + size + begin:8 + size + end])
    return result


def norm(values):
    return math.sqrt(sum(x * x for x in values))


got, expected, bound = read(sys.argv[1]), read(sys.argv[2]), float(sys.argv[3])
assert set(got) == set(expected), sorted(set(got) ^ set(expected))
worst, cancelling = 0.0, 0
for name, reference in expected.items():
    assert len(got[name]) == len(reference), name
    scale = norm(reference)
    if name.endswith(("mlstm_cell.igate.bias", "igate_preact.bias")):
        cancelling += 1
        scale = norm(expected[name[:-len("bias")] + "weight"])
    error = norm([x - y for x, y in zip(got[name], reference)])
    if scale == 0:
        assert error == 0, (name, "expected zeros, got", error)
        continue
    error /= scale
    assert error <= bound, (name, error, bound)
    worst = max(worst, error)
print("%d values agree, %d of them by the scale of a weight" % (len(expected), cancelling))
print("the worst within %.1e" % worst)

# SPDX-License-Identifier: Apache-2.0
"""Writes and prints small safetensors files with nothing but the standard library.

tensors.py write FILE NAME:DTYPE:SHAPE:VALUES ...    as x:F32:1x2x4:0,1,2,3,4,5,6,7; one value fills the tensor,
                                                     and ~P gives sin(P), sin(2 P), ...
tensors.py print FILE                                one line per tensor
tensors.py same FILE FILE                            exit code 1 unless the tensors are equal bit by bit
tensors.py join FILE FILE OUT                        the tensors of both files; of those in both, the second's
tensors.py scale FILE OUT FACTOR                     all floating-point numbers times a factor
tensors.py cut FILE OUT BYTES                        the first bytes of a file; a negative number drops from the end
"""
import json
import math
import struct
import sys

FORMATS = {"F64": "d", "F32": "f", "I64": "q", "I32": "i", "U8": "B"}


def write(path, tensors):
    """tensors: {name: (dtype, shape, bytes)}."""
    header, data = {}, b""
    for name, (dtype, shape, raw) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)


def parse(specs):
    tensors = {}
    for spec in specs:
        name, dtype, shape, values = spec.split(":")
        shape = [int(n) for n in shape.split("x") if n]
        count = 1
        for extent in shape:
            count *= extent
        if values.startswith("~"):
            values = ",".join(repr(math.sin(float(values[1:]) * (i + 1))) for i in range(count))
        numbers = [float(v) for v in values.split(",") if v]
        numbers = numbers * count if len(numbers) == 1 else numbers
        if dtype not in ("F32", "F64"):
            numbers = [int(v) for v in numbers]
        tensors[name] = (dtype, shape, struct.pack("<%d%s" % (len(numbers), FORMATS[dtype]), *numbers))
    return tensors


def read(path):
    with open(path, "rb") as file:
        raw = file.read()
    (length,) = struct.unpack("<Q", raw[:8])
    header, data = json.loads(raw[8 : 8 + length]), raw[8 + length :]
    header.pop("__metadata__", None)
    return {n: (t["dtype"], t["shape"], data[slice(*t["data_offsets"])]) for n, t in sorted(header.items())}


def main(verb, *args):
    if verb == "write":
        write(args[0], parse(args[1:]))
    elif verb == "print":
        for name, (dtype, shape, raw) in read(args[0]).items():
            values = struct.unpack("<%d%s" % (len(raw) // struct.calcsize(FORMATS[dtype]), FORMATS[dtype]), raw)
            print(name, dtype, "x".join(map(str, shape)), " ".join("%g" % v for v in values))
    elif verb == "same":
        return 0 if read(args[0]) == read(args[1]) else 1
    elif verb == "join":
        write(args[2], {**read(args[0]), **read(args[1])})
    elif verb == "scale":
        def scaled(dtype, shape, raw):
            if dtype not in ("F32", "F64"):
                return dtype, shape, raw
            code = "<%d%s" % (len(raw) // struct.calcsize(FORMATS[dtype]), FORMATS[dtype])
            return dtype, shape, struct.pack(code, *(float(args[2]) * v for v in struct.unpack(code, raw)))
        write(args[1], {name: scaled(*tensor) for name, tensor in read(args[0]).items()})
    elif verb == "cut":
        with open(args[0], "rb") as file:
            data = file.read()
        with open(args[1], "wb") as out:
            out.write(data[: int(args[2])])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

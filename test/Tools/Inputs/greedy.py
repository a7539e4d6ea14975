# SPDX-License-Identifier: Apache-2.0
"""Continues a text greedily with nothing but xlstm-run: greedy.py PACKAGE LETTERS PROMPT TOKENS FOLDER; token k is letter k.

Prints what `generate --greedy` has to print: the prompt is one run of `prefill`, every token more a run of `step` on the states
that the run before wrote.
"""
import os
import struct
import subprocess
import sys

import tensors


def run(package, function, inputs, outputs):
    subprocess.run(["xlstm-run", package, "--function", function, "--inputs", inputs, "--poison", "-o", outputs],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    dtype, shape, raw = tensors.read(outputs)["logits"]
    logits = struct.unpack("<%d%s" % (shape[-1], tensors.FORMATS[dtype]), raw)
    return max(range(len(logits)), key=lambda token: logits[token])


package, letters, prompt, count, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
read, states, both = (os.path.join(folder, name) for name in ("tokens", "states", "both"))
tokens = ",".join(str(letters.index(letter)) for letter in prompt)
tensors.write(read, tensors.parse(["tokens:I32:1x%d:%s" % (len(prompt), tokens)]))
text = [run(package, "prefill", read, states)]
while len(text) < int(count):
    tensors.write(read, tensors.parse(["tokens:I32:1:%d" % text[-1]]))
    tensors.main("join", states, read, both)
    text.append(run(package, "step", both, states))
print(prompt + "".join(letters[token] for token in text))

# SPDX-License-Identifier: Apache-2.0
"""usage: batch.py OUT B T VOCABULARY COUNTED: random tokens [B, T] and targets as safetensors (I32); of ten targets COUNTED count, the
others are -1, or another negative number."""
import json, random, struct, sys

path, (batch, time, vocabulary, counted) = sys.argv[1], map(int, sys.argv[2:])
source = random.Random(str(sys.argv[2:]))
tokens = [source.randrange(vocabulary) for _ in range(batch * time)]
targets = [source.randrange(vocabulary) if n % 10 < counted else -source.choice((1, 100)) for n in range(batch * time)]
source.shuffle(targets)
size = 4 * batch * time
header = json.dumps({name: {"dtype": "I32", "shape": [batch, time], "data_offsets": [at, at + size]}
                     for name, at in (("tokens", 0), ("targets", size))}).encode()
with open(path, "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header + struct.pack("<%di" % (2 * batch * time), *tokens, *targets))

# SPDX-License-Identifier: Apache-2.0
"""Models of blocks in plain Python floats: what the interpreter and compiled packages are compared with.

Written from the formulas (xLSTM, arXiv 2405.04517; xLSTM 7B, 2503.13427), token by token, with nothing but the
standard library, and without a look at the IR: names, shapes and layouts of checkpoints are spelled out here again.

reference.py make MODEL FOLDER    writes config.json (or config.yaml), model.safetensors, and for every function its
                                  inputs and expected outputs: FUNCTION.in.safetensors, FUNCTION.expected.safetensors
reference.py check MODEL GRADIENTS compares gradients, as loss_grad gives them for loss_grad.in, with central differences
                                  of the loss along a random direction of each parameter
MODEL is one of those at the end of this file.
"""
import copy
import json
import math
import os
import random
import re
import struct
import sys


# Files ------------------------------------------------------------------------------------------

def flat(value):
    if isinstance(value, list):
        return [x for part in value for x in flat(part)]
    return [value]


def shape_of(value):
    return [len(value)] + shape_of(value[0]) if isinstance(value, list) and value else [0] if isinstance(value, list) else []


def write(path, tensors):
    """tensors: {name: (dtype, nested list)}; dtype is F64, F32 or I32."""
    header, data = {}, b""
    for name, (dtype, value) in tensors.items():
        raw = struct.pack("<%d%s" % (len(flat(value)), {"F64": "d", "F32": "f", "I32": "i"}[dtype]), *flat(value))
        header[name] = {"dtype": dtype, "shape": shape_of(value), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    with open(path, "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + data)


# Parameters -------------------------------------------------------------------------------------

class Parameters:
    """Draws each parameter when it is first asked for, rounded to f32, bf16 or f16, from its name alone."""

    def __init__(self, dtype=None):
        self.values, self.dtype = {}, dtype

    def __call__(self, name, *shape, scale=None):
        if name not in self.values:
            source = random.Random(name)
            scale = scale if scale is not None else 1.5 / math.sqrt(shape[-1])

            def draw(extents):
                if not extents:
                    drawn = source.gauss(0, scale)
                    if self.dtype == "f16":
                        return struct.unpack("e", struct.pack("e", drawn))[0]
                    (bits,) = struct.unpack("I", struct.pack("f", drawn))
                    if self.dtype == "bf16":
                        bits = (bits + 0x7fff + (bits >> 16 & 1)) >> 16 << 16
                    return struct.unpack("f", struct.pack("I", bits))[0]
                return [draw(extents[1:]) for _ in range(extents[0])]

            self.values[name] = draw(shape)
        value = self.values[name]
        assert shape_of(value) == list(shape), name
        return value


# Layers: x is one token, a list of floats ----------------------------------------------------------

def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else math.exp(x) / (1 + math.exp(x))


def log_sigmoid(x):
    return min(x, 0) - math.log1p(math.exp(-abs(x)))


def silu(x):
    return x * sigmoid(x)


ACTIVATIONS = {
    "gelu": lambda x: x * 0.5 * (1 + math.erf(x / math.sqrt(2))),
    "relu": lambda x: max(x, 0.0),
    "relu^2": lambda x: max(x, 0.0) ** 2,
    "sigmoid": sigmoid,
    "swish": silu,
    "selu": lambda x: 1.0507009873554805 * (x if x > 0 else 1.6732632423543772 * math.expm1(x)),
}


def dot(a, b):
    return math.fsum(x * y for x, y in zip(a, b))


def linear(x, weight, bias=None):
    return [dot(row, x) + (bias[n] if bias else 0) for n, row in enumerate(weight)]


def heads_linear(x, weight, bias=None):
    """weight [N, O, I]: each of N equal parts of x has a matrix of its own."""
    size, y = len(weight[0][0]), []
    for n, matrix in enumerate(weight):
        y += linear(x[n * size:(n + 1) * size], matrix)
    return [a + b for a, b in zip(y, bias)] if bias else y


def layer_norm(x, factor, eps):
    mean = math.fsum(x) / len(x)
    variance = math.fsum((v - mean) ** 2 for v in x) / len(x)
    return [(v - mean) / math.sqrt(variance + eps) * f for v, f in zip(x, factor)]


def rms_norm(x, factor, eps):
    return [v / math.sqrt(dot(x, x) / len(x) + eps) * f for v, f in zip(x, factor)]


def head_norm(x, heads, factor, eps):
    size, y = len(x) // heads, []
    for h in range(heads):
        part = slice(h * size, (h + 1) * size)
        y += layer_norm(x[part], factor[part], eps)
    return y


def one_plus(weight):
    return [1 + w for w in weight]


def add(x, y):
    return [a + b for a, b in zip(x, y)]


def convolve(x, weight, bias, state):
    """weight [C, 1, K]; state: the K - 1 inputs before, oldest first; it moves on."""
    window = state + [x]
    y = [b + math.fsum(w[0][j] * window[j][c] for j in range(len(window))) for c, (w, b) in enumerate(zip(weight, bias))]
    state[:] = window[1:]
    return y


def mlstm(q, k, v, i, f, state, cell):
    """One token of all heads; q [H][dqk], v [H][dv]; state: lists c, n, m by head."""
    h = []
    for n in range(len(q)):
        scale = 1 / math.sqrt(len(q[n]))
        key = [x * scale for x in k[n]] if cell["scale_on"] == "k" else k[n]
        query = q[n] if cell["scale_on"] == "k" else [x * scale for x in q[n]]
        forget = log_sigmoid(f[n])
        if cell.get("input_gate", "exp") == "exp":
            m = max(forget + state["m"][n], i[n])
            keep, take = math.exp(forget + state["m"][n] - m), math.exp(i[n] - m)
            state["m"][n] = m
            floor = math.exp(-m)
        else:
            keep, take, floor = math.exp(forget), sigmoid(i[n]), 1.0
        c = state["c"][n]
        for a in range(len(key)):
            for b in range(len(v[n])):
                c[a][b] = keep * c[a][b] + take * key[a] * v[n][b]
        out = [dot(query, [row[b] for row in c]) for b in range(len(v[n]))]
        if "n" in state:
            state["n"][n] = [keep * old + take * new for old, new in zip(state["n"][n], key)]
            divisor = max(abs(dot(query, state["n"][n])), floor) + cell.get("eps", 1e-6)
            out = [x / divisor for x in out]
        h.append(out)
    return h


def slstm(gates, r, b, state, cell):
    """gates [4][H][d]; r [4][H][d][d]; b [4][H][d]; state: h, c, n, m [H][d]."""
    heads, size = len(r[0]), len(r[0][0])
    new = {name: [[0.0] * size for _ in range(heads)] for name in state}
    for h in range(heads):
        for d in range(size):
            i, f, z, o = (gates[g][h][d] + dot(r[g][h][d], state["h"][h]) + b[g][h][d] for g in range(4))
            c0 = state["c"][h][d]
            if cell["kind"] == "lstm":
                c = sigmoid(f) * c0 + sigmoid(i) * math.tanh(z)
                new["c"][h][d], new["h"][h][d] = c, sigmoid(o) * math.tanh(c)
                continue
            n0, m0 = state["n"][h][d], state["m"][h][d]
            forget = log_sigmoid(f) + m0
            m = i if n0 == 0 else max(i, forget)
            take, keep = math.exp(i - m), math.exp(forget - m) if n0 != 0 else 0.0
            c, n = keep * c0 + take * math.tanh(z), keep * n0 + take
            new["c"][h][d], new["n"][h][d], new["m"][h][d] = c, n, m
            new["h"][h][d] = sigmoid(o) * c / n
    for name in state:
        state[name] = new[name]
    return [x for head in state["h"] for x in head]


def split_heads(x, heads):
    size = len(x) // heads
    return [x[h * size:(h + 1) * size] for h in range(heads)]


def round_up(value, multiple):
    return -(-int(value) // multiple) * multiple


def zeros(*shape):
    return [zeros(*shape[1:]) for _ in range(shape[0])] if shape else 0.0


# Blocks -------------------------------------------------------------------------------------------

class Block:
    def __init__(self, spec, width, parameters, prefix):
        self.spec, self.width, self.heads = spec, width, spec["heads"]
        self.p = lambda name, *shape, **options: parameters(prefix + name, *shape, **options)
        self.bias = spec.get("use_bias", False)
        self.cell = {"input_gate": spec.get("input_gate", "exp"), "normalize": spec.get("normalize", True)}

    def cell_state(self, dqk, dv):
        state = {"c": zeros(self.heads, dqk, dv)}
        if self.cell["input_gate"] == "exp" or self.cell["normalize"]:
            state["n"] = zeros(self.heads, dqk)
        if self.cell["input_gate"] == "exp":
            state["m"] = zeros(self.heads)
        return state


class MLSTMBlock(Block):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.inner = round_up(self.spec.get("proj_factor", 2.0) * self.width,
                              self.spec.get("proj_round_up_to_multiple_of", 64))
        self.cell["scale_on"] = "k"
        self.kernel, self.size = self.spec.get("conv1d_kernel_size", 4), self.spec.get("qkv_proj_blocksize", 4)

    def state(self):
        state = {"conv": zeros(self.kernel - 1, self.inner)} if self.kernel > 1 else {"conv": []}
        state.update(self.cell_state(self.inner // self.heads, self.inner // self.heads))
        return state

    def __call__(self, x, state):
        p, d, e, h, s = self.p, self.width, self.inner, self.heads, self.size
        bias = lambda name, size: p(name, size, scale=0.5) if self.bias else None
        u = layer_norm(x, one_plus(p("xlstm_norm.weight", d, scale=0.3)), 1e-5)
        both = linear(u, p("xlstm.proj_up.weight", 2 * e, d), bias("xlstm.proj_up.bias", 2 * e))
        u, z = both[:e], both[e:]
        a = convolve(u, p("xlstm.conv1d.conv.weight", e, 1, self.kernel), p("xlstm.conv1d.conv.bias", e, scale=0.5),
                     state["conv"])
        a = [silu(value) for value in a]
        q = heads_linear(a, p("xlstm.q_proj.weight", e // s, s, s), bias("xlstm.q_proj.bias", e))
        k = heads_linear(a, p("xlstm.k_proj.weight", e // s, s, s), bias("xlstm.k_proj.bias", e))
        v = heads_linear(u, p("xlstm.v_proj.weight", e // s, s, s), bias("xlstm.v_proj.bias", e))
        i = linear(q + k + v, p("xlstm.mlstm_cell.igate.weight", h, 3 * e), p("xlstm.mlstm_cell.igate.bias", h))
        f = linear(q + k + v, p("xlstm.mlstm_cell.fgate.weight", h, 3 * e), p("xlstm.mlstm_cell.fgate.bias", h))
        out = mlstm(split_heads(q, h), split_heads(k, h), split_heads(v, h), i, f, state, self.cell)
        g = head_norm(flat(out), h, one_plus(p("xlstm.mlstm_cell.outnorm.weight", e, scale=0.3)), 1e-5)
        skip = p("xlstm.learnable_skip", e, scale=1.0)
        g = [(value + b * c) * silu(gate) for value, b, c, gate in zip(g, skip, a, z)]
        return add(x, linear(g, p("xlstm.proj_down.weight", d, e), bias("xlstm.proj_down.bias", d)))


class SLSTMBlock(Block):
    """storage: "cell" for native models, "cuda" or "vanilla" for those of the first package."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.kernel = self.spec.get("conv1d_kernel_size", 4)
        self.storage = self.spec.get("storage", "cell")
        self.kind = {"kind": self.spec.get("function", "slstm")}

    def state(self):
        names = ("h", "c", "n", "m") if self.kind["kind"] == "slstm" else ("h", "c")
        size = self.width // self.heads
        state = {"conv": zeros(self.kernel - 1, self.width)} if self.kernel > 1 else {"conv": []}
        state.update({name: zeros(self.heads, size) for name in names})
        return state

    def recurrent(self):
        p, h, d = self.p, self.heads, self.width // self.heads
        if self.storage == "cell":
            return p("xlstm.slstm_cell.r", 4, h, d, d), p("xlstm.slstm_cell.b", 4, h, d, scale=1.0)
        if self.storage == "cuda":
            kernel = p("xlstm.slstm_cell._recurrent_kernel_", h, d, 4 * d)
            bias = p("xlstm.slstm_cell._bias_", 4 * h * d, scale=1.0)
            r = [[[[kernel[n][i][g * d + o] for i in range(d)] for o in range(d)] for n in range(h)] for g in range(4)]
            return r, [[[bias[(n * 4 + g) * d + o] for o in range(d)] for n in range(h)] for g in range(4)]
        kernel = p("xlstm.slstm_cell._recurrent_kernel_", h, 4 * d, d)
        bias = p("xlstm.slstm_cell._bias_", 4 * h * d, scale=1.0)
        r = [[[kernel[n][g * d + o] for o in range(d)] for n in range(h)] for g in range(4)]
        return r, [[[bias[(g * h + n) * d + o] for o in range(d)] for n in range(h)] for g in range(4)]

    def __call__(self, x, state):
        p, width, h, d = self.p, self.width, self.heads, self.width // self.heads
        u = layer_norm(x, one_plus(p("xlstm_norm.weight", width, scale=0.3)), 1e-5)
        a = u
        if self.kernel:
            a = convolve(u, p("xlstm.conv1d.conv.weight", width, 1, self.kernel),
                         p("xlstm.conv1d.conv.bias", width, scale=0.5), state["conv"])
            a = [silu(value) for value in a]
        # The first package stores the projection of i as `fgate` and that of f as `igate`.
        first, second = ("igate", "fgate") if self.storage == "cell" else ("fgate", "igate")
        gates = [heads_linear(y, p("xlstm.%s.weight" % name, h, d, d))
                 for name, y in ((first, a), (second, a), ("zgate", u), ("ogate", u))]
        r, b = self.recurrent()
        cell = {name: value for name, value in state.items() if name != "conv"}
        y = slstm([split_heads(gate, h) for gate in gates], r, b, cell, self.kind)
        state.update(cell)
        factor = one_plus(p("xlstm.group_norm.weight", width, scale=0.3)) if self.spec.get("group_norm_weight", True) else [1.0] * width
        x = add(x, head_norm(y, h, factor, 1e-5))
        if not self.spec.get("ffn", True):
            return x
        inner = round_up(self.spec.get("ffn_proj_factor", 1.3) * width, self.spec.get("ffn_round_up_to_multiple_of", 64))
        u = layer_norm(x, one_plus(p("ffn_norm.weight", width, scale=0.3)), 1e-5)
        both = linear(u, p("ffn.proj_up.weight", 2 * inner, width))
        activation = ACTIVATIONS[self.spec.get("ffn_act_fn", "gelu")]
        gated = [activation(g) * up for g, up in zip(both[:inner], both[inner:])]
        return add(x, linear(gated, p("ffn.proj_down.weight", width, inner)))


class LargeBlock(Block):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.cell["scale_on"] = "q"
        self.keys = int(self.width * self.spec.get("qk_dim_factor", 0.5))
        self.values = int(self.width * self.spec.get("v_dim_factor", 1.0))

    def state(self):
        return self.cell_state(self.keys // self.heads, self.values // self.heads)

    def __call__(self, x, state):
        p, d, h, keys, values = self.p, self.width, self.heads, self.keys, self.values
        bias = lambda name, size: p(name, size, scale=0.5) if self.bias else None
        plus = lambda y, name: add(y, p(name, len(y), scale=0.5)) if self.bias else y
        cap = self.spec.get("gate_soft_cap", 15.0)
        fused = self.spec.get("weight_mode", "single") == "fused"
        u = plus(rms_norm(x, p("norm_mlstm.weight", d, scale=1.0), 1e-6), "norm_mlstm.bias")
        if fused:
            rows = 2 * (keys + values)
            everything = linear(u, p("mlstm_layer.qkv_opreact.weight", rows, d), bias("mlstm_layer.qkv_opreact.bias", rows))
            q, k = everything[:keys], everything[keys:2 * keys]
            v, o = everything[2 * keys:2 * keys + values], everything[2 * keys + values:]
            gates = linear(u, p("mlstm_layer.ifgate_preact.weight", 2 * h, d), p("mlstm_layer.ifgate_preact.bias", 2 * h))
            i, f = gates[:h], gates[h:]
        else:
            q, k, v, o = (linear(u, p("mlstm_layer.%s.weight" % name, rows, d), bias("mlstm_layer.%s.bias" % name, rows))
                          for name, rows in (("q", keys), ("k", keys), ("v", values), ("ogate_preact", values)))
            i, f = (linear(u, p("mlstm_layer.%s.weight" % name, h, d), p("mlstm_layer.%s.bias" % name, h, scale=2.0))
                    for name in ("igate_preact", "fgate_preact"))
        if cap is not None:
            i, f = ([cap * math.tanh(value / cap) for value in gate] for gate in (i, f))
        out = flat(mlstm(split_heads(q, h), split_heads(k, h), split_heads(v, h), i, f, state, self.cell))
        out = plus(head_norm(out, h, p("mlstm_layer.multihead_norm.weight", values, scale=1.0), 1e-6),
                   "mlstm_layer.multihead_norm.bias")
        out = [value * sigmoid(gate) for value, gate in zip(out, o)]
        x = add(x, linear(out, p("mlstm_layer.out_proj.weight", d, values), bias("mlstm_layer.out_proj.bias", d)))
        inner = round_up(self.spec.get("ffn_proj_factor", 2.667) * d, self.spec.get("ffn_round_up_to_multiple_of", 64))
        u = plus(rms_norm(x, p("norm_ffn.weight", d, scale=1.0), 1e-6), "norm_ffn.bias")
        if fused:
            both = linear(u, p("ffn.proj_up_gate_z.weight", 2 * inner, d), bias("ffn.proj_up_gate_z.bias", 2 * inner))
            gate, up = both[:inner], both[inner:]
        else:
            gate = linear(u, p("ffn.proj_up_gate.weight", inner, d), bias("ffn.proj_up_gate.bias", inner))
            up = linear(u, p("ffn.proj_up.weight", inner, d), bias("ffn.proj_up.bias", inner))
        gated = [silu(a) * b for a, b in zip(gate, up)]
        return add(x, linear(gated, p("ffn.proj_down.weight", d, inner), bias("ffn.proj_down.bias", d)))


KINDS = {"mlstm_block": MLSTMBlock, "slstm_block": SLSTMBlock, "xlstm_large_block": LargeBlock}


# Models -------------------------------------------------------------------------------------------

class Model:
    def __init__(self, spec):
        self.spec, self.width, self.vocabulary = spec, spec["width"], spec.get("vocabulary")
        self.p = Parameters(spec.get("dtype"))
        self.blocks = [KINDS[block["kind"]](block, self.width, self.p, "%s%d." % (spec["names"]["blocks"], number))
                       for number, block in enumerate(spec["blocks"])]

    def state(self):
        return [block.state() for block in self.blocks]

    def run(self, x, state):
        """One token through all blocks and the norm behind them."""
        for block, part in zip(self.blocks, state):
            x = block(x, part)
        if self.spec.get("out_norm", True):
            weight = self.p(self.spec["names"]["out_norm"] + ".weight", self.width, scale=0.5)
            if isinstance(self.blocks[-1], LargeBlock):
                x = rms_norm(x, weight, 1e-6)
                if self.blocks[-1].bias:
                    x = add(x, self.p(self.spec["names"]["out_norm"] + ".bias", self.width, scale=0.5))
            else:
                x = layer_norm(x, one_plus(weight), self.spec.get("norm_eps", 1e-5))
        return x

    def token(self, token, state):
        table = self.p(self.spec["names"]["embedding"] + ".weight", self.vocabulary, self.width, scale=1.0)
        head = table if self.spec.get("tied") else self.p(self.spec["names"]["head"] + ".weight", self.vocabulary, self.width)
        logits, cap = linear(self.run(table[token], state), head), self.spec.get("cap")
        return [cap * math.tanh(value / cap) for value in logits] if cap else logits


def stack_states(states):
    """State tensors of a batch, by name; those without elements are not there."""
    named = {}
    for number in range(len(states[0])):
        for name in states[0][number]:
            value = [state[number][name] for state in states]
            if flat(value):
                named["state.%d.%s" % (number, name)] = ("F64", value)
    return named


def cross_entropy(rows, targets):
    losses = []
    for logits, target in zip(rows, targets):
        if target >= 0:
            top = max(logits)
            losses.append(top + math.log(math.fsum(math.exp(v - top) for v in logits)) - logits[target])
    return math.fsum(losses) / len(losses)


def make(spec, folder):
    os.makedirs(folder, exist_ok=True)
    source, batch, time = random.Random("tokens"), 2, 6
    model = Model(spec)
    out = lambda name, tensors: write(os.path.join(folder, name + ".safetensors"), tensors)
    states = [model.state() for _ in range(batch)]
    if spec.get("vocabulary"):
        tokens = [[source.randrange(spec["vocabulary"]) for _ in range(time)] for _ in range(batch)]
        targets = [[source.randrange(-1, spec["vocabulary"]) for _ in range(time)] for _ in range(batch)]
        logits = [[model.token(token, state) for token in row] for row, state in zip(tokens, states)]
        out("logits.in", {"tokens": ("I32", tokens)})
        out("logits.expected", {"logits": ("F64", logits)})
        out("prefill.in", {"tokens": ("I32", tokens)})
        out("prefill.expected", {"logits": ("F64", [row[-1] for row in logits]), **stack_states(states)})
        out("loss.in", {"tokens": ("I32", tokens), "targets": ("I32", targets)})
        loss = cross_entropy([row for part in logits for row in part], [t for part in targets for t in part])
        out("loss.expected", {"loss": ("F64", [loss])})
        out("loss_grad.in", {"tokens": ("I32", GRADIENT_TOKENS), "targets": ("I32", GRADIENT_TARGETS)})
        before = copy.deepcopy(stack_states(states))
        token = [source.randrange(spec["vocabulary"]) for _ in range(batch)]
        result = [model.token(t, state) for t, state in zip(token, states)]
        out("step.in", {"tokens": ("I32", token), **before})
        out("step.expected", {"logits": ("F64", result), **stack_states(states)})
    else:
        x = [[[struct.unpack("f", struct.pack("f", source.gauss(0, 1)))[0] for _ in range(spec["width"])]
              for _ in range(time)] for _ in range(batch)]
        y = [[model.run(value, state) for value in row] for row, state in zip(x, states)]
        out("forward.in", {"x": ("F64", x)})
        out("forward.expected", {"y": ("F64", y), **stack_states(states)})
    for name in list(model.p.values):
        model.p.values[spec.get("rename", str)(name)] = model.p.values.pop(name)
    out("model", {name: ("F32", value) for name, value in model.p.values.items()})
    for name, text in spec["files"].items():
        with open(os.path.join(folder, name), "w") as file:
            file.write(text)


GRADIENT_TOKENS, GRADIENT_TARGETS = [[1, 4, 2]], [[4, -1, 3]]


def read(path):
    with open(path, "rb") as file:
        raw = file.read()
    (length,) = struct.unpack("<Q", raw[:8])
    header, data = json.loads(raw[8:8 + length]), raw[8 + length:]
    header.pop("__metadata__", None)
    return {name: struct.unpack("<%dd" % ((t["data_offsets"][1] - t["data_offsets"][0]) // 8), data[slice(*t["data_offsets"])])
            for name, t in header.items()}


# m of the mLSTM cell has no gradient by definition, but h depends on it through eps = 1e-6: the central difference of what
# moves m differs by some 1e-6. All other gradients agree within 1e-8.
def check(spec, path, step=1e-5, bound=1e-5):
    model, found = Model(spec), read(path)

    def loss():
        rows, targets = [], []
        for tokens, wanted in zip(GRADIENT_TOKENS, GRADIENT_TARGETS):
            state = model.state()
            rows += [model.token(token, state) for token in tokens]
            targets += wanted
        return cross_entropy(rows, targets)

    def move(value, direction, by):
        """Adds to every element of nested lists, in place."""
        for n, part in enumerate(value):
            if isinstance(part, list):
                move(part, direction, by)
            else:
                value[n] = part + by * next(direction)

    value = loss()
    assert abs(found["loss"][0] - value) <= 1e-12 * abs(value), ("loss", found["loss"][0], value)
    assert set(found) == {"loss"} | {"grad." + name for name in model.p.values}, set(found)
    worst = 0.0
    for name, parameter in model.p.values.items():
        gradient = found["grad." + name]
        source = random.Random("direction " + name)
        direction = [source.gauss(0, 1) for _ in flat(parameter)]
        assert len(gradient) == len(direction), name
        kept = copy.deepcopy(parameter)
        move(parameter, iter(direction), step)
        above = loss()
        parameter[:] = copy.deepcopy(kept)
        move(parameter, iter(direction), -step)
        below = loss()
        parameter[:] = kept
        expected, got = (above - below) / (2 * step), dot(gradient, direction)
        # The scale of the sum, which may cancel.
        scale = math.sqrt(dot(gradient, gradient) * dot(direction, direction)) + 1e-6
        worst = max(worst, abs(got - expected) / scale)
        assert abs(got - expected) <= bound * scale, (name, got, expected)
    print("%d gradients agree with central differences, the worst within %.1e" % (len(model.p.values), worst))


NATIVE = {"embedding": "embedding", "out_norm": "out_norm", "head": "lm_head", "blocks": "blocks."}


def native(blocks, vocabulary=11, width=8, dtype="f64", **options):
    """A native description and the model that it says; options of the top level by their native names."""
    text = {"xlstm_model": 1, "name": "model", "dtype": dtype, "embedding_dim": width, "blocks": blocks, **options}
    if vocabulary:
        text["vocab_size"] = vocabulary
    return {"width": width, "vocabulary": vocabulary, "names": NATIVE, "blocks": blocks,
            "tied": options.get("tie_word_embeddings", False), "cap": options.get("output_logit_soft_cap"),
            "out_norm": options.get("add_out_norm", True), "dtype": dtype, "norm_eps": options.get("norm_eps", 1e-6),
            "files": {"config.json": json.dumps(text)}}


def hugging_face(**options):
    text = {"model_type": "xlstm", "vocab_size": 13, "hidden_size": 16, "num_hidden_layers": 2, "num_heads": 2,
            "autocast_kernel_dtype": "float64", "weight_mode": "single", "ffn_round_up_to_multiple_of": 8, **options}
    block = {"kind": "xlstm_large_block", "heads": 2, "ffn_round_up_to_multiple_of": text["ffn_round_up_to_multiple_of"], "use_bias": text.get("use_bias", False),
             "weight_mode": text["weight_mode"]}
    names = {"embedding": "backbone.embeddings", "out_norm": "backbone.out_norm", "head": "lm_head", "blocks": "backbone.blocks."}
    return {"width": text["hidden_size"], "vocabulary": 13, "names": names, "blocks": [block, block], "cap": 30.0,
            "tied": text.get("tie_word_embeddings", False), "dtype": "bf16" if text["autocast_kernel_dtype"] == "bfloat16" else None,
            "files": {"config.json": json.dumps(text)}}


def first_package(backend, function="slstm", vocabulary=9):
    """xLSTM[1:1] of the first package, as its YAML says it."""
    yaml = """model:
  embedding_dim: 16
  num_blocks: 2
  slstm_at: [1]
  context_length: 32
  mlstm_block: {mlstm: {num_heads: 2, round_proj_up_to_multiple_of: 8}}
  slstm_block:
    slstm: {num_heads: 2, backend: %s, function: %s}
    feedforward: {proj_factor: 1.3, act_fn: gelu, round_proj_up_to_multiple_of: 8}
""" % (backend, function)
    stack = "xlstm_block_stack." if vocabulary else ""
    if vocabulary:
        yaml += "  vocab_size: %d\n" % vocabulary
    names = {"embedding": "token_embedding", "out_norm": stack + "post_blocks_norm", "head": "lm_head", "blocks": stack + "blocks."}
    blocks = [{"kind": "mlstm_block", "heads": 2, "proj_round_up_to_multiple_of": 8},
              {"kind": "slstm_block", "heads": 2, "storage": backend, "function": function, "ffn_round_up_to_multiple_of": 8}]
    return {"width": 16, "vocabulary": vocabulary, "names": names, "blocks": blocks, "files": {"config.yaml": yaml}}


M = {"kind": "mlstm_block", "heads": 2, "proj_round_up_to_multiple_of": 8}
S = {"kind": "slstm_block", "heads": 2, "ffn_round_up_to_multiple_of": 8}
L = {"kind": "xlstm_large_block", "heads": 2, "ffn_round_up_to_multiple_of": 8}
LONG = re.compile(r"\.([qkv])\.")
MODELS = {
    "mixed": native([M, S, L]),
    "mixed_f32": native([M, S, L], dtype="f32"),
    "mixed_bf16": native([M, S, L], dtype="bf16"),
    "mixed_f16": native([M, S, L], dtype="f16"),
    "large_bf16": native([L, L], dtype="bf16"),
    "mlstm_bf16": native([M, M], dtype="bf16"),
    "slstm_f16": native([S, S], dtype="f16"),
    "mixed_gpu": native([dict(M, proj_round_up_to_multiple_of=64), dict(L, ffn_round_up_to_multiple_of=64)], width=128, dtype="bf16"),
    "tied": native([L, S], tie_word_embeddings=True, output_logit_soft_cap=3.0),
    "stack": native([M, L], vocabulary=None, add_out_norm=False),
    "bias": native([dict(M, use_bias=True, conv1d_kernel_size=1, qkv_proj_blocksize=2), dict(L, use_bias=True)]),
    "sigmoid": native([dict(M, input_gate="sigmoid"), dict(L, input_gate="sigmoid", normalize=False, gate_soft_cap=None)]),
    "slstm": native([dict(S, conv1d_kernel_size=0, ffn_act_fn="swish", group_norm_weight=False), dict(S, ffn=False),
                     dict(S, ffn_act_fn="relu^2", conv1d_kernel_size=2), dict(S, ffn_act_fn="selu")], dtype="f64"),
    "groups": native([dict(M, qkv_proj_blocksize=3), dict(M, qkv_proj_blocksize=1), S], width=12),
    "hugging_face": hugging_face(),
    "hugging_face_f32": hugging_face(autocast_kernel_dtype="float32"),
    "hugging_face_bf16": hugging_face(autocast_kernel_dtype="bfloat16"),
    "hugging_face_gpu": hugging_face(autocast_kernel_dtype="bfloat16", hidden_size=128, ffn_round_up_to_multiple_of=64),
    "hugging_face_fused": hugging_face(weight_mode="fused", use_bias=True, tie_word_embeddings=True),
    # As the class of the bare model saves it, and with long names of layers; the embedding is the head.
    "hugging_face_bare": dict(hugging_face(tie_word_embeddings=True), rename=lambda name: LONG.sub(
        lambda found: ".%s." % {"q": "query", "k": "key", "v": "value"}[found[1]], name.replace("backbone.", ""))),
    "hugging_face_embedding": dict(hugging_face(), rename=lambda name: name.replace("backbone.embeddings", "embedding")),
    "wide": native([M], vocabulary=300, dtype="f32"),
    "cuda": first_package("cuda"),
    "vanilla": first_package("vanilla"),
    "lstm": first_package("cuda", function="lstm", vocabulary=None),
}
# The native models in f64 also in f32.
for name in ("tied", "bias", "sigmoid", "slstm", "groups"):
    config = dict(json.loads(MODELS[name]["files"]["config.json"]), dtype="f32")
    MODELS[name + "_f32"] = dict(MODELS[name], files={"config.json": json.dumps(config)})
MODELS["hugging_face_fused_f32"] = hugging_face(weight_mode="fused", use_bias=True, tie_word_embeddings=True, autocast_kernel_dtype="float32")

if __name__ == "__main__":
    if len(sys.argv) != 4 or sys.argv[1] not in ("make", "check") or sys.argv[2] not in MODELS:
        sys.exit("usage: reference.py make|check MODEL FOLDER|FILE; MODEL: " + ", ".join(MODELS))
    {"make": make, "check": check}[sys.argv[1]](MODELS[sys.argv[2]], sys.argv[3])

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Times training steps of examples/train_lm and of the same model in PyTorch on one CPU, in turn, with as many threads.

A step is forward, cross entropy, backward, clipping at a norm of 1 and AdamW, in f32. Before its first step a peer computes
loss and gradients of a batch from the same parameters as ours: a difference of more than --bound (relative L2 over all
gradients) is an error. Then come rounds of train_lm and of every peer in turn; a peer that takes over twice the fastest one's
time is in the first round only. A round's time is the median of its steps, for train_lm their mean; a row has the median and the least of the rounds, and the
least processor time of a step, all threads together, of train_lm as the difference of a run and one of a single step. Ratios
are the fastest peer's time over ours: over 1 means that ours is faster. Peers, all with PyTorch's fused AdamW:
  xlstm              the official package's xLSTMLMModel: parallel mLSTM, sLSTM of its backend "vanilla"
  xlstm + flashrnn   the same with flashrnn's "vanilla_fwbw", which has a backward pass of its own, for the sLSTM
  ... compiled       likewise through torch.compile; its first run, which compiles, is not timed but kept in the row

    xlstm-compile examples/train_lm/train_lm.json -o lm.xlpkg --function loss,loss_grad,prefill,step
    compare_train.py --package lm.xlpkg --config examples/train_lm/train_lm.json --text bible.txt --out ROWS.json

Needs PyTorch and the packages xlstm, flashrnn, safetensors with what they import. Where something else runs on the
same processors, quote the ratios of the least times and of the processor times; PyTorch's threads then wait asleep only with
OMP_WAIT_POLICY=passive in the environment.
"""
import argparse
import datetime
import json
import logging
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from compare_cpu_peers import machine  # noqa: E402
from compare_peers import reason, save, versions  # noqa: E402

PACKAGES = ("torch", "xlstm", "flashrnn")


def official_model(torch, config, length):
    """The model that the description means, as the official package makes it."""
    import xlstm
    kinds = [block["kind"] for block in config["blocks"]]
    heads = {block["heads"] for block in config["blocks"]}
    known = all(set(block) == {"kind", "heads"} for block in config["blocks"])
    if not known or len(heads) != 1 or config["dtype"] != "f32":
        raise SystemExit("compare_train: error: --config: expected f32 blocks of kind and heads alone, got others")
    heads = heads.pop()
    slstm = xlstm.sLSTMLayerConfig(num_heads=heads, backend="vanilla", dtype="float32", enable_automatic_mixed_precision=False)
    return xlstm.xLSTMLMModel(xlstm.xLSTMLMModelConfig(
        vocab_size=config["vocab_size"], embedding_dim=config["embedding_dim"], num_blocks=len(kinds), context_length=length,
        slstm_at=[k for k, kind in enumerate(kinds) if kind == "slstm_block"],
        mlstm_block=xlstm.mLSTMBlockConfig(mlstm=xlstm.mLSTMLayerConfig(num_heads=heads)),
        slstm_block=xlstm.sLSTMBlockConfig(slstm=slstm, feedforward=xlstm.FeedForwardConfig())))


# Names of the native description on the left. The official package has the gates i and f by each other's names, R as
# [heads, gate and unit, unit it reads], b as [gate, head, unit] in one axis.
RENAMED = [(r"^embedding\.", "token_embedding."), (r"^out_norm\.", "xlstm_block_stack.post_blocks_norm."),
           (r"^blocks\.", "xlstm_block_stack.blocks."), (r"slstm_cell\.r$", "slstm_cell._recurrent_kernel_"),
           (r"slstm_cell\.b$", "slstm_cell._bias_")]


def official_name(name, swapped):
    gate = re.match(r"(.*\.xlstm\.)([if])(gate\.weight)$", name)
    if gate and swapped:
        name = gate[1] + {"i": "f", "f": "i"}[gate[2]] + gate[3]
    for pattern, replacement in RENAMED:
        name = re.sub(pattern, replacement, name)
    return name


def official_values(tensors):
    """Parameters or gradients of the native description in the official package's names and layouts."""
    result = {}
    for name, value in tensors.items():
        if name.endswith("slstm_cell.r"):  # [gate, head, unit, unit that it reads]
            value = value.permute(1, 0, 2, 3).reshape(value.shape[1], -1, value.shape[3])
        elif name.endswith("slstm_cell.b"):
            value = value.reshape(-1)
        result[official_name(name, swapped=True)] = value
    return result


def use_flashrnn(model):
    """The sLSTM's sequence through flashrnn."""
    from flashrnn import flashrnn

    def impl(cell, training, x, state):  # x [T, B, gates * heads * d], state [4, B, heads * d]
        heads, gates, d = cell.config.num_heads, cell.config.num_gates, cell.config.head_dim
        wx = x.reshape(x.shape[0], x.shape[1], gates, heads, d).transpose(0, 1)
        r = cell._recurrent_kernel_.reshape(heads, gates, d, d).transpose(0, 1)
        b = cell._bias_.reshape(gates, heads, d)
        states, _ = flashrnn(wx, r, b, function="slstm", backend="vanilla_fwbw", dtype="float32")
        h = states[0].transpose(0, 1).reshape(x.shape[0], x.shape[1], -1)
        full = h.new_zeros(4, x.shape[0] + 1, x.shape[1], h.shape[-1])  # of the states the model reads h alone
        full[0, 1:] = h
        return full
    for block in model.xlstm_block_stack.blocks:
        if hasattr(block.xlstm, "slstm_cell"):
            cell = block.xlstm.slstm_cell
            cell._impl = impl.__get__(cell)


class Peer:
    """The model in PyTorch, and its times; or the reason why there are none."""

    def __init__(self, name, flashrnn, compiled):
        self.name, self.flashrnn, self.compiled = name, flashrnn, compiled
        self.times, self.processor, self.error, self.first, self.difference = [], [], None, None, None

    def build(self, torch, arguments, config, values):
        self.torch, model = torch, official_model(torch, config, arguments.seq_len)
        model.load_state_dict(values)
        if self.flashrnn:
            use_flashrnn(model)
        self.model = torch.compile(model) if self.compiled else model
        self.parameters = dict(model.named_parameters())
        decayed = [p for name, p in self.parameters.items() if p.dim() >= 2]
        others = [p for name, p in self.parameters.items() if p.dim() < 2]
        self.optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}],
                                           lr=4e-3, betas=(0.9, 0.95), eps=1e-8, fused=True)

    def loss(self, tokens, targets):
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.model(tokens)
        loss = self.torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))
        loss.backward()
        return loss

    def step(self, tokens, targets):
        begin = time.perf_counter()
        loss = self.loss(tokens, targets)
        self.torch.nn.utils.clip_grad_norm_(self.parameters.values(), 1.0)
        self.optimizer.step()
        loss.item()
        return 1e3 * (time.perf_counter() - begin)

    def measure(self, batches, fastest, expected, bound):
        if self.error or (self.times and fastest and min(self.times) > 2 * fastest):
            return
        try:
            if self.first is None:
                begin = time.perf_counter()
                self.difference = difference(self, *expected, batches[0])
                self.first = 1e3 * (time.perf_counter() - begin)
                self.step(*batches[0])
            begin = time.process_time()
            self.times.append(statistics.median(self.step(*batch) for batch in batches))
            self.processor.append(1e3 * (time.process_time() - begin) / len(batches))
        except Exception as error:  # what a peer cannot run is a result too
            self.error = reason(error)
        if self.difference and max(self.difference.values()) > bound:
            raise SystemExit("compare_train: error: %s: expected our loss and gradients within %g, got %s" % (
                self.name, bound, self.difference))

    def result(self):
        row = {"peer": self.name, "relative_differences": self.difference}
        if self.error:
            return {**row, "error": self.error}
        return {**row, "median_ms": statistics.median(self.times), "least_ms": min(self.times), "cpu_ms": min(self.processor),
                "rounds_ms": self.times, "first_run_ms": self.first}


def train(arguments, steps, folder):
    """Milliseconds a step of a run of train_lm, without its validation, and processor time of the whole run."""
    command = [arguments.train_lm, arguments.package, arguments.text, "--config", arguments.config, "-o", folder, "--steps",
               str(steps), "--eval-every", str(steps), "--sample", "0", "--batch", str(arguments.batch), "--seq-len",
               str(arguments.seq_len), "--threads", str(arguments.threads)]
    begin = os.times()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True)
    end = os.times()
    rate = re.findall(r"(\d+) tokens/s", done.stdout)
    if done.returncode or not rate:
        raise SystemExit("compare_train: error: %s: %s" % (" ".join(command), done.stderr.strip()))
    processor = end.children_user + end.children_system - begin.children_user - begin.children_system
    return 1e3 * arguments.batch * arguments.seq_len / float(rate[-1]), 1e3 * processor


def batches_of(torch, arguments, count):
    text = open(arguments.text, "rb").read()
    generator = torch.Generator().manual_seed(0)
    result = []
    for _ in range(count):
        firsts = torch.randint(0, len(text) - arguments.seq_len - 1, (arguments.batch,), generator=generator).tolist()
        rows = torch.tensor([list(text[first:first + arguments.seq_len + 1]) for first in firsts])
        result.append((rows[:, :-1].contiguous(), rows[:, 1:].contiguous()))
    return result


def gradients(torch, arguments, folder, batch):
    """Ours for the checkpoint in the folder, in the official names, and the loss."""
    from safetensors.torch import load_file, save_file
    tokens, targets = (tensor.to(torch.int32) for tensor in batch)
    save_file({"tokens": tokens, "targets": targets}, folder + "/in.safetensors")
    subprocess.run([arguments.run, arguments.package, "--function", "loss_grad", "--inputs", folder + "/in.safetensors",
                    "--weights", folder, "-o", folder + "/out.safetensors", "--poison"], check=True, stdout=subprocess.PIPE)
    values = load_file(folder + "/out.safetensors")
    loss = values.pop("loss").item()
    return official_values({name[len("grad."):]: value for name, value in values.items()}), loss


def difference(peer, expected, loss, batch):
    """Relative L2 of all gradients together, and of the loss."""
    theirs = peer.loss(*batch).item()
    squares = sum(float((p.grad - expected[name]).double().square().sum()) for name, p in peer.parameters.items())
    whole = sum(float(p.grad.double().square().sum()) for p in peer.parameters.values())
    return {"gradients": (squares / whole)**0.5, "loss": abs(theirs - loss) / abs(theirs)}


def compare(arguments, torch, config):
    from safetensors.torch import load_file
    peers = [Peer(name + suffix, flashrnn, compiled) for suffix, compiled in (("", False), (" compiled", True))
             for name, flashrnn in (("xlstm", False), ("xlstm + flashrnn", True))]
    peers = [peer for peer in peers if not (peer.compiled and arguments.eager)]
    batches = batches_of(torch, arguments, arguments.peer_steps)
    ours, processor = [], []
    with tempfile.TemporaryDirectory() as folder:
        train(arguments, 20, folder)  # a trained model: parameters that begin at zero are not any more
        values = official_values(load_file(folder + "/model.safetensors"))
        expected = gradients(torch, arguments, folder, batches[0])
        for peer in peers:
            try:
                peer.build(torch, arguments, config, values)
            except Exception as error:
                peer.error = reason(error)
        for _ in range(arguments.rounds):
            wall, whole = train(arguments, arguments.steps, folder)
            ours.append(wall)
            processor.append((whole - train(arguments, 1, folder)[1]) / (arguments.steps - 1))
            fastest = min((min(peer.times) for peer in peers if peer.times), default=None)
            for peer in peers:
                peer.measure(batches, fastest, expected, arguments.bound)
                print("round %d   ours %8.1f ms   %-26s %s" % (
                    len(ours), ours[-1], peer.name, peer.error or "%8.1f ms" % peer.times[-1]), flush=True)
    row = {"batch": arguments.batch, "seq_len": arguments.seq_len, "median_ms": statistics.median(ours),
           "least_ms": min(ours), "cpu_ms": min(processor), "rounds_ms": ours,
           "load_average": os.getloadavg()[0], "peers": [peer.result() for peer in peers]}
    in_time = [peer for peer in row["peers"] if "median_ms" in peer]
    for key in ("median", "least", "cpu"):
        fastest = min(in_time, key=lambda peer: peer[key + "_ms"], default=None)
        if fastest:
            row["fastest_peer_by_" + key], row["ratio_of_" + key] = fastest["peer"], fastest[key + "_ms"] / row[key + "_ms"]
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    bin_folder = os.path.join(HERE, "..", "..", "build", "bin")
    parser.add_argument("--train-lm", default=os.path.join(bin_folder, "train_lm"), help="the program train_lm")
    parser.add_argument("--run", default=os.path.join(bin_folder, "xlstm-run"), help="the program xlstm-run")
    parser.add_argument("--package", required=True, help="the model's package with loss, loss_grad, prefill, step")
    parser.add_argument("--config", required=True, help="the model description that it was compiled from")
    parser.add_argument("--text", required=True, help="a text")
    parser.add_argument("--batch", type=int, default=16, help="sequences of a step (default: 16)")
    parser.add_argument("--seq-len", type=int, default=128, help="bytes of a sequence (default: 128)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of both (default: all CPUs)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of ours and the peers in turn (default: 5)")
    parser.add_argument("--steps", type=int, default=20, help="of ours in a round, at least 2 (default: 20)")
    parser.add_argument("--peer-steps", type=int, default=5, help="of a peer in a round (default: 5)")
    parser.add_argument("--bound", type=float, default=1e-4, help="largest relative difference (default: 1e-4)")
    parser.add_argument("--eager", action="store_true", help="without torch.compile, which takes minutes")
    parser.add_argument("--out", required=True, help="the JSON file")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # PyTorch's words on the lack of CUDA
    for name in (*PACKAGES, "safetensors"):
        try:
            __import__(name)
        except Exception as error:
            print("compare_train: error: expected the package %s, got %s" % (name, reason(error)), file=sys.stderr)
            return 3
    import torch
    torch.set_num_threads(arguments.threads)
    with open(arguments.config) as file:
        config = json.load(file)
    row = compare(arguments, torch, config)
    save(arguments.out, {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                         "machine": machine(arguments.threads), "wait_policy": os.environ.get("OMP_WAIT_POLICY"),
                         "versions": versions(*PACKAGES), "rows": [row]})
    for key in ("median", "least", "cpu"):
        print("%-7s ours %8.1f ms   %-26s ratio %.2f" % (
            key, row[key + "_ms"], row.get("fastest_peer_by_" + key), row.get("ratio_of_" + key, float("nan"))))


if __name__ == "__main__":
    sys.exit(main())

// SPDX-License-Identifier: Apache-2.0
/// \file
/// One row for each way in which a description can be wrong, with the exact line that the user
/// reads.
#include "compiler/Import/Description.h"

#include <gtest/gtest.h>

using namespace xlstm::description;

struct BadInput {
  const char *text;
  const char *line;
};

static void expectLines(const std::vector<BadInput> &rows, const std::string &prefix,
                        const std::string &suffix, const std::string &file) {
  for (const BadInput &row : rows) {
    auto model = importDescriptionFromText(prefix + row.text + suffix, file);
    EXPECT_FALSE(model) << row.text;
    if (!model)
      EXPECT_EQ(model.error().str(), file + ": " + row.line) << row.text;
  }
}

TEST(BadInput, MLSTMCell) {
  expectLines(
      {
          {R"("heads": 0, "dqk": 1, "dv": 1)",
           "cell.heads: expected an integer from 1 to 65536, got 0"},
          {R"("heads": 65537, "dqk": 1, "dv": 1)",
           "cell.heads: expected an integer from 1 to 65536, got 65537"},
          {R"("heads": "8", "dqk": 1, "dv": 1)",
           "cell.heads: expected an integer from 1 to 65536, got the string \"8\""},
          {R"("heads": 8.0, "dqk": 1, "dv": 1)",
           "cell.heads: expected an integer from 1 to 65536, got 8.0"},
          {R"("heads": true, "dqk": 1, "dv": 1)",
           "cell.heads: expected an integer from 1 to 65536, got true"},
          {R"("heads": null, "dqk": 1, "dv": 1)",
           "cell.heads: expected an integer from 1 to 65536, got null"},
          {R"("heads": [8], "dqk": 1, "dv": 1)",
           "cell.heads: expected an integer from 1 to 65536, got an array"},
          {R"("heads": 1, "dqk": -3, "dv": 1)",
           "cell.dqk: expected an integer from 1 to 65536, got -3"},
          {R"("heads": 1, "dqk": 1)",
           "cell: expected the key 'dv' (size of v and h per head), got none"},
          {R"("heads": 1, "dqk": 1, "dv": 1, "input_gat": "exp")",
           "cell.input_gat: unknown key 'input_gat', did you mean 'input_gate'?"},
          {R"("heads": 1, "dqk": 1, "dv": 1, "temperature": 1)",
           "cell.temperature: unknown key 'temperature', expected one of kind, heads, dqk, dv, "
           "input_gate, normalize, "
           "eps, scale_on, denominator, normalizer_grad, state_dtype"},
          {R"("heads": 1, "dqk": 1, "dv": 1, "d": 4)",
           "cell.d: 'd' does not apply to mlstm, expected it only with slstm, lstm, gru, elman, "
           "custom"},
          {R"("heads": 1, "dqk": 1, "dv": 1, "input_gate": "sigmod")",
           "cell.input_gate: expected one of exp, sigmoid, got the string \"sigmod\", did you mean "
           "'sigmoid'?"},
          {R"("heads": 1, "dqk": 1, "dv": 1, "input_gate": 1)",
           "cell.input_gate: expected one of exp, sigmoid, got 1"},
          {R"("heads": 1, "dqk": 1, "dv": 1, "normalize": 1)",
           "cell.normalize: expected true or false, got 1"},
          {R"("heads": 1, "dqk": 1, "dv": 1, "eps": -1e-6)",
           "cell.eps: expected a number from 0 to 1, got -1e-06"},
          {R"("heads": 1, "dqk": 1, "dv": 1, "eps": null)",
           "cell.eps: expected a number from 0 to 1, got null"},
          {R"("heads": 1, "dqk": 1, "dv": 1, "normalize": false)",
           "cell.normalize: expected true with input_gate 'exp', got false (only the sigmoid input "
           "gate is defined "
           "without the normaliser)"},
          {R"("heads": 65536, "dqk": 65536, "dv": 65536)",
           "cell: expected heads * dqk * dv of at most 4294967296, got 281474976710656"},
          {R"("heads": 1, "heads": 2, "dqk": 1, "dv": 1)",
           "cell.heads: expected each key once, got 'heads' again"},
          {R"("heads": 99999999999999999999, "dqk": 1, "dv": 1)",
           "cell.heads: expected an integer from 1 to 65536, got 1e+20"},
          {R"("heads": 18446744073709551615, "dqk": 1, "dv": 1)",
           "cell.heads: expected an integer of at most 63 bits, got 18446744073709551615"},
          {R"("heads": 1, "dqk": 1, "dv": 1, "a\nb": 1)",
           "cell.a\\x0ab: unknown key 'a\\x0ab', expected one of kind, heads, dqk, dv, input_gate, "
           "normalize, eps, "
           "scale_on, denominator, normalizer_grad, state_dtype"},
      },
      R"({"xlstm_model": 1, "dtype": "f32", "cell": {"kind": "mlstm", )", "}}", "m.json");
}

TEST(BadInput, OtherCells) {
  expectLines(
      {
          {R"({"heads": 1})", "cell: expected the key 'kind' (one of mlstm, slstm, lstm, gru, "
                              "elman, custom), got none"},
          {R"({"kind": "slsmt", "heads": 1, "d": 1})",
           "cell.kind: expected one of mlstm, slstm, lstm, gru, elman, custom, got the string "
           "\"slsmt\", did you mean "
           "'slstm'?"},
          {R"(7)", "cell: expected an object, got 7"},
          {R"([])", "cell: expected an object, got an empty array"},
          {R"({"kind": "slstm", "heads": 1, "d": 1, "dqk": 1})",
           "cell.dqk: 'dqk' does not apply to slstm, expected it only with mlstm"},
          {R"({"kind": "gru", "heads": 1, "d": 1, "n_rule": "plain"})",
           "cell.n_rule: 'n_rule' does not apply to gru, expected it only with slstm"},
          {R"({"kind": "slstm", "heads": 1, "d": 1, "forward_clip": 0})",
           "cell.forward_clip: expected a number from 1e-30 to 1e+30, got 0"},
          {R"({"kind": "lstm", "heads": 1, "d": 65536, "recurrent_grad_cut": "no"})",
           "cell.recurrent_grad_cut: expected true or false, got the string \"no\""},
          {R"({"kind": "lstm", "heads": 65536, "d": 65536})",
           "cell: expected heads * d * d of at most 4294967296, got 281474976710656"},
          {R"x({"kind": "custom", "heads": 1, "d": 1, "states": ["h"], "gates": ["f"], "update": {"h": "sigmod(f)"}})x",
           "cell.update.h: column 1: unknown function 'sigmod', did you mean 'sigmoid'?"},
          {R"({"kind": "custom", "heads": 1, "d": 1, "states": ["h"], "gates": ["f"], "update": {"h": 3}})",
           "cell.update.h: expected an expression as a string, got 3"},
          {R"({"kind": "custom", "heads": 1, "d": 1, "states": ["h"], "gates": ["f"], "update": "f"})",
           "cell.update: expected an object of names and expressions, got the string \"f\""},
          {R"({"kind": "custom", "heads": 1, "d": 1, "states": "h", "gates": ["f"], "update": {"h": "f"}})",
           "cell.states: expected an array of names, got the string \"h\""},
          {R"({"kind": "custom", "heads": 1, "d": 1, "states": ["h", 2], "gates": ["f"], "update": {"h": "f"}})",
           "cell.states[1]: expected a name, got 2"},
          {R"({"kind": "custom", "heads": 1, "d": 1, "states": ["h", "c"], "gates": ["f"], "update": {"h": "f"}})",
           "cell.update: expected an update of the state 'c', got none"},
          {R"({"kind": "custom", "heads": 1, "d": 1, "states": ["h"], "gates": ["f", "z"], "update": {"h": "f"}})",
           "cell.gates[1]: expected every gate in an update, got none that uses 'z'"},
          {R"({"kind": "custom", "heads": 1, "d": 1, "states": ["h"], "gates": ["forget", "z"], "recurrent_gates": ["forgt"], "update": {"h": "forget + z"}})",
           "cell.recurrent_gates[0]: unknown gate 'forgt', did you mean 'forget'?"},
          {R"({"kind": "custom", "heads": 1, "d": 1, "states": ["h"], "gates": ["f"], "recurrent_gates": {}, "update": {"h": "f"}})",
           "cell.recurrent_gates: expected an array of names, got an empty object"},
          {R"({"kind": "custom", "heads": 1, "d": 1, "states": ["h"], "gates": ["f"], "input_gates": [1], "update": {"h": "f"}})",
           "cell.input_gates[0]: expected a name, got 1"},
          {R"({"kind": "custom", "heads": 1, "d": 1, "states": ["h"], "gates": ["f"], "input_gates": [], "update": {"h": "f"}})",
           "cell.input_gates: expected at least one gate, got none"},
          {R"({"kind": "gru", "heads": 1, "d": 1, "recurrent_gates": ["r"]})",
           "cell.recurrent_gates: 'recurrent_gates' does not apply to gru, expected it only with "
           "custom"},
          {R"({"kind": "custom", "heads": 1, "d": 1, "states": ["h"], "gates": ["f"], "let": {"a": 1}, "update": {"h": "f"}})",
           "cell.let.a: expected an expression as a string, got 1"},
          {R"x({"kind": "custom", "heads": 1, "d": 1, "states": ["h"], "gates": ["f"], "let": {"a": "tanh(g)"}, "update": {"h": "a"}})x",
           "cell.let.a: column 6: unknown name 'g', expected one of h, f"},
          {R"x({"kind": "custom", "heads": 1, "d": 1, "states": ["h"], "gates": ["f"], "update": {"h": "tanh(f < 1)"}})x",
           "cell.update.h: column 8: expected a number, got a comparison (only 'select' takes one, "
           "as its first argument)"},
      },
      R"({"xlstm_model": 1, "dtype": "f32", "cell": )", "}", "m.json");
}

TEST(BadInput, TopLevel) {
  const std::string forms = "expected a native description (\"xlstm_model\": 1), a HuggingFace "
                            "config.json (\"model_type\": \"xlstm\"), an "
                            "xLSTMLargeConfig (embedding_dim, num_blocks, chunkwise_kernel), a "
                            "block stack (mlstm_block, slstm_block, "
                            "slstm_at) or a FlashRNN cell (function, recurrent_shape), got ";
  const std::string names[] = {forms + "an empty file", forms + "an empty object",
                               forms + "an array", forms + "the string \"x\"",
                               forms + "an object with a, b, c, d, e, f, ..."};
  const std::string cell = R"("cell": {"kind": "gru", "heads": 1, "d": 1})";
  expectLines(
      {
          {"", names[0].c_str()},
          {" \n", names[0].c_str()},
          {"{}", names[1].c_str()},
          {"[1]", names[2].c_str()},
          {"\"x\"", names[3].c_str()},
          {R"({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1, "g": 1})", names[4].c_str()},
          {R"({"xlstm_modle": 1})",
           "xlstm_modle: unknown key 'xlstm_modle', did you mean 'xlstm_model'?"},
          {R"({"model_type": "llama"})",
           "model_type: expected the string \"xlstm\", got the string \"llama\""},
          {R"({"quantiles": [0.5], "block_kwargs": {}})",
           "recognised as a TiRex configuration, not importable by this version"},
          {R"({"xlstm_model": 2, "dtype": "f32", "cell": {}})",
           "xlstm_model: expected an integer from 1 to 1, got 2"},
          {R"({"xlstm_model": 1, "dtype": "f32"})",
           "expected the key 'cell' or 'blocks', got neither"},
          {R"({"xlstm_model": 1, "dtype": "f32", "cel": {}})",
           "cel: unknown key 'cel', did you mean 'cell'?"},
          {R"({"xlstm_model": 1, "dtype": "f32", "cell": {}, "blocks": []})",
           "blocks: expected either 'cell' or 'blocks', got both"},
          {R"({"xlstm_model": 1, "dtype": "f8", "cell": {}})",
           "dtype: expected one of f64, f32, bf16, f16, got the string \"f8\""},
          {R"({"xlstm_model": 1, "cell": {}})",
           "expected the key 'dtype' (type of the activations), got none"},
          {R"({"xlstm_model": 1, "dtype": "f32", "name": "../x", "cell": {}})",
           "name: expected 1 to 128 letters, digits, '_', '-' or '.' that begin with neither '.' "
           "nor '-', got '../x'"},
          {R"({"xlstm_model": 1, "dtype": "f32", "vocab_size": 7, "cell": {}})",
           "vocab_size: 'vocab_size' does not apply to a description with 'cell', expected it only "
           "with a description "
           "with 'blocks'"},
      },
      "", "", "m.json");
}

TEST(BadInput, Blocks) {
  expectLines(
      {
          {"{}", "blocks: expected an array of blocks, got an empty object"},
          {"[]", "blocks: expected from 1 to 4096 blocks, got 0"},
          {R"([{"kind": "mlstm_block", "heads": 4}, 3])", "blocks[1]: expected an object, got 3"},
          {R"([{"kind": "mlstm_block", "heads": 4}, {"kind": "mlstm_blok", "heads": 4}])",
           "blocks[1].kind: expected one of mlstm_block, slstm_block, xlstm_large_block, got the "
           "string "
           "\"mlstm_blok\", did you mean 'mlstm_block'?"},
          {R"([{"kind": "slstm_block", "heads": 3}])",
           "blocks[0]: expected a multiple of heads (3) for embedding_dim, got 128"},
          {R"([{"kind": "xlstm_large_block", "heads": 4, "qk_dim_factor": 0.3}])",
           "blocks[0]: expected a multiple of heads (4) for embedding_dim * qk_dim_factor, got 38"},
          {R"([{"kind": "mlstm_block", "heads": 4, "qkv_proj_blocksize": 3}])",
           "blocks[0]: expected an inner width that is a multiple of qkv_proj_blocksize (3), got "
           "256"},
          {R"([{"kind": "mlstm_block", "heads": 4, "gate_soft_cap": 15}])",
           "blocks[0].gate_soft_cap: 'gate_soft_cap' does not apply to mlstm_block, expected it "
           "only with "
           "xlstm_large_block"},
          {R"([{"kind": "mlstm_block"}])",
           "blocks[0]: expected the key 'heads' (number of heads), got none"},
      },
      R"({"xlstm_model": 1, "dtype": "f32", "embedding_dim": 128, "blocks": )", "}", "m.json");
}

TEST(BadInput, HuggingFace) {
  expectLines(
      {
          {R"("embedding_dim": 4096, "hidden_size": 2048)",
           "embedding_dim: expected the value of hidden_size (2048), got 4096"},
          {R"("num_blocks": 32, "num_hidden_layers": 31)",
           "num_blocks: expected the value of num_hidden_layers (31), got 32"},
          {R"("num_heads": 0)", "num_heads: expected an integer from 1 to 65536, got 0"},
          {R"("num_haeds": 8)", "num_haeds: unknown key 'num_haeds', did you mean 'num_heads'?"},
          {R"("qk_dim_factor": 0.3)",
           "expected a multiple of heads (8) for embedding_dim * qk_dim_factor, got 1228"},
          {R"("num_heads": 3)",
           "expected a multiple of heads (3) for embedding_dim * qk_dim_factor, got 2048"},
          {R"("weight_mode": "duble")",
           "weight_mode: expected one of single, fused, got the string \"duble\""},
          {R"("chunkwise_kernel": 3)", "chunkwise_kernel: expected a string, got 3"},
          {R"("vocab_size": 10, "eos_token_id": 10)",
           "eos_token_id: expected a token below vocab_size (10), got 10"},
          {R"("autocast_kernel_dtype": "int8")",
           "autocast_kernel_dtype: expected one of float64, float32, bfloat16, float16, got the "
           "string \"int8\""},
          {R"("quantization_config": {})",
           "quantization_config: unknown key 'quantization_config', expected a key of this form "
           "(none is near)"},
      },
      R"({"model_type": "xlstm", )", "}", "config.json");
}

TEST(BadInput, XLSTMLarge) {
  expectLines(
      {{"num_heads: 4\n", "expected the key 'vocab_size' (number of tokens), got none"},
       {"vocab_size: 9\n", "expected the key 'num_heads' (number of heads), got none"},
       {"vocab_size: 9\nnum_heads: 4\nhidden_size: 64\n",
        "hidden_size: unknown key 'hidden_size', expected a key of this form (none is near)"},
       {"vocab_size: 9\nnum_heads: .nan\n",
        "num_heads: expected an integer from 1 to 65536, got nan"},
       {"vocab_size: 9\nnum_heads: 4\neps: .inf\n", "eps: expected a number from 0 to 1, got inf"}},
      "embedding_dim: 64\nnum_blocks: 2\nchunkwise_kernel: x\n", "", "config.yaml");
}

TEST(BadInput, MalformedJson) {
  expectLines(
      {{"{", "line 1, column 2: malformed JSON while parsing object key - unexpected end of input; "
             "expected "
             "string literal"},
       {"{\n  \"a\": NaN}",
        "line 2, column 8: malformed JSON while parsing value - invalid literal; last "
        "read: '\"a\": N'"},
       {"{\"a\": 1e999}", "line 1, column 11: malformed JSON number overflow parsing '1e999'"},
       {"{\"a\": 1,}",
        "line 1, column 9: malformed JSON while parsing object key - unexpected '}'; expected "
        "string literal"},
       {"{} {}",
        "line 1, column 4: malformed JSON while parsing value - unexpected '{'; expected end of "
        "input"},
       {"{\"a\": 1, \"a\": 2}", "a: expected each key once, got 'a' again"},
       {"{\"a\": \"\xff\"}", "line 1, column 8: expected UTF-8 text, got the byte 0xff"},
       {"{\"a\": \"\xed\xa0\x80\"}", "line 1, column 8: expected UTF-8 text, got the byte 0xed"},
       {"\xff\xfe{", "line 1, column 1: expected UTF-8 text, got the byte 0xff"},
       {"{\"a\": \x01}", "line 1, column 7: expected text, got the control character 0x01"}},
      "", "", "m.json");
}

TEST(BadInput, MalformedYaml) {
  expectLines(
      {{"a: [1, 2\n", "line 2, column 1: malformed YAML: end of sequence flow not found"},
       {"a: b: c\n", "line 1, column 5: malformed YAML: illegal map value"},
       {"a: 1\na: 2\n", "line 2, column 1: expected each key once, got 'a' again"},
       {"a: *b\n", "line 1, column 4: malformed YAML: the referenced anchor is not defined"},
       {"a: &b [*b]\n",
        "line 1, column 8: expected an alias of a finished value, got one of an enclosing value"},
       {"a: !!python/object x\n",
        "line 1, column 4: expected plain YAML, got the tag 'tag:yaml.org,2002:python/object'"},
       {"? [1]\n: 2\n", "line 1, column 3: expected a plain key, got a sequence or a mapping"},
       {"a: 1\n---\nb: 1\n", "line 2, column 1: expected one YAML document, got a second one"}},
      "", "", "m.yaml");
}

#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The GPU tests, run from a bundle on a machine with an NVIDIA GPU and its driver. Needs no compiler.
#   1. correctness   every package, every implementation that this GPU can run, against float64 on this CPU
#   2. models        models, recurrent cells and a product of packages, against what float64 gave for their inputs
#   3. sanitizer     compute-sanitizer memcheck and racecheck on small shapes, if that is installed
#   4. timing        the xLSTM-7B layer at 65,536 tokens, and other head sizes
#   5. peers         the public kernels in the same run, if PyTorch, Triton and mlstm-kernels are installed or in peers/
# Logs go to results/ (or XLSTM_RESULTS). XLSTM_STEPS chooses steps, XLSTM_JOBS cases at a time (default 8).
# The last line is "N passed, N failed".
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 3
results=${XLSTM_RESULTS:-results}
steps=${XLSTM_STEPS:-correctness models sanitizer timing peers}
jobs=${XLSTM_JOBS:-8}
passed=0
failed=0
mkdir -p "$results" || exit 3
for folder in packages models; do
  [ ! -f $folder.tar.gz ] || { rm -rf $folder && tar xzf $folder.tar.gz; } || exit 3
done

wants() { [[ " $steps " == *" $1 "* ]]; }

# Runs xlstm-check; prints what failed and the totals, and adds those to ours.
check() { # NAME ARGUMENTS...
  local name=$1 log=$results/$1.log start=$SECONDS code=0 totals
  shift
  bin/xlstm-check "$@" >"$log" 2>&1 || code=$?
  grep '^FAILED' "$log" | head -20
  totals=$(grep -E '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -1)
  if [ "$code" = 3 ] && [ $((passed + failed)) = 0 ]; then
    tail -1 "$log"
    exit 3
  fi
  if [ -z "$totals" ]; then
    tail -3 "$log"
    echo "$name: no result, exit code $code"
    failed=$((failed + 1))
    return
  fi
  echo "$name: $totals in $((SECONDS - start)) s"
  passed=$((passed + ${totals%% *}))
  totals=${totals#*, }
  failed=$((failed + ${totals%% *}))
}

# The targets of the packages that run here: sm_90a only on compute capability 9.0.
targets() {
  local capability
  capability=$(nvidia-smi --query-gpu=compute_cap --format=csv,noheader 2>/dev/null | head -1)
  [ "$capability" != 9.0 ] || echo sm_90a
  echo sm_80
}

correctness() {
  local target
  for target in $(targets); do
    local on=(--device cuda --target "$target" --jobs "$jobs")
    check "lengths-$target" packages/*.xlpkg "${on[@]}"
    check "gates-$target" packages/*.xlpkg "${on[@]}" --T 65,200 --gates wild,low,high,init7b
    check "states-$target" packages/*.xlpkg "${on[@]}" --T 0,1,130 --states
    check "strided-$target" packages/*.xlpkg "${on[@]}" --T 130 --states --strided
    check "step-$target" {packages,steps}/*.xlpkg "${on[@]}" --function step --gates bench,wild
    check "in-place-$target" {packages,steps}/*.xlpkg "${on[@]}" --function step --states --in-place --strided --gates bench,high
    check "steps-$target" packages/mlstm_bf16_*.xlpkg steps/*.xlpkg "${on[@]}" --steps 3 --in-place
    check "layer-$target" layer_7b/*.xlpkg "${on[@]}" --gates bench,init7b
    check "long-$target" layer_7b/*.xlpkg --device cuda --target "$target" --B 1 --T 8192,65536 --columns 16
  done
}

# Runs a function of a model and compares its outputs, perhaps under another command.
model() { # TARGET MODEL CASE FUNCTION BOUND COMMAND...
  local target=$1 folder=models/$2 name=$3 function=$4 bound=$5 out code=0
  shift 5
  out=$(timeout 120 "$@" bin/xlstm-run "$folder/m.xlpkg" --function "$function" --inputs "$folder/$name.in.safetensors" \
    --weights "$folder/weights.safetensors" --device cuda --target "$target" --poison \
    --compare "$folder/$name.expected.safetensors" --bound "$bound" 2>&1) || code=$?
  { echo "== $target $folder $name: exit code $code"; echo "$out"; } >>"$results/models.log"
  if [ "$code" = 0 ]; then
    passed=$((passed + 1))
  else
    echo "FAILED $target $folder $name${1:+ under $1}: $(grep -i error <<<"$out" | tail -1)"
    failed=$((failed + 1))
  fi
}

models() {
  local target name label function bound before=$((passed + failed)) start=$SECONDS wrong=$failed
  for target in $(targets); do
    while read -r name label function bound; do
      [ -z "$name" ] || model "$target" "$name" "$label" "$function" "$bound"
    done <models/cases
  done
  echo "models: $((passed + failed - before)) cases, $((failed - wrong)) failed in $((SECONDS - start)) s"
}

sanitizer() {
  local target tool sanitizer name label function bound
  sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null)
  if [ -z "$sanitizer" ]; then
    echo "sanitizer: skipped, compute-sanitizer is not installed"
    return
  fi
  for target in $(targets); do
    for tool in memcheck racecheck; do
      check "$tool-$target" packages/mlstm_bf16_{5x16,48x64,96x48}_*.xlpkg --device cuda --target "$target" --jobs 4 --B 1 --T 65 \
        --under "$sanitizer --tool $tool --error-exitcode 9"
      # The smallest of each kind.
      while read -r name label function bound; do
        model "$target" "$name" "$label" "$function" "$bound" "$sanitizer" --tool "$tool" --error-exitcode 9
      done < <(grep -E '^(cell_gru_f16_20 continued_1|cell_lstm_f32_272 step_1|cell_slstm_bf16_64 forward_1|slstm_bf16 step_1|mlstm_options_f16 logits_3|large_bf16 step_1) ' models/cases)
    done
  done
}

# Runs a command, appends its output to a file, and counts it.
expect() { # NAME FILE COMMAND...
  local name=$1 file=$2 code=0
  shift 2
  "$@" >"$results/output" || code=$?
  tee -a "$results/$file" <"$results/output"
  rm "$results/output"
  if [ "$code" = 0 ]; then
    passed=$((passed + 1))
  else
    echo "$name: failed with exit code $code"
    failed=$((failed + 1))
  fi
}

timing() {
  local list
  list=$(targets | paste -sd,)
  nvidia-smi --query-gpu=name,clocks.sm,power.draw,temperature.gpu --format=csv,noheader 2>/dev/null
  expect timing timing.log bin/xlstm-bench --suite mlstm,headdim,step --device cuda --packages bench --target "$list" --out "$results/timing.jsonl"
}

peers() {
  if compgen -G 'peers/*.whl' >/dev/null; then
    python3 -m pip install -q --no-index --no-deps --target peers/site peers/*.whl
  fi
  export PYTHONPATH=peers/site:${PYTHONPATH:-}
  if ! python3 -c 'import torch, triton, mlstm_kernels' 2>/dev/null; then
    echo "peers: skipped, PyTorch, Triton or mlstm-kernels is not installed (wheels may be put into peers/)"
    return
  fi
  expect peers peers.log python3 compare_peers.py --bench bin/xlstm-bench --packages bench --suite mlstm,step --out "$results/peers.json"
}

bin/xlstm-doctor
for step in correctness models sanitizer timing peers; do
  ! wants "$step" || "$step"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]

// SPDX-License-Identifier: Apache-2.0
// Functions that are no single cell, and cells that the chunkwise form does not take.
// RUN: xlstm-opt %s --convert-xlstm-to-tile -split-input-file -verify-diagnostics

func.func @no_schedule(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  // expected-error @below {{expected the attribute xlstm.schedule; run --xlstm-select-schedule first}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

func.func @reset(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>, %reset: tensor<?x?xi8>) {
  // expected-error @below {{the chunkwise form does not take reset; run sequences one by one, or use the interpreter}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) reset(%reset : tensor<?x?xi8>) {xlstm.schedule = {}} : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

func.func @packed(%q: tensor<1x?x2x4xf32>, %g: tensor<1x?x2xf32>, %starts: tensor<?xi32>) {
  // expected-error @below {{the chunkwise form does not take cu_seqlens; run sequences one by one, or use the interpreter}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) cu_seqlens(%starts : tensor<?xi32>) {xlstm.schedule = {}} : tensor<1x?x2x4xf32>, tensor<1x?x2x4xf32>
  return
}

// -----

// expected-error @below {{expected one xlstm cell in the function, got 2}}
func.func @two_cells(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) {
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  %1:4 = xlstm.mlstm %0, %q, %q gates(%g, %g) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return
}

// -----

// expected-error @below {{expected one xlstm cell in the function, got 0}}
func.func @no_cell(%q: tensor<?x?x2x4xf32>) {
  return
}

// -----

// expected-error @below {{expected one xlstm cell in the function, got 0}}
func.func private @declaration(tensor<?x?x2x4xf32>)

// -----

func.func @computed_operand(%q: tensor<?x?x2x4xf32>) {
  %g = arith.constant dense<0.0> : tensor<1x1x2xf32>
  // expected-error @below {{expected every operand to be an argument of the function}}
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g)
      : (tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>, tensor<1x1x2xf32>, tensor<1x1x2xf32>)
      -> (tensor<1x1x2x4xf32>, tensor<1x2x4x4xf32>, tensor<1x2x4xf32>, tensor<1x2xf32>)
  return
}

// -----

func.func @other_op(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) -> tensor<?x?x2x4xf32> {
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  // expected-error @below {{expected nothing but the cell and a return in the function}}
  %1 = arith.negf %0#0 : tensor<?x?x2x4xf32>
  return %1 : tensor<?x?x2x4xf32>
}

// -----

// expected-error @below {{expected every returned value to be a result of the cell}}
func.func @returns_argument(%q: tensor<?x?x2x4xf32>, %g: tensor<?x?x2xf32>) -> tensor<?x?x2x4xf32> {
  %0:4 = xlstm.mlstm %q, %q, %q gates(%g, %g) : tensor<?x?x2x4xf32>, tensor<?x?x2x4xf32>
  return %q : tensor<?x?x2x4xf32>
}

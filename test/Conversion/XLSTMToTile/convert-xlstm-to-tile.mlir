// SPDX-License-Identifier: Apache-2.0
// A function of one mLSTM cell before, the chunkwise program after. The names are those of compiler/Conversion/XLSTMToTile/MLSTM.cpp:
// b prefix sums of log f, e = x - b, mu running maximum, r and w the weights of old state and new tokens, M the cell's own m.
// RUN: xlstm-opt %s --xlstm-select-schedule=target=cpu --convert-xlstm-to-tile | FileCheck %s
// RUN: xlstm-opt %s --xlstm-select-schedule=target=sm_80 --convert-xlstm-to-tile | FileCheck %s --check-prefix=GPU

// dqk = 16: the scale is 1/4, on q. What the function does not have, or return, is no tensor of the kernel.
// CHECK-LABEL: tile.kernel @exp(
// CHECK-SAME: %[[Q:[^ :]*]]: memref<?x?x3x16xbf16, strided<[?, ?, ?, 1]>>, %[[K:[^ :]*]]: memref<?x?x3x16xbf16, strided<[?, ?, ?, 1]>>, %[[V:[^ :]*]]: memref<?x?x3x32xbf16, strided<[?, ?, ?, 1]>>,
// CHECK-SAME: %[[I:[^ :]*]]: memref<?x?x3xf32, strided<[?, ?, ?]>>, %[[F:[^ :]*]]: memref<?x?x3xf32, strided<[?, ?, ?]>>,
// CHECK-SAME: %[[C0:[^ :]*]]: memref<?x3x16x32xf32, strided<[?, ?, ?, 1]>>, %[[N0:[^ :]*]]: memref<?x3x16xf32, strided<[?, ?, 1]>>, %[[M0:[^ :]*]]: memref<?x3xf32, strided<[?, ?]>>,
// CHECK-SAME: %[[H:[^ :]*]]: memref<?x?x3x32xbf16, strided<[?, ?, ?, 1]>>, %[[CLAST:[^ :]*]]: memref<?x3x16x32xf32, strided<[?, ?, ?, 1]>>, %[[NLAST:[^ :]*]]: memref<?x3x16xf32, strided<[?, ?, 1]>>, %[[MLAST:[^ :]*]]: memref<?x3xf32, strided<[?, ?]>>)
// CHECK-SAME: names ["q", "k", "v", "i", "f", "c0", "n0", "m0", "h", "c_last", "n_last", "m_last"]
// CHECK-SAME: grid(%[[BATCH:[^ :]*]]: dim(0, 0), %[[HEAD:[^ :]*]]: 3, %[[SLICE:[^ :]*]]: 1)
// CHECK-SAME: schedule = {chunk = 64 : i64, dqk_tile = 16 : i64, dv_slice = 32 : i64, target = "cpu"}
// CHECK: %[[DV0:[^ ]*]] = arith.muli %[[SLICE]], %c32
// CHECK: %[[T:[^ ]*]] = memref.dim %[[Q]], %c1
// The state: C^T, n, M; m is M where a state is given, else below all that can be summed.
// CHECK: %[[CT:[^ ]*]] = tile.load %[[C0]][%[[BATCH]], %[[HEAD]], %c0{{[_0-9]*}}, %[[DV0]]] axes [3, 2] : {{.*}} -> <32x16xf32>
// CHECK: %[[N:[^ ]*]] = tile.load %[[N0]][%[[BATCH]], %[[HEAD]], %c0{{[_0-9]*}}] axes [2] : {{.*}} -> <16xf32>
// CHECK: %[[OM:[^ ]*]] = tile.load_scalar %[[M0]][%[[BATCH]], %[[HEAD]]] : {{.*}} -> f64
// CHECK: %[[STATES:[^ ]*]] = memref.dim %[[C0]], %c0{{[_0-9]*}} :
// CHECK: %[[GIVEN:[^ ]*]] = arith.cmpi slt, %{{[^ ]*}}, %[[STATES]]
// CHECK: %[[LOWEST:[^ ]*]] = arith.constant -1.000000e+30 : f64
// CHECK: %[[M:[^ ]*]] = arith.select %[[GIVEN]], %[[OM]], %[[LOWEST]]
// CHECK: %[[LOOP:[^ :]*]]:4 = scf.for %[[T0:[^ ]*]] = %c0{{[_0-9]*}} to %[[T]] step %c64 iter_args(%[[C:[^ ]*]] = %[[CT]], %[[MI:[^ ]*]] = %[[M]], %[[NI:[^ ]*]] = %[[N]], %[[OMI:[^ ]*]] = %[[OM]])
// CHECK: %[[QT:[^ ]*]] = tile.load %[[Q]][%[[BATCH]], %[[T0]], %[[HEAD]], %{{.*}}] axes [1, 3] : {{.*}} -> <64x16xf32>
// CHECK: %[[KT:[^ ]*]] = tile.load %[[K]][%[[BATCH]], %[[T0]], %[[HEAD]], %{{.*}}] axes [1, 3] : {{.*}} -> <64x16xf32>
// CHECK: %[[VT:[^ ]*]] = tile.load %[[V]][%[[BATCH]], %[[T0]], %[[HEAD]], %[[DV0]]] axes [1, 3] : {{.*}} -> <64x32xf32>
// Tokens beyond T have weight 0 and forget nothing.
// CHECK: %[[GI:[^ ]*]] = tile.load %[[I]][%[[BATCH]], %[[T0]], %[[HEAD]]] axes [1] pad -1.000000e+30
// CHECK: %[[GF:[^ ]*]] = tile.load %[[F]][%[[BATCH]], %[[T0]], %[[HEAD]]] axes [1] pad 1.000000e+30
// log f = logsigmoid(f), b its prefix sums, in f64 on a CPU.
// CHECK: %[[LF:[^ ]*]] = tile.map elems(%[[GF]] : !tile.tile<64xf32>) -> !tile.tile<64xf64>
// CHECK: math.absf
// CHECK: arith.negf
// CHECK: arith.minnumf
// CHECK: math.exp
// CHECK: math.log1p
// CHECK: arith.subf
// CHECK: %[[B:[^ ]*]] = tile.scan <add> %[[LF]] : <64xf64>
// CHECK: %[[BL:[^ ]*]] = tile.extract %[[B]][63]
// CHECK: %[[E:[^ ]*]] = tile.map elems(%[[GI]], %[[B]] :
// CHECK-NOT: math.exp
// CHECK: %[[HIGHEST:[^ ]*]] = tile.scan <max> %[[E]] : <64xf64>
// CHECK: %[[MU:[^ ]*]] = tile.map elems(%[[HIGHEST]] :
// CHECK: arith.maxnumf %{{.*}}, %[[MI]] : f64
// CHECK: %[[MUL:[^ ]*]] = tile.extract %[[MU]][63]
// CHECK: %[[O:[^ ]*]] = tile.map elems(%[[HIGHEST]] :
// CHECK: arith.maxnumf %{{.*}}, %[[OMI]] : f64
// r = s exp(m - mu), w = exp(e - mu_L), the decay of the state.
// CHECK: %[[S:[^ ]*]] = arith.constant 2.500000e-01 : f32
// CHECK: %[[R:[^ ]*]] = tile.map elems(%[[MU]] :
// CHECK: arith.subf %[[MI]], %
// CHECK: math.exp
// CHECK: arith.mulf %{{.*}}, %[[S]] : f32
// CHECK: %[[ONE:[^ ]*]] = arith.constant 1.000000e+00 : f32
// CHECK: %[[W:[^ ]*]] = tile.map elems(%[[E]] :
// CHECK: arith.subf %{{.*}}, %[[MUL]] : f64
// CHECK: arith.mulf %{{.*}}, %[[ONE]] : f32
// CHECK: %[[DIFFERENCE:[^ ]*]] = arith.subf %[[MI]], %[[MUL]] : f64
// CHECK: %[[ROUNDED:[^ ]*]] = arith.truncf %[[DIFFERENCE]]
// CHECK: %[[DECAY:[^ ]*]] = math.exp %[[ROUNDED]] : f32
// m' = b_L + mu_L, M' = b_L + o_L
// CHECK: %[[MN:[^ ]*]] = arith.addf %[[BL]], %[[MUL]] : f64
// CHECK: %[[OL:[^ ]*]] = tile.extract %[[O]][63]
// CHECK: %[[OMN:[^ ]*]] = arith.addf %[[BL]], %[[OL]] : f64
// P = s Q K^T exp(e_j - mu_i) for j <= i
// CHECK: %[[KTT:[^ ]*]] = tile.transpose %[[KT]]
// CHECK: %[[SCORES:[^ ]*]] = tile.matmul %[[QT]], %[[KTT]], %{{.*}} -> <64x64xf32>
// CHECK: %[[P:[^ ]*]] = tile.map elems(%[[SCORES]] : {{.*}}) rows(%[[MU]] : {{.*}}) cols(%[[E]] : {{.*}})
// CHECK-NEXT: ^bb0(%[[ROW:[^ :]*]]: index, %[[COLUMN:[^ :]*]]: index, %[[SIJ:[^ :]*]]: f32, %[[MUI:[^ :]*]]: f64, %[[EJ:[^ :]*]]: f64):
// CHECK-NEXT: %[[CAUSAL:[^ ]*]] = arith.cmpi sle, %[[COLUMN]], %[[ROW]] : index
// CHECK-NEXT: arith.subf %[[EJ]], %[[MUI]]
// CHECK: arith.minnumf
// CHECK: %[[SCALE:[^ ]*]] = arith.constant 2.500000e-01 : f32
// CHECK: %[[EXP:[^ ]*]] = math.exp
// CHECK: %[[WIJ:[^ ]*]] = arith.mulf %[[SCALE]], %[[EXP]]
// CHECK: arith.mulf %[[SIJ]], %[[WIJ]]
// CHECK: arith.select %[[CAUSAL]]
// 1 / (max(|z|, exp(-(b + mu))) + eps exp(o - mu)), z = sum_j P_ij + r q.n
// CHECK: %[[INNER:[^ ]*]] = tile.reduce <add> %[[P]]
// CHECK: %[[OUTER:[^ ]*]] = tile.matvec %[[QT]], %[[NI]], %
// CHECK: %[[ROWZ:[^ ]*]] = tile.map elems(%[[INNER]], %[[OUTER]], %[[R]] :
// CHECK: %[[INVERSE:[^ ]*]] = tile.map elems(%[[ROWZ]], %[[B]], %[[MU]], %[[O]] :
// CHECK: math.absf
// CHECK: %[[FLOOR:[^ ]*]] = math.exp
// CHECK: %[[WEIGHT:[^ ]*]] = math.exp
// CHECK: %[[EPS:[^ ]*]] = arith.mulf %{{.*}}, %[[WEIGHT]] : f32
// CHECK: %[[MAX:[^ ]*]] = arith.maxnumf %{{.*}}, %[[FLOOR]] : f32
// CHECK: %[[Z:[^ ]*]] = arith.addf %[[MAX]], %[[EPS]]
// CHECK: arith.divf %{{.*}}, %[[Z]] : f32
// The numerator, transposed: C^T q^T r + v^T P^T
// CHECK: %[[QTT:[^ ]*]] = tile.transpose %[[QT]]
// CHECK: %[[OLD:[^ ]*]] = tile.matmul %[[C]], %[[QTT]], %{{.*}} -> <32x64xf32>
// CHECK: %[[OLDR:[^ ]*]] = tile.map elems(%[[OLD]] : {{.*}}) cols(%[[R]] :
// CHECK: %[[VTT:[^ ]*]] = tile.transpose %[[VT]]
// CHECK: %[[PT:[^ ]*]] = tile.transpose %[[P]]
// CHECK: %[[NUM:[^ ]*]] = tile.matmul %[[VTT]], %[[PT]], %[[OLDR]] :
// CHECK: %[[HT:[^ ]*]] = tile.map elems(%[[NUM]] : {{.*}}) cols(%[[INVERSE]] :
// CHECK: %[[HROWS:[^ ]*]] = tile.transpose %[[HT]]
// CHECK: tile.store %[[HROWS]], %[[H]][%[[BATCH]], %[[T0]], %[[HEAD]], %[[DV0]]] axes [1, 3] :
// C' = decay C + sum w k v^T, n' = decay n + sum w k
// CHECK: %[[WV:[^ ]*]] = tile.map elems(%{{.*}} : !tile.tile<32x64xf32>) cols(%[[W]] :
// CHECK: %[[DC:[^ ]*]] = tile.map elems(%[[C]] :
// CHECK: arith.mulf %{{.*}}, %[[DECAY]]
// CHECK: %[[CN:[^ ]*]] = tile.matmul %[[WV]], %[[KT]], %[[DC]] :
// CHECK: %[[DN:[^ ]*]] = tile.map elems(%[[NI]] :
// CHECK: %[[NN:[^ ]*]] = tile.matvec %{{.*}}, %[[W]], %[[DN]] :
// CHECK: scf.yield %[[CN]], %[[MN]], %[[NN]], %[[OMN]]
// Outside, states are relative to M as it is stored. Every slice stores its part of C; the first one stores n and M.
// CHECK: %[[MOUT:[^ ]*]] = arith.truncf %[[LOOP]]#3 : f64 to f32
// CHECK: %[[MWIDE:[^ ]*]] = arith.extf %[[MOUT]]
// CHECK: %[[FROMM:[^ ]*]] = arith.subf %[[LOOP]]#1, %[[MWIDE]]
// CHECK: %[[TRUNC:[^ ]*]] = arith.truncf %[[FROMM]]
// CHECK: %[[TOCELL:[^ ]*]] = math.exp %[[TRUNC]]
// CHECK: %[[COUT:[^ ]*]] = tile.map elems(%[[LOOP]]#0 :
// CHECK: arith.mulf %{{.*}}, %[[TOCELL]]
// CHECK: tile.store %[[COUT]], %[[CLAST]][%[[BATCH]], %[[HEAD]], %{{.*}}, %[[DV0]]] axes [3, 2]
// CHECK: %[[FIRST:[^ ]*]] = arith.cmpi eq, %[[SLICE]], %
// CHECK: scf.if %[[FIRST]] {
// CHECK: %[[NOUT:[^ ]*]] = tile.map elems(%[[LOOP]]#2 :
// CHECK: tile.store %[[NOUT]], %[[NLAST]][%[[BATCH]], %[[HEAD]], %{{.*}}] axes [2]
// CHECK: tile.store_scalar %[[MOUT]], %[[MLAST]][%[[BATCH]], %[[HEAD]]]
// CHECK-NOT: func.func

// What a graphics processor gets: staged loads of 16-bit tiles, warps on every product, gates in f32, 16-bit operands of products.
// GPU-LABEL: tile.kernel @exp(
// GPU-SAME: schedule = {chunk = {{[0-9]+}} : i64, copy = "cp_async"
// GPU-SAME: stages = [[STAGES:[0-9]+]] : i64, target = "sm_80", warps = array<i64: [[M:[0-9]+]], [[N:[0-9]+]]>}
// GPU: tile.load_scalar {{.*}} -> f32
// GPU-COUNT-3: axes [1, 3] {stages = [[STAGES]] : i64} : {{.*}} -> <{{.*}}xbf16>
// GPU-NOT: f64
// GPU: tile.scan <add> %{{.*}}xf32>
// GPU: tile.matmul %{{.*}} {warps = array<i64: {{[0-9]+, [0-9]+}}>}
// The state's products all have the state's warps; C^T and P are rounded to 16 bits for them.
// GPU: %[[CO:[^ ]*]] = tile.map elems(%{{.*}}xf32>) -> !tile.tile<{{.*}}xbf16>
// GPU: arith.truncf %{{.*}} : f32 to bf16
// GPU: %[[PO:[^ ]*]] = tile.map elems(%{{.*}}xf32>) -> !tile.tile<{{.*}}xbf16>
// GPU: tile.matmul %[[CO]], %{{.*}} {warps = array<i64: [[M]], [[N]]>}
// GPU: tile.transpose %[[PO]]
// GPU: tile.matmul %{{.*}} {warps = array<i64: [[M]], [[N]]>}
// GPU: tile.matmul %{{.*}} {warps = array<i64: [[M]], [[N]]>}
func.func @exp(%q: tensor<?x?x3x16xbf16> {xlstm.name = "q"}, %k: tensor<?x?x3x16xbf16> {xlstm.name = "k"}, %v: tensor<?x?x3x32xbf16> {xlstm.name = "v"}, %i: tensor<?x?x3xf32> {xlstm.name = "i"}, %f: tensor<?x?x3xf32> {xlstm.name = "f"},
               %c0: tensor<?x3x16x32xf32> {xlstm.name = "c0"}, %n0: tensor<?x3x16xf32> {xlstm.name = "n0"}, %m0: tensor<?x3xf32> {xlstm.name = "m0"})
    -> (tensor<?x?x3x32xbf16> {xlstm.name = "h"}, tensor<?x3x16x32xf32> {xlstm.name = "c_last"}, tensor<?x3x16xf32> {xlstm.name = "n_last"}, tensor<?x3xf32> {xlstm.name = "m_last"}) {
  %h, %c, %n, %m = xlstm.mlstm %q, %k, %v gates(%i, %f) state(%c0, %n0, %m0) : tensor<?x?x3x16xbf16>, tensor<?x?x3x32xbf16>
  return %h, %c, %n, %m : tensor<?x?x3x32xbf16>, tensor<?x3x16x32xf32>, tensor<?x3x16xf32>, tensor<?x3xf32>
}

// scale_on = k: the factor is in w, so that C and n carry it, and not in r. q, k and v are one tensor here, i and f another.
// CHECK-LABEL: tile.kernel @scale_on_k(
// CHECK-SAME: names ["q", "g", "h"]
// CHECK-NOT: tile.load_scalar
// CHECK: tile.scan <max>
// CHECK: tile.extract
// CHECK: %[[ONE:[^ ]*]] = arith.constant 1.000000e+00 : f32
// CHECK: math.exp
// CHECK: arith.mulf %{{.*}}, %[[ONE]] : f32
// CHECK: %[[S:[^ ]*]] = arith.constant 2.500000e-01 : f32
// CHECK: math.exp
// CHECK: arith.mulf %{{.*}}, %[[S]] : f32
// CHECK: arith.cmpi sle
// CHECK: %[[SCALE:[^ ]*]] = arith.constant 2.500000e-01 : f32
// CHECK: arith.mulf %[[SCALE]], %{{.*}} : f32
func.func @scale_on_k(%q: tensor<?x?x3x16xbf16> {xlstm.name = "q"}, %g: tensor<?x?x3xf32> {xlstm.name = "g"}) -> (tensor<?x?x3x16xbf16> {xlstm.name = "h"}) {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) {scale_on = k} : tensor<?x?x3x16xbf16>, tensor<?x?x3x16xbf16>
  return %h : tensor<?x?x3x16xbf16>
}

// denominator = max_with_eps: eps, in the units of the state, is added to the floor, before the maximum.
// CHECK-LABEL: tile.kernel @max_with_eps(
// CHECK: arith.cmpi sle
// CHECK: %[[ZABS:[^ ]*]] = math.absf
// CHECK: %[[FLOOR:[^ ]*]] = math.exp
// CHECK: %[[EPS:[^ ]*]] = arith.constant 1.250000e-01 : f32
// CHECK: %[[WEIGHT:[^ ]*]] = math.exp
// CHECK-NEXT: %[[SCALED:[^ ]*]] = arith.mulf %[[EPS]], %[[WEIGHT]] : f32
// CHECK-NEXT: %[[SUM:[^ ]*]] = arith.addf %[[FLOOR]], %[[SCALED]] : f32
// CHECK-NEXT: %[[MAX:[^ ]*]] = arith.maxnumf %[[ZABS]], %[[SUM]] : f32
// CHECK: arith.divf %{{.*}}, %[[MAX]] : f32
func.func @max_with_eps(%q: tensor<?x?x3x16xbf16> {xlstm.name = "q"}, %g: tensor<?x?x3xf32> {xlstm.name = "g"}) -> (tensor<?x?x3x16xbf16> {xlstm.name = "h"}) {
  %h, %c, %n, %m = xlstm.mlstm %q, %q, %q gates(%g, %g) {denominator = max_with_eps, eps = 0.125} : tensor<?x?x3x16xbf16>, tensor<?x?x3x16xbf16>
  return %h : tensor<?x?x3x16xbf16>
}

// The sigmoid gate's cell has no m: M is 0, o = -b. The program still carries its own m beside C and n.
// CHECK-LABEL: tile.kernel @sigmoid(
// CHECK-SAME: names ["q", "g", "h", "c_last"]
// CHECK-NOT: tile.load_scalar
// CHECK: %[[OM:[^ ]*]] = arith.constant 0.000000e+00 : f64
// CHECK: %[[M:[^ ]*]] = arith.select %{{.*}}, %[[OM]], %{{.*}} : f64
// CHECK: scf.for {{.*}} %[[MI:[^ ]*]] = %[[M]], {{.*}} -> (!tile.tile<16x16xf32>, f64, !tile.tile<16xf32>) {
// CHECK: %[[B:[^ ]*]] = tile.scan <add>
// e = logsigmoid(i) - b
// CHECK: %[[E:[^ ]*]] = tile.map elems(%{{.*}}, %[[B]] :
// CHECK: math.log1p
// CHECK: %[[HIGHEST:[^ ]*]] = tile.scan <max> %[[E]]
// CHECK: %[[MU:[^ ]*]] = tile.map elems(%[[HIGHEST]] :
// CHECK: arith.maxnumf %{{.*}}, %[[MI]]
// CHECK: %[[O:[^ ]*]] = tile.map elems(%[[B]] : !tile.tile<64xf64>) -> !tile.tile<64xf64>
// CHECK-NEXT: ^bb0(%{{.*}}: index, %[[BI:[^ :]*]]: f64):
// CHECK-NEXT: arith.negf %[[BI]] : f64
// CHECK: tile.reduce <add>
// CHECK: tile.map elems({{.*}}%[[B]], %[[MU]], %[[O]] :
// CHECK: math.absf
// CHECK: arith.divf
// CHECK-COUNT-2: tile.store
// CHECK-NOT: scf.if
// CHECK-NOT: tile.store_scalar
// GPU-LABEL: tile.kernel @sigmoid(
// GPU-SAME: names ["q", "g", "h", "c_last"]
func.func @sigmoid(%q: tensor<?x?x3x16xbf16> {xlstm.name = "q"}, %g: tensor<?x?x3xf32> {xlstm.name = "g"}) -> (tensor<?x?x3x16xbf16> {xlstm.name = "h"}, tensor<?x3x16x16xf32> {xlstm.name = "c_last"}) {
  %h, %c, %n = xlstm.mlstm %q, %q, %q gates(%g, %g) {input_gate = sigmoid} : tensor<?x?x3x16xbf16>, tensor<?x?x3x16xbf16>
  return %h, %c : tensor<?x?x3x16xbf16>, tensor<?x3x16x16xf32>
}

// Without the normaliser there is no n, no denominator, and nothing that only the first slice stores; h = num exp(b + mu).
// CHECK-LABEL: tile.kernel @bare(
// CHECK-SAME: names ["q", "g", "h"]
// CHECK: scf.for {{.*}} -> (!tile.tile<16x16xf32>, f64) {
// CHECK: %[[B:[^ ]*]] = tile.scan <add>
// CHECK: tile.scan <max>
// CHECK: %[[MU:[^ ]*]] = tile.map
// CHECK-NOT: tile.reduce
// CHECK-NOT: tile.matvec
// CHECK-NOT: arith.divf
// CHECK: %[[BACK:[^ ]*]] = tile.map elems(%[[B]], %[[MU]] :
// CHECK: arith.addf
// CHECK: math.exp
// CHECK: tile.matmul %{{.*}} -> <16x64xf32>
// CHECK: %[[NUM:[^ ]*]] = tile.matmul %{{.*}} -> <16x64xf32>
// CHECK-NEXT: %[[H:[^ ]*]] = tile.map elems(%[[NUM]] : {{.*}}) cols(%[[BACK]] :
// CHECK: %[[ROWS:[^ ]*]] = tile.transpose %[[H]]
// CHECK: tile.store %[[ROWS]]
// CHECK-NOT: tile.store
// CHECK-NOT: scf.if
// GPU-LABEL: tile.kernel @bare(
func.func @bare(%q: tensor<?x?x3x16xbf16> {xlstm.name = "q"}, %g: tensor<?x?x3xf32> {xlstm.name = "g"}) -> (tensor<?x?x3x16xbf16> {xlstm.name = "h"}) {
  %h, %c = xlstm.mlstm %q, %q, %q gates(%g, %g) {input_gate = sigmoid, normalize = false} : tensor<?x?x3x16xbf16>, tensor<?x?x3x16xbf16>
  return %h : tensor<?x?x3x16xbf16>
}

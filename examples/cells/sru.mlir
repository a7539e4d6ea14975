// The simple recurrent unit (arXiv 1709.02755), a cell that its description says as a region: its
// output is no state, it reads the block's input besides the projections, and it has no recurrent
// matrix.
//
//   f = sigmoid(wx_f + v_f c + b_f)      c' = f c + (1 - f) wx_z
//   g = sigmoid(wx_g + v_g c + b_g)      h  = g tanh(c') + (1 - g) x
//
//   build/bin/xlstm-compile examples/cells/sru.mlir -o sru.xlpkg --target cpu
func.func @forward(
    %wx: tensor<?x?x3x4x16xf32> {xlstm.name = "wx", xlstm.dims = ["B", "T"]},
    %x: tensor<?x?x4x16xf32> {xlstm.name = "x", xlstm.dims = ["B", "T"]},
    %v: tensor<2x4x16xf32> {xlstm.name = "v"},
    %b: tensor<2x4x16xf32> {xlstm.name = "b"},
    %c0: tensor<?x4x16xf32> {xlstm.name = "c0", xlstm.dims = ["S"], xlstm.optional},
    %cu_seqlens: tensor<?xi32> {xlstm.name = "cu_seqlens", xlstm.dims = ["N+1"], xlstm.optional},
    %reset: tensor<?x?xui8> {xlstm.name = "reset", xlstm.dims = ["B", "T"], xlstm.optional})
    -> (tensor<?x?x4x16xf32> {xlstm.name = "h", xlstm.dims = ["B", "T"]},
        tensor<?x4x16xf32> {xlstm.name = "c_last", xlstm.dims = ["S"], xlstm.optional}) {
  %h, %c_last = xlstm.scan sequences(%wx, %x : tensor<?x?x3x4x16xf32>, tensor<?x?x4x16xf32>)
      constants(%v, %b : tensor<2x4x16xf32>, tensor<2x4x16xf32>)
      states(%c0 : tensor<?x4x16xf32>)
      cu_seqlens(%cu_seqlens : tensor<?xi32>) reset(%reset : tensor<?x?xui8>) {
  ^bb0(%wx_f: f32, %wx_g: f32, %wx_z: f32, %xt: f32,
       %v_f: f32, %v_g: f32, %b_f: f32, %b_g: f32, %c: f32):
    %one = arith.constant 1.0 : f32
    %vc_f = arith.mulf %v_f, %c : f32
    %wb_f = arith.addf %wx_f, %b_f : f32
    %raw_f = arith.addf %wb_f, %vc_f : f32
    %f = xlstm.sigmoid %raw_f : f32
    %vc_g = arith.mulf %v_g, %c : f32
    %wb_g = arith.addf %wx_g, %b_g : f32
    %raw_g = arith.addf %wb_g, %vc_g : f32
    %g = xlstm.sigmoid %raw_g : f32
    %kept = arith.mulf %f, %c : f32
    %not_f = arith.subf %one, %f : f32
    %added = arith.mulf %not_f, %wx_z : f32
    %new_c = arith.addf %kept, %added : f32
    %tanh = math.tanh %new_c : f32
    %inner = arith.mulf %g, %tanh : f32
    %not_g = arith.subf %one, %g : f32
    %skip = arith.mulf %not_g, %xt : f32
    %new_h = arith.addf %inner, %skip : f32
    xlstm.yield outputs(%new_h : f32) states(%new_c : f32)
  } -> outputs(tensor<?x?x4x16xf32>) states(tensor<?x4x16xf32>)
  return %h, %c_last : tensor<?x?x4x16xf32>, tensor<?x4x16xf32>
}

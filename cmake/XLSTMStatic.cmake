# SPDX-License-Identifier: Apache-2.0
# Static linking: every exported MLIR target names the LLVM dylib in its interface; here that name is replaced by components.
add_library(xlstm_llvm_static INTERFACE)
llvm_map_components_to_libnames(XLSTM_LLVM_COMPONENTS
  Core Support Target TargetParser Analysis Passes Linker LTO Object Option BinaryFormat Demangle MC IRReader AsmPrinter
  NVPTXCodeGen NVPTXDesc NVPTXInfo X86CodeGen X86Desc X86Info X86AsmParser FrontendOpenMP)
target_link_libraries(xlstm_llvm_static INTERFACE ${XLSTM_LLVM_COMPONENTS})

# Replaces the LLVM dylib in the interfaces of imported libraries.
function(xlstm_link_llvm_statically)
  foreach(lib ${ARGN})
    if(TARGET ${lib})
      get_target_property(interface ${lib} INTERFACE_LINK_LIBRARIES)
      if(interface)
        list(TRANSFORM interface REPLACE "^LLVM$" "xlstm_llvm_static")
        set_target_properties(${lib} PROPERTIES INTERFACE_LINK_LIBRARIES "${interface}")
      endif()
    endif()
  endforeach()
endfunction()
get_property(XLSTM_ALL_MLIR GLOBAL PROPERTY MLIR_ALL_LIBS)
xlstm_link_llvm_statically(${XLSTM_ALL_MLIR})
target_link_libraries(xlstm_mlir INTERFACE
  MLIRArithDialect MLIRArithTransforms MLIRMathDialect MLIRMathTransforms MLIRSCFDialect MLIRSCFTransforms MLIRVectorDialect
  MLIRMemRefDialect MLIRGPUDialect MLIRNVVMDialect MLIRLLVMDialect MLIRFuncDialect MLIRControlFlowDialect MLIRIndexDialect MLIRUBDialect
  MLIRArithToLLVM MLIRMathToLLVM MLIRSCFToControlFlow MLIRControlFlowToLLVM MLIRFuncToLLVM MLIRIndexToLLVM MLIRMemRefToLLVM
  MLIRMathToLibm MLIRVectorToLLVM MLIRVectorToLLVMPass MLIRNVVMToLLVM MLIRUBToLLVM MLIRReconcileUnrealizedCasts MLIRLLVMIRTransforms MLIRTransforms
  MLIRNVVMToLLVMIRTranslation MLIRLLVMToLLVMIRTranslation MLIRBuiltinToLLVMIRTranslation MLIRGPUToLLVMIRTranslation
  MLIRTargetLLVMIRExport MLIROptLib xlstm_llvm_static)
add_link_options(-static-libstdc++ -static-libgcc)

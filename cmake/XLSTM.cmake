# SPDX-License-Identifier: Apache-2.0
# Build helpers: how this project finds MLIR and declares libraries, tools and tests.

add_compile_options(-Wall -Wextra -Wno-unused-parameter -Wno-deprecated-declarations -ffunction-sections -fdata-sections -fvisibility-inlines-hidden)
if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Xclang> $<$<COMPILE_LANGUAGE:CXX>:-fno-pch-timestamp>)
endif()
find_program(LLD_LINKER NAMES ld.lld-19 ld.lld)
if(LLD_LINKER)
  add_link_options(-fuse-ld=lld)
endif()
add_link_options(-Wl,--gc-sections -Wl,--as-needed)
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
endif()
include_directories(${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})

# Adds a folder that has a CMakeLists.txt. A folder is born with its first tested file.
function(xlstm_add_folder folder)
  if(EXISTS ${PROJECT_SOURCE_DIR}/${folder}/CMakeLists.txt)
    add_subdirectory(${PROJECT_SOURCE_DIR}/${folder} ${PROJECT_BINARY_DIR}/${folder})
  endif()
endfunction()

if(XLSTM_COMPILER)
  # Debian's LLVMExports.cmake names zstd::libzstd_shared, which libzstd-dev does not define.
  if(NOT TARGET zstd::libzstd_shared)
    add_library(zstd::libzstd_shared SHARED IMPORTED GLOBAL)
    find_file(ZSTD_SO NAMES libzstd.so libzstd.so.1 PATHS /usr/lib/x86_64-linux-gnu /usr/lib /lib REQUIRED)
    set_target_properties(zstd::libzstd_shared PROPERTIES IMPORTED_LOCATION ${ZSTD_SO})
  endif()
  find_package(MLIR 19.1 REQUIRED CONFIG PATHS /usr/lib/llvm-19/lib/cmake/mlir)
  list(APPEND CMAKE_MODULE_PATH ${MLIR_CMAKE_DIR} ${LLVM_CMAKE_DIR})
  # LLVM 19's tablegen() writes depfile paths relative to the build folder already; the new policy would prefix them again,
  # and every build would run TableGen anew.
  cmake_policy(SET CMP0116 OLD)
  include(TableGen)
  include(AddLLVM)
  include(AddMLIR)
  # AddLLVM sets output folders of its own; Debian's MLIR_INCLUDE_DIR names a build folder that is not shipped.
  set(MLIR_INCLUDE_DIR ${MLIR_INCLUDE_DIRS})
  include_directories(SYSTEM ${LLVM_INCLUDE_DIRS} ${MLIR_INCLUDE_DIRS})
  separate_arguments(LLVM_DEFS UNIX_COMMAND "${LLVM_DEFINITIONS}")
  add_definitions(${LLVM_DEFS})

  # One name for "MLIR and LLVM", dynamic or static. Never mix the two in a process.
  add_library(xlstm_mlir INTERFACE)
  if(XLSTM_STATIC)
    include(XLSTMStatic)
  else()
    target_link_libraries(xlstm_mlir INTERFACE MLIR LLVM)
  endif()

  # MLIR's headers take 20 to 40 s a file; this precompiled header brings a file to 2 to 3 s.
  add_library(xlstm_pch STATIC ${PROJECT_SOURCE_DIR}/cmake/pch/pch.cpp)
  target_precompile_headers(xlstm_pch PRIVATE ${PROJECT_SOURCE_DIR}/cmake/pch/mlir.h)
endif()

# xlstm_library(NAME sources... [DEPENDS libraries...]): a static library without MLIR.
function(xlstm_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS})
endfunction()

# xlstm_mlir_library(NAME sources... [TABLEGEN targets...] [DEPENDS libraries...])
function(xlstm_mlir_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;TABLEGEN" ${ARGN})
  add_library(${name} STATIC ${ARG_UNPARSED_ARGUMENTS})
  target_precompile_headers(${name} REUSE_FROM xlstm_pch)
  target_link_libraries(${name} PUBLIC ${ARG_DEPENDS} xlstm_mlir)
  if(ARG_TABLEGEN)
    add_dependencies(${name} ${ARG_TABLEGEN})
  endif()
endfunction()

# Links an executable with MLIR. The precompiled header is -fPIC, so the executable has to be that too, not -fPIE.
function(xlstm_use_mlir name)
  target_link_libraries(${name} PRIVATE xlstm_mlir)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_compile_options(${name} PRIVATE -fPIC)
  target_precompile_headers(${name} REUSE_FROM xlstm_pch)
endfunction()

# xlstm_documentation(FILE.md TABLEGEN-TARGET): reference documentation, generated in this folder, goes to docs/ with the
# target xlstm-doc.
function(xlstm_documentation file target)
  if(NOT TARGET xlstm-doc)
    add_custom_target(xlstm-doc COMMENT "Reference documentation in docs/")
  endif()
  get_filename_component(name ${file} NAME_WE)
  add_custom_command(OUTPUT ${PROJECT_BINARY_DIR}/docs/${file}
    COMMAND ${CMAKE_COMMAND} -E copy ${CMAKE_CURRENT_BINARY_DIR}/${file} ${PROJECT_BINARY_DIR}/docs/${file}
    DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/${file} ${target})
  add_custom_target(xlstm-doc-${name} DEPENDS ${PROJECT_BINARY_DIR}/docs/${file})
  add_dependencies(xlstm-doc xlstm-doc-${name})
endfunction()

# xlstm_tool(NAME sources... [MLIR] [DEPENDS libraries...]): a program in bin/.
function(xlstm_tool name)
  cmake_parse_arguments(ARG "MLIR" "" "DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS})
  if(ARG_MLIR)
    xlstm_use_mlir(${name})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()

# xlstm_test(NAME sources... [MLIR] [DEPENDS libraries...]): a GoogleTest program in test/bin, which ./x test runs.
function(xlstm_test name)
  cmake_parse_arguments(ARG "MLIR" "" "DEPENDS" ${ARGN})
  add_executable(${name} ${ARG_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPENDS} gtest gtest_main)
  if(ARG_MLIR)
    xlstm_use_mlir(${name})
  endif()
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/test/bin)
  target_compile_definitions(${name} PRIVATE XLSTM_SOURCE_DIR="${PROJECT_SOURCE_DIR}" XLSTM_BINARY_DIR="${PROJECT_BINARY_DIR}")
endfunction()

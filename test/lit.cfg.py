# SPDX-License-Identifier: Apache-2.0
"""lit configuration: textual tests of the dialects, passes, conversions and tools."""
import os
import shutil

import lit.formats

config.name = "xlstm"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.test_source_root = os.path.join(config.xlstm_source_dir, "test")
config.test_exec_root = os.path.join(config.xlstm_binary_dir, "test")
config.excludes = ["Inputs"]
path = [os.path.join(config.xlstm_binary_dir, "bin"), config.llvm_tools_dir, "/usr/lib/llvm-19/bin"]
config.environment["PATH"] = os.pathsep.join(path + [os.environ.get("PATH", "")])
config.substitutions.append(("%examples", os.path.join(config.xlstm_source_dir, "examples")))
config.substitutions.append(("%inputs", os.path.join(config.test_source_root, "Inputs")))

# Tests that say `REQUIRES: ptxas` are skipped where CUDA's assembler is not installed, or hidden by XLSTM_PTXAS= (empty).
if "XLSTM_PTXAS" in os.environ:
    ptxas = os.environ["XLSTM_PTXAS"]
    config.environment["XLSTM_PTXAS"] = ptxas
else:
    ptxas = shutil.which("ptxas") or next((p for p in ("/usr/local/cuda/bin/ptxas",) if os.path.exists(p)), None)
if ptxas:
    config.available_features.add("ptxas")
    config.substitutions.append(("%ptxas", ptxas))

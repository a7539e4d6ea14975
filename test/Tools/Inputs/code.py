# SPDX-License-Identifier: Apache-2.0
"""code.py N COMMAND...: exit code 0 if the command exits with N; its output passes through as one line at most."""
import subprocess
import sys

result = subprocess.run(sys.argv[2:], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
sys.stdout.write(result.stdout)
if result.returncode != int(sys.argv[1]):
    sys.exit("expected exit code %s, got %d" % (sys.argv[1], result.returncode))
if result.stdout.count("\n") != 1:
    sys.exit("expected one line of output")

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the polynomials of compiler/Conversion/TileToNVVM/FloatFunctions.h, by Remez' exchange; needs mpmath."""
import mpmath as mp

mp.mp.dps = 40


def remez(f, weight, low, high, degree, points=1200):
    """The polynomial whose largest |weight (p - f)| is smallest, from its constant up; and that error."""
    count = degree + 2
    at = [(low + high) / 2 - (high - low) / 2 * mp.cos(mp.pi * i / (count - 1)) for i in range(count)]
    grid = [low + (high - low) * mp.mpf(i) / points for i in range(points + 1)]
    for _ in range(30):
        matrix, right = mp.matrix(count, count), mp.matrix(count, 1)
        for i, x in enumerate(at):
            for j in range(degree + 1):
                matrix[i, j] = x**j
            matrix[i, degree + 1] = (-1) ** i / weight(x)
            right[i] = f(x)
        solution = mp.lu_solve(matrix, right)
        p = [solution[j] for j in range(degree + 1)]
        error = [weight(x) * (mp.polyval(p[::-1], x) - f(x)) for x in grid]
        runs = [[0]]  # of one sign
        for i in range(1, len(grid)):
            if (error[i] > 0) == (error[i - 1] > 0):
                runs[-1].append(i)
            else:
                runs.append([i])
        extrema = [grid[max(run, key=lambda i: abs(error[i]))] for run in runs]
        if len(extrema) != count:
            raise SystemExit(f"expected {count} extrema, got {len(extrema)}")
        moved = max(abs(a - b) for a, b in zip(extrema, at))
        at = extrema
        if moved < 1e-6:
            break
    return p, max(abs(e) for e in error)


def show(name, p, error):
    print(name, "error", mp.nstr(error, 3))
    print("  " + ", ".join(mp.nstr(c, 10) for c in p[::-1]))


quotient = lambda u: mp.erf(mp.sqrt(u)) / mp.sqrt(u) if u > 0 else 2 / mp.sqrt(mp.pi)
show("P", *remez(quotient, lambda u: 1 / quotient(u), mp.mpf(0), mp.mpf(1), 6))
logarithm = lambda a: mp.log(mp.erfc(a)) / mp.log(2)
# An error of the logarithm is one of erfc(a) log(2) in erf.
show("Q", *remez(logarithm, lambda a: mp.erfc(a) * mp.log(2) / mp.erf(a), mp.mpf(1), mp.mpf(4), 6))
quotient = lambda u: mp.tanh(mp.sqrt(u)) / mp.sqrt(u) if u > 0 else mp.mpf(1)
show("R", *remez(quotient, lambda u: 1 / quotient(u), mp.mpf(0), mp.mpf("0.36"), 5))

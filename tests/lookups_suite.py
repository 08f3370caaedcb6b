#!/usr/bin/python3
"""Lookups at run time that lead outside. Emitted C under AddressSanitizer and UBSan with tables that lead outside: each wrong entry must be answered with the status, and no byte outside
an array may be touched (arrays are allocated to their exact size, so every stray access meets a guard zone and ends the program with status 99).
With right entries the results are those of NumPy, which are written out here as plain as can be. The object file that LLVM makes takes the
place of the emitted C in a second program, where the status and the results must be the same.

    lookups_suite.py --einc build/einc [--seed N]
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy

from suites import engines

SANITIZED = ["gcc", "-std=c99", "-O0", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-Wall", "-Wextra", "-Wpedantic",
             "-Wconversion", "-Wsign-conversion", "-Werror"]
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "ASAN_OPTIONS": "exitcode=99:detect_leaks=0", "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99"}
TYPES = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"]


def bad_entries(kind, low, high):
    """Values of the type just outside [low, high], far outside, and the extremes."""
    info = numpy.iinfo(numpy.dtype(kind))
    wanted = [low - 1, high + 1, high + 1000, info.min, info.max, info.max // 2 + 1, -(2**32), 2**32 + low, -(2**31)]
    return sorted({value for value in wanted if info.min <= value <= info.max and not low <= value <= high})


def add_at(base, places, values):
    total = base.copy()
    numpy.add.at(total, places, values)
    return total



class Case:
    """A kernel over tables of one type: its source, the arrays, what entries of each table may be, and the results by NumPy."""

    def __init__(self, name, source, arrays, ranges, results):
        self.name, self.source, self.arrays, self.ranges, self.results = name, source, arrays, ranges, results


def cases(kind, random):
    n, m = 13, 9
    dtype = numpy.dtype(("int" if kind[0] == "i" else "uint") + kind[1:])
    x, v, w, u = random.normal(size=(n, 3)), random.normal(size=(m, 3)), random.normal(size=n), random.normal(size=m)

    def table(limit):
        return random.integers(0, limit, m).astype(dtype)

    yield Case("gather", f"(x: f64[n, 3], t: {kind}[m]) -> (y: f64[m, 3]) {{ y[i,c] = 2 * x[t[i],c] }}",
               dict(x=x, t=table(n)), dict(t=(0, n - 1)), lambda a: dict(y=2 * a["x"][a["t"].astype(int)]))
    yield Case("add", f"(v: f64[m, 3], t: {kind}[m]) -> (y: f64[n, 3]) {{ y[t[i],c] += v[i,c] }}",
               dict(v=v, t=table(n), y=x), dict(t=(0, n - 1)), lambda a: dict(y=add_at(a["y"], a["t"].astype(int), a["v"])))
    yield Case("scaled", f"(x: f64[n, 3], s: {kind}[m]) -> (y: f64[m]) {{ y[i] = x[3*s[i] + 1,2] + x[n - 2 - 2*s[i],0] }}",
               dict(x=x, s=table(4)), dict(s=(0, 3)),
               lambda a: dict(y=a["x"][3 * a["s"].astype(int) + 1, 2] + a["x"][n - 2 - 2 * a["s"].astype(int), 0]))
    yield Case("nested", f"(w: f64[n], u: f64[m], k: {kind}[m], q: {kind}[m]) -> (y: f64[m], z: f64[n]) {{\n"
               "    y[i] = pad(w[q[k[i]] - 1], 0.5)\n    z[q[k[i]]] += u[i]\n}",
               dict(w=w, u=u, k=numpy.arange(m).astype(dtype)[::-1].copy(), q=table(n), z=w.copy()), dict(k=(0, m - 1), q=(0, n - 1)),
               lambda a: dict(y=numpy.where(a["q"][a["k"].astype(int)] > 0, a["w"][a["q"][a["k"].astype(int)].astype(int) - 1], 0.5),
                              z=add_at(a["z"], a["q"][a["k"].astype(int)].astype(int), a["u"])))
    yield Case("two", f"(w: f64[n], a: {kind}[m], b: {kind}[m]) -> (y: f64[m]) {{ y[i] = w[a[i] + b[i]] }}",
               dict(w=w, a=table(6), b=table(6)), None, lambda a: dict(y=a["w"][a["a"].astype(int) + a["b"].astype(int)]))


def compile_cases(einc, chosen, folder):
    """The programs."""
    (folder / "case.ein").write_text("dim n, m\n" + "".join(f"kernel {case.name}{case.source}\n" for case in chosen))
    subprocess.run([einc, "build", "case.ein", "--emit=main", "-o", "program.c"], cwd=folder, check=True)
    files = sorted(path.name for path in folder.glob("*.c"))
    subprocess.run([*SANITIZED, *files, "-o", "program", "-lm"], cwd=folder, check=True)
    if "llvm" not in engines(einc):
        return ["program"]
    kernels = next(name for name in files if name != "program.c")
    subprocess.run([einc, "build", "case.ein", "--emit=obj", "-o", "kernels.o"], cwd=folder, check=True)
    others = ["kernels.o" if name == kernels else name for name in files]
    subprocess.run(["gcc", "-std=c99", "-O1", *others, "-o", "program_llvm", "-lm"], cwd=folder, check=True)
    return ["program", "program_llvm"]


def run(program, case, arrays, folder):
    """Status of the program and, when it is 0, the outputs."""
    outputs = list(case.results(case.arrays))
    for name, array in arrays.items():
        numpy.save(folder / f"{name}.npy", array)
    words = [f"{name}={name}.npy" for name in {**arrays, **dict.fromkeys(outputs)}]
    done = subprocess.run([f"./{program}", case.name, *words], cwd=folder, capture_output=True, text=True, env=ENVIRONMENT)
    return done.returncode, {name: numpy.load(folder / f"{name}.npy") for name in outputs} if done.returncode == 0 else {}, done.stderr


def wrong_runs(case):
    """Arrays with one wrong entry each, at both ends of each table."""
    for table, (low, high) in (case.ranges or {}).items():
        for place in (0, -1):
            for entry in bad_entries(case.arrays[table].dtype, low, high):
                arrays = {name: array.copy() for name, array in case.arrays.items()}
                arrays[table][place] = entry
                yield f"{table}[{place}] = {entry}", arrays
    if case.ranges is None:
        info = numpy.iinfo(case.arrays["a"].dtype)
        for first, second in [(12, 1), (info.max, info.max), (info.min, info.min), (info.max, 1), (0, 13)]:
            if 0 <= first + second < 13:
                continue
            arrays = {name: array.copy() for name, array in case.arrays.items()}
            arrays["a"][3], arrays["b"][3] = first, second
            yield f"a = {first}, b = {second}", arrays


def try_case(program, case, folder):
    """Passed checks, and the failed ones in words."""
    status, outputs, words = run(program, case, case.arrays, folder)
    wanted = case.results(case.arrays)
    same = status == 0 and all(numpy.allclose(outputs[key], wanted[key], rtol=1e-13, atol=1e-13) for key in wanted)
    passed, failed = (1, []) if same else (0, [f"right entries: status {status}\n{words}"])
    for what, arrays in wrong_runs(case):
        status, _, words = run(program, case, arrays, folder)
        if status == 1 and "leads outside" in words:
            passed += 1
        else:
            failed.append(f"{what}: status {status}\n{words[:2000]}")
    return passed, failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    einc = str(pathlib.Path(options.einc).resolve())
    passed = failures = 0
    for kind in TYPES:
        chosen = list(cases(kind, numpy.random.default_rng(options.seed)))
        with tempfile.TemporaryDirectory() as folder:
            for program in compile_cases(einc, chosen, pathlib.Path(folder)):
                for case in chosen:
                    good, failed = try_case(program, case, pathlib.Path(folder))
                    passed, failures = passed + good, failures + len(failed)
                    for what in failed:
                        print(f"FAILED {program} {case.name} {kind}: {what}")
    print(f"{passed} passed, {failures} failed, 0 skipped")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

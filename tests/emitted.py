#!/usr/bin/python3
"""Emitted C of every example and golden program: clean with the strictest warnings under gcc and, in turn from program to program, one of
three other compilers or gcc where it sanitizes, which says more (with `--full` under all), the same bytes twice, and run as the host program of --emit=main under ASan and UBSan against engine ref, or tcc where that
would take long. Last, two emitted files go into one program.

A compiler that is missing is a failure. Tolerance of the runs: 1e-9 of the largest element in double, 2e-4 in single; the bound per element is
`einc check`'s business.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy

from suites import WATCHED

ROOT = pathlib.Path(__file__).parents[1]
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror", "-c"]
# What clang and tcc warn of does not depend on what they optimise, and what gcc does is asked of one of the two.
COMPILERS = {"gcc": ["gcc", "-O2"], "gcc and its sanitizer": ["gcc", "-fsanitize=undefined"], "clang": ["clang"], "tcc": ["tcc"],
             "arm-none-eabi-gcc": ["arm-none-eabi-gcc", "-mcpu=cortex-m7"]}
HEAVY = 1e8  # flops of a kernel that runs longer than optimising it takes, or whose reference takes ten seconds
DTYPE = {"f16": "float16", "bf16": "V2", "f32": "float32", "f64": "float64", "c64": "complex64", "c128": "complex128", "i8": "int8", "i16": "int16", "i32": "int32", "i64": "int64",
         "u8": "uint8", "u16": "uint16", "u32": "uint32", "u64": "uint64", "bool": "bool"}


class Suite:
    def __init__(self, einc):
        self.einc, self.passed, self.failed = str(pathlib.Path(einc).resolve()), 0, 0

    def run(self, words, cwd):
        return subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, timeout=300)

    def check(self, what, good, details=""):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        if not good:
            print(f"FAILED {what}\n{details}")
        return good

    def step(self, what, words, cwd):
        done = self.run(words, cwd)
        return self.check(what, done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")


def sources():
    """Programs of the examples whose constants are there, not made by a run, and goldens whose input is right."""
    goldens = [path for path in sorted((ROOT / "tests/golden").rglob("*.ein")) if "diagnostics" not in path.parts]
    examples = [path for path in sorted((ROOT / "examples").rglob("*.ein"))
                if all((path.parent / name).exists() for name in re.findall(r'file\("([^"]+)"\)', path.read_text()))]
    return examples + goldens


def compiles_cleanly(suite, source, folder, compilers):
    name = source.relative_to(ROOT)
    if not suite.step(f"{name}: emit", [suite.einc, "build", source, "--emit=c", "-o", folder / "kernels.c"], folder):
        return False
    first = [(folder / file).read_bytes() for file in ("kernels.c", "kernels.h")]
    suite.run([suite.einc, "build", source, "--emit=c", "-o", folder / "kernels.c"], folder)
    suite.check(f"{name}: the same bytes twice", first == [(folder / file).read_bytes() for file in ("kernels.c", "kernels.h")])
    for compiler in compilers if not WATCHED else ():
        suite.step(f"{name}: {compiler}", COMPILERS[compiler] + STRICT + ["kernels.c", "-o", "kernels.o"], folder)
    return True


def random_input(random, tensor, integers):
    dtype, shape = numpy.dtype(DTYPE[tensor["type"]]), tensor["shape"]
    if dtype.kind == "b":
        return random.integers(0, 2, shape).astype(bool)
    if dtype.kind in "iu":
        return numpy.asarray(random.integers(0, integers, shape), dtype)
    # small along long axes, so that recurrences stay where numbers can be compared
    values = random.uniform(0.5, 1.5, shape) / max(shape, default=1) ** 0.5
    if dtype.kind == "V":  # bf16: the upper half of a float
        return numpy.asarray(numpy.asarray(values, "f4").view("u4") >> 16, "u2").view("V2")
    return numpy.asarray(values + 1j * random.uniform(-1, 1, shape) if dtype.kind == "c" else values, dtype)


def small_dims(dims):
    def size(k, dim):
        wanted = -(-(3 + k) // dim["divisor"]) * dim["divisor"]
        return min(wanted, dim["bound"]) if dim["bound"] else wanted
    return ",".join(f"{dim['name']}={size(k, dim)}" for k, dim in enumerate(dims))


def close(got, wanted):
    bf16 = got.dtype.kind == "V"
    if got.dtype != wanted.dtype or got.shape != wanted.shape:
        return False
    if bf16 and got.dtype == wanted.dtype:
        got, wanted = ((numpy.atleast_1d(array).view("u2").astype("u4") << 16).view("f4") for array in (got, wanted))
    if got.dtype.kind not in "fc":
        return numpy.array_equal(got, wanted)
    limit = {"float64": 1e-9, "complex128": 1e-9, "float16": 1e-2}.get(got.dtype.name, 5e-2 if bf16 else 2e-4)
    finite = numpy.isfinite(wanted)
    scale = abs(wanted[finite]).max(initial=1e-30)
    return numpy.array_equal(numpy.isfinite(got), finite) and abs(got[finite] - wanted[finite]).max(initial=0) <= limit * scale


def run_kernel(suite, source, kernel, dims, folder, integers=5):
    """The sanitized host program against another engine, on the same files. Integers that are subscripts must be small for some."""
    by = "--engine=tcc" if (kernel["flops_naive"] or 0) > HEAVY else "--engine=ref"
    random = numpy.random.default_rng(7)
    inputs, name = [], f"{source.relative_to(ROOT)}: {kernel['name']}"
    updated = {tensor["name"] for tensor in kernel["outputs"]}
    for tensor in kernel["inputs"]:
        array = random_input(random, tensor, integers)
        numpy.save(folder / f"{tensor['name']}.npy", array)
        if tensor["name"] in updated:  # the host program reads and writes one file
            numpy.save(folder / f"host_{tensor['name']}.npy", array)
        inputs.append(f"{tensor['name']}={tensor['name']}.npy")
    host_inputs = [word for word in inputs if word.partition("=")[0] not in updated]
    host = [f"{tensor['name']}=host_{tensor['name']}.npy" for tensor in kernel["outputs"]]
    reference = [word for tensor in kernel["outputs"] for word in ("-o", f"{tensor['name']}=ref_{tensor['name']}.npy")]
    done = suite.run(["./host", kernel["name"], *host_inputs, *host], folder)
    outside = kernel["inputs"] and "leads outside" in done.stderr
    if outside and integers > 1:
        return run_kernel(suite, source, kernel, dims, folder, integers // 2)
    if outside:
        refused = suite.run([suite.einc, "run", source, kernel["name"], *inputs, *reference, by, *dims], folder)
        return suite.check(f"{name}: refused by both", refused.returncode == 1, refused.stderr)
    good = suite.check(f"{name}: host program", done.returncode == 0, done.stdout + done.stderr)
    good = good and suite.step(f"{name}: reference", [suite.einc, "run", source, kernel["name"], *inputs, *reference, by, *dims], folder)
    for tensor in kernel["outputs"] if good else []:
        got, wanted = (numpy.load(folder / f"{who}_{tensor['name']}.npy") for who in ("host", "ref"))
        suite.check(f"{name}: {tensor['name']}", close(got, wanted), f"got {got}\nwanted {wanted}")


def runs_sanitized(suite, source, folder):
    name = source.relative_to(ROOT)
    dims = small_dims(json.loads(suite.run([suite.einc, "explain", "--json", source], folder).stdout)["dims"])
    dims = ["--dims", dims] if dims else []
    kernels = json.loads(suite.run([suite.einc, "explain", "--json", source, *dims], folder).stdout)["kernels"]
    if not suite.step(f"{name}: emit main", [suite.einc, "build", source, "--emit=main", "-o", folder / "host.c", *dims], folder) or WATCHED:
        return
    heavy = any(kernel["flops"] and kernel["flops"] > HEAVY for kernel in kernels)
    sanitized = ["clang", "-std=c99", "-O1" if heavy else "-O0", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]  # sees subscripts that wrap
    others = [path.name for path in folder.glob("*.c") if path.name not in ("host.c", "kernels.c")]
    if suite.step(f"{name}: sanitized", sanitized + ["host.c", *others, "-lm", "-o", "host"], folder):
        for kernel in kernels:
            run_kernel(suite, source, kernel, dims, folder)


def links_together(suite, folder):
    """Two files that use the same helpers and constants, and one program that includes both headers."""
    for stem, path in (("one", "examples/shortest_paths/paths.ein"), ("two", "examples/matrix_chain/chain.ein")):
        suite.step(f"emit {path}", [suite.einc, "build", ROOT / path, "--emit=c", "-o", folder / f"{stem}.c"], folder)
    (folder / "both.c").write_text('#include "one.h"\n#include "two.h"\nint main(void)\n{\n    return paths == 0 || chain == 0;\n}\n')
    if not WATCHED:
        suite.step("two emitted files in one program", ["gcc", "-std=c99", "both.c", "one.c", "two.c", "-lm", "-o", "both"], folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--full", action="store_true", help="every compiler on every program")
    arguments = parser.parse_args()
    suite = Suite(arguments.einc)
    first, *others = COMPILERS
    for turn, source in enumerate(sources()):
        compilers = COMPILERS if arguments.full else [first, others[turn % len(others)]]
        with tempfile.TemporaryDirectory() as folder:
            if compiles_cleanly(suite, source, pathlib.Path(folder), compilers):
                runs_sanitized(suite, source, pathlib.Path(folder))
    with tempfile.TemporaryDirectory() as folder:
        links_together(suite, pathlib.Path(folder))
    print(f"{suite.passed} passed, {suite.failed} failed, 0 skipped")
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Products of two tensors, sums, copies and outer products on the tiled path: emitted C for every target with vectors, at extents
0, 1, primes and multiples of the tiles, known at run time and before, against NumPy.

Each target's file is clean under four compilers with the strictest warnings. It runs optimised for this machine, under ASan and
UBSan with this machine's instructions and without, and compiled by tcc, which takes the branch without vectors. Where einc has LLVM its object
file runs in the place of the emitted C. A machine of tiny
caches has every block cut, every panel packed and every result streamed, one of less tiny ones rows gathered; machines of few registers have the smallest tiles. Made for
three threads its blocks are dealt out, and one, two and three threads give the same bits.
"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy

from emitted import COMPILERS, STRICT, Suite
from suites import WATCHED, engines

DIMS = ["M", "N", "K", "E"]
SIZES = [(0, 3, 5, 2), (4, 3, 0, 2), (1, 1, 1, 1), (7, 13, 5, 3), (17, 40, 33, 2), (32, 24, 16, 4), (37, 9, 70, 1)]
SOME = SIZES[0::2]  # without --full
FEW = SIZES[0::3]   # for the slower programs
CONSTANT = [(1, 1, 1, 1), (13, 29, 5, 3), (24, 32, 48, 2)]

# name: operands, result and the value; letters of indices are m n k e and p q, which run over E and N as well
KERNELS = {
    "plain": ("mk,kn->mn", "{sum}"),
    "second_turned": ("mk,nk->mn", "{sum}"),
    "first_turned": ("km,kn->mn", "{sum}"),
    "both_turned": ("km,nk->mn", "{sum}"),
    "batch": ("emk,ekn->emn", "{sum}"),
    "batch_inside": ("mke,kne->mne", "{sum}"),
    "groups": ("epkm,pnek->nmep", "{sum}"),
    "long_result": ("mek,kpn->nmpe", "{sum}"),
    "two_summed": ("ekmp,nkpm->en", "{sum}"),
    "no_columns": ("km,k->m", "{sum}"),
    "result_turned": ("kem,k->me", "relu({sum} + 0.5)"),
    "factor_turned": ("mke,ek->m", "{sum}"),
    "finished": ("mk,kn->mn", "relu({sum} + 0.5)"),
    "by_function": ("km,nk->nm", "tanh({sum}) * 2"),
    "row_products": ("mk,k->m", "{sum}"),
    "row_sums": ("mek->em", "{sum} + 1"),
    "outer": ("m,n->mn", "{sum}"),
    "scaled": ("mn,n->mn", "{sum} * 0.5 + 1"),
    "turned": ("mn->nm", "{sum}"),
    "permuted": ("kenm->mekn", "{sum}"),
    "rows_permuted": ("ekmn->kemn", "{sum}"),
}
EXTENT = {"m": "M", "n": "N", "k": "K", "e": "E", "p": "E"}
SMALL = {"vector_bytes": 32, "vector_registers": 10, "l1_bytes": 256, "l2_bytes": 1024, "l3_bytes": 1024, "stream_rate": 2e10,
         "write_rate": 1e10}
ROWS = {**SMALL, "l1_bytes": 4096, "l2_bytes": 4096, "l3_bytes": 4096}  # a result past the caches leaves by rows, if its lines begin anywhere
PARTS = {**SMALL, "vector_bytes": 64, "vector_registers": 32}  # parts of squares are turned under masks, where the host has them
LONG = [(1201, 7, 5, 2)]


def source(elem):
    lines = [f"dim {name}" for name in DIMS]
    for name, (expression, value) in KERNELS.items():
        operands, result = expression.split("->")
        operands = operands.split(",")
        summed = ",".join(sorted(set("".join(operands)) - set(result)))

        def tensor(indices):
            return f"{elem}[{', '.join(EXTENT[index] for index in indices)}]"

        term = " * ".join(f"{name}[{','.join(indices)}]" for name, indices in zip("AB", operands))
        inputs = ", ".join(f"{name}: {tensor(indices)}" for name, indices in zip("AB", operands))
        lines += [f"kernel {name}_{elem}({inputs}) -> (C: {tensor(result)}) {{",
                  f"    C[{','.join(result)}] = {value.format(sum=f'sum[{summed}]({term})' if summed else term)}", "}"]
    return "\n".join(lines) + "\n"


def wanted(name, *arrays):
    expression, value = KERNELS[name]
    total = numpy.einsum(expression, *(array.astype("f8") for array in arrays))
    functions = {"relu": lambda x: numpy.maximum(x, 0), "tanh": numpy.tanh, "total": total}
    return eval(value.format(sum="total"), functions)  # the values above are Python as well


def machine_with(folder, name, values):
    """This machine's description with some fields changed."""
    lines = []
    for line in (folder / "host.machine").read_text().split("\n"):
        word = line.split()[0] if line.split() else ""
        lines.append(f"{word} {values[word]}" if word in values else line)
    (folder / name).write_text("\n".join(lines))
    return folder / name


def run_kernel(suite, folder, program, kernel, elem, sizes, what):
    random = numpy.random.default_rng(sum(sizes))
    extents = dict(zip(DIMS, sizes))
    arrays = []
    for tensor, indices in zip("AB", KERNELS[kernel][0].split("->")[0].split(",")):
        array = (random.random([extents[EXTENT[index]] for index in indices]) - 0.5).astype("f8" if elem == "f64" else "f4")
        numpy.save(folder / f"{tensor}.npy", array)
        arrays.append(array)
    done = suite.run([f"./{program}", f"{kernel}_{elem}", *["A=A.npy", "B=B.npy"][:len(arrays)], "C=C.npy"], folder)
    if not suite.check(f"{what}: {kernel}_{elem} {sizes} runs", done.returncode == 0, done.stdout + done.stderr):
        return
    got, right = numpy.load(folder / "C.npy"), wanted(kernel, *arrays)
    error = abs(got - right).max(initial=0)
    limit = (1e-13 if elem == "f64" else 1e-5) * (1 + max(sizes))
    suite.check(f"{what}: {kernel}_{elem} {sizes}", got.shape == right.shape and error <= limit, f"wrong by {error}")


def same_on_threads(suite, folder, kernel, sizes, what):
    """After a run on as many threads as there are: the others give the bits that are there."""
    names = ["A=A.npy", "B=B.npy"][:len(KERNELS[kernel][0].split("->")[0].split(","))]
    results = [(folder / "C.npy").read_bytes()]
    for threads in (1, 2, 3):
        done = suite.run(["env", f"OMP_NUM_THREADS={threads}", "./threads", f"{kernel}_f64", *names, "C=C.npy"], folder)
        results.append((folder / "C.npy").read_bytes() if done.returncode == 0 else done.stderr)
    suite.check(f"{what}: {kernel} {sizes} the same on 1, 2 and 3 threads", len(set(results)) == 1, results[-1])


def build(suite, folder, target, elem, programs, dims, what):
    (folder / "products.ein").write_text(source(elem))
    words = ["--dims", ",".join(f"{name}={size}" for name, size in zip(DIMS, dims))] if dims else []
    if "threads" in programs:
        words.append("--threads=openmp:3")
    suite.step(f"{what}: emit", [suite.einc, "build", "products.ein", "--emit=main", f"--target={target}", "-o", "host.c", *words], folder)
    others = [path.name for path in folder.glob("*.c") if path.name != "host.c"]
    if "llvm" in programs:
        suite.step(f"{what}: object file", [suite.einc, "build", "products.ein", "--emit=obj", f"--target={target}", "-o", "kernels.o", *words], folder)
    if WATCHED:
        return
    for compiler, command in COMPILERS.items() if isinstance(target, str) else ():
        suite.step(f"{what}: {compiler}", command + STRICT + others + ["-o", f"{compiler}.o"], folder)
    sanitized = ["-std=c99", "-O0", "-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    commands = {"native": ["gcc", "-std=c99", "-O1", "-march=native"], "checked": ["gcc", "-march=native", *sanitized],
                "portable": ["clang", *sanitized], "tcc": ["tcc", "-std=c99"], "threads": ["gcc", "-march=native", "-fopenmp", *sanitized], "llvm": ["gcc", "-std=c99"]}
    for program in programs:
        files = ["kernels.o"] if program == "llvm" else others
        suite.step(f"{what}: {program}", commands[program] + ["host.c", *files, "-lm", "-o", program], folder)


def runs_code_for(target):
    """Of the descriptions that are built in; others are this machine's own."""
    flag = {"avx512": "avx512f", "avx2": "avx2"}.get(target)
    return not flag or flag in pathlib.Path("/proc/cpuinfo").read_text().split()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--full", action="store_true", help="every size and number of registers")
    arguments = parser.parse_args()
    suite, most = Suite(arguments.einc), SIZES if arguments.full else SOME
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        suite.step("describe", [suite.einc, "machine", "-o", "host.machine"], folder)
        small = machine_with(folder, "small.machine", SMALL)
        few = [machine_with(folder, f"registers_{n}.machine", {**SMALL, "vector_registers": n}) for n in ((1, 2, 3) if arguments.full else (2,))]
        llvm = ("llvm",) if "llvm" in engines(suite.einc) else ()
        targets = [("avx512", "f64", ("native", "checked", "portable", "tcc", *llvm), ()), ("avx2", "f32", ("native", "checked", "tcc", *llvm), ()),
                   ("neon", "f32", ("portable",), ()), (small, "f64", ("native", "checked", *llvm), CONSTANT)]
        targets.append((machine_with(folder, "teams.machine", {**SMALL, "team_rate": 1e18}), "f64", ("threads",), CONSTANT))
        targets.append((machine_with(folder, "rows.machine", ROWS), "f64", ("checked", "tcc"), LONG))
        targets.append((machine_with(folder, "parts.machine", PARTS), "f64", ("native", *llvm), LONG))
        for target, elem, programs, constants in targets + [(path, "f32", ("checked", *llvm), ()) for path in few]:
            for dims in (None, *constants) if constants != LONG else LONG:
                what = f"{pathlib.Path(target).name} {'run-time' if dims is None else dims}"
                build(suite, folder, target, elem, programs, dims, what)
                for program in programs if not WATCHED else ():
                    if program == "llvm" and not runs_code_for(target):
                        continue
                    for sizes in (dims,) if dims else most if program in ("native", "checked", "llvm") and target not in few else FEW:
                        for kernel in KERNELS:
                            run_kernel(suite, folder, program, kernel, elem, sizes, f"{what} {program}")
                            if program == "threads":
                                same_on_threads(suite, folder, kernel, sizes, what)
    print(f"{suite.passed} passed, {suite.failed} failed, 0 skipped")
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())

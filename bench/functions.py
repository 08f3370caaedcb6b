#!/usr/bin/python3
"""Elementary functions, softmax and an activation behind a layer, beside NumPy: interleaved in one run.

    functions.py [--elements=1000000] [--rounds=9] [--target=host] [--engine=c|llvm]

A line a function gives nanoseconds an element of einc, of NumPy, and how many times as fast einc is; NumPy has no erf and composes what
it has not. The layer is a Monarch matrix of 768 x 3072 with bias on 512 rows in f32: without activation and with gelu, silu and relu,
and what share of the layer's time each adds."""
import argparse
import pathlib
import subprocess
import tempfile

import numpy

from kernel import EINC
from measure import interleaved
from native import Driver, Native, aligned, compile_library

FUNCTIONS = {
    "exp": numpy.exp, "log": numpy.log, "tanh": numpy.tanh, "erf": None, "gelu": None,
    "gelu_tanh": lambda x: 0.5 * x * (1 + numpy.tanh(0.7978845608 * (x + 0.044715 * x * x * x))),
    "sigmoid": lambda x: 1 / (1 + numpy.exp(-x)), "silu": lambda x: x / (1 + numpy.exp(-x)),
}
ACTIVATIONS = ("{}", "relu({})", "silu({})", "gelu({})")
MONARCH = """kernel layer(x: f32[512, 24, 32], R: f32[24, 48, 32], L: f32[48, 64, 24], b: f32[48, 64]) -> (y: f32[512, 48, 64]) {{
    y[n,q,s] = {}
}}
"""
LAYER = "L[q,s,p] * (R[p,q,r] * x[n,p,r]) + b[q,s]"


def softmax(x):
    e = numpy.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class Bench:
    def __init__(self, arguments, folder):
        self.arguments, self.folder, self.driver, self.count = arguments, pathlib.Path(folder), Driver(folder), 0

    def run(self, source, arrays):
        """The kernel of the source on these arrays, inputs first."""
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        (folder / "k.ein").write_text(source)
        made = folder / ("k.o" if self.arguments.engine == "llvm" else "k.c")
        kind = "obj" if self.arguments.engine == "llvm" else "c"
        subprocess.run([EINC, "build", folder / "k.ein", f"--target={self.arguments.target}", f"--emit={kind}", "-o", made], check=True)
        if kind == "obj":
            subprocess.run([EINC, "build", folder / "k.ein", f"--target={self.arguments.target}", "--emit=h", "-o", folder / "k.h"], check=True)
        words = ", ".join(f"arrays[{k}]" for k in range(len(arrays)))
        name = source.split("kernel ")[1].split("(")[0]
        macro = f"{name.upper()}_WORKSPACE_BYTES"
        scratch = f"#ifdef {macro}\nstatic _Alignas(64) char scratch[{macro}];\n#define MORE , scratch\n#else\n#define MORE\n#endif\n"
        (folder / "call.c").write_text(f'#include <stddef.h>\n#include "k.h"\n{scratch}'
                                       f"void call(const size_t *dims, void *const *arrays);\n"
                                       f"void call(const size_t *dims, void *const *arrays) {{ (void)dims; {name}({words} MORE); }}\n")
        library = compile_library(folder / "k.so", [made, folder / "call.c"], f"-I{folder}", "-std=c11", "-lm")
        return Native(self.driver, library.call, [], arrays)

    def line(self, name, elements, ours, theirs):
        runs = {"einc": ours} | ({"numpy": theirs} if theirs else {})
        seconds = interleaved(runs, self.arguments.rounds)
        ratio = f"{seconds['numpy'] / seconds['einc']:8.2f}" if theirs else ""
        columns = "".join(f"{seconds[run] / elements * 1e9:10.3f}" for run in runs)
        print(f"{name:24}{columns}{ratio}", flush=True)

    def functions(self):
        n, fill = self.arguments.elements, numpy.random.default_rng(1)
        print(f"{'ns an element':24}{'einc':>10}{'numpy':>10}{'ratio':>8}")
        for elem in ("f32", "f64"):
            x, y = aligned((n,), elem, fill), aligned((n,), elem)
            x += 0.75  # of both sides of where functions change, and above 0 for most
            x *= 3
            for name, peer in FUNCTIONS.items():
                source = f"kernel f(x: {elem}[{n}]) -> (y: {elem}[{n}]) {{ y[i] = {name}(x[i]) }}\n"
                self.line(f"{name} {elem}", n, self.run(source, [x, y]), peer and (lambda peer=peer: peer(x)))
            rows = n // 1000
            a, b = aligned((rows, 1000), elem, fill), aligned((rows, 1000), elem)
            source = (f"kernel f(x: {elem}[{rows}, 1000]) -> (y: {elem}[{rows}, 1000]) {{\n    let m[i] = max[j](x[i,j])\n"
                      "    let e[i,j] = exp(x[i,j] - m[i])\n    let z[i] = sum[j](e[i,j])\n    y[i,j] = e[i,j] / z[i]\n}\n")
            self.line(f"softmax of rows {elem}", rows * 1000, self.run(source, [a, b]), lambda: softmax(a))

    def layer(self):
        fill = numpy.random.default_rng(2)
        shapes = ((512, 24, 32), (24, 48, 32), (48, 64, 24), (48, 64))
        arrays = [aligned(shape, "f32", fill) for shape in shapes] + [aligned((512, 48, 64), "f32")]
        runs = {words: self.run(MONARCH.format(words.format(LAYER)), arrays) for words in ACTIVATIONS}
        seconds = interleaved(runs, self.arguments.rounds)
        for words, time in seconds.items():
            print(f"layer, {words.format('.'):17}{time * 1e6:10.1f} us{100 * (time / seconds['{}'] - 1):8.1f} % more")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--target", default="host")
    parser.add_argument("--engine", default="c", choices=("c", "llvm"))
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(parser.parse_args(), folder)
        bench.functions()
        bench.layer()


if __name__ == "__main__":
    main()

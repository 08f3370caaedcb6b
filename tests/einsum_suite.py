#!/usr/bin/python3
"""The einsum suite: calls recorded from NumPy's, opt_einsum's and PyTorch's own tests (tests/cases), against numpy.einsum.

Every valid case in three of its element types, in turn from case to case (with `--full` in every one einc has), is one kernel; inputs, NumPy's
result and a bound for its rounding go to a folder, where `einsum_runner` compiles the kernels many at a time and runs them on every engine in
one process. Every invalid case must be refused.
`--tccg` runs the tensor contraction benchmark on every engine but the reference instead: shrunk, or with `--full` at the sizes of its table.

Tolerance: 8 k eps sum|products| an element, k the length of the sum times the operands; integers and bools exactly.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy

from suites import engines

CASES = pathlib.Path(__file__).parent / "cases"
ELEMENT = {"float16": "f16", "float32": "f32", "float64": "f64", "complex64": "c64", "complex128": "c128", "int8": "i8", "int16": "i16", "int32": "i32",
           "int64": "i64", "uint8": "u8", "uint16": "u16", "uint32": "u32", "uint64": "u64", "bool": "bool"}

TYPES = 3  # of each case in the fast tier


class Terms:
    """An einsum string as label lists, for shapes and for evaluation beyond NumPy's limits."""

    def __init__(self, string, shapes):
        left, arrow, right = string.replace(" ", "").partition("->")
        broadcast = max([len(shape) - len(term.replace("...", "")) for term, shape in zip(left.split(","), shapes) if "..." in term], default=0)
        self.inputs = []
        for term, shape in zip(left.split(","), shapes):
            head, dots, tail = term.partition("...")
            own = len(shape) - len(head) - len(tail) if dots else 0
            self.inputs.append(list(head) + [f"...{broadcast - own + k}" for k in range(own)] + list(tail))
        dots = [f"...{k}" for k in range(broadcast)]
        if arrow:
            head, has_dots, tail = right.partition("...")
            self.output = list(head) + (dots if has_dots else []) + list(tail)
        else:
            every = [label for term in self.inputs for label in term if not label.startswith("...")]
            self.output = dots + sorted(label for label in set(every) if every.count(label) == 1)
        self.size = {}
        for term, shape in zip(self.inputs, shapes):
            for label, extent in zip(term, shape):
                self.size[label] = max(self.size.get(label, 1), extent) if extent else 0

    def longest_sum(self):
        summed = [size for label, size in self.size.items() if label not in self.output]
        return max(1, min(1e6, float(numpy.prod(summed or [1], dtype=float)))) * len(self.inputs)

    def pairwise(self, arrays):
        """From left to right, two operands at a time, each in an alphabet of its own: no limit on labels or operands."""
        terms, arrays = [list(term) for term in self.inputs], list(arrays)
        while True:
            second = 1 if len(terms) > 1 else None
            taken = terms[:1] + (terms[1:2] if second else [])
            rest = terms[len(taken):]
            wanted = [label for label in dict.fromkeys(sum(taken, [])) if label in self.output or any(label in term for term in rest)]
            if not rest:
                wanted = self.output
            numbers = {label: k for k, label in enumerate(dict.fromkeys(sum(taken, []) + wanted))}
            call = []
            for term, array in zip(taken, arrays):
                call += [array, [numbers[label] for label in term]]
            result = numpy.einsum(*call, [numbers[label] for label in wanted])
            if not rest:
                return result
            terms, arrays = [wanted] + rest, [result] + arrays[len(taken):]


class Writer:
    def __init__(self, folder):
        self.folder, self.entries = folder, []
        self.data = open(folder / "data.bin", "wb")

    def blob(self, array):
        array = numpy.asarray(array, order="C")
        self.data.write(b"\0" * (-self.data.tell() % 64))
        place = {"offset": self.data.tell(), "shape": list(array.shape)}
        self.data.write(array.tobytes())
        return place

    def finish(self):
        self.data.close()
        (self.folder / "index.json").write_text(json.dumps(self.entries))


def type_text(element, shape):
    return element + (f"[{', '.join(map(str, shape))}]" if shape else "")


def source(name, string, elements, shapes, result, result_shape):
    inputs = ", ".join(f"x{k}: {type_text(element, shape)}" for k, (element, shape) in enumerate(zip(elements, shapes)))
    operands = "".join(f", x{k}" for k in range(len(shapes)))
    return f'kernel {name}({inputs}) -> (y: {type_text(result, result_shape)}) {{\n    y = einsum("{string}"{operands})\n}}\n'


def random_array(random, dtype, shape):
    kind = numpy.dtype(dtype).kind
    if kind == "b":
        return random.integers(0, 2, shape).astype(bool)
    if kind in "iu":
        return random.integers(-5 if kind == "i" else 0, 10, shape).astype(dtype)
    array = random.uniform(-1, 1, shape)
    return (array + 1j * random.uniform(-1, 1, shape) if kind == "c" else array).astype(dtype)


def evaluate(case, terms, arrays):
    if case.get("numpy") is False:
        return terms.pairwise(arrays)
    return numpy.einsum(case["expr"], *arrays, optimize=len(arrays) > 2)


def unglued(case):
    """Four calls of opt_einsum have labels of several letters (`["bbb", "aaa"]`), which the record glued to `bbbaaa`: one letter a run."""
    letters = re.sub(r"(.)\1*", r"\1", case["expr"])
    glued = case["form"] == "sublist" and "," not in letters and len(case["expr"]) > len(case["shapes"][0]) == len(letters)
    return dict(case, expr=letters) if glued and "..." not in case["expr"] else case


def add_pair(writer, random, number, case, dtype):
    shapes = case["shapes"]
    terms = Terms(case["expr"], shapes)
    arrays = [random_array(random, dtype, shape) for shape in shapes]
    wanted = numpy.asarray(evaluate(case, terms, arrays))
    if case.get("out_shape") is not None and list(wanted.shape) != case["out_shape"]:
        raise SystemExit(f"{case['expr']}: NumPy here gives shape {wanted.shape}, the case says {case['out_shape']}")
    element = ELEMENT[wanted.dtype.name]
    name = f"case_{number}_{ELEMENT[dtype]}"
    entry = {"name": name, "element": element, "operand_element": ELEMENT[dtype], "expr": case["expr"], "valid": True,
             "source": source(name, case["expr"], [ELEMENT[dtype]] * len(shapes), shapes, element, wanted.shape),
             "inputs": [writer.blob(array) for array in arrays], "wanted": writer.blob(wanted)}
    if wanted.dtype.kind in "fc":
        magnitudes = numpy.asarray(evaluate(case, terms, [abs(array).astype(float) for array in arrays]))
        eps = numpy.finfo(wanted.dtype).eps
        entry["tolerance"] = writer.blob(8 * terms.longest_sum() * eps * numpy.broadcast_to(magnitudes, wanted.shape))
    writer.entries.append(entry)


def types_of(case, number, full):
    every = sorted(set(case.get("dtypes") or ["float64"]) & set(ELEMENT)) or ["float64"]
    return every if full else sorted({every[(TYPES * number + k) % len(every)] for k in range(TYPES)})


def add_einsum_cases(writer, full):
    random = numpy.random.default_rng(20)
    for number, case in enumerate(json.loads((CASES / "einsum_cases.json").read_text())):
        if case["valid"]:
            case = unglued(case)
            for dtype in types_of(case, number, full):
                add_pair(writer, random, number, case, dtype)
        else:
            elements = ["f64"] * len(case["shapes"])
            writer.entries.append({"name": f"case_{number}", "expr": case["expr"], "valid": False,
                                   "source": source(f"case_{number}", case["expr"], elements, case["shapes"], "f64", [])})


def shrink(sizes):
    """About 2^20 multiplications: all extents scaled alike, unlike ones staying unlike."""
    scale = min(1.0, (2**20 / numpy.prod([float(size) for size in sizes.values()])) ** (1 / len(sizes)))
    return {label: max(2, round(size * scale) + k % 3) for k, (label, size) in enumerate(sizes.items())}


def add_tccg(writer, full):
    random = numpy.random.default_rng(21)
    for number, case in enumerate(json.loads((CASES / "tccg.json").read_text())["cases"]):
        sizes = case["sizes_scaled_f64"] if full else shrink(case["sizes_scaled_f64"])
        shapes = [[sizes[label] for label in term] for term in case["expr"].split("->")[0].split(",")]
        add_pair(writer, random, number, {"expr": case["expr"], "shapes": shapes}, "float64")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--runner", required=True)
    parser.add_argument("--tccg", action="store_true")
    parser.add_argument("--full", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer(pathlib.Path(folder))
        if arguments.tccg:
            add_tccg(writer, arguments.full)
        else:
            add_einsum_cases(writer, arguments.full)
        writer.finish()
        flags = "-O3 -march=native" if arguments.tccg and arguments.full else "-O1"  # thousands of small kernels, or a few that take seconds
        chosen = [engine for engine in engines(arguments.einc) if engine != "ref" or not arguments.tccg]
        return subprocess.run([arguments.runner, folder, flags, *chosen]).returncode


if __name__ == "__main__":
    sys.exit(main())

"""Kernels for the benchmarks: an einsum of two tensors as a .ein file, compiled by einc and the C compiler, called through ctypes."""
import ctypes
import os
import pathlib
import subprocess

import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
EINC = os.environ.get("EINC", str(ROOT / "build/einc"))
FLAGS = os.environ.get("CFLAGS", "-std=c99 -O2 -march=native").split()
ALIGNMENT = 64
ELEMENTS = {"f64": numpy.float64, "f32": numpy.float32}


def aligned(shape, elem, fill=None):
    """A new array whose first element stands at a cache line; random numbers of the generator `fill`, else touched zeros."""
    kind = numpy.dtype(ELEMENTS[elem])
    count = int(numpy.prod(shape, dtype=numpy.int64))
    raw = numpy.zeros(count * kind.itemsize + ALIGNMENT, dtype=numpy.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    array = raw[start:start + count * kind.itemsize].view(kind).reshape(shape)
    if fill is not None:
        array[...] = fill.random(shape) - 0.5
    return array


def source_of(expression, sizes, elem, name="kernel_under_test"):
    operands, result = expression.split("->")
    letters = operands.split(",")
    summed = [index for index in sorted(set(operands) - {","}) if index not in result]

    def shape(indices):
        return f"{elem}[{','.join(str(sizes[index]) for index in indices)}]" if indices else elem

    def access(tensor, indices):
        return f"{tensor}[{','.join(indices)}]" if indices else tensor

    factors = " * ".join(access(tensor, indices) for tensor, indices in zip("ABDEFG", letters))
    inputs = ", ".join(f"{tensor}: {shape(indices)}" for tensor, indices in zip("ABDEFG", letters))
    value = f"sum[{','.join(summed)}]({factors})" if summed else factors
    return f"kernel {name}({inputs}) -> (C: {shape(result)}) {{\n    {access('C', result)} = {value}\n}}\n"


class Kernel:
    """An einsum compiled for this machine; `run(inputs, output)` fills the output."""

    def __init__(self, expression, sizes, elem, folder, target="host", name="kernel_under_test"):
        folder = pathlib.Path(folder)
        source = folder / f"{name}.ein"
        source.write_text(source_of(expression, sizes, elem, name))
        subprocess.run([EINC, "build", source, f"--target={target}", "-o", folder / name], check=True)
        library = folder / f"{name}.so"
        subprocess.run(["cc", *FLAGS, "-shared", "-fPIC", f"-I{folder}", folder / f"{name}.c", "-o", library], check=True)
        self.function = getattr(ctypes.CDLL(str(library)), name)
        self.function.restype = None
        text = (folder / f"{name}.c").read_text()
        self.workspace = None
        if "void *workspace" in text:
            words = text.split(" bytes of scratch")[0].split()[-1]
            self.workspace = aligned((int(words.replace(",", "")) // 8 + 8,), "f64")

    def run(self, inputs, output):
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (*inputs, output)]
        if self.workspace is not None:
            pointers.append(ctypes.c_void_p(self.workspace.ctypes.data))
        self.function(*pointers)

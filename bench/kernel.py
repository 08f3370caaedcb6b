"""Kernels for the benchmarks: a .ein file compiled by einc and the C compiler, or by einc with LLVM."""
import os
import pathlib
import subprocess

import numpy

from cases import NAME
from native import ROOT, Native, aligned, compile_library

EINC = os.environ.get("EINC", str(ROOT / "build/einc"))
CALLER = """\
#include <stddef.h>
#include "kernel.h"
void call_kernel(const size_t *dims, void *const *arrays)
{{
    (void)dims;
    {name}({words});
}}
size_t workspace_of_kernel(const size_t *dims)
{{
    (void)dims;
#if defined {macro}_WORKSPACE_BYTES
    return {macro}_WORKSPACE_BYTES;
#else
    return {by_dims};
#endif
}}
"""


def build(case, folder, target, engine="c", options=()):
    """Writes kernel.ein and kernel.h of the case into the folder, and kernel.c or kernel.o, whose path it gives."""
    source = pathlib.Path(folder) / "kernel.ein"
    source.write_text(case.source)
    for name, array in getattr(case, "files", {}).items():
        numpy.save(source.parent / name, array)
    made = folder / ("kernel.o" if engine == "llvm" else "kernel.c")
    subprocess.run([EINC, "build", source, f"--target={target}", f"--emit={'obj' if engine == 'llvm' else 'c'}", *options, "-o", made],
                   check=True)
    return made


class Kernel:
    """A case compiled for this machine; `run(inputs, output)` is what fills the output. With `made_for` threads it is compiled for so
    many, and run by as many as are asked for."""

    def __init__(self, case, driver, folder, target="host", engine="c", flags=(), made_for=0):
        made = build(case, folder, target, engine, [f"--threads=openmp:{made_for}"] if made_for else ())
        header = (folder / "kernel.h").read_text()
        self.has_threads = "size_t threads" in header
        has_workspace = "workspace" in header
        dims = [f"dims[{k}]" for k in range(self.has_threads + len(case.dims))]
        inputs = [f"arrays[{k}]" if shape else f"*(const {'double' if elem == 'f64' else 'float'} *)arrays[{k}]"
                  for k, (shape, elem) in enumerate(case.inputs)]
        words = [*dims, *inputs, *(f"arrays[{len(inputs) + k}]" for k in range(1 + has_workspace))]
        by_dims = f"{NAME}_workspace_bytes({', '.join(dims)})" if has_workspace else "0"
        (folder / "caller.c").write_text(CALLER.format(name=NAME, macro=NAME.upper(), words=", ".join(words), by_dims=by_dims))
        flags = [*flags, "-fopenmp"] if made_for else flags
        self.library = compile_library(folder / "kernel.so", [folder / "caller.c", made], f"-I{folder}", *flags)
        self.driver, self.sizes = driver, case.dims

    def run(self, inputs, output, threads=1, passed=False):
        arrays, dims = [*inputs, output], [threads] * self.has_threads + self.sizes
        size = self.workspace(dims)
        if size:
            arrays.append(aligned((size // 8 + 1,), "f64"))
        return Native(self.driver, self.library.call_kernel, dims, arrays, passed)

    def workspace(self, dims):
        import ctypes
        self.library.workspace_of_kernel.restype = ctypes.c_size_t
        return self.library.workspace_of_kernel((ctypes.c_size_t * max(len(dims), 1))(*dims))

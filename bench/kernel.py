"""Kernels for the benchmarks: an einsum of one tensor or two as a .ein file, compiled by einc and the C compiler, or by einc with LLVM."""
import os
import pathlib
import subprocess

from native import ROOT, Native, aligned, compile_library

EINC = os.environ.get("EINC", str(ROOT / "build/einc"))
NAME = "kernel_under_test"
TENSORS = "ABDEFG"


def source_of(case):
    """The source of a case; its run-time indices are dims of which einc knows the typical size."""
    operands, result = case.operands, case.result
    summed = [index for index in sorted(set("".join(operands))) if index not in result]
    dims = {index: f"dim_{index}" for index in case.run_time}

    def shape(indices):
        extents = ",".join(dims.get(index, str(case.sizes[index])) for index in indices)
        return f"{case.elem}[{extents}]" if indices else case.elem

    def access(tensor, indices):
        return f"{tensor}[{','.join(indices)}]" if indices else tensor

    factors = " * ".join(access(tensor, indices) for tensor, indices in zip(TENSORS, operands))
    inputs = ", ".join(f"{tensor}: {shape(indices)}" for tensor, indices in zip(TENSORS, operands))
    value = f"sum[{','.join(summed)}]({factors})" if summed else factors
    declared = "".join(f"dim {name} ~ {case.sizes[index]}\n" for index, name in dims.items())
    return f"{declared}kernel {NAME}({inputs}) -> (C: {shape(result)}) {{\n    {access('C', result)} = {value}\n}}\n"


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


def build(case, folder, target, engine="c"):
    """Writes kernel.ein and kernel.h of the case into the folder, and kernel.c or kernel.o, whose path it gives."""
    source = pathlib.Path(folder) / "kernel.ein"
    source.write_text(source_of(case))
    made = folder / ("kernel.o" if engine == "llvm" else "kernel.c")
    subprocess.run([EINC, "build", source, f"--target={target}", f"--emit={'obj' if engine == 'llvm' else 'c'}", "-o", made], check=True)
    return made


class Kernel:
    """An einsum compiled for this machine; `run(inputs, output)` is what fills the output."""

    def __init__(self, case, driver, folder, target="host", engine="c", flags=()):
        made = build(case, folder, target, engine)
        header = (folder / "kernel.h").read_text()
        has_workspace, dims = "workspace" in header, [f"dims[{k}]" for k in range(len(case.run_time))]
        inputs = [f"arrays[{k}]" if indices else f"*(const {'double' if case.elem == 'f64' else 'float'} *)arrays[{k}]"
                  for k, indices in enumerate(case.operands)]
        words = [*dims, *inputs, *(f"arrays[{len(inputs) + k}]" for k in range(1 + has_workspace))]
        by_dims = f"{NAME}_workspace_bytes({', '.join(dims)})" if has_workspace else "0"
        (folder / "caller.c").write_text(CALLER.format(name=NAME, macro=NAME.upper(), words=", ".join(words), by_dims=by_dims))
        self.library = compile_library(folder / "kernel.so", [folder / "caller.c", made], f"-I{folder}", *flags)
        self.driver, self.dims = driver, [case.sizes[index] for index in case.run_time]

    def run(self, inputs, output):
        arrays = [*inputs, output]
        size = self.workspace()
        if size:
            arrays.append(aligned((size // 8 + 1,), "f64"))
        return Native(self.driver, self.library.call_kernel, self.dims, arrays)

    def workspace(self):
        import ctypes
        self.library.workspace_of_kernel.restype = ctypes.c_size_t
        return self.library.workspace_of_kernel((ctypes.c_size_t * max(len(self.dims), 1))(*self.dims))

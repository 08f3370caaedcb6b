"""What a user would call instead: one function a peer, each at its best setting. Call `settle()` before anything loads a BLAS."""
import ctypes
import os

ROW_MAJOR, PLAIN = 101, 111


def settle(threads):
    """OpenBLAS and BLIS take some CPUs with AVX-512 for a Haswell; the setting is theirs, and numpy's OpenBLAS reads it too."""
    if "avx512f" in open("/proc/cpuinfo").read():
        os.environ.setdefault("OPENBLAS_CORETYPE", "SkylakeX")
        os.environ.setdefault("BLIS_ARCH_TYPE", "0")
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "BLIS_NUM_THREADS"):
        os.environ[name] = str(threads)


class Gemm:
    """C[m,n] = A[m,k] * B[k,n], row-major, by a library with the CBLAS interface."""

    def __init__(self, path="libopenblas.so.0"):
        library = ctypes.CDLL(path)
        self.functions = {"f64": (library.cblas_dgemm, ctypes.c_double), "f32": (library.cblas_sgemm, ctypes.c_float)}

    def run(self, elem, m, n, k, a, b, c):
        function, real = self.functions[elem]
        function(ROW_MAJOR, PLAIN, PLAIN, m, n, k, real(1), ctypes.c_void_p(a.ctypes.data), k, ctypes.c_void_p(b.ctypes.data), n,
                 real(0), ctypes.c_void_p(c.ctypes.data), n)


def numpy_einsum(expression, inputs):
    import numpy
    return numpy.einsum(expression, *inputs, optimize=True)


def torch_einsum(expression, inputs, threads=1):
    import torch
    torch.set_num_threads(threads)
    tensors = [torch.from_numpy(array) for array in inputs]
    return lambda: torch.einsum(expression, *tensors)


def torch_permute(source, axes, threads=1):
    import torch
    torch.set_num_threads(threads)
    tensor = torch.from_numpy(source)
    return lambda: tensor.permute(axes).contiguous()

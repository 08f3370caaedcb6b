"""What a user would call instead, each at its best setting and with one thread. Call `settle()` before anything loads a BLAS."""
import ctypes
import os
import pathlib
import subprocess

ROW_MAJOR, PLAIN = 101, 111
HERE = pathlib.Path(__file__).resolve().parent


class Missing(Exception):
    """The peer is not installed, or does not run here; the words say what is lacking."""


def settle(threads):
    """OpenBLAS and BLIS take some CPUs with AVX-512 for a Haswell; the setting is theirs, and numpy's OpenBLAS reads it too. What the
    environment says of kernels and caches makes them slower at times, and does not count."""
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "BLIS_ARCH_TYPE"):
        os.environ.pop(name, None)
    if " avx512f " in pathlib.Path("/proc/cpuinfo").read_text():
        os.environ["OPENBLAS_CORETYPE"] = "SkylakeX"
        os.environ["BLIS_ARCH_TYPE"] = "0"  # skx
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "BLIS_NUM_THREADS"):
        os.environ[name] = str(threads)


class Gemm:
    """C[m,n] = A[m,k] * B[k,n] of the same M, N and K, row-major, by a library with the CBLAS interface."""

    def __init__(self, path, package):
        try:
            library = ctypes.CDLL(path)
            self.functions = {"f64": (library.cblas_dgemm, ctypes.c_double), "f32": (library.cblas_sgemm, ctypes.c_float)}
        except (OSError, AttributeError) as error:
            raise Missing(f"{package} ({error})") from None

    def run(self, case, inputs, output):
        from native import aligned
        import numpy
        function, real = self.functions[case.elem]
        m, n, k = case.matrix()
        fill = numpy.random.default_rng(7)
        a, b, c = aligned((m, k), case.elem, fill), aligned((k, n), case.elem, fill), aligned((m, n), case.elem)
        words = [ROW_MAJOR, PLAIN, PLAIN, m, n, k, real(1), ctypes.c_void_p(a.ctypes.data), k, ctypes.c_void_p(b.ctypes.data), n, real(0),
                 ctypes.c_void_p(c.ctypes.data), n]
        keep = (a, b, c)
        return lambda: (function(*words), keep)[0]


class Libxsmm:
    """One kernel made at run time for the extent, called for each product of the batch."""

    def __init__(self, driver, folder):
        from native import compile_library
        words = ["-std=gnu11", "-lxsmm", "-lxsmmnoblas", "-lpthread", "-ldl", "-lm"]
        try:
            self.library = compile_library(pathlib.Path(folder) / "small_gemm.so", [HERE / "native/small_gemm.c"], *words)
        except (OSError, subprocess.CalledProcessError) as error:
            reason = getattr(error, "stderr", b"") or str(error).encode()
            raise Missing(f"libxsmm-dev ({reason.decode(errors='replace').splitlines()[0]})") from None
        self.driver = driver
        self.library.small_gemm_target.restype = ctypes.c_char_p

    def run(self, case, inputs, output):
        from native import Native, aligned
        n = case.sizes["i"]
        if not self.library.small_gemm_prepare(ctypes.c_size_t(n)):
            raise Missing(f"libxsmm has no kernel for {n}")
        function = self.library.small_gemm_f64 if case.elem == "f64" else self.library.small_gemm_f32
        return Native(self.driver, function, [case.sizes["e"], n], [*inputs, aligned(output.shape, case.elem)])


class Memcpy:
    """As many bytes, in their order."""

    def __init__(self, driver):
        self.driver = driver

    def run(self, case, inputs, output):
        from native import Native, aligned
        copy = aligned((output.size,), case.elem)
        return Native(self.driver, self.driver.library.driver_memcpy, [output.nbytes], [inputs[0], copy])


def axes_of(case):
    """The order of the axes where the case is a permutation of one tensor, else None."""
    if len(case.operands) == 1 and sorted(case.operands[0]) == sorted(case.result):
        return [case.operands[0].index(index) for index in case.result]
    return None


class Numpy:
    def __init__(self):
        try:
            import numpy
        except ImportError as error:
            raise Missing(f"python3-numpy ({error})") from None
        self.numpy = numpy

    def run(self, case, inputs, output):
        axes = axes_of(case)
        if axes:
            other = self.numpy.empty_like(output)
            return lambda: self.numpy.copyto(other, inputs[0].transpose(axes))
        return lambda: self.numpy.einsum(case.expression, *inputs, optimize=True)


class Torch:
    def __init__(self, threads):
        try:
            import torch
        except ImportError as error:
            raise Missing(f"python3-torch ({error})") from None
        torch.set_num_threads(threads)
        self.torch = torch

    def run(self, case, inputs, output):
        tensors, axes = [self.torch.from_numpy(array) for array in inputs], axes_of(case)
        if axes:
            return lambda: tensors[0].permute(axes).contiguous()
        return lambda: self.torch.einsum(case.expression, *tensors)


class EmittedC:
    """einc's own C for the same target, by the C compiler at its best, where einc's kernels are LLVM's."""

    target = "host"

    def __init__(self, driver, folder):
        self.driver, self.folder = driver, folder

    def run(self, case, inputs, output):
        from kernel import Kernel
        folder = self.folder / case.name
        folder.mkdir(parents=True, exist_ok=True)
        return Kernel(case, self.driver, folder, self.target, "c", ["-O3"]).run(inputs, output)


MAKERS = {
    "c": lambda driver, folder, threads: EmittedC(driver, folder),
    "openblas": lambda driver, folder, threads: Gemm("libopenblas.so.0", "libopenblas0"),
    "blis": lambda driver, folder, threads: Gemm("libblis.so.4", "libblis4"),
    "libxsmm": lambda driver, folder, threads: Libxsmm(driver, folder),
    "memcpy": lambda driver, folder, threads: Memcpy(driver),
    "numpy": lambda driver, folder, threads: Numpy(),
    "torch": lambda driver, folder, threads: Torch(threads),
}


def find(names, driver, folder, threads=1):
    """The peers that are here by name, and what the others lack."""
    found, missing = {}, {}
    for name in names:
        if name not in MAKERS:
            raise SystemExit(f"no peer `{name}`; there are {', '.join(MAKERS)}")
        try:
            found[name] = MAKERS[name](driver, folder, threads)
        except Missing as error:
            missing[name] = str(error)
    return found, missing

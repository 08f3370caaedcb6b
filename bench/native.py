"""Native code for the benchmarks: compiled for this machine, called and timed without Python in between."""
import ctypes
import os
import pathlib
import subprocess

import numpy

from measure import interleaved

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
FLAGS = os.environ.get("CFLAGS", "-std=c99 -O2 -march=native").split()
ALIGNMENT = 64
ELEMENTS = {"f64": numpy.float64, "f32": numpy.float32, "i32": numpy.int32}


def aligned(shape, elem, fill=None):
    """A new array whose first element stands at a cache line; random numbers of the generator `fill`, else touched zeros. Its memory is what
    NumPy gives to large arrays that are not zeros, as the peers' own results have: huge pages where the system has them to give."""
    kind = numpy.dtype(ELEMENTS[elem])
    count = int(numpy.prod(shape, dtype=numpy.int64))
    raw = numpy.empty(count * kind.itemsize + ALIGNMENT, dtype=numpy.uint8)
    raw[...] = 0
    start = -raw.ctypes.data % ALIGNMENT
    array = raw[start:start + count * kind.itemsize].view(kind).reshape(shape)
    if fill is not None:
        array[...] = fill.random(shape) - 0.5
    return array


def compile_library(library, files, *words):
    """A shared object of C or object files, loaded; raises CalledProcessError where the compiler or a library is missing."""
    subprocess.run(["cc", *FLAGS, "-shared", "-fPIC", *map(str, files), *words, "-o", str(library)], check=True, capture_output=True)
    return ctypes.CDLL(str(library))


class Native:
    """A function `void f(const size_t *dims, void *const *arrays)` with its arguments. `passed`: its time is what passes, not that of the
    process, in which several threads at once are added up."""

    def __init__(self, driver, function, dims, arrays, passed=False):
        self.driver, self.function, self.arrays, self.passed = driver, function, arrays, passed
        self.dims = (ctypes.c_size_t * max(len(dims), 1))(*dims)
        self.pointers = (ctypes.c_void_p * max(len(arrays), 1))(*(array.ctypes.data for array in arrays))

    def __call__(self):
        self.function(self.dims, self.pointers)

    def seconds(self, times):
        return self.driver.library.driver_seconds(self.function, self.dims, self.pointers, ctypes.c_long(times), self.passed)


class Driver:
    """The loops of native/driver.c, and what the machine can do at most by them."""

    def __init__(self, folder):
        self.library = compile_library(pathlib.Path(folder) / "driver.so", [HERE / "native/driver.c"], "-std=gnu11",
                                       f"-I{ROOT / 'runtime'}", "-ffp-contract=fast")
        self.library.driver_seconds.restype = ctypes.c_double
        self.library.driver_vector_bytes.restype = ctypes.c_size_t

    def peak(self, elem, rounds=20000):
        """A run of multiply-adds in registers, and how many flops it makes."""
        lanes = self.library.driver_vector_bytes() // numpy.dtype(ELEMENTS[elem]).itemsize
        function = self.library.driver_peak_f64 if elem == "f64" else self.library.driver_peak_f32
        return Native(self, function, [rounds], []), 2.0 * 12 * lanes * rounds

    def copy_rate(self, rounds, megabytes=256):
        """Bytes a second read and written, by the C library or by stores past the caches, whichever is faster."""
        arrays = [aligned((megabytes * 2 ** 17,), "f64") for _ in range(2)]
        runs = {name: Native(self, function, [arrays[0].nbytes], arrays)
                for name, function in (("memcpy", self.library.driver_memcpy), ("stream", self.library.driver_stream_copy))}
        return 2.0 * arrays[0].nbytes / min(interleaved(runs, rounds).values())


def last_cache():
    """Bytes of the outermost cache."""
    caches = pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    units = {"K": 2 ** 10, "M": 2 ** 20, "G": 2 ** 30}
    sizes = [cache.read_text().strip() for cache in caches]
    return max((int(size[:-1]) * units[size[-1]] for size in sizes), default=32 * 2 ** 20)

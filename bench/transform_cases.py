"""Transforms for `transforms.py`: sources, what FFTW and numpy run instead, and the rate wanted.

Rates are of 5 n log2 n flops a complex transform of n elements, half of that a real one, whatever anybody takes: the custom of FFTW's own
benchmark. Complex arrays have a last axis of two, re and im."""
import ctypes
import math
import pathlib
import subprocess

import numpy

from native import HERE, Native, aligned, compile_library
from peers import Missing
from structures import Layer, kernel

SIZES = [64, 128, 256, 512, 1024, 2048, 4096, 8192, 1000, 1536]
COMPLEX, REAL, COSINE, SINE = range(4)
PLANNINGS = 3
# GFLOP/s of FFTW 3.3.10 built for AVX-512 (FFTW_MEASURE) on a Sapphire Rapids: of another machine, so beside the table only
ELSEWHERE = {("f32", 64): 38.5, ("f32", 256): 55.4, ("f32", 1024): 54.6, ("f32", 4096): 47.7, ("f32", 8192): 36.4,
             ("f64", 64): 26.4, ("f64", 256): 30.2, ("f64", 1024): 28.4, ("f64", 4096): 21.3, ("f64", 8192): 20.2}


class Fftw:
    """Plans by native/fftw_calls.c; raises Missing where FFTW is not."""

    def __init__(self, driver, folder):
        words = ["-std=gnu11", "-O3", "-lfftw3", "-lfftw3f", "-lm"]
        try:
            self.library = compile_library(pathlib.Path(folder) / "fftw_calls.so", [HERE / "native/fftw_calls.c"], *words)
        except (OSError, subprocess.CalledProcessError) as error:
            reason = getattr(error, "stderr", b"") or str(error).encode()
            raise Missing(f"libfftw3-dev ({reason.decode(errors='replace').splitlines()[0]})") from None
        self.driver = driver
        for name in ("fftw_plan_f32", "fftw_plan_f64", "fftw_plan_back_f32"):
            getattr(self.library, name).restype = ctypes.c_void_p

    def plan(self, elem, kind, sizes, count, strides, arrays):
        """The handle of the fastest plan; planning writes to the arrays, which get their numbers back."""
        kept = [array.copy() for array in arrays]
        made = getattr(self.library, f"fftw_plan_{elem}")(kind, len(sizes), (ctypes.c_int * len(sizes))(*sizes), count, *strides,
                                                          *(ctypes.c_void_p(array.ctypes.data) for array in arrays), PLANNINGS)
        for array, numbers in zip(arrays, kept):
            array[...] = numbers
        return made

    def form(self, elem, kind, sizes, count, strides):
        def of(inputs, output):
            plan = self.plan(elem, kind, sizes, count, strides, [inputs[-1], output])
            return Native(self.driver, getattr(self.library, f"fftw_run_{elem}"), [plan], [inputs[-1], output])
        return of


def complex_of(array):
    return array.view(numpy.complex64 if array.dtype == numpy.float32 else numpy.complex128)[..., 0]


def pairs(array):
    array = numpy.ascontiguousarray(array)
    return array.view(array.real.dtype).reshape(*array.shape, 2)


def times_fftw(ratio):
    return lambda layer, rates: ratio * rates["fftw"] if "fftw" in rates else None


def numpy_form(function, is_complex=True):
    def of(inputs, output):
        x = complex_of(inputs[-1]) if is_complex else inputs[-1]

        def run():
            return pairs(function(x))
        return run
    return of


def letters(elem):
    return "c64" if elem == "f32" else "c128"


def complex_layer(name, group, elem, n, count, interleaved, fftw, ratio, elsewhere=""):
    """`count` transforms of n; one where count is 0."""
    shape = (n,) if not count else (n, count) if interleaved else (count, n)
    at_k, at_l = ("k", "l") if not count else ("k,b", "l,b") if interleaved else ("b,k", "b,l")
    kind = f"{letters(elem)}[{','.join(map(str, shape))}]"
    source = kernel("", f"x: {kind}", f"y: {kind}", f"    y[{at_k}] = dft({n})[k,l] * x[{at_l}]\n")
    axis = 0 if interleaved or not count else 1
    forms = {"numpy": [numpy_form(lambda x: numpy.fft.fft(x, axis=axis))]}
    if fftw:
        strides = (count, 1) * 2 if interleaved else (1, n) * 2
        forms["fftw"] = [fftw.form(elem, COMPLEX, [n], count or 1, strides)]
    return Layer(name, group, source, [((*shape, 2), elem)], (*shape, 2), 5.0 * n * math.log2(n) * (count or 1),
                 lambda x: pairs(numpy.fft.fft(complex_of(x), axis=axis)), forms, wanted=times_fftw(ratio), elsewhere=elsewhere)


def complex_layers(fftw):
    for elem in ("f32", "f64"):
        for n in SIZES:
            there = ELSEWHERE.get((elem, n))
            yield complex_layer(f"c2c_{n}_{elem}", f"c2c_{elem}", elem, n, 0, False, fftw, 0.7,
                                f"{there} with AVX-512 on Sapphire Rapids" if there else "")
    for elem in ("f32", "f64"):
        for n in (16384, 32768, 65536):
            yield complex_layer(f"long_{n}_{elem}", "long", elem, n, 0, False, fftw, 0.8)
    for elem, n, ratio in (("f32", 1009, 3), ("f64", 1009, 3), ("f32", 3125, 2), ("f32", 6561, 2)):
        yield complex_layer(f"odd_{n}_{elem}", "odd", elem, n, 0, False, fftw, ratio)
    for elem in ("f32", "f64"):
        for n in (64, 256, 1024):
            yield complex_layer(f"rows_{n}_{elem}", "batched", elem, n, 16, False, fftw, 1.3)
            yield complex_layer(f"columns_{n}_{elem}", "batched", elem, n, 16, True, fftw, 1.3)
    for elem in ("f32", "f64"):
        width = 8 if elem == "f32" else 16
        yield complex_layer(f"stream_1024_{elem}", "streamed", elem, 1024, 2 ** 26 // (1024 * width), False, fftw, 1.3)


# ---- real data ----

def cosine(x, shift):
    """DCT-II (shift 0) or DST-II (1) of the last axis as FFTW defines them: 2 sum x[j] cos(pi k (2 j + 1) / 2n), or of sines and k + 1."""
    n = x.shape[-1]
    k = numpy.arange(n)
    if shift:
        x = x * (-1.0) ** k
    turned = numpy.fft.fft(numpy.concatenate([x, x[..., ::-1]], axis=-1), axis=-1)[..., :n]
    made = (turned * numpy.exp(-0.5j * numpy.pi * k / n)).real
    return made[..., ::-1] if shift else made


def real_layers(fftw):
    kinds = (("r2c", REAL, "rdft"), ("dct2", COSINE, "dct2"), ("dst2", SINE, "dst2"))
    for elem in ("f32", "f64"):
        for name, kind, operator in kinds:
            for n in SIZES:
                yield real_layer(f"{name}_{n}_{elem}", f"{name}_{elem}", elem, kind, operator, n, fftw)


def real_layer(name, group, elem, kind, operator, n, fftw):
    half = kind == REAL
    output = (n // 2 + 1, 2) if half else (n,)
    to = f"{letters(elem)}[{n // 2 + 1}]" if half else f"{elem}[{n}]"
    source = kernel("", f"x: {elem}[{n}]", f"y: {to}", f"    y[k] = {operator}({n})[k,l] * x[l]\n")
    reference = (lambda x: pairs(numpy.fft.rfft(x))) if half else (lambda x: cosine(x, kind == SINE))
    forms = {"numpy": [lambda inputs, other: lambda: pairs(numpy.fft.rfft(inputs[0]))]} if half else {}
    if fftw:
        forms["fftw"] = [fftw.form(elem, kind, [n], 1, (1, n, 1, n))]
    return Layer(name, group, source, [((n,), elem)], output, 2.5 * n * math.log2(n), reference, forms, wanted=times_fftw(0.7))


# ---- several axes, blocks, Walsh ----

def plane_layers(fftw):
    for elem in ("f32", "f64"):
        for sizes in ((256, 256), (64, 64, 64)):
            rank, n = len(sizes), math.prod(sizes)
            kind = f"{letters(elem)}[{','.join(map(str, sizes))}]"
            line, now = "", "x"
            for axis, size in enumerate(sizes):
                after = "y" if axis == rank - 1 else f"t{axis}"
                to, of = "ijk"[:rank], "ijk"[:rank].replace("ijk"[axis], "l")
                line += f"    {'' if after == 'y' else 'let '}{after}[{','.join(to)}] = dft({size})[{'ijk'[axis]},l] * {now}[{','.join(of)}]\n"
                now = after
            forms = {"numpy": [numpy_form(numpy.fft.fftn)]}
            if fftw:
                forms["fftw"] = [fftw.form(elem, COMPLEX, sizes, 1, (1, n, 1, n))]
            yield Layer(f"c2c_{'x'.join(map(str, sizes))}_{elem}", "axes", kernel("", f"x: {kind}", f"y: {kind}", line),
                        [((*sizes, 2), elem)], (*sizes, 2), 5.0 * n * math.log2(n), lambda x: pairs(numpy.fft.fftn(complex_of(x))), forms,
                        wanted=times_fftw(1))


def block_layers(fftw):
    count = 512
    source = kernel("", f"x: f32[{count},8,8]", f"y: f32[{count},8,8]", "    y[b,i,j] = dct2(8)[i,k] * dct2(8)[j,l] * x[b,k,l]\n")
    forms = {"fftw": [fftw.form("f32", COSINE, [8, 8], count, (1, 64, 1, 64))]} if fftw else {}
    yield Layer("dct_8x8", "blocks", source, [((count, 8, 8), "f32")], (count, 8, 8), 2.5 * 64 * 6 * count,
                lambda x: cosine(cosine(x, 0).swapaxes(1, 2), 0).swapaxes(1, 2), forms, wanted=times_fftw(3))
    n = 1024
    source = kernel("", f"x: f32[{n}]", f"y: f32[{n}]", f"    y[i] = hadamard({n})[i,j] * x[j]\n")
    digits = numpy.array([[(-1) ** bin(i & j).count("1") for j in range(32)] for i in range(32)], dtype=float)
    forms = {"loop": [lambda inputs, output: Native(fftw.driver, fftw.library.walsh_loop_f32, [n], [inputs[0], output])]} if fftw else {}
    yield Layer("walsh_1024", "walsh", source, [((n,), "f32")], (n,), n * math.log2(n),
                lambda x: (digits @ x.reshape(32, 32) @ digits).reshape(n), forms,
                wanted=lambda layer, rates: 3 * rates["loop"] if "loop" in rates else None)


# ---- learned butterflies, long convolutions ----

def butterfly_layers():
    levels, batch = 10, 256
    n = 2 ** levels
    shapes = [(2 ** level, 2, 2, n // 2 ** (level + 1)) for level in range(levels)]
    names = [f"X{level}" for level in range(levels)]
    declared = ", ".join(f"{name}: f32[{','.join(map(str, shape))}]" for name, shape in zip(names, shapes))
    source = kernel("", f"{declared}, x: f32[{batch},{n}]", f"y: f32[{batch},{n}]",
                    f"    y[b,i] = butterfly({', '.join(names)})[i,j] * x[b,j]\n")

    def through(einsum, factors, x):
        for factor in reversed(factors):
            p, i, _, q = factor.shape
            x = einsum("pijq,bpjq->bpiq", factor, x.reshape(batch, p, i, q)).reshape(batch, n)
        return x

    def by_numpy(inputs, output):
        return lambda: through(numpy.einsum, inputs[:-1], inputs[-1])

    def by_torch(inputs, output):
        import torch
        *factors, x = [torch.from_numpy(array) for array in inputs]
        return lambda: through(torch.einsum, factors, x)

    def wanted(layer, rates):
        return max(0.3 * rates["peak"], 4 * max(rates.get("numpy", 0), rates.get("torch", 0)))
    yield Layer("butterfly_1024", "butterfly", source, [(shape, "f32") for shape in shapes] + [((batch, n), "f32")], (batch, n),
                6.0 * n / 2 * levels * batch, lambda *inputs: through(numpy.einsum, inputs[:-1], inputs[-1]),
                {"numpy": [by_numpy], "torch": [by_torch]}, wanted=wanted)


def convolution_layers(fftw):
    """Filters that are constants, so that their spectra are calculated beforehand, and filters that each call transforms."""
    rows, length = 64, 8192
    size, half = 2 * length, length + 1
    shape, filters = (rows, length), numpy.random.default_rng(0).standard_normal((rows, length)).astype("f4")

    def by_numpy(h, x):
        return numpy.fft.irfft(numpy.fft.rfft(h, size) * numpy.fft.rfft(x, size), size)[:, :length]

    def by_fftw(h, x, output, given):
        spectra = aligned((rows, half, 2), "f32")
        spectra[...] = pairs(numpy.fft.rfft(h.astype(numpy.float64), size) / size)
        padded, back = aligned((size,), "f32"), aligned((size,), "f32")
        spectrum = aligned((half, 2), "f32")
        there = fftw.plan("f32", REAL, [size], 1, (1, size, 1, half), [padded, spectrum])
        fftw.library.fftw_plan_back_f32.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p]
        again = fftw.library.fftw_plan_back_f32(size, spectrum.ctypes.data, back.ctypes.data)
        return Native(fftw.driver, fftw.library.fftw_convolve_f32, [there, again, rows, length, size, rows * given],
                      [x, h, output, padded, spectrum, back, spectra])

    body = "    y[c,i] = pad(h[c,i-j], 0) * x[c,j]\n"
    for name, known in (("convolution_8192", True), ("convolution_8192_filters", False)):
        declared, given, files = "", f"h: f32[{rows},{length}], ", {}
        if known:
            declared, given, files = f'const h: f32[{rows},{length}] = file("h.npy")\n', "", {"h.npy": filters}

        def both(inputs, known=known):
            return (filters, *inputs) if known else inputs
        forms = {"numpy": [lambda inputs, output, both=both: lambda: by_numpy(*both(inputs))]}
        if fftw:
            forms["fftw"] = [lambda inputs, output, both=both, known=known: by_fftw(*both(inputs), output, known)]
        source = kernel(declared, f"{given}x: f32[{rows},{length}]", f"y: f32[{rows},{length}]", body).replace(") {", ") normwise {")
        yield Layer(name, "convolution", source, [(shape, "f32")] * (1 if known else 2), shape,
                    rows * ((2 if known else 3) * 2.5 * size * math.log2(size) + 6.0 * half),
                    lambda *inputs, both=both: by_numpy(*both(inputs)), forms, files=files, wanted=times_fftw(1.5))


def all_layers(fftw):
    yield from complex_layers(fftw)
    yield from real_layers(fftw)
    yield from plane_layers(fftw)
    yield from block_layers(fftw)
    yield from butterfly_layers()
    yield from convolution_layers(fftw)

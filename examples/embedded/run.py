#!/usr/bin/python3
"""Programs for a Cortex-M4: networks for keyword spotting in f32, q15 and q7, an 8 x 8 block of a picture codec, a filter, a
Fourier transform of 256 points.

The networks are quantised by `einc quantize`; flash, RAM and stack are those of `einc size`, instructions are counted by an emulated board
(mps2-an386), where each program compares its outputs with the right ones. Codec, filter and transform are held against NumPy, integer for integer.

    examples/embedded/run.py [--few]    with --few there are two samples, and the networks run on the board in q7 alone
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
import example

HERE = pathlib.Path(__file__).resolve().parent
RANDOM = numpy.random.default_rng(4)
COMPILER = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-std=c99", "-O2"]
BOARD = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native"]
INSTRUCTIONS_OF_TICK = 1 / 1.6  # docs/embedded.md


def weights():
    """As after training: each layer keeps the size of what it is given."""
    draw = lambda *shape, fan: RANDOM.standard_normal(shape).astype("f4") / numpy.sqrt(fan).astype("f4")
    A, B = {"AL": draw(8, 16, 14, fan=14), "AR": draw(14, 8, 35, fan=35)}, {"BL": draw(16, 8, 8, fan=8), "BR": draw(8, 16, 16, fan=16)}
    low = {"AU": draw(128, 16, fan=16), "AV": draw(16, 490, fan=490), "BU": draw(128, 16, fan=16), "BV": draw(16, 128, fan=128)}
    return {"A": draw(128, 490, fan=490), "B": draw(128, 128, fan=128), "C": draw(12, 128, fan=128), "offset1": draw(128, fan=100), "offset2": draw(128, fan=100), **A, **B, **low}


def on_board(options, source, folder):
    """Instructions of each kernel; the program ends with status 0 when every output is right."""
    subprocess.run(example.command(options, "build", source, "--target=cortex-m4", "--emit=main", "-o", "check.c"), cwd=folder, check=True)
    subprocess.run([*COMPILER, "-nostartfiles", "-T", "check_board.ld", "-Wl,--defsym=FLASH_BYTES=0x400000", "-Wl,--defsym=RAM_BYTES=0x100000", "check.c",
                    "check_kernels.c", "check_board.c", "-lm", "-o", "check.elf"], cwd=folder, check=True)
    done = subprocess.run([*BOARD, "-icount", "shift=6", "-kernel", "check.elf"], cwd=folder, capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise SystemExit(f"{source} on the board: {done.stdout}{done.stderr}")
    return {name: int(int(ticks) * INSTRUCTIONS_OF_TICK) for name, ticks in re.findall(r"(\w+) ticks (\d+)", done.stdout + done.stderr)}


def size(options, source, folder):
    done = subprocess.run(example.command(options, "size", source, "--target=cortex-m4", "--json"), cwd=folder, check=True, capture_output=True)
    sizes = json.loads(done.stdout)
    return sizes["flash"]["total"], max(kernel["workspace"] for kernel in sizes["kernels"]), max(kernel["stack"] for kernel in sizes["kernels"])


def networks(options, folder):
    numpy.save(folder / "x.npy", RANDOM.standard_normal((2 if options.few else 16, 490)))
    for name, array in weights().items():
        numpy.save(folder / f"{name}.npy", array)
    print(f"{'network':10} {'type':5} {'flash':>8} {'RAM':>6} {'stack':>6} {'instructions':>13} {'SNR, dB':>8}")
    flash = {}
    for network in ("dense", "monarch", "lowrank"):
        shutil.copy(HERE / f"{network}.ein", folder)
        for elem in ("f32", "q15", "q7"):
            source, ratio = f"{network}.ein", ""
            if elem != "f32":
                source = f"{network}_{elem}.ein"
                words = example.command(options, "quantize", f"{network}.ein", f"--type={elem}", "--samples=x.npy", "-o", source, "--json")
                done = subprocess.run(words, cwd=folder, check=True, capture_output=True)
                (ratio,) = [tensor["snr"] for tensor in json.loads(done.stdout)["tensors"] if tensor["part"] == "output"]
                example.expect(f"{network} in {elem}", 10 ** (-ratio / 20), {"q15": 1e-3, "q7": 0.2}[elem]) if not options.few else None
                ratio = f"{ratio:.1f}"
            flash[network, elem], ram, stack = size(options, source, folder)
            count = "" if options.few and elem != "q7" else f"{on_board(options, source, folder)['spot']:,}"
            print(f"{network:10} {elem:5} {flash[network, elem]:8,} {ram:6,} {stack:6,} {count:>13} {ratio:>8}")
    if not 6 * flash["monarch", "q7"] < flash["dense", "q7"] < flash["dense", "f32"] / 3.5:
        raise SystemExit("structure and small numbers save less than they should")


def half_up(values):
    return numpy.floor(values + 0.5)


def saturate(values, bits):
    return numpy.clip(half_up(values), -2**bits, 2**bits - 1)


def codec(options, folder):
    k, n = numpy.mgrid[:8, :8]
    D = numpy.cos(numpy.pi * k * (2 * n + 1) / 16) * numpy.where(k == 0, numpy.sqrt(1 / 8), 0.5)
    steps = 10 + 4 * (k + n) + k * n
    numbers = {"inverse": half_up(2**18 / steps), "steps": steps}
    D = half_up(D * 2**13)
    for name, kind in (("inverse", "i2"), ("steps", "i1")):
        numpy.save(folder / f"{name}.npy", numbers[name].astype(kind))
    shutil.copy(HERE / "codec.ein", folder)
    worst = 0
    for block in range(4):
        pixels = half_up(90 * numpy.sin(k / (2 + block) + 0.7 * n) + RANDOM.uniform(-20, 20, (8, 8))).astype("i1")
        (levels,) = example.run(options, folder / "codec.ein", "encode", {"pixels": pixels}, ["levels"])
        (again,) = example.run(options, folder / "codec.ein", "decode", {"levels": levels}, ["pixels"])
        # The same in whole numbers: each `let` is a rounding to its step.
        rows = saturate(D @ pixels / 2**13 / (512 / 2**15), 15)
        whole = saturate(rows @ D.T * (512 / 2**15) / 2**13 / (1024 / 2**15), 15)
        wanted = saturate(numbers["inverse"] * whole / 2**18 * (1024 / 2**15), 7)
        back = saturate(steps * wanted / (2048 / 2**15), 15)
        back = saturate(D.T @ back / 2**13, 15)
        back = saturate(back @ D / 2**13 * (2048 / 2**15), 7)
        if not (numpy.array_equal(levels, wanted) and numpy.array_equal(again, back)):
            raise SystemExit("the codec is wrong")
        worst = max(worst, numpy.sqrt(((pixels - again.astype(float)) ** 2).mean()))
    flash, ram, stack = size(options, "codec.ein", folder)
    count = on_board(options, "codec.ein", folder)
    print(f"codec: {flash:,} bytes of flash, {ram:,} of RAM, {count['encode']:,} instructions to encode, {count['decode']:,} to decode a block")
    example.expect("codec, in pixels", worst, 15)


def filter(options, folder):
    h = numpy.sinc((numpy.arange(32) - 15.5) / 4) * numpy.hamming(32)
    h = half_up(h / h.sum() * 2**17).astype("i2")
    numpy.save(folder / "h.npy", h)
    shutil.copy(HERE / "filter.ein", folder)
    x = half_up(RANDOM.uniform(-2**14, 2**14, 95)).astype("i2")
    (y,) = example.run(options, folder / "filter.ein", "filter", {"x": x}, ["y"])
    wanted = saturate(numpy.convolve(x.astype("i8"), h.astype("i8"), "valid") / 2**17, 15)
    flash, ram, stack = size(options, "filter.ein", folder)
    count = on_board(options, "filter.ein", folder)["filter"]
    print(f"filter: {flash:,} bytes of flash, {ram:,} of RAM, {count:,} instructions a block, {count / 64 / 32:.1f} a tap")
    example.expect("filter, in integers", abs(y - wanted).max(), 0)


def stage(x, radix, twiddles, before):
    """One stage of the transform in whole numbers: x over (rows, columns), complex numbers of integers."""
    l, j, k = numpy.mgrid[:radix, :before, :radix]
    twiddle = lambda angle: half_up(numpy.cos(angle) * twiddles) + 1j * half_up(numpy.sin(angle) * twiddles)
    T = twiddle(-2 * numpy.pi * j * l / (radix * before))[:, :, 0]
    F = numpy.array([1, -1j, -1, 1j])[(l * k)[:, 0, :] % 4]
    sums = numpy.einsum("lk,lj,lmj->mkj", F, T, x.reshape(radix, -1, before)).reshape(-1, radix * before)
    return saturate(sums.real / (4 * twiddles), 15) + 1j * saturate(sums.imag / (4 * twiddles), 15)


def spectrum(options, folder):
    shutil.copy(HERE / "fft.ein", folder)
    time, worst = numpy.arange(256), 1e9
    signals = {"white noise": RANDOM.uniform(-0.5, 0.5, (256, 2)), "a sine": numpy.stack([numpy.sin(2 * numpy.pi * 17 * time / 256), 0 * time], 1)}
    for name, signal in signals.items():
        x = saturate(signal * 2**15, 15).astype("i2")
        (y,) = example.run(options, folder / "fft.ein", "spectrum", {"x": x}, ["y"])
        wanted = (x[:, 0] + 1j * x[:, 1]).reshape(256, 1)
        for length in (1, 4, 16, 64):
            wanted = stage(wanted, 4, 1 if length == 1 else 2**13, length)
        example.expect(f"transform of {name}, in integers", abs(y[:, 0] + 1j * y[:, 1] - wanted.ravel()).max(), 0)
        right = numpy.fft.fft(x[:, 0] + 1j * x[:, 1]) / 256
        ratio = 10 * numpy.log10((abs(right) ** 2).sum() / (abs(right - y[:, 0] - 1j * y[:, 1]) ** 2).sum())
        worst = min(worst, ratio)
        print(f"transform of {name}: {ratio:.1f} dB of signal to noise")
    flash, ram, stack = size(options, "fft.ein", folder)
    count = on_board(options, "fft.ein", folder)["spectrum"]
    print(f"transform: {flash:,} bytes of flash, {ram:,} of RAM, {count:,} instructions")
    if worst < 60:
        raise SystemExit("the transform loses too much")


def main():
    parser = example.parser()
    parser.add_argument("--few", action="store_true", help="two samples, networks on the board in q7 alone")
    parser.add_argument("--engine", default="c", help="ref or c")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for part in (networks, codec, filter, spectrum):
            part(options, pathlib.Path(folder))


main()

#!/usr/bin/python3
"""Flash, RAM, stack and instructions of kernels on an emulated Cortex-M4, dense and structured side by side, and how well code is estimated.

Instructions are counted by the emulator: qemu-system-arm -icount shift=6, 64 ns each, read by SysTick at 25 MHz in the program of --emit=main; they
are exact to one, and the same on every machine. Flash, workspace and stack are those of `einc size`. Weights are random.
"""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy

COMPILER = "arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -std=c99"
NANOSECONDS_OF_TICK, NANOSECONDS_OF_INSTRUCTION = 40, 64
ROUND = "i8(min(max(({}[i] + 64) div 128, -128), 127))"  # i8 with the scale 1/128
ROOT = pathlib.Path(__file__).resolve().parents[1]
FIXED = {"q7": "i1", "q15": "i2"}  # and what they are stored as


def fixed(source, elem):
    """A program of f32 in fixed point: what lies between factors and layers is rounded. The scales are no powers of two, as measured ones are."""
    source = re.sub(r"const (\w+): f32(\[.*?\])", rf"const \1: {elem}\2 scale(0.3)", source).replace("f32", elem)
    return re.sub(r"let (?:stored )?([th]\d?\[.*?\]) =", rf"let \1: {elem} scale(2.5) =", source)


def network(kind, elem):
    """490-128-128-12, as for keyword spotting; gives source and shapes of its constants."""
    layers = [("A", 128, 490, (14, 35, 8, 16)), ("B", 128, 128, (8, 16, 16, 8)), ("C", 12, 128, None)]
    shapes, lines, source = {}, [], "x"
    wide = "i32({})" if elem == "i8" else "{}"
    for number, (name, outputs, inputs, blocks) in enumerate(layers):
        value = f"s{number}"
        if kind == "dense" or not blocks:
            shapes[name] = (outputs, inputs)
            lines.append(f"    let {value}[i] = {wide.format(f'{name}[i,j]')} * {wide.format(f'{source}[j]')}")
        elif kind == "low rank":
            shapes[f"{name}u"], shapes[f"{name}v"] = (outputs, 16), (16, inputs)
            lines.append(f"    let t{number}[i] = {wide.format(f'{name}v[i,j]')} * {wide.format(f'{source}[j]')}")
            middle = f"t{number}"
            if elem == "i8":
                lines.append(f"    let stored m{number}[i] = {ROUND.format(middle)}")
                middle = f"m{number}"
            lines.append(f"    let {value}[i] = {wide.format(f'{name}u[i,r]')} * {wide.format(f'{middle}[r]')}")
        else:
            outer, inner, left, right = blocks
            shapes[f"{name}r"], shapes[f"{name}l"] = (outer, left, inner), (left, right, outer)
            lines.append(f"    let t{number}[k,j] = {wide.format(f'{name}r[k,j,m]')} * {wide.format(f'{source}[(k,m)]')}")
            middle = f"t{number}"
            if elem == "i8":
                lines.append(f"    let stored m{number}[k,j] = {ROUND.replace('[i]', '[k,j]').format(middle)}")
                middle = f"m{number}"
            lines.append(f"    let {value}[(j,i)] = {wide.format(f'{name}l[j,i,k]')} * {wide.format(f'{middle}[k,j]')}")
        rounded = ROUND.format(value) if elem == "i8" else f"{value}[i]"
        last = number == len(layers) - 1
        lines.append(f"    y[i] = {rounded}" if last else f"    let stored h{number}[i] = relu({rounded})")
        source = f"h{number}"
    constants = "".join(f'const {name}: {elem}[{", ".join(map(str, shape))}] = file("{name}.npy") exact\n' for name, shape in shapes.items())
    return constants + f"kernel net(x: {elem}[490]) -> (y: {elem}[12]) {{\n" + "\n".join(lines) + "\n}\n", shapes


def square(kind, elem, size=256, blocks=16):
    """One matrix, dense or of blocks."""
    wide = "i32({})" if elem == "i8" else "{}"
    inner = size // blocks
    if kind == "dense":
        shapes = {"W": (size, size)}
        body = f"    let s[i] = {wide.format('W[i,j]')} * {wide.format('x[j]')}\n"
    else:
        shapes = {"R": (blocks, inner, inner), "L": (inner, blocks, blocks)}
        body = f"    let t[k,j] = {wide.format('R[k,j,m]')} * {wide.format('x[(k,m)]')}\n"
        if elem == "i8":
            body += f"    let stored m[k,j] = {ROUND.replace('[i]', '[k,j]').format('t')}\n"
        body += f"    let s[(j,i)] = {wide.format('L[j,i,k]')} * {wide.format('m[k,j]' if elem == 'i8' else 't[k,j]')}\n"
    body += f"    y[i] = {ROUND.format('s') if elem == 'i8' else 's[i]'}\n"
    constants = "".join(f'const {name}: {elem}[{", ".join(map(str, shape))}] = file("{name}.npy") exact\n' for name, shape in shapes.items())
    return constants + f"kernel net(x: {elem}[{size}]) -> (y: {elem}[{size}]) {{\n{body}}}\n", shapes


def fixed_case(case, elem):
    source, shapes = case
    return fixed(source, elem), shapes


CASES = [(f"network 490-128-128-12 {elem}", kind, network(kind, elem)) for elem in ("f32", "i8") for kind in ("dense", "Monarch", "low rank")]
CASES += [(f"matrix 256 x 256 {elem}", kind, square(kind, elem)) for elem in ("f32", "i8") for kind in ("dense", "Monarch")]
CASES += [(f"network 490-128-128-12 {elem}", kind, fixed_case(network(kind, "f32"), elem)) for elem in FIXED for kind in ("dense", "Monarch", "low rank")]
CASES += [(f"matrix 256 x 256 {elem}", kind, fixed_case(square(kind, "f32"), elem)) for elem in FIXED for kind in ("dense", "Monarch")]
CASES += [(f"layer 64 x 64 {elem}", "dense", fixed_case(square("dense", "f32", 64), elem)) for elem in FIXED]
CASES += [("layer 64 x 64 i8", "dense", square("dense", "i8", 64)),
          ("filter of 32 taps, 256 samples", "Toeplitz", ("const t: f32[32] = file(\"t.npy\") exact\n"
           "kernel net(x: f32[287]) -> (y: f32[256]) { y[i] = t[r] * x[i+31-r] }\n", {"t": (32,)})),
          ("cosine transform 8 x 8 f32", "codelets", ("kernel net(x: f32[8, 8]) -> (y: f32[8, 8]) { y[i,j] = dct2(8)[i,k] * x[k,l] * dct2(8)[j,l] }\n", {})),
          ("Fourier transform 256 q15", "by stages", ((ROOT / "examples/embedded/fft.ein").read_text(), {})),
          ("Fourier transform 256 c64", "codelets", ("kernel net(x: c64[256]) -> (y: c64[256]) { y[i] = dft(256)[i,j] * x[j] }\n", {}))]


def run(words, folder):
    return subprocess.run([str(word) for word in words], cwd=folder, check=True, capture_output=True, text=True, timeout=120)


def instructions(sources, level, folder):
    """Of the one kernel that these files run, with the start-up code that is in the folder."""
    run([*COMPILER.split(), level, "-nostartfiles", "-Wl,--defsym=RAM_BYTES=0x400000,--defsym=FLASH_BYTES=0x400000", "-T", "check_board.ld",
         *sources, "check_board.c", "-lm", "-o", "check.elf"], folder)
    done = run(["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none", "-serial", "none", "-semihosting", "-icount", "shift=6",
                "-kernel", "check.elf"], folder)
    return int(re.search(r"\w+ ticks (\d+)", done.stdout + done.stderr)[1]) * NANOSECONDS_OF_TICK // NANOSECONDS_OF_INSTRUCTION


def measure(einc, source, shapes, options, folder):
    numbers = numpy.random.default_rng(1)
    for name, shape in shapes.items():
        elem = re.search(rf"const {name}: (\w+)", source)[1]
        stored = {"i8": "i1", **FIXED}.get(elem)
        values = numbers.integers(-40, 41, shape).astype(stored) if stored else numbers.normal(0, 0.2, shape).astype("f4")
        numpy.save(folder / f"{name}.npy", values)
    (folder / "k.ein").write_text(source)
    sizes = json.loads(run([einc, "size", "k.ein", "--target=cortex-m4", "--json", *options], folder).stdout)
    estimate = json.loads(run([einc, "size", "k.ein", "--target=embedded", "--json", *options], folder).stdout)
    run([einc, "build", "k.ein", "--target=cortex-m4", "--emit=main", "-o", "check.c", *options], folder)
    level = "-Os" if options else "-O2"
    count = instructions(["check.c", "check_kernels.c"], level, folder)
    (kernel,) = sizes["kernels"]
    return {"flash": sizes["flash"]["total"], "code": kernel["code"], "estimate": estimate["kernels"][0]["code"], "workspace": kernel["workspace"],
            "stack": kernel["stack"], "instructions": count,
            "multiply_accumulates": kernel["multiply_accumulates"]}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", default="build/einc")
    parser.add_argument("--optimize", choices=["size", "speed"], default="speed")
    parser.add_argument("--json", help="file for the figures")
    arguments = parser.parse_args()
    options = ["--optimize=size"] if arguments.optimize == "size" else []
    einc, results = pathlib.Path(arguments.einc).resolve(), []
    print(f"{'Cortex-M4':34} {'':10} {'flash':>8} {'code':>6} {'estimate':>8} {'workspace':>9} {'stack':>6} {'mult-acc':>9} {'instructions':>12} {'each':>6}")
    for name, kind, (source, shapes) in CASES:
        with tempfile.TemporaryDirectory() as folder:
            got = measure(einc, source, shapes, options, pathlib.Path(folder))
            if name == "Fourier transform 256 q15":
                radix2 = instructions([ROOT / "bench/embedded/radix2.c"], "-O2", pathlib.Path(folder))
        results.append({"case": name, "kind": kind, **got})
        print(f"{name:34} {kind:10} {got['flash']:8} {got['code']:6} {got['estimate']:8} {got['workspace']:9} {got['stack']:6} "
              f"{got['multiply_accumulates']:9} {got['instructions']:12} {got['instructions'] / got['multiply_accumulates']:6.2f}", flush=True)
    stages = next(row["instructions"] for row in results if row["case"] == "Fourier transform 256 q15")
    print(f"Fourier transform 256 q15: a loop of radix 2 {radix2} instructions, {radix2 / stages:.2f} times as many")
    for elem in ("f32", "i8", *FIXED):
        dense, blocks = (next(row for row in results if row["case"] == f"matrix 256 x 256 {elem}" and row["kind"] == kind) for kind in ("dense", "Monarch"))
        print(f"Monarch to dense, {elem}: flash 1/{dense['flash'] / blocks['flash']:.1f}, instructions 1/{dense['instructions'] / blocks['instructions']:.1f}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    sys.exit(main())

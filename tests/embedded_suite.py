#!/usr/bin/python3
"""Emitted C on microcontrollers: programs of --emit=main on emulated boards (qemu-system-arm, semihosting), and objects by cross compilers.

On a board every output is what the reference allows, scratch memory is used to the last byte that the header states and no further, the stack
stays within what `einc size` states, and the clock of an emulator that counts instructions tells the same twice. Objects call nothing but the
compiler's own arithmetic and the functions that their head comments name.

With --random N, N random programs with temporaries instead of the few.
"""
import argparse
import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile

from suites import WATCHED

CPU = {"cortex-m0": ["-mcpu=cortex-m0"], "cortex-m3": ["-mcpu=cortex-m3"], "cortex-m4": ["-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
       "cortex-m7": ["-mcpu=cortex-m7", "-mfloat-abi=hard", "-mfpu=fpv5-d16"], "cortex-m55": ["-mcpu=cortex-m55", "-mfloat-abi=hard"],
       "cortex-m55 without vectors": ["-mcpu=cortex-m55+nomve", "-mfloat-abi=hard"]}
BOARDS = {  # qemu's name: target of einc, processor, flash, RAM
    "microbit": ("cortex-m0", "cortex-m0", 0x40000, 0x4000),
    "mps2-an385": ("embedded", "cortex-m3", 0x400000, 0x400000),
    "mps2-an386": ("cortex-m4", "cortex-m4", 0x400000, 0x400000),
    "mps2-an500": ("cortex-m7", "cortex-m7", 0x400000, 0x400000),
    "mps3-an547": ("cortex-m55", "cortex-m55", 0x80000, 0x80000)}
STRICT = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]
CROSS = {"arm-none-eabi-gcc -mcpu=cortex-m0 -mthumb -O2": "cortex-m0", "arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -O3": "cortex-m4",
         "clang --target=thumbv7em-none-eabi -ffreestanding -O3": "cortex-m7",  # these two have no <math.h>
         "riscv64-unknown-elf-gcc -march=rv32imac -mabi=ilp32 -ffreestanding -Os": "rv32"}
WRAPPER = 24  # bytes of stack of the function that calls the kernel with its arguments
PROGRAM = """\
dim N <= 12
const W: i8[24, 32] = file("W.npy")
const p: i64[8] = [3, 1, 7, 5, 0, 2, 6, 4]
const L: f32[4, 4, 4] = file("L.npy")
const R: f32[4, 4, 4] = file("R.npy")
kernel layer(x: i8[32]) -> (y: i8[24]) {
    let s[i] = i32(W[i,j]) * i32(x[j])
    y[i] = i8(min(max((s[i] + 64) div 128, -128), 127))
}
kernel two(x: f32[16]) -> (y: f32[16]) {
    let stored a[i] = monarch(L, R)[i,j] * x[j]
    let stored b[i] = relu(a[15-i] + x[i])
    y[i] = a[i] * b[i] - a[0]
}
kernel soft(x: f32[N]) -> (y: f32[N]) {
    let stored e[i] = exp(x[i])
    y[i] = e[i] / sum[j](e[j])
}
kernel codec(x: f32[8, 8]) -> (y: f32[8, 8]) {
    y[i,j] = dct2(8)[i,k] * x[k,l] * dct2(8)[j,l]
}
kernel copy(x: u8[300]) -> (y: u8[300], z: i32[8], m: i16[3]) {
    y[i] = x[i]
    z[i] = i32(x[p[i]])
    m[i] += i16(x[2*i])
}
kernel wide(x: c64[16]) -> (y: c64[16], h: f16[16]) {
    y[i] = dft(16)[i,j] * x[j]
    h[i] = f16(real(x[i]))
}
"""


class Suite:
    def __init__(self, einc, folder):
        self.einc, self.folder, self.passed, self.failed = str(pathlib.Path(einc).resolve()), folder, 0, 0

    def check(self, what, good, details=""):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        if not good:
            print(f"FAILED {what}\n{details}")
        return good

    def run(self, words):
        return subprocess.run([str(word) for word in words], cwd=self.folder, capture_output=True, text=True, timeout=120)

    def step(self, what, words):
        done = self.run(words)
        return self.check(what, done.returncode == 0, f"{' '.join(map(str, words))}\n{done.stdout}{done.stderr}")


def prepare(folder):
    import numpy
    numbers = numpy.random.default_rng(3)
    numpy.save(folder / "W.npy", numbers.integers(-128, 128, (24, 32)).astype("i1"))
    for name in "LR":
        numpy.save(folder / f"{name}.npy", numbers.uniform(-1, 1, (4, 4, 4)).astype("f4"))
    (folder / "few.ein").write_text(PROGRAM)
    (folder / "plain.ein").write_text(PROGRAM.replace("exp(x[i])", "relu(x[i])"))


def run_board(suite, board, source, options=(), made_for=None, cpu=None):
    """The report of the program as {kernel: {what: number}}; None: it failed. Made and compiled for the board unless said otherwise."""
    target, own, flash, ram = BOARDS[board]
    target, cpu = made_for or target, cpu or own
    what = f"{source} on {board} {' '.join(options)} for {target} by {cpu}"
    if not suite.step(f"{what}: build", [suite.einc, "build", source, f"--target={target}", "--emit=main", "-o", "fw.c", *options]):
        return None
    words = ["arm-none-eabi-gcc", *CPU[cpu], "-mthumb", "-O2", *STRICT, "-nostartfiles", f"-Wl,--defsym=FLASH_BYTES={flash}",
             f"-Wl,--defsym=RAM_BYTES={ram}", "-T", "fw_board.ld", "fw.c", "fw_kernels.c", "-Wno-pedantic", "fw_board.c", "-lm", "-o", "fw.elf"]
    if not suite.step(f"{what}: compile", words):
        return None
    done = suite.run(["qemu-system-arm", "-M", board, "-nographic", "-monitor", "none", "-serial", "none", "-semihosting-config", "enable=on,target=native",
                      "-icount", "shift=6", "-kernel", "fw.elf"])
    report = {}
    for line in (done.stdout + done.stderr).splitlines():
        found = re.fullmatch(r"(\w+) (wrong|scratch|stack|ticks) (\d+)", line)
        if found:
            report.setdefault(found[1], {})[found[2]] = int(found[3])
    return report if suite.check(f"{what}: runs", done.returncode == 0, done.stdout + done.stderr) else None


def check_board(suite, board, source, options=()):
    report = run_board(suite, board, source, options)
    if report is None:
        return
    target = BOARDS[board][0]
    header = (suite.folder / "fw_kernels.h").read_text()
    manifest = {kernel["name"]: kernel for kernel in json.loads((suite.folder / "fw.json").read_text())["kernels"]}
    flags = [option for option in options if option.startswith("--optimize")]
    sizes = json.loads(suite.run([suite.einc, "size", source, f"--target={target}", "--json", *flags]).stdout)
    suite.check(f"{board}: every kernel reports", set(report) == set(manifest), f"{report}")
    for kernel in sizes["kernels"]:
        name, seen = kernel["name"], report.get(kernel["name"], {})
        stated = re.search(rf"#define {name.upper()}_WORKSPACE_BYTES (\d+)", header)
        if "--workspace=static" in options:
            suite.check(f"{board} {name}: scratch is its own", seen["scratch"] == 0, f"{seen}")
        elif f"{name}_workspace_bytes" in header:  # at the dims it was called with, which are for it alone to know
            suite.check(f"{board} {name}: scratch at most {kernel['workspace']}", 0 < seen["scratch"] <= kernel["workspace"], f"{seen}")
        else:
            wanted = int(stated[1]) if stated else 0
            suite.check(f"{board} {name}: scratch is {wanted}", seen["scratch"] == wanted == manifest[name]["workspace"], f"{seen}")
        suite.check(f"{board} {name}: stack", seen["stack"] <= kernel["stack"] + WRAPPER, f"{seen}, stated {kernel['stack']} by {sizes['compiler']}")
    return report


def check_objects(suite):
    """Nothing undefined but arithmetic and what the head comment names; twice the same bytes."""
    for command, target in CROSS.items():
        source = "plain.ein" if "freestanding" in command else "few.ein"
        for options in ([], ["--optimize=size", "--workspace=static"]):
            options = options + ["--math=none"] * (source == "plain.ein")
            what = f"{source} by {command} {' '.join(options)}"
            if not suite.step(f"{what}: emit", [suite.einc, "build", source, f"--target={target}", "-o", "k.c", *options]):
                continue
            text = (suite.folder / "k.c").read_text()
            named = re.search(r"Calls (?:nothing|of <math.h> ([\w, ]*))\.", text)
            if not suite.step(f"{what}: compile", [*command.split(), *STRICT, "-c", "k.c", "-o", "k.o"]):
                continue
            undefined = suite.run(["arm-none-eabi-nm" if "riscv" not in command else "riscv64-unknown-elf-nm", "-u", "k.o"]).stdout.split()[1::2]
            allowed = set((named[1] or "").split(", ")) if named else set()
            extra = [name for name in undefined if not name.startswith("__") and name not in allowed]
            suite.check(f"{what}: calls nothing else", named and not extra, f"{extra}, named {allowed}")


def check_limits(suite):
    """Flash limits choose smaller code, or are refused; RAM likewise."""
    plain = json.loads(suite.run([suite.einc, "size", "few.ein", "--target=embedded", "--json"]).stdout)["flash"]
    small = json.loads(suite.run([suite.einc, "size", "few.ein", "--target=embedded", "--optimize=size", "--json"]).stdout)["flash"]
    suite.check("--optimize=size is smaller", small["code"] < plain["code"], f"{small} {plain}")
    limited = suite.run([suite.einc, "size", "few.ein", "--target=embedded", "--json", f"--flash-limit={plain['total'] - 1}"])
    suite.check("a limit of flash is kept", limited.returncode == 0 and json.loads(limited.stdout)["flash"]["total"] < plain["total"], limited.stderr)
    refused = suite.run([suite.einc, "build", "few.ein", "--target=embedded", "--flash-limit=1K", "-o", "x.c"])
    suite.check("too little flash is refused", refused.returncode == 4 and "E0941" in refused.stderr and "largest table" in refused.stderr, refused.stderr)
    refused = suite.run([suite.einc, "build", "few.ein", "--target=embedded", "--ram-limit=8", "-o", "x.c"])
    suite.check("too little RAM is refused", refused.returncode == 4 and "E0921" in refused.stderr, refused.stderr)


def random_kernel(number, name):
    """Einsums in a chain whose values are read again later, so that several live at a time."""
    extents = {index: number.randint(2, 7) for index in "abcd"}
    values, lines = [("x", "ab")], []
    elem = number.choice(["f32", "f64", "i32", "i8", "q7", "q15"])
    scale = f": {elem} scale(16)" if elem[0] == "q" else ""  # fixed point is rounded where it is stored
    for k in range(number.randint(3, 6)):
        (left, li), (right, ri) = number.choice(values), number.choice(values)
        result = "".join(sorted(number.sample("abcd", 2)))
        rename = dict(zip(ri, number.sample("abcd", 2)))
        rename = {old: new for old, new in rename.items() if extents[old] == extents[new]} or {}
        ri_new = "".join(rename.get(index, index) for index in ri)
        covered = set(li) | set(ri_new)
        result = "".join(index for index in result if index in covered) or min(covered)
        summed = "".join(sorted(covered - set(result)))
        product = f"{left}[{','.join(li)}] * {right}[{','.join(ri_new)}]" if len(set(ri_new)) == len(ri_new) else f"{left}[{','.join(li)}]"
        covered = set(re.sub(r"\w+\[|[^a-d]", "", product))
        result = "".join(index for index in result if index in covered) or min(covered)
        summed = "".join(sorted(covered - set(result)))
        lines.append(f"    let stored v{k}[{','.join(result)}]{scale} = " + (f"sum[{','.join(summed)}]({product})" if summed else product))
        values.append((f"v{k}", result))
    total = " + ".join(f"sum[{','.join(indices)}]({value}[{','.join(indices)}])" for value, indices in values)
    lines.append(f"    y = {total}")
    return f"kernel {name}(x: {elem}[{extents['a']}, {extents['b']}]) -> (y: {elem}{' scale(1024)' if scale else ''}) {{\n" + "\n".join(lines) + "\n}\n"


def check_random(suite, count, each=20):
    number = random.Random(11)
    for first in range(0, count, each):
        names = [f"k{first + k}" for k in range(min(each, count - first))]
        (suite.folder / "random.ein").write_text("".join(random_kernel(number, name) for name in names))
        check_board(suite, "mps2-an386", "random.ein")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--random", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        suite = Suite(arguments.einc, pathlib.Path(folder))
        prepare(suite.folder)
        if arguments.random:
            check_random(suite, arguments.random)
        else:
            for board in BOARDS if not WATCHED else ():
                first = check_board(suite, board, "few.ein", ["--optimize=size"] if board == "microbit" else [])
                if board == "microbit":
                    suite.check("instructions are counted the same twice", first and first == check_board(suite, board, "few.ein", ["--optimize=size"]), first)
            check_board(suite, "mps2-an500", "few.ein", ["--workspace=static"])
            check_random(suite, 20)
            check_objects(suite)
            check_limits(suite)
    print(f"{suite.passed} passed, {suite.failed} failed, 0 skipped")
    return 1 if suite.failed else 0


if __name__ == "__main__":
    sys.exit(main())

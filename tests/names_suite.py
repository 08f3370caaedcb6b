#!/usr/bin/python3
"""Names and text of the source in emitted C: whatever they are, four compilers take what is emitted, without a warning.

Random programs bear hostile names: words of C and C++, functions and types of the standard headers, what einc itself puts into
emitted files, names that become equal when they are mangled. Comments, paths and file names hold what could end a comment or a
string. Seeded; the seed of a failing program is printed, `--seed` runs it alone.
"""
import argparse
import pathlib
import random
import re
import subprocess
import sys
import tempfile

import suites

ROOT = pathlib.Path(__file__).resolve().parent.parent
WARNINGS = "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror".split()
OWN = ("string stdio stdlib workspace dims arguments row sum total value value2 value_2 inside index j i k restrict_ einc einc_entry_f einc_workspace_f einc_x F_WORKSPACE_BYTES "
       "a b c at from to rows columns word place m "
       "f_WORKSPACE_BYTES F_WORKSPACE_ALIGNMENT F_H OUT_H OUT_H_ out out_h NAMES_H x x_ x__ _x __x x2 x_2 X _ __ ___ table table2 table_ static_ v v_ v2 inf_ NULL_ "
       "memory array arrays header file size bytes length count n argc argv load store data good read_file write_file main main_ input output "
       "tmp result left right stride y_re y_im x_re x_im re im z_re accumulator vector lane floor_divide modulo maximum minimum wrap sigmoid_ "
       "einc_max einc_min einc_sigmoid einc_div einc_mod stdin FILE EOF assert offsetof va_list errno NDEBUG __LINE__ __FILE__ __func__ _Bool _Complex "
       "_Static_assert _Generic _Atomic _Noreturn _Thread_local _BitInt _Pragma _Float16 __int128 __extension__ __attribute__ __restrict __asm__ "
       "double_t float_t int_least8_t int_fast16_t INT8_MAX UINT64_C INT64_C M_PI M_E HUGE_VAL isnan fpclassify FP_NAN size_t max_align_t wchar_t "
       "acosl sinl frexpl llroundf nexttowardf nanl truncl powl fmal fminl tgammal y0f j1l lgamma_r gammaf finite drem exp10 pow10 sincos sincosf sinpi "
       "alloca bcopy bzero ffs toascii stpcpy index rindex isalpha tolower puts fputs vprintf strdup strndup mempcpy labs imaxabs "
       "unix linux __unix__ i386 __x86_64__ vm86 interrupt export_ co_await requires concept char8_t final override import module and_eq compl xor").split()


def reserved_words():
    """What backends/c_names.c keeps from being used, and the words of C's later editions."""
    text = (ROOT / "backends/c_names.c").read_text()
    table = re.search(r"reserved\[128\] = \{(.*?)^\};", text, re.M | re.S).group(1)
    return re.findall(r"[A-Za-z_]\w*", " ".join(re.findall(r'"([^"]*)"', table)))


NAMES = sorted(set(OWN + reserved_words()))
HOSTILE_TEXT = ["*/ int x; /*", "/* //", "// \\", "??/", "?" "?/ ??' ??(", "\\", '"', "%s%n%d", "é ß 漢", "\u202e abc \u2066", "\t", "#include <x>", "' \" \\n", "*\\", "?", "\x7f"]
HOSTILE_FILES = ["a b.ein", "a*b.ein", 'q"q.ein', "b\\s.ein", "t??!.ein", "é.ein", "n\nl.ein", "1.ein", "-x.ein", "$(x).ein", "c;d.ein", "%s.ein", "\u202e.ein", "\udcff.ein", "int.ein", "x.y.ein"]


class NamesSuite(suites.Suite):
    def call(self, folder, *words):
        return subprocess.run([self.einc, *words], cwd=folder, capture_output=True, timeout=60)

    def compiles(self, what, folder, *words):
        if suites.WATCHED:
            return
        done = subprocess.run(words, cwd=folder, capture_output=True, timeout=60)
        self.check(f"{what}: {words[0]}", done.returncode == 0, done.stderr.decode(errors="replace")[:1500])


def allowed(suite, folder):
    """Names the language takes; the others are its own words."""
    good = []
    for name in NAMES:
        (folder / "name.ein").write_text(f"kernel k0({name}: f64[3]) -> (y0: f64[3]) {{ y0[i0] = {name}[i0] }}\n")
        if suite.call(folder, "explain", "name.ein").returncode == 0:
            good.append(name)
    return good


def program(choose, names):
    """Every kind of name once: dims, a constant, two kernels, inputs, outputs, a let, indices."""
    dim, const, f, g, a, b, y, s, z, let, i, j, k = choose.sample(names, 13)
    text = [choose.choice(HOSTILE_TEXT) for _ in range(3)]
    return f"""# {text[0]}
dim {dim} # {text[1]}
const {const}: f64[3] = [1, 2, 3]
kernel {f}({a}: f64[{dim}, 3], {b}: c128[3]) -> ({y}: f64[{dim}], {s}: c128) {{
    let {let}[{i},{j}] = exp({a}[{i},{j}]) * {const}[{j}] # {text[2]}
    {y}[{i}] = {let}[{i},{j}] / sum[{k}]({let}[{k},{j}])
    {s} = {b}[{j}] * {b}[{j}]
}}
kernel {g}({b}: f32[{dim}, {dim}], {y}: f32[{dim}]) -> ({z}: f32[{dim}]) {{
    {z}[{k}] = max({b}[{k},{i}] * {y}[{i}], tanh({y}[{k}]))
}}
"""


def check_program(suite, folder, names, seed):
    choose = random.Random(seed)
    (folder / "names.ein").write_text(program(choose, names))
    weights = choose.choice(["inline", "extern"])
    what = f"seed {seed}"
    done = suite.call(folder, "build", "names.ein", "-o", "out.c", f"--weights={weights}")
    if done.returncode:
        suite.check(what, False, done.stderr.decode(errors="replace") + (folder / "names.ein").read_text())
        return
    suite.compiles(what, folder, "gcc", "-std=c99", "-O1", *WARNINGS, "-c", "out.c", "-o", "out.o")
    suite.compiles(what, folder, "tcc", "-std=c99", "-Wall", "-Werror", "-c", "out.c", "-o", "tcc.o")
    (folder / "use.cc").write_text('#include "out.h"\n#include "out.h"\n#include <cmath>\nint main() { return 0; }\n')
    suite.compiles(what, folder, "g++", "-std=c++17", *WARNINGS, "-fsyntax-only", "use.cc")
    if seed % 4 == 0:
        suite.compiles(what, folder, "clang", "-std=c2x", "-fsyntax-only", *WARNINGS, "out.c")
        done = suite.call(folder, "build", "names.ein", "--emit=main", "-o", "host.c")
        suite.check(f"{what}: host program", done.returncode == 0, done.stderr.decode(errors="replace"))
        for source in folder.glob("host*.c"):
            suite.compiles(f"{what}, {source.name}", folder, "gcc", "-std=c99", *WARNINGS, "-c", source.name, "-o", "host.o")


def check_files(suite, folder):
    """Names of files stand in comments, include lines and include guards."""
    for number, name in enumerate(HOSTILE_FILES):
        place = folder / f"file{number}"
        place.mkdir()
        path = place / name
        path.write_text("kernel f(x: f64[3]) -> (y: f64[3]) { y[i] = 2 * x[i] }\n")
        done = suite.call(place, "build", f"./{name}", "-o", "out.c")
        suite.check(f"source {name!r}", done.returncode == 0, done.stderr.decode(errors="replace"))
        suite.compiles(f"source {name!r}", place, "gcc", "-std=c99", *WARNINGS, "-Wbidi-chars=any", "-c", "out.c", "-o", "out.o")
        suite.compiles(f"source {name!r}", place, "clang", "-std=c99", "-Weverything", "-Wno-padded", "-Wno-declaration-after-statement", "-Werror", "-c", "out.c", "-o", "out.o")
        target = name.replace(".ein", ".c")
        done = suite.call(place, "build", f"./{name}", "-o", f"./{target}")
        if done.returncode == 0:
            suite.compiles(f"output {target!r}", place, "gcc", "-std=c99", *WARNINGS, "-c", f"./{target}", "-o", "out.o")
        else:
            suite.check(f"output {target!r} refused with a word", done.returncode == 1 and done.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--programs", type=int, default=40)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    suite = NamesSuite(arguments.einc)
    with tempfile.TemporaryDirectory() as fresh:
        folder = pathlib.Path(fresh)
        names = allowed(suite, folder)
        suite.check("names to choose from", len(names) > 200, str(len(names)))
        for seed in [arguments.seed] if arguments.seed is not None else range(arguments.programs):
            check_program(suite, folder, names, seed)
        check_files(suite, folder)
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())

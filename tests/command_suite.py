#!/usr/bin/python3
"""The command from outside: what it exits with, what it prints where, and what it leaves on the disk.

Each check runs `einc` in a fresh folder. Diagnostics themselves are the goldens' business.
"""
import argparse
import json
import os
import pathlib
import pty
import struct
import subprocess
import sys
import tempfile

import suites

GOOD = "dim n\nkernel double(x: f64[n]) -> (y: f64[n]) { y[i] = 2 * x[i] }\n"
WRONG = "dim n\nkernel double(x: f64[n]) -> (y: f64[n]) {\n    let unread[i] = x[i]\n    y[i] = 2 * z[i]\n}\n"
# 2^27 elements, more than the reference holds in one tensor (docs/ir.md).
HUGE = "kernel huge(x: f64[2]) -> (y: f64[67108864, 2]) { y[i,j] = x[j] + f64(i) }\n"
# Scratch of n * m numbers, whatever an array of no rows says n and m are.
SCRATCH = "dim k, n, m\nkernel scratch(x: f64[k, n], z: f64[k, m]) -> (y: f64) { let stored t[i,j] = x[r,i] * z[r,j]\n    y = sum[i, j](t[i,j]) }\n"
COMMANDS = "run einsum build check explain bench pass machine tune".split()


def npy_header(*shape):
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header


def npy(count):
    return npy_header(count) + struct.pack(f"<{count}d", *range(count))


class CommandSuite(suites.Suite):
    def einc_in(self, folder, *words, **environment):
        variables = {"PATH": "/usr/bin:/bin", **environment}
        return subprocess.run([self.einc, *words], cwd=folder, capture_output=True, text=True, timeout=120, env=variables)

    def expect(self, what, folder, status, *words, **environment):
        done = self.einc_in(folder, *words, **environment)
        self.check(f"{what}: exit status {status}", done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done


def prepare(folder):
    (folder / "good.ein").write_text(GOOD)
    (folder / "wrong.ein").write_text(WRONG)
    (folder / "huge.ein").write_text(HUGE)
    (folder / "x.npy").write_bytes(npy(3))
    (folder / "two.npy").write_bytes(npy(2))


def exit_statuses(suite, folder):
    run = ("run", "good.ein", "x=x.npy")
    suite.expect("a right run", folder, 0, *run)
    suite.expect("a wrong source", folder, 1, "explain", "wrong.ein")
    suite.expect("no command", folder, 2)
    suite.expect("an unknown command", folder, 2, "compile")
    suite.expect("an unknown option", folder, 2, *run, "--fast")
    suite.expect("an unknown engine", folder, 2, *run, "--engine=gpu")
    suite.expect("an option without its value", folder, 2, *run, "-o")
    suite.expect("a size that is none", folder, 2, *run, "--dims", "n=-3")
    suite.expect("two gradients, of which one would be forgotten", folder, 2, "build", "good.ein", "-o", "-", "--gradient=a", "--gradient=x")
    suite.expect("an empty place to write to", folder, 2, "build", "good.ein", "-o", "")
    suite.check("nothing is written then", not (folder / ".c").exists())
    suite.expect("the gradient of an einsum string", folder, 2, "einsum", "i->", "x.npy", "--gradient=x")
    suite.expect("a check that passes", folder, 0, "check", "good.ein")
    suite.expect("a reference too large", folder, 4, "run", "huge.ein", "x=two.npy", "--engine=ref")
    # A compiler that lies: 2 becomes 1 in what it is given.
    liar = folder / "liar"
    liar.write_text('#!/bin/sh\nfor word; do case "$word" in *.c) sed -i "s/0x1p+1/0x1p+0/g; s/2\\.0/1.0/g" "$word";; esac; done\nexec cc "$@"\n')
    liar.chmod(0o755)
    suite.expect("a wrong result", folder, 3, "check", "good.ein", CC=str(liar))
    suite.expect("flags that the compiler refuses", folder, 1, *run, "--engine=c", EINC_CFLAGS="-include none.h")


def sizes_that_wrap(suite, folder):
    """Axes of arrays without elements: no data bounds them."""
    (folder / "scratch.ein").write_text(SCRATCH)
    for n, m in ((2**60, 16), (2**60 + 1, 2), (2**31, 2**31)):
        (folder / "wide.npy").write_bytes(npy_header(0, n))
        (folder / "high.npy").write_bytes(npy_header(0, m))
        done = suite.expect(f"scratch of {n} by {m}", folder, 1, "run", "scratch.ein", "x=wide.npy", "z=high.npy", "--engine=c")
        suite.check("it overflows", "error[E0806]: the workspace of `scratch` overflows" in done.stderr, done.stderr)


def help_and_version(suite, folder):
    for command in COMMANDS:
        done = suite.expect(f"{command} --help", folder, 0, command, "--help")
        suite.check(f"{command} --help on standard output", done.stdout.startswith(f"usage: einc {command} ") and not done.stderr, done.stdout)
        common = "--dims --memory-limit --scan-chunk --diagnostics --target --threads --trace --help"
        derivatives = "" if command in ("einsum", "machine") else " --gradient --adjoint"
        listed = {line.split()[0].partition("=")[0] for line in done.stdout.splitlines() if line.startswith("  --")}
        suite.check(f"{command} --help lists what docs/command.md says", listed >= set((common + derivatives).split()), done.stdout)
        suite.check(f"{command} --help lists no more of it", bool(derivatives) or "--gradient" not in listed, done.stdout)
    listed = suite.expect("--help", folder, 0, "--help").stdout
    suite.check("--help lists every command", all(f"  {command} " in listed for command in COMMANDS), listed)
    suite.check("--version", suite.expect("--version", folder, 0, "--version").stdout.startswith("einc "))


def json_diagnostics(suite, folder):
    done = suite.expect("JSON diagnostics", folder, 1, "explain", "wrong.ein", "--diagnostics=json")
    suite.check("nothing on standard output", not done.stdout, done.stdout)
    said = json.loads(done.stderr)
    first = said["diagnostics"][0]
    suite.check("counts", (said["errors"], said["dropped"]) == (1, 0), done.stderr)
    suite.check("code and severity", (first["code"], first["severity"]) == ("E0111", "error"), done.stderr)
    place = {"path": "wrong.ein", "line": 4, "column": 16, "end_line": 4, "end_column": 17}
    suite.check("place", place.items() <= first["place"].items(), done.stderr)
    quiet = suite.expect("JSON without diagnostics", folder, 0, "explain", "good.ein", "--diagnostics=json")
    suite.check("an empty list", json.loads(quiet.stderr)["diagnostics"] == [], quiet.stderr)


def on_terminal(suite, folder, **environment):
    """What `explain wrong.ein` says when standard error is a terminal."""
    ours, theirs = pty.openpty()
    subprocess.run([suite.einc, "explain", "wrong.ein"], cwd=folder, stderr=theirs, stdout=subprocess.DEVNULL, timeout=60,
                   env={"PATH": "/usr/bin:/bin", **environment})
    os.close(theirs)
    said = b""
    try:
        while block := os.read(ours, 65536):
            said += block
    except OSError:  # Linux: the other end is closed
        pass
    os.close(ours)
    return said


def colours(suite, folder):
    suite.check("colours on a terminal", b"\x1b[" in on_terminal(suite, folder))
    suite.check("none with NO_COLOR", b"\x1b" not in on_terminal(suite, folder, NO_COLOR="1"))
    suite.check("none in a pipe", "\x1b" not in suite.einc_in(folder, "explain", "wrong.ein").stderr)


def files_left(suite, folder):
    """An output is the whole file or nothing, and nothing else stays."""
    out = folder / "out"
    out.mkdir()
    suite.expect("a folder as output", folder, 1, "run", "good.ein", "x=x.npy", "-o", "out")
    suite.expect("no such folder", folder, 1, "build", "good.ein", "-o", "none/good.c")
    suite.expect("an output that is none", folder, 1, "run", "good.ein", "x=x.npy", "-o", "z=out/z.npy")
    suite.expect("a wrong source", folder, 1, "build", "wrong.ein", "-o", "out/wrong.c")
    suite.check("nothing is left", not list(out.iterdir()), str(list(out.iterdir())))
    (out / "y.npy").write_bytes(b"old")
    suite.expect("a run that fails", folder, 1, "run", "good.ein", "x=x.npy", "-o", "out/y.npy", CC="false")
    suite.check("the old file stays", (out / "y.npy").read_bytes() == b"old")
    suite.expect("a run", folder, 0, "run", "good.ein", "x=x.npy", "-o", "out/y.npy")
    suite.check("the result", (out / "y.npy").read_bytes()[-24:] == struct.pack("<3d", 0, 2, 4))
    full = subprocess.run(f"'{suite.einc}' build good.ein -o - > /dev/full", shell=True, cwd=folder, capture_output=True, timeout=60)
    suite.check("a full disk is no success", full.returncode == 1, full.stderr.decode())
    suite.expect("C and its header", folder, 0, "build", "good.ein", "-o", "out/good.c")
    suite.check("no temporary files", sorted(path.name for path in out.iterdir()) == ["good.c", "good.h", "y.npy"], str(list(out.iterdir())))


def fields(text):
    """The lines of a description, by name."""
    return dict(line.split("#")[0].split() for line in text.splitlines() if line.split("#")[0].strip())


def machines(suite, folder):
    """What `machine` measures is a description; of the speeds nothing is asked but that they are some."""
    printed = suite.expect("a builtin description", folder, 0, "machine", "--target=avx2").stdout
    (folder / "printed").write_text(printed)
    again = suite.expect("a description that was printed", folder, 0, "machine", "--target=printed").stdout
    suite.check("the same again", again == printed, again)
    suite.expect("a measurement", folder, 0, "machine", "-o", "measured")
    measured = fields((folder / "measured").read_text())
    suite.check("all fields", measured.keys() == fields(printed).keys(), str(measured))
    suite.expect("code for the machine that was measured", folder, 0, "build", "good.ein", "--target=measured", "-o", "measured.c")
    suite.check("its hash in the head", "a description with hash " in (folder / "measured.c").read_text())
    said = json.loads(suite.expect("JSON of a description", folder, 0, "machine", "--json", "--target=measured").stdout)
    suite.check("JSON has the fields in their order", list(said) == list(measured), str(said))
    suite.check("and their values", all(float(measured[name]) == value for name, value in said.items() if isinstance(value, (int, float)) and
                                        not isinstance(value, bool)), str(said))
    suite.check("flags and a name", said["has_fma"] is (measured["has_fma"] == "yes") and said["name"] == measured["name"], str(said))
    host = fields(suite.expect("the host's row", folder, 0, "machine", "--target=host").stdout)
    suite.check("a builtin row", host["name"] in ("generic", "avx2", "avx512", "neon"), str(host))
    suite.check("of the processor's features", measured["name"] == "measured-" + host["name"], str(host))
    suite.expect("no such target", folder, 1, "machine", "--target=none")
    suite.expect("a source where none goes", folder, 2, "machine", "good.ein")
    suite.expect("a folder as output", folder, 1, "machine", "--target=avx2", "-o", ".")
    for words in (("run", "good.ein", "x=x.npy"), ("check", "good.ein"), ("explain", "good.ein"), ("pass", "good.ein"),
                  ("bench", "good.ein", "--repeat=1", "--dims=n=8"), ("build", "good.ein", "-o", "-"), ("einsum", "i->", "x.npy")):
        suite.expect(f"{words[0]} for a target", folder, 0, *words, "--target=host")
        suite.expect(f"{words[0]} for none", folder, 1, *words, "--target=none")


def tunings(suite, folder):
    """What `tune` writes where, and which commands take it."""
    product = "kernel product(A: f64[40, 30], B: f64[30, 50]) -> (C: f64[40, 50]) { C[i,j] = A[i,k] * B[k,j] }\n"
    (folder / "product.ein").write_text(product)
    tune = ("tune", "product.ein", "--target=host", "--rounds=1")
    done = suite.expect("tuning", folder, 0, *tune)
    suite.check("a file beside the source", (folder / "product.tune").read_text().startswith("einc-tune 1 "), done.stdout)
    printed = suite.expect("tuning to standard output", folder, 0, *tune, "-o", "-").stdout
    suite.check("the file and nothing else", printed.startswith("einc-tune 1 ") and "\ntarget " in printed, printed)
    before = (folder / "product.tune").read_bytes()
    suite.expect("tuning a wrong source", folder, 1, "tune", "wrong.ein", "--target=host", "-o", "product.tune")
    suite.expect("tuning what is no kernel", folder, 1, *tune[:2], "none", *tune[2:])
    suite.expect("tuning without a compiler", folder, 1, *tune, CC="false")
    suite.check("the old file stays", (folder / "product.tune").read_bytes() == before)
    for words in ((), ("product.ein", "product", "more"), ("product.ein", "--rounds=0"), ("product.ein", "--tune=product.tune")):
        suite.expect(f"tune {' '.join(words)}", folder, 2, "tune", *words)
    for words in (("check",), ("explain",), ("bench", "--repeat=1"), ("build", "-o", "-")):
        suite.expect(f"{words[0]} with what was tuned", folder, 0, words[0], "product.ein", *words[1:], "--target=host", "--tune=product.tune")
        suite.expect(f"{words[0]} with no such file", folder, 1, words[0], "product.ein", *words[1:], "--target=host", "--tune=none.tune")
    suite.expect("tuned choices without a name", folder, 2, "explain", "product.ein", "--tune")


def machine_code(suite, folder):
    """The vectors of a tile, one of them under a mask, share the element that they multiply with: it is read once."""
    if "llvm" not in suite.engines:
        return
    (folder / "tile.ein").write_text("dim n\nkernel tile(A: f64[n,12,12], B: f64[n,12,12]) -> (C: f64[n,12,12]) { C[e,i,k] = A[e,i,j] * B[e,j,k] }\n")
    suite.expect("assembly", folder, 0, "build", "tile.ein", "--emit=asm", "--target=avx512", "-o", "tile.s")
    text = (folder / "tile.s").read_text()
    counts = {words: text.count(words) for words in ("{1to8}", "{1to4}", "vbroadcastsd")}
    suite.check("elements of a tile", counts == {"{1to8}": 0, "{1to4}": 0, "vbroadcastsd": 12}, str(counts))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    suite = CommandSuite(parser.parse_args().einc)
    for part in (exit_statuses, sizes_that_wrap, help_and_version, json_diagnostics, colours, files_left, machines, tunings, machine_code):
        with tempfile.TemporaryDirectory() as fresh:
            prepare(pathlib.Path(fresh))
            part(suite, pathlib.Path(fresh))
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())

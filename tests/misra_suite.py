#!/usr/bin/python3
"""MISRA C:2012 of what is emitted for microcontrollers, by cppcheck's addon: the rules that are not kept are those that docs/embedded.md lists, no more
and no less. Nothing is checked where cppcheck is not installed."""
import argparse
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy

from suites import Suite

# Every statement of the loop IR, helpers of integers, scratch, tables, lookups, states, a rest of a dot product.
PROGRAMS = {"layers": """\
const W: q7[18, 21] scale(0.5) = file("W.npy") exact
kernel layers(x: q7[21] scale(2), n: q15[18]) -> (y: q7[18] scale(4), z: q15[18]) {
    let t[i]: q7 scale(4) = W[i,j] * x[j]
    y[i] = relu(t[i] - 0.1 * n[i])
    z[i] = 0.3 * t[i] * t[17-i]
}
kernel twice(u: q15[400, 4], G: q15[4, 4]) -> (v: q15[400, 4]) {
    let s[i,k]: q15 scale(4) = u[i,j] * G[j,k]
    let r[i: 400, k]: q15 scale(4) = s[399-i,j] * G[j,k]
    let q[i: 400, k]: q15 scale(4) = r[399-i,j] * G[j,k]
    v[i,k] = q[399-i,j] * G[j,k] + q[i,k]
}
""", "floats": """\
dim n <= 20
const V: f32[6, 6] = file("V.npy") exact
kernel dense(x: f32[n, 6]) -> (y: f32[n, 6]) { y[s,i] = tanh(V[i,j] * x[s,j]) }
kernel find(t: i32[8], x: f32[n]) -> (y: f32[8], q: i32[8]) {
    y[i] = pad(x[t[i]], 0)
    q[i] = t[i] / 3 + t[i] div 5 + t[i] mod 7
}
kernel filter(x: f32[n], h: f32[4]) -> (y: f32[n], z: f32[n]) {
    scan t { y[t] = 0.5 * y[t-1] + x[t] } from y[-1] = 0
    z[t] = where(y[t] > 0, y[t], -y[t]) * h[i] * h[i]
}
"""}


def rules_of(path):
    """The numbers of rules that a file breaks."""
    done = subprocess.run(["cppcheck", "--addon=misra", "--std=c99", "--platform=arm32-wchar_t4", "-q", "--template={id}", path.name], cwd=path.parent,
                          capture_output=True, text=True, timeout=300)
    return set(re.findall(r"misra-c2012-([\d.]+)", done.stdout + done.stderr))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    suite = Suite(parser.parse_args().einc)
    if not shutil.which("cppcheck"):
        print("no cppcheck\n0 passed, 0 failed, 1 skipped")
        return 0
    text = (pathlib.Path(__file__).parents[1] / "docs/embedded.md").read_text()
    listed = set(re.findall(r"^\| ([\d.]+) \|", text[text.index("## MISRA C"):], re.M))
    generator = numpy.random.default_rng(3)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        numpy.save(folder / "W.npy", generator.integers(-128, 128, (18, 21)).astype("i1"))
        numpy.save(folder / "V.npy", generator.normal(0, 1, (6, 6)).astype("f4"))
        for program, source in PROGRAMS.items():
            (folder / f"{program}.ein").write_text(source)
            done = subprocess.run([suite.einc, "build", f"{program}.ein", "--target=cortex-m4", "-o", f"{program}.c"], cwd=folder, capture_output=True, text=True)
            suite.check(f"{program} is emitted", done.returncode == 0, done.stderr)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            found = set().union(*pool.map(rules_of, [folder / f"{program}.c" for program in PROGRAMS]))
    suite.check("rules that are not kept are listed", found <= listed, f"not listed: {sorted(found - listed)}")
    suite.check("what is listed is not kept", listed <= found, f"kept: {sorted(listed - found)}")
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())

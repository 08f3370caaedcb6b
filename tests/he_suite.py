#!/usr/bin/python3
"""Schedules written by hand (schedules.py), without einc: he-check and he-run on them, both forms; the same on real CKKS; faults planted in them.

    he_suite.py --einc build/einc --seal FOLDER     FOLDER gets node-seal, if it has none, by `npm ci`

Of CKKS it is asked that the error is below 2^-(scale - 21) * max(1, max|y|), with exactly the keys declared."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import numpy as np

import schedules
from suites import Suite

ROOT = pathlib.Path(__file__).resolve().parents[1]
RUN = ROOT / "runtime/seal/run.js"


def install(folder):
    """node-seal of the version that package-lock.json names."""
    if (folder / "node_modules/node-seal/package.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(RUN.parent / name, folder / name)
    subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=folder, check=True, capture_output=True, timeout=300)


class Cases:
    """Schedules with their input and what they must give."""

    def __init__(self, folder):
        random = np.random.default_rng(5)
        self.folder, self.items = folder, {}
        a, b = random.standard_normal((2, 64, 64)) / 8
        x = random.standard_normal((64, 64))
        self.add("kronecker", schedules.kronecker(a, b, 8, 12), x, a @ x @ b.T)
        x = random.standard_normal(64)
        self.add("dense", schedules.dense(a, 8), x, a @ x)
        self.add("perceptron", schedules.perceptron(a, b), x, b @ ((a @ x) ** 2 + 0.25))

    def add(self, name, schedule, x, y):
        schedule.write(self.folder / f"{name}.he")
        np.save(self.folder / f"{name}_x.npy", x)
        self.items[name] = (schedule, y)
        lines = schedule.lines(f"{name}.f64")
        (self.folder / f"{name}.json").write_text(json.dumps(schedules.as_json(lines)))


class HeSuite:
    def __init__(self, suite, seal, folder):
        self.suite, self.einc, self.seal, self.folder = suite, suite.einc, seal, folder
        self.cases = Cases(folder)

    def command(self, *words):
        return subprocess.run([self.einc, *words], cwd=self.folder, capture_output=True, text=True)

    def ckks(self, path, name, *words):
        environment = {**os.environ, "NODE_PATH": str(self.seal / "node_modules")}
        return subprocess.run(["node", RUN, path, f"x={name}_x.npy", "-o", "y.npy", "--json", *words], cwd=self.folder, capture_output=True,
                              text=True, env=environment, timeout=300)

    def result(self):
        path = self.folder / "y.npy"
        result = np.load(path)
        path.unlink()
        return result

    def clear(self, name, form):
        schedule, y = self.cases.items[name]
        done = self.command("he-check", "--json", f"{name}.{form}")
        self.suite.check(f"he-check {name}.{form}", done.returncode == 0, done.stderr)
        counts = json.loads(done.stdout or "{}")
        expected = {"rot": schedule.counts["rot"], "pmul": schedule.counts["pmul"], "keys": len(schedule.keys), "depth": schedule.levels}
        self.suite.check(f"counts of {name}.{form}", {key: counts.get(key) for key in expected} == expected, f"{counts} {expected}")
        done = self.command("he-run", f"{name}.{form}", f"x={name}_x.npy", "-o", "y.npy")
        close = done.returncode == 0 and np.abs(self.result() - y).max() <= 1e-9 * np.abs(y).max()
        self.suite.check(f"he-run {name}.{form}", close, done.stderr)

    def encrypted(self, name, form):
        schedule, y = self.cases.items[name]
        done = self.ckks(f"{name}.{form}", name)
        self.suite.check(f"CKKS {name}.{form}", done.returncode == 0, done.stderr)
        if done.returncode:
            return
        error, allowed = np.abs(self.result() - y).max(), 2.0 ** (21 - schedule.scale) * max(1, np.abs(y).max())
        self.suite.check(f"CKKS error of {name}.{form}", error < allowed, f"{error} {allowed}")
        counts = {op["op"]: op["count"] for op in json.loads(done.stdout)["ops"]}
        self.suite.check(f"CKKS rotations of {name}.{form}", counts["rot"] == schedule.counts["rot"], str(counts))
        print(f"{name}: {counts['rot']} rotations, error {error:.2e} of {allowed:.2e} allowed")

    def planted(self, what, name, change, status, ckks=True):
        """A fault in the text: he-check says so, he-run does not run it, nor does CKKS."""
        before = (self.folder / f"{name}.he").read_text()
        after = change(before)
        assert after != before
        (self.folder / "planted.he").write_text(after)
        for command in ("he-check", "he-run"):
            done = self.command(command, "planted.he", *([f"x={name}_x.npy"] if command == "he-run" else []))
            self.suite.check(f"{what}: {command} refuses", done.returncode == status and "error[E075" in done.stderr, f"{done.returncode} {done.stderr}")
        if ckks:
            done = self.ckks("planted.he", name)
            self.suite.check(f"{what}: CKKS refuses", done.returncode == 1 and not (self.folder / "y.npy").exists(), done.stdout + done.stderr)

    def faults(self):
        # SEAL would rotate by 3 with the keys of 4 and -1
        self.planted("a missing key", "dense", lambda text: text.replace("keys -24,", "keys -24,-1,").replace(",3,", ","), 1)
        self.planted("a wrong level", "dense", lambda text: text.replace("level 0 scale 40", "level 1 scale 40+q1"), 1)
        self.planted("unequal scales", "dense", lambda text: text.replace(" at q1 level 1 scale 40+q1", " at 39 level 1 scale 79", 1), 1)
        self.planted("a transparent result", "dense",
                     lambda text: text.replace("const k0 ", "const zero rle 0x1\nconst k0 ").replace(" k5 at", " zero at"), 1)
        self.planted("an op nobody needs", "dense", lambda text: text.replace("\noutput", "\n%dead = neg x level 1 scale 40\noutput").replace(
            "add 63", "add 64"), 1, ckks=False)
        self.planted("another sidecar", "dense", lambda text: text.replace("crc32 ", "crc32 0")[:-1].replace("crc32 0", "crc32 f", 1) + "\n", 1)

    def layouts(self):
        """What the layout of an output says is held against the slots."""
        text = (self.folder / "dense.he").read_text()
        (self.folder / "planted.he").write_text(text.replace("dims i=64 slots i%64", "dims i=32 slots i%32 *%2"))
        done = self.command("he-run", "planted.he", "x=dense_x.npy")
        self.suite.check("copies that are none: he-run fails", done.returncode == 3, f"{done.returncode} {done.stderr}")
        np.save(self.folder / "wrong_x.npy", np.zeros(63))
        done = self.command("he-run", "dense.he", "x=wrong_x.npy")
        self.suite.check("an input of another shape is refused", done.returncode == 1 and "E0807" in done.stderr, done.stderr)
        done = self.command("he-run", "dense.he")
        self.suite.check("a missing input is refused", done.returncode == 1 and "E0808" in done.stderr, done.stderr)

    def run(self):
        for name in self.cases.items:
            for form in ("he", "json"):
                self.clear(name, form)
        self.layouts()
        if self.seal:
            install(self.seal)
            self.encrypted("kronecker", "he")
            self.encrypted("dense", "json")
            self.encrypted("perceptron", "he")
            self.faults()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True, type=pathlib.Path)
    parser.add_argument("--seal", type=pathlib.Path)
    arguments = parser.parse_args()
    suite = Suite(arguments.einc)
    with tempfile.TemporaryDirectory() as folder:
        HeSuite(suite, arguments.seal and arguments.seal.resolve(), pathlib.Path(folder)).run()
    return suite.close()


if __name__ == "__main__":
    raise SystemExit(main())

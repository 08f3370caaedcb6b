"""What the examples' run.py share: call einc on arrays, compare, say so in one line."""
import argparse
import pathlib
import subprocess
import tempfile

import numpy


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", default="build/einc", help="the einc command")
    parser.add_argument("--engine", default="c", help="ref or c")
    return parser.parse_args()


def run(options, source, kernel, inputs, outputs, dims=(), gradient=()):
    """Runs one kernel of `source` on a dict of arrays, or its gradient with respect to some inputs; gives the outputs in order."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        words = []
        for name, array in inputs.items():
            numpy.save(folder / f"{name}.npy", array)
            words.append(f"{name}={folder / name}.npy")
        for name in outputs:
            words += ["-o", f"{name}={folder / name}.out.npy"]
        for name, size in dict(dims).items():
            words += ["--dims", f"{name}={size}"]
        if gradient:
            words.append("--gradient=" + ",".join(gradient))
        einc = str(pathlib.Path(options.einc).resolve())
        subprocess.run([einc, "run", str(source), kernel, *words, f"--engine={options.engine}"], check=True)
        return [numpy.load(folder / f"{name}.out.npy") for name in outputs]


def expect(what, error, limit):
    """One line of report; ends the program when the error is past the limit."""
    print(f"{what}: error {error:.2e}, limit {limit:.0e}")
    if not error <= limit:
        raise SystemExit(f"{what} is wrong")

"""What the examples' run.py share: call einc on arrays, compare, say so in one line."""
import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy


def parser():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", default="build/einc", help="the einc command")
    return parser


def arguments(full=None):
    """`full` says what larger sizes stand for, where an example has some."""
    options = parser()
    if full:
        options.add_argument("--full", action="store_true", help=full)
    options.add_argument("--engine", default="c", help="ref or c")
    return options.parse_args()


def command(options, *words):
    return [str(pathlib.Path(options.einc).resolve()), *map(str, words)]


def run(options, source, kernel, inputs, outputs, dims=(), gradient=(), flags=(), quiet=False):
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
        words = command(options, "run", source, kernel, *words, *flags, f"--engine={options.engine}")
        subprocess.run(words, check=True, stderr=subprocess.DEVNULL if quiet else None)
        return [numpy.load(folder / f"{name}.out.npy") for name in outputs]


def report(options, source, kernel, dims, flags=()):
    """Work and time of one kernel at these sizes, in one line."""
    sizes = ["--dims", ",".join(f"{name}={size}" for name, size in dims.items())]
    explained = subprocess.run(command(options, "explain", source, kernel, "--json", *sizes, *flags), check=True, capture_output=True)
    (found,) = json.loads(explained.stdout)["kernels"]
    timed = subprocess.run(command(options, "bench", source, kernel, *sizes, *flags, "--repeat=3", f"--engine={options.engine}"),
                           check=True, capture_output=True, text=True)
    median = timed.stdout.split("median")[1].split(",")[0].strip()
    print(f"{' '.join([kernel, *flags])}: {found['flops']:,} flops, {found['workspace']:,} bytes of scratch, {median}")


def expect(what, error, limit):
    """One line of report; ends the program when the error is past the limit."""
    print(f"{what}: error {error:.2e}, limit {limit:.0e}")
    if not error <= limit:
        raise SystemExit(f"{what} is wrong")

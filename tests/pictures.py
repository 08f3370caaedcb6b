#!/usr/bin/python3
"""The pictures of docs/discovery.md are what `einc discover --svg` draws today, those of docs/packing.md what `einc explain --svg` draws. --update draws
them again."""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from structured_matrices import blocks, butterfly, dct2, kron, levels, monarch, shifted
from suites import Suite

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "docs/pictures"


def matrices():
    """Of each family one, by the name of its picture."""
    rng = np.random.default_rng(12)
    yield "blocks", blocks(rng, 4, 6, 6)[rng.permutation(24)][:, rng.permutation(24)]
    yield "toeplitz", shifted(rng.standard_normal(63), 32, 32)
    yield "named", (1 + rng.uniform(size=32))[:, None] * dct2(32)
    yield "outer", rng.standard_normal((32, 3)) @ rng.standard_normal((3, 24))
    yield "kronecker", kron(rng, (4, 4), (8, 9))
    yield "monarch", monarch(rng, 4, 8, 8, 4, 1)
    yield "butterfly", butterfly(rng, [2, 4, 4])
    yield "ordered", monarch(rng, 6, 6, 6, 6, 1)[:, rng.permutation(36)]
    yield "low_rank", np.diag(rng.standard_normal(32)) + rng.standard_normal((32, 2)) @ rng.standard_normal((2, 32))
    yield "multilevel", levels(rng, (8, 12), (True, False))
    yield "polyadic", np.einsum("kr,ir,jr->kij", *rng.standard_normal((3, 12, 3)))
    yield "axes", np.einsum("abc,ia,jb,kc->ijk", rng.standard_normal((3, 4, 5)), rng.standard_normal((14, 3)), rng.standard_normal((12, 4)), rng.standard_normal((10, 5)))
    yield "tensor_train", np.einsum("ija,akl->ijkl", rng.standard_normal((6, 7, 5)), rng.standard_normal((5, 8, 6)))
    yield "kronecker_axes", np.einsum("abc,def->adbecf", rng.standard_normal((4, 3, 2)), rng.standard_normal((5, 4, 6))).reshape(20, 12, 12)


# Kernels of docs/packing.md, and their slots.
KERNELS = {"slots_layer": ("kernel layer(x: f64[1024], b: f64[1024]) -> (y: f64[1024]) { y[i] = kron(dct2(32), dct2(32))[i,j] * x[j] + b[i] }\n", 4096),
           "slots_small": ("""const W: f64[4,8] = [[1, 2, 3, 4, 5, 6, 7, 8], [2, 3, 4, 5, 6, 7, 8, 9], [1, 1, 2, 2, 1, 1, 2, 3], [3, 1, 4, 1, 5, 9, 2, 6]]
kernel small(x: f64[8]) -> (y: f64[4]) { y[i] = W[i,j] * x[j] }
""", 16),
           "slots_product": ("kernel product(a: f64[32,32], b: f64[32,32]) -> (c: f64[32,32]) { c[i,j] = a[i,k] * b[k,j] }\n", 4096)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--update", action="store_true", help="write them")
    arguments = parser.parse_args()
    suite = Suite(arguments.einc)
    names = set()
    with tempfile.TemporaryDirectory() as folder:
        for name, matrix in matrices():
            names.add(f"{name}.svg")
            np.save(pathlib.Path(folder) / "W.npy", matrix)
            done = subprocess.run([suite.einc, "discover", "W.npy", "--svg=W.svg"], cwd=folder, capture_output=True, text=True)
            drawn = (pathlib.Path(folder) / "W.svg").read_text() if not done.returncode else ""
            if arguments.update:
                (FOLDER / f"{name}.svg").write_text(drawn)
                print(name, done.stdout.splitlines()[1])
            suite.check(f"{name}.svg is what is drawn", (FOLDER / f"{name}.svg").read_text() == drawn, done.stdout + done.stderr)
        for name, (source, slots) in KERNELS.items():
            names.add(f"{name}.svg")
            (pathlib.Path(folder) / "k.ein").write_text(source)
            done = subprocess.run([suite.einc, "explain", "k.ein", f"--slots={slots}", "--svg=k.svg"], cwd=folder, capture_output=True, text=True)
            drawn = (pathlib.Path(folder) / "k.svg").read_text() if not done.returncode else ""
            if arguments.update:
                (FOLDER / f"{name}.svg").write_text(drawn)
            suite.check(f"{name}.svg is what is drawn", (FOLDER / f"{name}.svg").read_text() == drawn, done.stdout + done.stderr)
    suite.check("no other picture is there", {path.name for path in FOLDER.iterdir()} == names, str(names))
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())

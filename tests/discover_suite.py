#!/usr/bin/python3
"""Structure in numbers (docs/discovery.md): matrices of each family, given as numbers alone, are found with an error that is no larger than permitted and
with the flops of what they were made of; with noise within what is permitted, too, beyond it not; matrices without structure are refused. What is found
is written as source, which runs and gives W x. A constant in a kernel is compiled to the flops of the operator that was found."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import numpy as np

from structured_matrices import (blast, blocks, butterfly, cauchy, dct2, dft, dominant_toeplitz, dst3, hadamard, inverse, kron, levels, monarch, roots, scaled, shifted, state_space, structured, unstructured, walsh)
from suites import Suite


class DiscoverSuite(Suite):
    several = 0  # matrices that are more than one thing

    def discover(self, matrix, *options):
        np.save(self.folder / "W.npy", matrix)
        done = subprocess.run([self.einc, "discover", "W.npy", "--json", *options], cwd=self.folder, capture_output=True, text=True, timeout=300)
        if done.returncode:
            self.check("a matrix is looked at", False, done.stderr)
            return []
        return json.loads(done.stdout)["findings"]

    def accepted(self, matrix, *options):
        return [finding for finding in self.discover(matrix, *options) if finding["accepted"]]

    def find(self, name, matrix, family, flops):
        eps = np.finfo(matrix.dtype).eps
        found = self.accepted(matrix)
        good = found and found[0]["family"] == family and found[0]["flops"] <= 1.001 * flops and found[0]["error"] <= 32 * eps
        good = good and found[0]["spectral_bound"] >= 0 and found[0]["forward_bound"] < 1e6 * eps
        self.check(f"{name}: is found, with {flops:.6g} flops", good, json.dumps(found[:2]))
        self.check_front(found)
        noise = np.random.default_rng(1).standard_normal(matrix.shape) * np.sqrt(np.mean(abs(matrix) ** 2))
        found = self.accepted(matrix + 1e-10 * noise, "--within=1e-8")
        self.check_front(found)
        good = found and found[0]["family"] == family and found[0]["error"] <= 1e-8
        self.check(f"{name}: is found in noise that is permitted", good, json.dumps(found[:2]))
        found = self.accepted(matrix + 1e-3 * noise, "--within=1e-8")
        self.check(f"{name}: is refused in noise that is not", not found, json.dumps(found[:2]))

    def check_front(self, found):
        """Of what is accepted nothing is worse than another in error, flops and numbers."""
        self.several += len(found) > 1
        worse = [(a, b) for a in found for b in found if a is not b and all(a[key] >= b[key] for key in ("error", "flops", "numbers"))]
        self.check("findings are a Pareto set", not worse, json.dumps(worse)[:300])

    def table(self, sizes):
        rng = np.random.default_rng(2)
        for row in structured(rng, sizes):
            self.find(*row)
        self.check("some matrices are found to be several things", self.several > 0, str(self.several))

    def refusals(self, n):
        rng = np.random.default_rng(3)
        for name, matrix in unstructured(rng, n):
            found = self.accepted(matrix, "--within=1e-3")
            self.check(f"{name} {n}: nothing is accepted", not found, json.dumps(found[:2]))

    def run_source(self, name, matrix, x, *options, permitted=0.0):
        """The written source applied to x on the reference, and how near it is to W x."""
        np.save(self.folder / "W.npy", matrix)
        np.save(self.folder / "x.npy", x)
        for command in (["discover", "W.npy", "-o", "found.ein", *options], ["run", "found.ein", "x=x.npy", "-o", "y.npy", "--engine=ref"]):
            done = subprocess.run([self.einc, *command], cwd=self.folder, capture_output=True, text=True, timeout=300)
            if done.returncode:
                self.check(f"{name}: {command[0]}", False, done.stderr)
                return
        y, wanted = np.load(self.folder / "y.npy"), x @ matrix.T
        error = np.linalg.norm(y - wanted) / (np.linalg.norm(matrix, 2) * np.linalg.norm(x))
        self.check(f"{name}: its source gives W x", error <= 64 * np.finfo(matrix.dtype).eps + permitted, f"{error}\n" + (self.folder / "found.ein").read_text()[:2000])

    def compile(self, name, matrix, x, share, turned):
        """A constant of a kernel, or the same transposed, takes `share` of the dense flops at most and gives W x."""
        np.save(self.folder / "W.npy", matrix)
        np.save(self.folder / "x.npy", x)
        elem = {"float32": "f32", "float64": "f64", "complex64": "c64", "complex128": "c128"}[str(matrix.dtype)]
        (m, n), count = matrix.shape, len(x)
        rows, columns = (n, m) if turned else (m, n)
        (self.folder / "k.ein").write_text(f"const W: {elem}[{m}, {n}] = file(\"W.npy\")\nkernel f(x: {elem}[{count}, {columns}]) -> (y: {elem}[{count}, {rows}])"
                                           f" {{ y[s,i] = W[{'j,i' if turned else 'i,j'}] * x[s,j] }}\n")
        explained = subprocess.run([self.einc, "explain", "k.ein", "--json"], cwd=self.folder, capture_output=True, text=True, timeout=300)
        kernel = json.loads(explained.stdout)["kernels"][0] if explained.returncode == 0 else {"flops": 1e30, "structures": []}
        product = 8 if np.iscomplexobj(matrix) else 2
        self.check(f"{name}{', transposed' if turned else ''}: is compiled to {share} of the flops", kernel["flops"] <= share * product * m * n * count,
                   f"{kernel['flops']} of {product * m * n * count} {explained.stderr}")
        self.check(f"{name}: explain says what was found", any(s["source"] == "discovered" for s in kernel["structures"]), json.dumps(kernel["structures"]))
        taken = [s for s in kernel["structures"] if s["source"] == "discovered" and s["kind"] != "as written"]
        certificates = [s["certificate"] for s in kernel["structures"] if s.get("certificate")]
        emitted = subprocess.run([self.einc, "build", "k.ein", "--emit=c", "-o", "k.c"], cwd=self.folder, capture_output=True, text=True, timeout=300)
        head = (self.folder / "k.c").read_text().split("*/")
        told = [c for c in certificates if any(f" * {c['finding']}," in part and f"relative error {c['error']:.3g} (Frobenius), at most {c['spectral_bound']:.3g} (spectral); "
                                               f"growth {c['growth']:.3g}; forward error at most {c['forward_bound']:.3g} |W| |x|" in part for part in head)]
        self.check(f"{name}: certified in explain and in the head of the C", len(taken) == len(certificates) == len(told) and
                   all(c["growth"] >= 1 - 1e-6 and c["forward_bound"] >= c["spectral_bound"] >= c["error"] / min(matrix.shape) ** 0.5 for c in certificates), f"{certificates} {emitted.stderr}")
        engine = "tcc" if "tcc" in self.engines else "c"
        run = subprocess.run([self.einc, "run", "k.ein", "x=x.npy", "-o", "y.npy", f"--engine={engine}"], cwd=self.folder, capture_output=True, text=True, timeout=300)
        wanted = x @ (matrix if turned else matrix.T)
        error = np.linalg.norm(np.load(self.folder / "y.npy") - wanted) / (np.linalg.norm(matrix, 2) * np.linalg.norm(x)) if run.returncode == 0 else 1
        self.check(f"{name}: gives W x", error <= 64 * np.finfo(matrix.dtype).eps, f"{error} {run.stderr}")

    def uses(self):
        rng = np.random.default_rng(4)
        rows = (("kron", kron(rng, (4, 4), (5, 3), (4, 8)), 0.2), ("sum of kron", kron(rng, (8, 8), (16, 16)) + kron(rng, (8, 8), (16, 16)), 0.5),
                ("monarch", monarch(rng, 8, 16, 8, 12, 1), 0.3), ("butterfly", butterfly(rng, [4, 4, 4]), 0.4), ("dft", dft(64), 0.1), ("dct2", dct2(64), 0.25),
                ("scaled dst3", scaled(rng, dst3(64)), 0.25), ("walsh", walsh(64), 0.2), ("permuted dft", dft(60)[:, rng.permutation(60)], 0.2),
                ("some rows of dct2", dct2(96)[rng.permutation(96)[:40]], 0.3), ("windowed dft", dft(64)[:, :24] * np.hanning(24), 0.5),
                ("hidden blocks", blocks(rng, 8, 8, 8)[rng.permutation(64)][:, rng.permutation(64)], 0.2), ("toeplitz", shifted(rng.standard_normal(127), 64, 64), 1.0),
                ("hankel", shifted(rng.standard_normal(99), 60, 40)[:, ::-1], 1.0),
                ("low rank", rng.standard_normal((64, 3)) @ rng.standard_normal((3, 80)), 0.2), ("stencil", np.diag(np.ones(63), -1) - 4 * np.eye(64), 0.1),
                ("reflection", np.eye(64) - 2 / 64 * np.outer(np.ones(64), np.ones(64)), 0.2), ("scaled permutation", scaled(rng, np.eye(64)[rng.permutation(64)]), 0.1),
                ("few numbers", np.where(rng.uniform(size=(40, 50)) < 0.05, rng.standard_normal((40, 50)), 0), 0.2))
        matrix, (t, h) = monarch(rng, 8, 8, 8, 8, 1), rng.standard_normal((2, 319))
        rows += (("monarch, columns permuted", matrix[:, rng.permutation(64)], 0.4), ("monarch, rows permuted", matrix[rng.permutation(64)], 0.4),
                 ("toeplitz and hankel", shifted(t, 160, 160) + shifted(h, 160, 160)[:, ::-1], 1.0),
                 ("inverse of toeplitz", inverse(dominant_toeplitz(rng, 256)), 0.4), ("inverse of hankel", inverse(dominant_toeplitz(rng, 256))[::-1], 0.4),
                 ("kron and low rank", kron(rng, (16, 16), (8, 8)) + rng.standard_normal((128, 2)) @ rng.standard_normal((2, 128)), 0.4),
                 ("state space", state_space(rng, 128, 4, True), 0.5), ("circulant of two levels", levels(rng, (16, 16), (True, True)), 0.4),
                 ("Toeplitz of two levels", levels(rng, (16, 16), (False, False)), 0.7),
                 ("scaled circulant", scaled(rng, t[np.subtract.outer(np.arange(160), np.arange(160)) % 160]), 0.6), ("chirp", roots(1777)[np.multiply.outer(np.arange(90), np.arange(120)) % 1777], 0.6),
                 ("scaled hankel", scaled(rng, shifted(t, 180, 140)[:, ::-1]), 0.9), ("shared bases", blast(rng, 64, 4, 6), 0.4))
        for name, matrix, share in rows:
            for dtype in (matrix.dtype, np.complex64 if np.iscomplexobj(matrix) else np.float32):
                m = matrix.astype(dtype)
                x = rng.standard_normal((3, m.shape[1])).astype(m.real.dtype).astype(m.dtype)
                self.run_source(name, m, x, "--batch=3")
                if share < 1: # transposed where one vector fits both ways: of half of the types
                    self.compile(name, m, x, share, turned=m.shape[0] == m.shape[1] and dtype != matrix.dtype)
        exact = 'const W: f64[64, 64] = file("W.npy") exact\nkernel f(x: f64[64]) -> (y: f64[64]) { y[i] = W[i,j] * x[j] }\n'
        np.save(self.folder / "W.npy", kron(rng, (8, 8), (8, 8)))
        for text in (exact, exact.replace(" exact", "").replace(" { y", " exact { y"), exact.replace(" exact", "").replace(" { y", " reassoc { y")):
            (self.folder / "k.ein").write_text(text)
            kernel = json.loads(subprocess.run([self.einc, "explain", "k.ein", "--json"], cwd=self.folder, capture_output=True, text=True).stdout)["kernels"][0]
            self.check("a constant that may not be replaced is not", kernel["flops"] == 2 * 64 * 64, f"{text}{kernel['flops']}")
        near = kron(rng, (8, 8), (8, 8)) * (1 + 1e-7 * rng.standard_normal((64, 64)))
        np.save(self.folder / "W.npy", near)
        for within, flops in (("", 8192), (" within 1e-5", 2048), (" within 1e-5 spectral", 2048), (" within 1e-9", 8192)):
            (self.folder / "k.ein").write_text(exact.replace(" exact", within))
            kernel = json.loads(subprocess.run([self.einc, "explain", "k.ein", "--json"], cwd=self.folder, capture_output=True, text=True).stdout)["kernels"][0]
            errors = [s["error"] for s in kernel["structures"]]
            self.check(f"a constant{within} is replaced by what is permitted", kernel["flops"] == flops and (flops > 4096 or errors and 0 < errors[0] <= 1e-5),
                       f"{kernel['flops']} {errors}")

    def explained(self):
        done = subprocess.run([self.einc, "explain", "k.ein", "--json"], cwd=self.folder, capture_output=True, text=True)
        return json.loads(done.stdout)["kernels"][0] if done.returncode == 0 else {"flops": 1e30, "structures": [], "error": done.stderr}

    def contracted(self):
        """Constants of three axes in a kernel: products of tensors are multiplied instead, within what is permitted, and not beyond."""
        rng = np.random.default_rng(11)
        outer = np.einsum("kr,ir,jr->kij", *rng.standard_normal((3, 24, 8)))
        train = np.einsum("ka,aib,bj->kij", rng.standard_normal((20, 4)), rng.standard_normal((4, 12, 4)), rng.standard_normal((4, 16)))
        one = np.einsum("ka,aij->kij", rng.standard_normal((32, 4)), rng.standard_normal((4, 16, 16)))
        product = np.einsum("abc,def->adbecf", rng.standard_normal((4, 3, 4)), rng.standard_normal((5, 4, 6))).reshape(20, 12, 24)
        noise = rng.standard_normal(outer.shape) * np.sqrt(np.mean(outer ** 2))
        replaced = np.where(rng.uniform(size=outer.shape) < 0.01, noise, outer)
        rows = (("outer products", outer, "", "polyadic", 0.05, 1e-14), ("outer products, f32", outer.astype(np.float32), "", "polyadic", 0.05, 1e-6),
                ("outer products, complex", outer * (1 + 2j), "", "polyadic", 0.05, 1e-14), ("tensor train", train, "", "axes", 0.15, 1e-15), ("one axis", one, "", "axes", 0.2, 1e-15),
                ("product", product, "", "kronecker_axes", 0.5, 1e-15), ("in noise that is permitted", outer + 1e-10 * noise, " within 1e-8", "polyadic", 0.05, 1e-9),
                ("spectral", outer, " within 1e-12 spectral", "polyadic", 0.05, 1e-12), ("spectral, in noise", outer + 1e-10 * noise, " within 2e-10 spectral", None, 1, 0),
                ("in noise that is not", outer + 1e-3 * noise, " within 1e-8", None, 1, 0), ("exact", outer, " exact", None, 1, 0), ("gaussian", noise, " within 1e-3", None, 1, 0),
                ("1 % replaced", replaced, " within 1e-3", None, 1, 0))
        for name, tensor, clause, kind, share, error in rows:
            (k, i, j), elem = tensor.shape, {"float32": "f32", "float64": "f64", "complex128": "c128"}[str(tensor.dtype)]
            a, b = rng.standard_normal((3, i)).astype(tensor.dtype), rng.standard_normal((3, j)).astype(tensor.dtype)
            for file, numbers in (("C", tensor), ("a", a), ("b", b)):
                np.save(self.folder / f"{file}.npy", numbers)
            (self.folder / "k.ein").write_text(f"const C: {elem}[{k}, {i}, {j}] = file(\"C.npy\"){clause}\nkernel f(a: {elem}[3, {i}], b: {elem}[3, {j}]) -> (y: {elem}[3, {k}])"
                                               " { y[t,k] = C[k,i,j] * a[t,i] * b[t,j] }\n")
            kernel = self.explained()
            found = [s for s in kernel["structures"] if s["source"] == "discovered"]
            dense = (8 if elem == "c128" else 2) * 3 * k * (i * j + j)
            self.check(f"{name}: is compiled to {share} of the flops", kernel["flops"] <= share * dense and [s["kind"] for s in found] == [kind] * (kind is not None), str(kernel))
            self.check(f"{name}: is certified", all(s["error"] <= error and s["certificate"]["forward_bound"] >= s["certificate"]["spectral_bound"] >= s["error"] for s in found), str(found))
            engine = "tcc" if "tcc" in self.engines else "c"
            run = subprocess.run([self.einc, "run", "k.ein", "a=a.npy", "b=b.npy", "-o", "y.npy", f"--engine={engine}"], cwd=self.folder, capture_output=True, text=True)
            wanted = np.einsum("kij,ti,tj->tk", tensor, a, b)
            off = np.linalg.norm(np.load(self.folder / "y.npy") - wanted) / np.linalg.norm(wanted) if run.returncode == 0 else 1
            self.check(f"{name}: gives the sum", off <= 64 * np.finfo(tensor.dtype).eps + 10 * error, f"{off} {run.stderr}")

    def apply_source(self, name, tensor, batch, *options):
        """The written source applied to vectors along all axes but the first, and how near it is to the sum."""
        rng, letters = np.random.default_rng(13), "abcdefgh"[:tensor.ndim]
        vectors = [rng.standard_normal((batch, n)).astype(tensor.real.dtype).astype(tensor.dtype) for n in tensor.shape[1:]]
        np.save(self.folder / "W.npy", tensor)
        for k, vector in enumerate(vectors):
            np.save(self.folder / f"x{k + 1}.npy", vector if batch > 1 else vector[0])
        for command in (["discover", "W.npy", "-o", "found.ein", f"--batch={batch}", *options],
                        ["run", "found.ein", *[f"x{k + 1}=x{k + 1}.npy" for k in range(len(vectors))], "-o", "y.npy", "--engine=ref"]):
            done = subprocess.run([self.einc, *command], cwd=self.folder, capture_output=True, text=True)
            if done.returncode:
                self.check(f"{name}: {command[0]}", False, done.stderr)
                return
        wanted = np.einsum(f"{letters},{','.join('s' + letter for letter in letters[1:])}->s{letters[0]}", tensor, *vectors)
        error = np.linalg.norm(np.load(self.folder / "y.npy") - (wanted if batch > 1 else wanted[0])) / np.linalg.norm(wanted)
        self.check(f"{name}: its source gives the sum", error <= 256 * np.finfo(tensor.dtype).eps, f"{error}\n" + (self.folder / "found.ein").read_text()[:2000])

    def tensors(self):
        """Numbers with three axes and more: what they are, in noise and without, and what they are not."""
        rng = np.random.default_rng(14)
        normal = rng.standard_normal
        digits = np.einsum("abx,cdx,efx->acebdf", normal((3, 4, 2)), normal((4, 3, 2)), normal((2, 4, 2))).reshape(24, 4, 3, 4)
        sparse = np.where(rng.uniform(size=(13, 9, 11)) < 0.05, normal((13, 9, 11)), 0)
        rows = (("8 outer products", np.einsum("kr,ir,jr->kij", *normal((3, 24, 8))), "polyadic", 1344, 576),
                ("complex outer products", np.einsum("kr,ir,jr->kij", *(normal((3, 12, 4)) + 1j * normal((3, 12, 4)))), "polyadic", 1440, 144),
                ("outer products, two axes long enough", np.einsum("kr,ir,jr->kij", normal((20, 16)), normal((24, 16)), normal((6, 16))), "polyadic", 1920, 800),
                ("outer products of 4 vectors", np.einsum("kr,ir,jr,lr->kijl", *normal((4, 9, 5))), "polyadic", 500, 180),
                ("one outer product", np.einsum("k,i,j->kij", normal(17), normal(15), normal(19)), "axes", 110, 51),
                ("a core", np.einsum("abc,ia,jb,kc->ijk", normal((5, 4, 6)), normal((20, 5)), normal((18, 4)), normal((16, 6))), "axes", 900, 388),
                ("a train", np.einsum("ia,ajb,bkc,cl->ijkl", normal((10, 3)), normal((3, 8, 4)), normal((4, 9, 3)), normal((3, 7))), "axes", 760, 255),
                ("a train of full ends", np.einsum("ija,akl->ijkl", normal((6, 7, 5)), normal((5, 8, 6))), "tensor_train", 1020, 450),
                ("a product of tensors", np.einsum("abc,def->adbecf", normal((4, 3, 2)), normal((5, 4, 6))).reshape(20, 12, 12), "kronecker_axes", 1600, 148),
                ("a sum of products", sum(np.einsum("abc,def->adbecf", normal((4, 3, 4)), normal((5, 4, 6))) for _ in range(2)).reshape(20, 12, 24), "kronecker_axes", 7000, 340),
                ("digits of one axis with axes", digits, "kronecker_axes", 700, 100), ("few nonzeros", sparse, "scatter", 300, np.count_nonzero(sparse)))
        for name, tensor, family, flops, numbers in rows:
            found = self.accepted(tensor)
            good = found and found[0]["family"] == family and found[0]["flops"] <= flops and found[0]["numbers"] <= numbers and found[0]["error"] <= 1e-14
            self.check(f"{name}: found with {flops} flops", good, json.dumps(found[:3]))
            noise = normal(tensor.shape) * np.sqrt(np.mean(abs(tensor) ** 2))
            if family != "scatter":
                found = self.accepted(tensor + 1e-10 * noise, "--within=1e-8")
                self.check(f"{name}: found in noise that is permitted", found and found[0]["family"] == family and found[0]["error"] <= 1e-9, json.dumps(found[:3]))
            for what, other, within in (("noise that is not", tensor + 1e-3 * noise, 1e-8), ("1 % replaced", np.where(rng.uniform(size=tensor.shape) < 0.01, noise, tensor), 1e-3)):
                if family != "scatter" or what != "1 % replaced":
                    found = self.accepted(other, f"--within={within}")
                    self.check(f"{name}: refused, {what}", not found or family == "scatter", json.dumps(found[:2]))
            for batch, elem in ((1, tensor.dtype), (3, np.complex64 if np.iscomplexobj(tensor) else np.float32)):
                self.apply_source(f"{name}, {np.dtype(elem)}", tensor.astype(elem), batch)
        for name, tensor in (("gaussian", normal((16, 18, 20))), ("signs", rng.choice([-1.0, 1.0], (12, 12, 12))), ("gaussian of 5 axes", normal((6, 5, 4, 6, 3)))):
            found = self.discover(tensor, "--within=1e-3")
            self.check(f"{name}: nothing is accepted, and how near it is said", found and not any(f["accepted"] for f in found), json.dumps(found[:2]))
        self.check("results are the same on every run", self.discover(rows[0][1]) == self.discover(rows[0][1]))

    def cauchy(self, sizes):
        """Cauchy matrices between diagonals, of nodes in any order: in the order of the nodes hierarchical, within what is permitted."""
        rng = np.random.default_rng(15)
        for n, within, share in sizes:
            matrix = cauchy(rng, n)
            found = self.accepted(matrix, f"--within={within}")
            good = found and found[0]["family"] == "cauchy" and found[0]["error"] <= within and found[0]["flops"] <= share * 2 * n * n
            self.check(f"cauchy {n} within {within}: is found, with {share} of the flops", good, json.dumps(found[:2])[:300])
            self.run_source(f"cauchy {n} within {within}", matrix, rng.standard_normal((3, n)), "--batch=3", f"--within={within}", permitted=4 * within)
            noise = rng.standard_normal((n, n)) * np.sqrt(np.mean(matrix ** 2))
            for name, other, permitted in (("in noise", matrix + 1e-3 * noise, within), ("1 % replaced", np.where(rng.uniform(size=(n, n)) < 0.01, noise, matrix), 1e-3)):
                found = self.accepted(other, f"--within={permitted}")
                self.check(f"cauchy {n}, {name}: is refused", not found, json.dumps(found[:2])[:300])

    def pictures(self):
        rng = np.random.default_rng(7)
        for name, matrix, labels in (("W", monarch(rng, 8, 8, 8, 8, 1), ["W", "ks(w0)", "blockdiag(w1)"]), ("W", np.kron(rng.standard_normal((3, 5)), rng.standard_normal((70, 2))), None),
                                     ("a<b&c", rng.standard_normal((9, 90)), ["a<b&c"])):
            np.save(self.folder / f"{name}.npy", matrix)
            command, written = [self.einc, "discover", f"{name}.npy", "--svg=W.svg"], []
            for _ in range(2):
                done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True)
                written.append((self.folder / "W.svg").read_text())
            words = [text.text for text in xml.etree.ElementTree.fromstring(written[0]).iter("{http://www.w3.org/2000/svg}text")]
            self.check(f"{name}: a picture is the same on every run", done.returncode == 0 and written[0] == written[1], done.stderr)
            self.check(f"{name}: a picture of the matrix and its factors", labels is None or [word for word in words[1::3]] == labels, str(words))
        done = subprocess.run([self.einc, "discover", "W.npy", "--svg=W.npy"], cwd=self.folder, capture_output=True, text=True)
        self.check("the matrix is not overwritten by its picture", done.returncode == 1 and np.load(self.folder / "W.npy").shape == (210, 10), done.stderr)

    def outer_products(self):
        """Few are found as that, not as what else such a matrix is, a sum of Kronecker products or a block tensor train."""
        rng = np.random.default_rng(9)
        for n, rank in ((64, 1), (64, 2), (60, 4), (1024, 1)):
            self.find(f"rank {rank} {n}", rng.standard_normal((n, rank)) @ rng.standard_normal((rank, n)), "outer", 4 * n * rank)

    def flops(self, source):
        (self.folder / "k.ein").write_text(source)
        explained = subprocess.run([self.einc, "explain", "k.ein", "--json"], cwd=self.folder, capture_output=True, text=True, timeout=300)
        return json.loads(explained.stdout)["kernels"][0]["flops"] if explained.returncode == 0 else 1e30

    def formulas(self, sizes):
        """A Fourier transform whose name nobody may say: its factors are transforms that are found as such, between twiddle factors, and so it is compiled to what the written
        one is; between diagonals to that and two of them."""
        rng = np.random.default_rng(11)
        for n in sizes:
            matrix = dft(n)
            noise = rng.standard_normal(matrix.shape)
            rows = [("", matrix, 0), (", conjugated", matrix.conj(), 0), (", unitary", matrix / np.sqrt(n), 0), (", between diagonals", scaled(rng, matrix), 2),
                    (", columns permuted", matrix[:, rng.permutation(n)], 0), (", rows permuted", matrix[rng.permutation(n)], 0),
                    (", between diagonals, columns permuted", scaled(rng, matrix)[:, rng.permutation(n)], 2), (", between diagonals, rows permuted", scaled(rng, matrix)[rng.permutation(n)], 2),
                    (", in noise", matrix + 1e-10 * noise, 0), (" in f32", matrix.astype(np.complex64), 0)]
            written = self.flops(f"kernel f(x: c128[{n}]) -> (y: c128[{n}]) {{ y[i] = dft({n})[i,j] * x[j] }}\n")
            for name, numbers, diagonals in rows:
                found = self.accepted(numbers, "--no-names", "-o", "found.ein", *(["--within=1e-8"] if "noise" in name else []))
                most = 5.2 * n * np.log2(n) + 6 * n * diagonals
                self.check(f"--no-names leaves the transform of {n}{name} out, whose factors are transforms", found and found[0]["family"] == "ordered" and found[0]["flops"] <= most and
                           found[0]["error"] <= (1e-8 if "noise" in name else 8 * np.finfo(numbers.dtype).eps) and not any(f["family"] == "named" for f in found), json.dumps(found[:1])[:300])
                taken = self.flops((self.folder / "found.ein").read_text())
                self.check(f"the transform of {n}{name} is compiled to 1.3 of the flops of the written one", taken <= 1.3 * (written + 6 * n * diagonals), f"{taken} of {written}")
            self.check(f"in noise that is not permitted the transform of {n} is refused", not self.accepted(matrix + 1e-3 * noise, "--no-names", "--within=1e-8"))
            other = matrix.copy()
            other[n // 2, n // 3] *= -1
            found = self.accepted(other, "--no-names")
            self.check(f"one number that is no root of the transform of {n} is not lost", all(f["error"] < 1e-14 for f in found), json.dumps(found[:1])[:300])
        for name, matrix, most in (("hadamard 64", hadamard(64), 64 * 6), ("a permuted factor", np.kron(dft(9)[:, rng.permutation(9)], dft(7)), 2600)):
            found = self.accepted(matrix, "--no-names")
            self.check(f"{name}: has factors that are formulas", found and found[0]["flops"] <= most and ("hadamard(" in found[0]["expression"] or "dft(" in found[0]["expression"]),
                       json.dumps(found[:1])[:300])
        for transform in (dft(64), scaled(rng, dft(60))[:, rng.permutation(60)], dft(60)[rng.permutation(60)]):
            self.run_source("a transform of no name", transform, rng.standard_normal(len(transform)) + 1j * rng.standard_normal(len(transform)), "--no-names")
        for name, matrix, order in (("", scaled(rng, kron(rng, (8, 8), (6, 6))), 48), (", columns permuted", scaled(rng, kron(rng, (12, 12), (5, 5)))[:, rng.permutation(60)], 60)):
            found, numbers = self.accepted(matrix), sum(m * m for m in ((8, 6) if order == 48 else (12, 5))) + 2 * order
            self.check(f"a Kronecker product between diagonals{name}", found and found[0]["numbers"] <= numbers and found[0]["error"] < 1e-14 and found[0]["growth"] < 50, json.dumps(found[:1])[:400])

    def unfit(self):
        for name, matrix, status, words in (("empty", np.zeros((0, 4)), 1, "at least one number"), ("nan", np.full((8, 8), np.nan), 1, "finite"),
                                            ("infinite", np.diag([1, np.inf] * 4), 1, "row 1, column 1"), ("subnormal", np.full((8, 8), 1e-310), 1, "subnormal"),
                                            ("vector", np.ones(8), 1, "2 to 8 axes"), ("nine axes", np.ones([2] * 9), 1, "2 to 8 axes"),
                                            ("infinite at three places", np.where(np.arange(24).reshape(2, 3, 4) == 17, np.inf, 1.0), 1, "at [1, 1, 1]"), ("integers", np.ones((8, 8), int), 1, "type i64")):
            np.save(self.folder / "W.npy", matrix)
            done = subprocess.run([self.einc, "discover", "W.npy"], cwd=self.folder, capture_output=True, text=True)
            self.check(f"{name} is refused", done.returncode == status and words in done.stderr, done.stderr)
        np.save(self.folder / "W.npy", np.diag([1, np.inf] * 8))
        (self.folder / "k.ein").write_text('const W: f64[16, 16] = file("W.npy")\nkernel f(x: f64[16]) -> (y: f64[16]) { y[i] = W[i,j] * x[j] }\n')
        kernel = json.loads(subprocess.run([self.einc, "explain", "k.ein", "--json"], cwd=self.folder, capture_output=True, text=True).stdout)["kernels"][0]
        self.check("a constant with infinities stays dense", kernel["flops"] == 512, str(kernel["flops"]))
        zero = self.accepted(np.zeros((16, 16)))
        self.check("a zero matrix is nothing to do", zero and zero[0]["flops"] <= 2, json.dumps(zero))
        np.save(self.folder / "V_w0.npy", np.kron(np.arange(1.0, 26).reshape(5, 5) ** 3 % 17, np.arange(1.0, 101).reshape(10, 10) ** 5 % 31))
        before = (self.folder / "V_w0.npy").read_bytes()
        for output in ("V_w0.npy", "V.ein"):
            done = subprocess.run([self.einc, "discover", "V_w0.npy", "-o", output], cwd=self.folder, capture_output=True, text=True)
            written = (self.folder / "V_w0.npy").read_bytes() != before
            self.check(f"the matrix is not overwritten by {output}", not written and (done.returncode == 1) == (output != "V.ein" or "w0.npy" in done.stderr), done.stderr)
        for n in (60, 1009):
            found = self.accepted(dft(n))
            self.check(f"a transform of {n} is nothing but that", found and found[0]["expression"] == f"dft({n})", json.dumps(found)[:200])
        rng = np.random.default_rng(5)
        matrix = monarch(rng, 8, 8, 8, 8, 1)
        self.check("results are the same on every run", self.discover(matrix) == self.discover(matrix))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--full", action="store_true", help="larger sizes")
    arguments = parser.parse_args()
    suite = DiscoverSuite(arguments.einc)
    with tempfile.TemporaryDirectory() as folder:
        suite.folder = pathlib.Path(folder)
        if arguments.full:
            suite.cauchy(((1024, 1e-8, 0.2), (1024, 1e-13, 0.35)))
            suite.table((256, 360, 1024))
            suite.refusals(256)
            suite.formulas((1000, 1024, 1536))
        else:
            suite.table((32, 60))
            suite.refusals(32)
            suite.uses()
            suite.unfit()
            suite.formulas((64, 243))
            suite.pictures()
            suite.outer_products()
            suite.cauchy(((256, 1e-8, 0.55), (512, 1e-13, 0.45)))
            suite.contracted()
            suite.tensors()
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())

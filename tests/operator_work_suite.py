#!/usr/bin/python3
"""What operators cost, by the table of docs/operators.md ("Work"): flops and bytes of constants of every constructor at the sizes given there; that no Kronecker
product is formed; and what is chosen among several ways to compute one thing, at the sizes where the choice turns and beside them."""
import argparse
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np

import suites

HERE = pathlib.Path(__file__).parent
COMPLEX_IN, COMPLEX_OUT = ("dft", "idft", "irdft"), ("dft", "idft", "rdft")


def read_table():
    """Rows of the table: operator, data, rows, columns, flops, bytes, and the sizes."""
    text = (HERE.parent / "docs" / "operators.md").read_text().split("## Work\n", 1)[1]
    for line in text.splitlines():
        cells = [cell.strip().strip("`") for cell in line.strip("|").split("|")]
        if len(cells) == 7 and "(" in cells[0]:
            for sizes in cells[6].split(";"):
                yield cells[:6], {name: int(size) for name, size in (pair.split("=") for pair in sizes.split())}


def calculate(formula, sizes):
    return eval(formula.removeprefix("<="), {"min": min, "log2": math.log2}, sizes)


def agrees(formula, sizes, found):
    wanted = calculate(formula, sizes)
    return found <= wanted if formula.startswith("<=") else found == wanted


def numbers(name, shape, rows, columns, rng):
    if name not in "su":
        return rng.standard_normal(shape)
    if len(shape) == 1 and shape[0] == rows:
        return rng.permutation(rows)
    return np.arange(shape[0]) - shape[0] // 2 if rows == columns else rng.integers(0, min(rows, columns), shape)


class OperatorWorkSuite(suites.Suite):
    def explain(self, folder, source, *options):
        (folder / "work.ein").write_text(source)
        done = subprocess.run([self.einc, "explain", str(folder / "work.ein"), "--json", *options], capture_output=True, text=True, timeout=600)
        if done.returncode:
            self.check("a kernel is compiled", False, source + done.stderr)
            return None
        return json.loads(done.stdout)["kernels"][0]

    def apply(self, folder, cells, sizes, constant):
        """Flops and bytes of the operator applied to one column, its data inputs or constants."""
        operator, data = cells[0], re.findall(r"(\w)\[(.*?)\]", cells[1])
        rows, columns = calculate(cells[2], sizes), calculate(cells[3], sizes)
        names, before, inputs = [name for name, _ in data], "", []
        rng = np.random.default_rng(7)
        for name, shape in data:
            shape = [calculate(extent, sizes) for extent in shape.split(",")]
            elem, form = ("i64" if name in "su" else "f64"), ",".join(map(str, shape))
            if constant or elem == "i64":
                np.save(folder / f"{name}.npy", numbers(name, shape, rows, columns, rng).astype("i8" if elem == "i64" else "f8"))
                before += f'const {name}: {elem}[{form}] = file("{name}.npy") exact\n'
            else:
                inputs.append(f"{name}: {elem}[{form}]")
        text = re.sub(r"\b[a-z]\b", lambda match: match[0] if match[0] in names else str(sizes[match[0]]), operator)
        kind = operator.split("(")[0]
        x, y = ("c128" if kind in COMPLEX_IN else "f64"), ("c128" if kind in COMPLEX_OUT else "f64")
        arguments = ", ".join(inputs + [f"vector: {x}[{columns}]"])
        kernel = self.explain(folder, f"{before}kernel f({arguments}) -> (result: {y}[{rows}]) {{\n    operator op = {text}\n"
                                      f"    result[row] = op[row,column] * vector[column]\n}}\n")
        moved = columns * (16 if x == "c128" else 8) + rows * (16 if y == "c128" else 8)
        return (kernel["flops"], kernel["bytes"] - moved) if kernel else (None, None)

    def table(self, folder, only):
        seen = {}
        for cells, sizes in read_table():
            seen.setdefault(cells[0].split("(")[0], set()).add(tuple(sizes.items()))
            if only not in cells[0]:
                continue
            flops, constants = self.apply(folder, cells, sizes, False)[0], self.apply(folder, cells, sizes, True)[1]
            what = f"{cells[0]} at {sizes}"
            self.check(f"flops of {what}", flops is not None and agrees(cells[4], sizes, flops), f"{flops}, not {cells[4]}")
            self.check(f"bytes of {what}", constants is not None and agrees(cells[5], sizes, constants), f"{constants}, not {cells[5]}")
        constructors = re.findall(r"^CONSTRUCTOR\((\w+),", (HERE.parent / "frontend" / "constructors.def").read_text(), re.M)
        for name in set(constructors) - {"transpose", "conj", "adjoint"}:
            self.check(f"{name} stands in the table at two sizes", len(seen.get(name, ())) >= 2)

    def kronecker(self, folder):
        """4096 x 4096, never formed."""
        for text, arguments in (("kron(A, B)", "A: f64[64,64], B: f64[64,64]"), ("kron(A, A, B)", "A: f64[16,16], B: f64[16,16]"), ("inv(kron(A, B))", "A: f64[64,64], B: f64[64,64]"),
                                ("kron(A, B) @ kron(B, A)", "A: f64[64,64], B: f64[64,64]"), ("transpose(kron(A, B))", "A: f64[32,32], B: f64[128,128]")):
            for batch in ("", "3,"):
                indices = "b," if batch else ""
                kernel = self.explain(folder, f"kernel f({arguments}, x: f64[{batch}4096]) -> (y: f64[{batch}4096]) {{\n    operator op = {text}\n    y[{indices}i] = op[i,j] * x[{indices}j]\n}}\n")
                self.check(f"workspace of {text} {batch}", kernel and kernel["workspace"] < 1e6, kernel and kernel["workspace"])

    def transforms_in_products(self, folder):
        """As many flops as the transforms of each factor by themselves."""
        for left, right in (("dft(128)", "identity(2)"), ("identity(3)", "dft(125)"), ("dft(100)", "dft(81)")):
            sizes, flops = [int(re.search(r"\d+", part)[0]) for part in (left, right)], 0
            for part, size, others in ((left, sizes[0], sizes[1]), (right, sizes[1], sizes[0])):
                kernel = self.explain(folder, f"kernel f(x: c128[{size}]) -> (y: c128[{size}]) {{ y[i] = {part}[i,j] * x[j] }}\n") if part[0] == "d" else {"flops": 0}
                flops += others * kernel["flops"] if kernel else 0
            n = sizes[0] * sizes[1]
            kernel = self.explain(folder, f"kernel f(x: c128[{n}]) -> (y: c128[{n}]) {{ y[i] = kron({left}, {right})[i,j] * x[j] }}\n")
            self.check(f"kron({left}, {right})", kernel and kernel["flops"] <= 1.1 * flops, f"{kernel and kernel['flops']}, not {flops}")

    def least(self, folder, what, source, ways):
        """The flops are those of the best way, and not of another."""
        kernel = self.explain(folder, source)
        self.check(what, kernel and kernel["flops"] == min(ways), f"{kernel and kernel['flops']} of {ways}\n{source}")

    def convolutions(self, folder):
        """Two transforms, three where the entries come when the kernel runs, and a product an element; half of it where all is real; Toeplitz at a length of at least
        rows + columns - 1."""
        transform, rng = {}, np.random.default_rng(9)
        for n in (64, 256, 1024):
            kernel = self.explain(folder, f"kernel f(x: c128[{n}]) -> (y: c128[{n}]) {{ y[i] = dft({n})[i,j] * x[j] }}\n")
            transform[n] = kernel["flops"] if kernel else 0
        for operator, size, length in [("circulant", n, n) for n in transform] + [(name, n // 2, n) for name in ("toeplitz", "hankel") for n in (256, 1024)]:
            entries = size if operator == "circulant" else 2 * size - 1
            for elem in ("c128", "f64"):
                np.save(folder / "t.npy", rng.standard_normal(entries) + (1j if elem == "c128" else 0))
                form = f"t: {elem}[{entries}]"
                for before, inputs, transforms in ((f'const {form} = file("t.npy")\n', "", 2), ("", form + ", ", 3)):
                    kernel = self.explain(folder, f"{before}kernel f({inputs}x: {elem}[{size}]) -> (y: {elem}[{size}]) {{\n    y[i] = {operator}(t)[i,j] * x[j]\n}}\n")
                    most = (transforms * transform[length] + 6 * length) / (1 if elem == "c128" else 2)
                    self.check(f"{operator} of {size} in {elem} by {transforms} transforms", kernel and kernel["flops"] <= most, f"{kernel and kernel['flops']}, not {most}")

    def real_lengths(self, folder):
        """Of real data at most 0.55 of complex flops, cosines at most 2.5 n log2 n, at lengths of all kinds; of many columns as of one."""
        for n in (13, 15, 17, 21, 30, 31, 33, 45, 75, 90, 105, 240):
            work = {}
            for kind, x, columns, y, rows in (("dft", "c128", n, "c128", n), ("rdft", "f64", n, "c128", n // 2 + 1), ("irdft", "c128", n // 2 + 1, "f64", n), ("dct2", "f64", n, "f64", n)):
                for batch in (1, 100):
                    kernel = self.explain(folder, f"kernel f(x: {x}[{batch},{columns}]) -> (y: {y}[{batch},{rows}]) {{ y[s,i] = {kind}({n})[i,j] * x[s,j] }}\n",
                                          *(["--optimize=flops"] if (kind, n) == ("dct2", 33) else []))  # in one codelet it takes a few more, and less time
                    work[kind, batch] = kernel["flops"] / batch if kernel else math.inf
            for kind in ("rdft", "irdft"):
                self.check(f"{kind}({n})", work[kind, 1] <= 0.55 * work["dft", 1], work)
            most = (2.5 if n > 31 else math.inf) * n * math.log2(n)
            self.check(f"dct2({n})", work["dct2", 1] <= (most if n not in (33, 75) else 1.1 * most), f"{work}, {most}")
            for kind in ("rdft", "irdft", "dct2"):
                self.check(f"{kind}({n}) of many columns", work[kind, 100] <= 2.2 * work[kind, 1], work)

    def fewest_flops(self, folder):
        """By --optimize=flops split radix, 4 n log2 n - 6 n + 8 (Yavne 1968): as few up to 512, within 5 % above; cosines 2 n log2 n + 2; on targets with vectors too, which
        without it take more."""
        for target in ("generic", "avx512"):
            options = (f"--target={target}", "--optimize=flops")
            for n in (4, 16, 32, 64, 128, 512, 1024, 2048):
                for operator in ("dft", "adjoint(dft"):
                    if n > 128 and (operator != "dft" or target == "generic"):
                        continue
                    text = f"{operator}({n})" + (")" if "(" in operator else "")
                    kernel = self.explain(folder, f"kernel f(x: c128[{n}]) -> (y: c128[{n}]) {{ y[i] = {text}[i,j] * x[j] }}\n", *options)
                    least = round(4 * n * math.log2(n)) - 6 * n + 8
                    most = least if n <= 512 else 1.05 * least
                    self.check(f"flops of {text} for {target}", kernel and kernel["flops"] <= most, f"{kernel and kernel['flops']}, not {most}")
            for n in (8, 64, 256, 1024):
                kernel = self.explain(folder, f"kernel f(x: f64[{n}]) -> (y: f64[{n}]) {{ y[i] = dct2({n})[i,j] * x[j] }}\n", *options)
                self.check(f"flops of dct2({n}) for {target}", kernel and kernel["flops"] <= 2 * n * math.log2(n) + 2, kernel and kernel["flops"])

    def butterflies(self, folder):
        """Of any number of factors and of any radices, known when the kernel runs or before: each takes its radix of multiply-adds an element, and what lies between
        two is as large as what is multiplied."""
        rng = np.random.default_rng(5)
        for radices in ((2,) * 5, (4, 8, 2, 4), (3, 2, 5, 2), (2,) * 10):
            n, names = math.prod(radices), [f"X{k}" for k in range(len(radices))]
            for batch in (1, 256):
                declared, before = [], ""
                for k, radix in enumerate(radices):
                    shape = (math.prod(radices[:k]), radix, radix, math.prod(radices[k + 1:]))
                    declared.append(f"{names[k]}: f64[{','.join(map(str, shape))}]")
                    np.save(folder / f"{names[k]}.npy", rng.standard_normal(shape))
                    before += f'const {declared[k]} = file("{names[k]}.npy") exact\n'
                line = f"    y[b,i] = butterfly({', '.join(names)})[i,j] * x[b,j]\n"
                for constants, inputs in (("", ", ".join(declared) + ", "), (before, "")):
                    kernel = self.explain(folder, f"{constants}kernel f({inputs}x: f64[{batch},{n}]) -> (y: f64[{batch},{n}]) {{\n{line}}}\n")
                    most = 2 * batch * n * sum(radices)
                    self.check(f"butterfly of {radices} for {batch} columns{', known' * bool(constants)}", kernel and kernel["flops"] <= most and
                               kernel["workspace"] <= 2 * 8 * batch * n + 4096, kernel and (kernel["flops"], most, kernel["workspace"]))

    def nonzeros(self, folder):
        """Of a constant of three axes that is mostly zero (couplings of angular momenta: m1 + m2 = m, |l1 - l2| <= l <= l1 + l2) what is not zero is multiplied, a product
        that several of them share once: at most two multiplications a nonzero, and an addition. The numbers are the reference's."""
        rng = np.random.default_rng(3)
        for most in (1, 2, 4, 6):
            places = [(degree, m) for degree in range(most + 1) for m in range(-degree, degree + 1)]
            paths = [(l1, l2, l, m) for l1 in range(most + 1) for l2 in range(most + 1) for l in range(abs(l1 - l2), min(most, l1 + l2) + 1) for m in range(-l, l + 1)]
            pattern = np.array([[[a[0] == l1 and b[0] == l2 and a[1] + b[1] == m for b in places] for a in places] for l1, l2, l, m in paths])
            rows, n, _ = pattern.shape
            np.save(folder / "C.npy", np.where(pattern, rng.standard_normal(pattern.shape), 0))
            for batch in (1, 64):
                source = (f'const C: f64[{rows},{n},{n}] = file("C.npy")\nkernel f(a: f64[{batch},{n}], b: f64[{batch},{n}]) -> (y: f64[{batch},{rows}]) {{\n'
                          f"    y[t,k] = C[k,i,j] * a[t,i] * b[t,j]\n}}\n")
                kernel = self.explain(folder, source)
                nonzeros, pairs = int(pattern.sum()), n * n
                self.check(f"products with {nonzeros} of {pattern.size} numbers, {batch} times", kernel and kernel["flops"] <= batch * (2 * nonzeros + pairs),
                           f"{kernel and kernel['flops']}, not {batch * (2 * nonzeros + pairs)}")
                self.check("which are at most two multiplications each", pairs <= nonzeros)
            if most > 2:
                continue
            done = subprocess.run([self.einc, "check", str(folder / "work.ein")], capture_output=True, text=True, timeout=120)
            self.check(f"the numbers of {nonzeros} products", done.returncode == 0, done.stdout + done.stderr)

    def choices(self, folder):
        for n, s in ((4, 192), (4, 160), (2, 384), (8, 96)):
            size = n * s
            turn = math.ceil(2 * n * size * size / (2 * n * (n * s * s + n * n * s) - 2 * size * size))  # columns from which the matrix is worth forming
            for batch in (1, 3, 64, turn - 1, turn + 1, 4096):
                factors, dense = 2 * n * (n * s * s + n * n * s) * batch, 2 * size * size * batch + 2 * n * size * size
                self.least(folder, f"phm({n}, {s}) for {batch} columns", f"kernel f(A: f32[{n},{n},{n}], S: f32[{n},{s},{s}], x: f32[{batch},{size}]) -> (y: f32[{batch},{size}]) {{\n"
                           f"    operator K = phm(A, S)\n    y[b,i] = K[i,j] * x[b,j]\n}}\n", (factors, dense))
        for m, n in ((2, 384), (3, 256), (2, 400), (2, 2)):
            for batch in (1, 16, 4096):
                factors, dense = 2 * batch * (m * n * n + m * m * n), 2 * batch * (m * n) ** 2 + (m * n) ** 2
                self.least(folder, f"kron of {m} and {n} for {batch} columns", f"kernel f(A: f32[{m},{m}], B: f32[{n},{n}], x: f32[{batch},{m * n}]) -> (y: f32[{batch},{m * n}]) {{\n"
                           f"    operator K = kron(A, B)\n    y[b,i] = K[i,j] * x[b,j]\n}}\n", (factors, dense))
        for rows, columns in ((64, 128), (127, 128), (129, 128), (512, 64), (65, 64), (63, 64)):
            self.least(folder, f"(Q K^T) V of {rows} x {columns}", f"kernel f(q: f32[{rows},{columns}], k: f32[{rows},{columns}], v: f32[{rows},{columns}]) -> (y: f32[{rows},{columns}]) {{\n"
                       f"    let s[i,j] = q[i,c] * k[j,c]\n    y[i,c] = s[i,j] * v[j,c]\n}}\n", (4 * rows * rows * columns, 4 * rows * columns * columns))
        for height, width in ((64, 64), (60, 65), (48, 80)):
            for size in (3, 5):
                self.least(folder, f"a {size} x {size} stencil on {height} x {width}", self.stencil(height, width, size), (2 * size * size * height * width,))
            kernel = self.explain(folder, self.stencil(height, width, 31))
            self.check(f"a filter of 31 x 31 on {height} x {width} by transforms", kernel and kernel["flops"] < height * width * 31 * 31, kernel and kernel["flops"])

    @staticmethod
    def stencil(height, width, size):
        return (f"kernel f(x: f64[{height},{width}], w: f64[{size},{size}]) -> (y: f64[{height},{width}]) normwise {{\n"
                f"    y[i,j] = pad(x[i+a-{size // 2},j+b-{size // 2}], 0) * w[a,b]\n}}\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    suite = OperatorWorkSuite(arguments.einc)
    with tempfile.TemporaryDirectory() as folder:
        suite.table(pathlib.Path(folder), arguments.only)
        if arguments.only in "kronecker":
            suite.kronecker(pathlib.Path(folder))
        if arguments.only in "convolutions":
            suite.convolutions(pathlib.Path(folder))
        if arguments.only in "real lengths":
            suite.real_lengths(pathlib.Path(folder))
        if arguments.only in "fewest flops":
            suite.fewest_flops(pathlib.Path(folder))
        if arguments.only in "nonzeros":
            suite.nonzeros(pathlib.Path(folder))
        if arguments.only in "butterflies":
            suite.butterflies(pathlib.Path(folder))
        if arguments.only in "choices":
            suite.choices(pathlib.Path(folder))
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())

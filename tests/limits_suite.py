#!/usr/bin/python3
"""Limits (docs/limits.md): what lies at one compiles, one more is refused with its code at its place, and the exit status is 4.

Every source runs through the whole compiler, on a stack of 1 MiB and with 2 GiB of memory (--sanitized: as the system gives them),
so that depth which the limits allow never ends in a crash. Limits that no file brings out are tests of the readers in C.
    limits_suite.py --einc build/einc [--sanitized]
"""
import argparse
import json
import pathlib
import re
import resource
import subprocess
import sys
import tempfile

import suites

EMIT = ("build", "FILE", "--emit=c", "-o", "-")
PASS = ("pass", "PASSES", "FILE")  # all there are, in their order
STACK, MEMORY = 1 << 20, 2 << 30


def kernel(body, inputs="x: f64[8]", output="y: f64[8]"):
    return f"kernel f({inputs}) -> ({output}) {{\n    {body}\n}}\n"


def padded_source(size):
    return kernel("y[i] = x[i]") + "#" * (size - len(kernel("y[i] = x[i]")) - 1) + "\n"


def brackets(depth):
    """Those of the body and of the subscript count."""
    return kernel("y[i] = " + "(" * (depth - 2) + "x[i]" + ")" * (depth - 2))


def operators(sign):
    """An access is two deep, itself and its subscript."""
    return lambda depth: kernel("y[i] = x[i]" + f" {sign} x[i]" * (depth - 2))


def dims(count):
    return "".join(f"dim d{k} = d{k + 1} + 1\n" for k in range(count - 1)) + f"dim d{count - 1} = 1\n" + kernel("y[i] = x[i]")


def axes(count):
    return kernel("y[i] = x[" + "0," * (count - 1) + "i]", "x: f64[" + "1," * (count - 1) + "8]")


def left_axes(count):
    names = ",".join(f"k{axis}: 1" for axis in range(count))
    return kernel(f"let z[{names}] = x[{'+'.join(f'k{axis}' for axis in range(count))}]\n    y[i] = x[i]")


def numbers(count):
    return f"const c: i8[{count}] = [" + "1," * (count - 1) + "1]\n" + kernel("y = c", f"x: i8[{count}]", f"y: i8[{count}]")


def indices(count):
    """Of tensors with up to 50 axes, all but `i` summed."""
    names = [f"k{k}" for k in range(count - 1)]
    tensors = [names[at:at + 50] for at in range(0, len(names), 50)]
    factors = " * ".join(f"x{k}[{','.join(part)},i]" for k, part in enumerate(tensors))
    return kernel(f"y[i] = {factors}", ", ".join(f"x{k}: f64[{'2,' * len(part)}8]" for k, part in enumerate(tensors)))


def labels(count):
    """A chain of matrices under labels from U+0100 on."""
    names = [chr(0x100 + k) for k in range(count)]
    terms = ",".join(a + b for a, b in zip(names, names[1:]))
    return kernel(f'y = einsum("{terms}->{names[0]}{names[-1]}"{", x" * (count - 1)})', "x: f64[2,2]", "y: f64[2,2]")


def factors(count):
    """Ordering so many takes seconds: `exact` leaves them as they stand."""
    return kernel("y = x[i]" + "*x[i]" * (count - 1), "x: f64[3]", "y: f64").replace(") {", ") exact {")


def operands(count):
    return kernel(f'y = einsum("{",".join("i" * count)}->i"{", x" * count})', "x: f64[3]", "y: f64[3]").replace(") {", ") exact {")


def operator_arguments(count):
    return kernel(f"y[i] = kron({', '.join(['identity(1)'] * count)})[i,j] * x[j]", "x: f64[1]", "y: f64[1]")


def operators_of_operators(count):
    return kernel(f"y[i] = ({' @ '.join(['reversal(8)'] * count)})[i,j] * x[j]")


def operators_by_name(count):
    """The last name stands for a constructor, one level more."""
    names = "".join(f"operator K{k} = K{k - 1}\n" for k in range(1, count))
    return "operator K0 = reversal(8)\n" + names + kernel(f"y[i] = K{count - 1}[i,j] * x[j]")


def operators_in_each_other(count):
    return kernel(f"y[i] = {'transpose(' * (count - 1)}reversal(8){')' * (count - 1)}[i,j] * x[j]")


def inverse_rows(count):
    """The identity, and one element beside it: no structure that would be inverted by itself."""
    rows = ",".join(f"[{'0,' * k}1{',0' * (count - 1 - k)}]" for k in range(count - 1))
    return f"const A: f64[{count},{count}] = [{rows},[1{',0' * (count - 2)},1]]\n" + kernel(
        "y[i] = inv(A)[i,j] * x[j]", f"x: f64[{count}]", f"y: f64[{count}]")


def indices_of_operators(count):
    """Each part of a direct sum has two of its own: 128 of the first operator, an even number of the second."""
    own, more = (4, "b: 2") if count % 2 == 0 else (3, "")
    parts = (count - own - 128) // 2
    return (f"operator K = dsum({', '.join(['identity(1)'] * 64)})\n"
            f"operator L = dsum({', '.join(['identity(1)'] * (parts - 1))}, identity({65 - parts}))\n" +
            kernel(f"y[i{', b' if more else ''}] = K[i,j] * L[j,k] * x[k{', b' if more else ''}]",
                   f"x: f64[64{', 2' if more else ''}]", f"y: f64[64{', 2' if more else ''}]"))


def blocks(count):
    return kernel("\n    ".join(f"y[{k} + i: 1] = x[i + {k}]" for k in range(count)), f"x: f64[{count}]", f"y: f64[{count}]")


def inlined(count):
    """Each call of `ten` is ten statements, each of `one` a single one."""
    ten = kernel("\n    ".join(f"let z{k} = x" for k in range(9)) + "\n    y = x").replace("kernel f", "kernel ten")
    one = kernel("y = x").replace("kernel f", "kernel one")
    calls = ["let a%d = ten(x)"] * (count // 10) + ["let a%d = one(x)"] * (count % 10)
    return ten + one + kernel("\n    ".join(call % k for k, call in enumerate(calls)) + "\n    y = x")


def calls(count):
    """Kernels that call each other; each call costs 21 of a depth of 4000, with the arithmetic in it."""
    chain = kernel("y = x").replace("kernel f", "kernel k0")
    for k in range(1, count + 1):
        chain += kernel(f"y = k{k - 1}(x)").replace("kernel f", f"kernel k{k}")
    return chain


def extent(value):
    return f"dim n = {value}\n" + "kernel f(x: i8[n]) -> (y: i8) { y = x[0] }\n"


def ir(body, declared="f64[8]"):
    return f"kernel f: exact {{\n%x = input 0 x : {declared}\n{body}output y = %y\n}}\n"


def ir_expression(elem):
    def text(depth):
        lets = "".join(f"let a{k} = sin({f'a{k - 1}' if k else '$0'}) in " for k in range(depth - 2))
        return ir(f"%y = map {elem}[8] of (%x[@0]) = {lets}sin(a{depth - 3})\n", f"{elem}[8]")
    return text


def ir_indices(count):
    return ir(f"%y = view f64[{', '.join('1' * count)}] of %x[0]\n")


def ir_operands(count):
    return ir(f"%y = map f64[8] of ({', '.join(['%x[@0]'] * count)}) = $0\n")


def ir_terms(count):
    names = [f"d{k}" for k in range(count)]
    return "".join(f"dim {name}\n" for name in names) + ir(f"%y = view f64[{' + '.join(names)}] of %x[0]\n")


def ir_degree(count):
    return "dim d\n" + ir(f"%y = view f64[{'*'.join('d' * count)}] of %x[0]\n")


def loops(depth):
    head = "".join(f"for i{k} < 1 {{\n" for k in range(depth))
    return "function f {\noutput y: f64[1] count 1 argument 0\n" + head + "y[0] = f64 1\n" + "}\n" * (depth + 1)


def ring(count):
    """Matrices in a row, every other index of the result: no chain, so searched as any network is."""
    names = "abcdefghijklmnopqrstuvwxyz"[:count + 1]
    terms = ",".join(a + b for a, b in zip(names, names[1:]))
    return kernel(f'y = einsum("{terms}->{names[::2]}"{", x" * count})', "x: f64[2,2]", f"y: f64[{','.join(['2'] * len(names[::2]))}]")


def elements(count):
    """No element at all, but axes of so many places: the reference looks at extents that are not 0."""
    return kernel("y[i,j] = f64(i + j)", "x: f64[1]", f"y: f64[{count}, 0]")


LOOP = ("pass", "plan_memory", "FILE")
# name, text of a size, the limit, the code past it, line and column there (None: no place), words of the command, suffix of the file
CASES = [
    ("bytes of a source", padded_source, 16 << 20, "E0811", None, EMIT, ".ein"),
    ("brackets", brackets, 200, "E0901", (2, 212), EMIT, ".ein"),
    ("operators in a row", operators("+"), 2000, "E0901", (2, 14003), EMIT, ".ein"),
    ("dims upon dims", dims, 200, "E0901", (200, 12), EMIT, ".ein"),
    ("axes of an input", axes, 64, "E0903", (1, 13), EMIT, ".ein"),
    ("axes of a left side", left_axes, 64, "E0903", (2, 9), EMIT, ".ein"),
    ("numbers of a constant", numbers, 1 << 20, "E0904", (1, 10), EMIT, ".ein"),
    ("indices of a statement", indices, 256, "E0911", (2, 1220), EMIT, ".ein"),
    ("labels of a string", labels, 512, "E0911", (2, 1551), EMIT, ".ein"),
    ("factors of a product", factors, 1024, "E0913", (2, 9), EMIT, ".ein"),
    ("operands of a string", operands, 1024, "E0913", (2, 9), EMIT, ".ein"),
    ("arguments of a constructor", operator_arguments, 64, "E0913", (2, 849), EMIT, ".ein"),
    ("operators of operators", operators_of_operators, 100, "E0901", (2, 13), EMIT, ".ein"),
    ("indices of operators", indices_of_operators, 256, "E0911", (4, 21), EMIT, ".ein"),
    ("operators by name", operators_by_name, 99, "E0901", (1, 15), EMIT, ".ein"),
    ("operators in each other", operators_in_each_other, 100, "E0901", (2, 1012), EMIT, ".ein"),
    ("rows of an inverse", inverse_rows, 512, "E0916", (3, 16), EMIT, ".ein"),
    ("statements of calls", inlined, 20000, "E0914", (2017, 17), EMIT, ".ein"),
    ("calls upon calls", calls, 181, "E0914", (5, 9), EMIT, ".ein"),
    ("blocks of an output", blocks, 64, "E0915", (66, 5), EMIT, ".ein"),
    ("elements of the reference", elements, 1 << 26, "E0905", (2, 5), ("check", "FILE", "--engine=ref"), ".ein"),
    ("IR: nested expression", ir_expression("f64"), 4096, "E0736", (3, 1), PASS, ".eir"),
    ("IR: nested complex expression", ir_expression("c128"), 4096, "E0736", (3, 1), PASS, ".eir"),
    ("IR: axes", ir_indices, 256, "E0708", (3, 785), PASS, ".eir"),
    ("IR: operands", ir_operands, 4096, "E0708", (3, 32796), PASS, ".eir"),
    ("IR: terms", ir_terms, 1024, "E0708", (1028, 7095), PASS, ".eir"),
    ("IR: degree", ir_degree, 32, "E0708", (4, 78), PASS, ".eir"),
    ("loop IR: nesting", loops, 200, "E0708", (204, 1), LOOP, ".loop"),
]
# Not a limit of einc but of 64 bits: the input is wrong, status 1.
WRONG = [
    ("integer", lambda value: kernel(f"y[i] = x[i] + f64(u64({value}))"), 2**64 - 1, "E0004", (2, 27)),
    ("extent", extent, 2**63 - 1, "E0223", (1, 9)),
]


def deep_programs():
    """Depth in every way that the limits leave open, at the limit."""
    reductions = "".join(f"sum[k{k}: 2](x[i] * exp(" for k in range(99))
    largest = "".join(f"max[k{k}: 2](x[i] + " for k in range(198))
    yield "sums in functions in sums", kernel(f"y[i] = {reductions}x[i]{'))' * 99}")
    yield "maxima in maxima", kernel(f"y[i] = {largest}x[i]{')' * 198}")
    yield "lookups in lookups", kernel("y[i] = x[" + "t[" * 197 + "i" + "]" * 197 + "]", "x: f64[8], t: i32[8]")
    yield "signs", kernel("y[i] = " + "-" * 1998 + "x[i]")
    for elem in ("f64", "c128", "f16"):
        terms = "".join(f" + exp({k % 7} * x[i])" for k in range(1990))
        yield f"functions in a row, {elem}", kernel("y[i] = x[i]" + terms).replace("f64", elem)
    lets = "\n    ".join(f"let z{k}[i] = sin({f'z{k - 1}' if k else 'x'}[i])" for k in range(4200))
    yield "lets upon lets", kernel(f"{lets}\n    y[i] = z4199[i]")


# A value from the one before, which it uses twice.
TWICE = {"products": "z * z + 1", "quotients": "exp(z) / (1 + exp(z) * z)", "choices": "where(z < 1, z, 2 * z) + max(z, 1)"}


def used_twice(step, count, elem="f64"):
    """2^count ways lead from the last value to the first."""
    lets = "".join(f"let z{k} = {step.replace('z', f'z{k - 1}')}\n    " for k in range(1, count))
    return f"kernel f(x: {elem}) -> (y: {elem}) {{\n    let z0 = x\n    {lets}y = z{count - 1}\n}}\n"


class LimitsSuite(suites.Suite):
    def __init__(self, einc, sanitized):
        super().__init__(einc)
        self.sanitized = sanitized
        listed = subprocess.run([self.einc, "pass", "--list"], capture_output=True, text=True, check=True).stdout
        self.passes = ",".join(line.split()[0] for line in listed.splitlines())

    def run(self, text, words, suffix=".ein"):
        def confine():
            if not self.sanitized:
                resource.setrlimit(resource.RLIMIT_STACK, (STACK, STACK))
                resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / f"limit{suffix}"
            path.write_text(text)
            filled = {"FILE": "limit" + suffix, "PASSES": self.passes}
            words = [self.einc, *[filled.get(word, word) for word in words]]
            return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, preexec_fn=confine)

    def check_status(self, what, good, done):
        self.check(what, good, f"status {done.returncode}\n{done.stderr[-2000:]}")

    def expect_done(self, what, text, words, suffix=".ein"):
        done = self.run(text, words, suffix)
        self.check_status(what, done.returncode == 0 and "error[" not in done.stderr, done)

    def expect_refused(self, what, text, words, suffix, status, code, place):
        """One error, nothing but it, at its place, and no output."""
        done = self.run(text, words, suffix)
        errors = re.findall(r"^error\[(\w+)\].*\n(?: *--> (\S+))?", done.stderr, re.M)
        where = f"limit{suffix}:{place[0]}:{place[1]}" if place else ""
        self.check_status(what, done.returncode == status and errors == [(code, where)] and not done.stdout, done)

    def memory_limit(self):
        """E0921 names the least that would do; that much does."""
        text = kernel("y[a] = A[a,b] * B[b,c] * C[c,b]", "A: f64[8,8], B: f64[8,8], C: f64[8,8]")
        self.expect_refused("scratch, one byte less", text, ("explain", "--memory-limit=7", "FILE"), ".ein", 4, "E0921", (2, 5))
        self.expect_done("scratch at the limit", text, ("explain", "--memory-limit=8", "FILE"))

    def search(self):
        """Up to 16 operands the order is the best there is; beyond, explain says that it was looked for by heuristics."""
        for count, method in ((16, "exact"), (17, "greedy with restarts")):
            done = self.run(ring(count), ("explain", "FILE", "--json"))
            found = json.loads(done.stdout)["kernels"][0]["order"] if done.returncode == 0 else []
            self.check_status(f"order of {count} operands", any(method == part.get("method") for part in found), done)


    def sharing(self):
        """Work and text follow the values there are; were it the ways between them, this would not end. What is printed reads back."""
        for name, step in TWICE.items():
            text = used_twice(step, 150)
            for emit in ("c", "main", "tensor"):
                self.expect_done(f"{name}, to {emit}", text, ("build", "FILE", f"--emit={emit}", "-o", "out"))
            self.expect_done(f"{name}, derivative", text, ("build", "FILE", "--emit=c", "-o", "-", "--gradient=x"))
            for emit, suffix in (("ein", ".ein"), ("tensor", ".eir"), ("loop", ".loop")):
                printed = self.run(text, ("build", "FILE", f"--emit={emit}", "-o", "-")).stdout
                self.expect_done(f"{name}, from {emit}", printed, ("pass", "FILE"), suffix)
            source = self.run(text, ("build", "FILE", "--emit=ein", "-o", "-")).stdout
            values = [self.run(form, ("run", "FILE", "x=0.3", "--engine=ref")) for form in (text, source)]
            self.check_status(f"{name}, the same value", values[0].returncode == 0 and values[0].stdout == values[1].stdout, values[1])
        self.expect_done("products of complex numbers", used_twice(TWICE["products"], 150, "c128"), EMIT)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--sanitized", action="store_true")
    arguments = parser.parse_args()
    suite = LimitsSuite(arguments.einc, arguments.sanitized)
    for what, text, limit, code, place, words, suffix in CASES:
        suite.expect_done(f"{what}: {limit}", text(limit), words, suffix)
        suite.expect_refused(f"{what}: {limit + 1}", text(limit + 1), words, suffix, 4, code, place)
    for what, text, limit, code, place in WRONG:
        suite.expect_done(f"{what}: {limit}", text(limit), EMIT)
        suite.expect_refused(f"{what}: {limit + 1}", text(limit + 1), EMIT, ".ein", 1, code, place)
    for what, text in deep_programs():
        suite.expect_done(what, text, EMIT)
    suite.memory_limit()
    suite.search()
    suite.sharing()
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())

"""What is measured: suites of cases, each an einsum with its sizes, and the rate that each is to reach."""
import dataclasses
import json
import math
import pathlib
import random
from typing import Callable

HERE = pathlib.Path(__file__).resolve().parent
BYTES = {"f64": 8, "f32": 4}
NAME, TENSORS = "kernel_under_test", "ABDEFG"


@dataclasses.dataclass
class Case:
    name: str
    group: str
    expression: str
    sizes: dict
    elem: str = "f64"
    run_time: str = ""  # indices of whose extent einc knows no more than a typical size

    @property
    def operands(self):
        return self.expression.split("->")[0].split(",")

    @property
    def result(self):
        return self.expression.split("->")[1]

    def count(self, indices):
        return math.prod(self.sizes[index] for index in indices)

    @property
    def inputs(self):
        """Shape and element type of each."""
        return [(tuple(self.sizes[index] for index in part), self.elem) for part in self.operands]

    @property
    def output(self):
        return tuple(self.sizes[index] for index in self.result)

    @property
    def dims(self):
        return [self.sizes[index] for index in self.run_time]

    @property
    def source(self):
        """Its kernel; run-time indices are dims of which einc knows the typical size."""
        operands, result = self.operands, self.result
        summed = [index for index in sorted(set("".join(operands))) if index not in result]
        dims = {index: f"dim_{index}" for index in self.run_time}

        def shape(indices):
            extents = ",".join(dims.get(index, str(self.sizes[index])) for index in indices)
            return f"{self.elem}[{extents}]" if indices else self.elem

        def access(tensor, indices):
            return f"{tensor}[{','.join(indices)}]" if indices else tensor

        factors = " * ".join(access(tensor, indices) for tensor, indices in zip(TENSORS, operands))
        inputs = ", ".join(f"{tensor}: {shape(indices)}" for tensor, indices in zip(TENSORS, operands))
        value = f"sum[{','.join(summed)}]({factors})" if summed else factors
        declared = "".join(f"dim {name} ~ {self.sizes[index]}\n" for index, name in dims.items())
        return f"{declared}kernel {NAME}({inputs}) -> (C: {shape(result)}) {{\n    {access('C', result)} = {value}\n}}\n"

    @property
    def flops(self):
        return 2.0 * math.prod(self.sizes.values())

    @property
    def bytes(self):
        """Of all tensors, once."""
        return float(BYTES[self.elem] * sum(self.count(indices) for indices in (*self.operands, self.result)))

    def matrix(self):
        """M, N and K of a matrix product of as many flops."""
        product = {"m": 1, "n": 1, "k": 1}
        for index, size in self.sizes.items():
            product["k" if index not in self.result else "m" if index in self.operands[0] else "n"] *= size
        return product["m"], product["n"], product["k"]


@dataclasses.dataclass
class Suite:
    cases: Callable
    peers: tuple
    words: str
    unit: str = "GFLOP/s"                  # or GB/s: each byte of a tensor counted once
    wanted: Callable = lambda case, rates: None  # the rate a case is to reach, from those of its peers and of the machine
    means: tuple = ()                      # (group or "", peer, ratio): what geometric means are to reach

    def work(self, case):
        return case.flops if self.unit == "GFLOP/s" else case.bytes


def tccg_cases():
    for case in json.loads((HERE / "tccg.json").read_text())["cases"]:
        yield Case(case["name"], case["group"], case["expr"], case["sizes_scaled_f64"])


def gemm_cases():
    for elem in ("f64", "f32"):
        yield Case(f"gemm_{elem}", "gemm", "ik,kj->ij", {"i": 2048, "j": 2048, "k": 2048}, elem)


def memory_cases():
    """Work that memory bounds: small enough for a cache, and streamed."""
    sizes = {"cached": {"i": 200, "k": 210}, "streamed": {"i": 4000, "k": 4100}}
    expressions = {"matvec": "ik,k->i", "vecmat": "k,ki->i", "rowsum": "ik->i", "colsum": "ki->i", "dot": "ik,ik->",
                   "outer": "i,k->ik", "scaled": "ik,k->ik"}
    for place, size in sizes.items():
        for elem in ("f64", "f32"):
            for name, expression in expressions.items():
                yield Case(f"{name}_{elem}_{place}", place, expression, size, elem)


L1_SET = 24 * 2 ** 10  # bytes, of all three tensors: three quarters of the smallest first cache of today's servers


def small_cases():
    """Batches of small products in the first cache, as many as fit, how many being known at run time."""
    for elem, lanes in (("f64", 8), ("f32", 16)):
        for n in range(4, 33):
            batch = max(1, L1_SET // (3 * n * n * BYTES[elem]))
            group = f"{elem}_{'whole' if n % lanes == 0 else 'odd'}"
            yield Case(f"small{n}_{elem}", group, "eij,ejk->eik", {"e": batch, "i": n, "j": n, "k": n}, elem, "e")


def small_wanted(case, rates):
    if "libxsmm" not in rates:
        return None
    if case.group.endswith("whole"):
        return 0.95 * rates["libxsmm"]
    return min(1.3 * rates["libxsmm"], 0.85 * rates["peak"])


def element_cases():
    """A matrix along one axis of an element's values, for many elements: one step of sum factorisation."""
    for place, size in (("cached", 2 ** 18), ("streamed", 2 ** 28)):
        for step, expression in (("middle", "li,eijk->eljk"), ("last", "li,ejki->ejkl")):
            for n in range(4, 13):
                sizes = {"e": max(1, size // (2 * n ** 3 * 8)), "i": n, "j": n, "k": n, "l": n}
                yield Case(f"{step}{n}_{place}", place, expression, sizes, run_time="e")


CACHED_ELEMENTS = 25  # GFLOP/s


def element_wanted(case, rates):
    if case.group == "cached":
        return CACHED_ELEMENTS
    bound = 0.8 * rates["copy"] * case.flops / case.bytes
    others = [rates[peer] for peer in ("numpy", "torch") if peer in rates]
    return min(5 * max(others), bound) if others else bound


LETTERS = "abcdefgh"
LARGEST_TENSOR, MOST_FLOPS = 64 * 2 ** 20, 20e9  # bytes; 2 a product and sum
LEAST_FLOPS = 1e6  # below that a call's own cost counts


def random_case(choice):
    """Two tensors of 2 to 5 indices, some shared; each index is of the result, or summed if both have it, in random order."""
    shared = choice.randint(1, 3)
    first = list(LETTERS[:choice.randint(max(2, shared), 5)])
    others = choice.randint(max(0, 2 - shared), 5 - shared)
    second = first[:shared] + list(LETTERS[len(first):len(first) + others])
    kept = [index for index in first[:shared] if choice.random() < 0.25]
    result = [index for index in first + second[shared:] if index not in first[:shared] or index in kept]
    for indices in (first, second, result):
        choice.shuffle(indices)
    sizes = {index: round(math.exp(choice.uniform(0, math.log(200)))) for index in sorted(set(first + second))}
    return f"{''.join(first)},{''.join(second)}->{''.join(result)}", sizes


def random_cases(count=1000, seed=1):
    choice = random.Random(seed)
    number = 0
    while number < count:
        expression, sizes = random_case(choice)
        case = Case(f"random{number}", "random", expression, sizes)
        fits = all(8 * case.count(part) <= LARGEST_TENSOR for part in (*case.operands, case.result))
        if fits and len(case.result) <= 5 and case.flops <= MOST_FLOPS:
            yield case
            number += 1


SHORTEST_AXIS = 2


def permutation_cases(count=100, elements=2 ** 23):
    """Extents that are random in their logarithm, the largest made to fit 64 MiB; an order that moves something."""
    for number in range(count):
        choice = random.Random(1000 + number)
        rank = choice.randint(2, 6)
        letters = LETTERS[:rank]
        sizes, left = {}, elements
        for position, letter in enumerate(letters[:-1]):
            share = left ** (1 / (rank - position))
            most = left // SHORTEST_AXIS ** (rank - 1 - position)
            sizes[letter] = max(SHORTEST_AXIS, min(int(share * math.exp(choice.uniform(-1, 1))), most))
            left //= sizes[letter]
        sizes[letters[-1]] = max(SHORTEST_AXIS, left)
        result = letters
        while result == letters:
            result = "".join(choice.sample(letters, rank))
        yield Case(f"permute{number}", f"rank{rank}", f"{letters}->{result}", sizes)


SUITES = {
    "tccg": Suite(tccg_cases, ("openblas", "blis", "numpy", "torch"), "48 tensor contractions of the TCCG benchmark",
                  wanted=lambda case, rates: 0.9 * rates["openblas"] if "openblas" in rates else None,
                  means=(("", "openblas", 1.2), ("ccsd_t", "openblas", 1.4), ("intensli", "openblas", 1.2), ("", "torch", 3),
                         ("", "numpy", 1.9))),
    "gemm": Suite(gemm_cases, ("openblas", "blis", "numpy", "torch"), "dense products, n = 2048, f64 and f32",
                  wanted=lambda case, rates: rates.get("openblas")),
    "small": Suite(small_cases, ("libxsmm",), "eij,ejk->eik, n = 4..32, in the first cache, f64 and f32", wanted=small_wanted),
    "elements": Suite(element_cases, ("numpy", "torch"), "li,eijk->eljk and li,ejki->ejkl, n = 4..12, in cache and streamed",
                      wanted=element_wanted),
    "memory": Suite(memory_cases, ("numpy", "torch"), "matrix times vector, sums, dot and outer products, in cache and streamed"),
    "random": Suite(random_cases, ("numpy", "torch"), "1000 random contractions of two tensors",
                    wanted=lambda case, rates: rates.get("numpy") if case.flops > LEAST_FLOPS else None,
                    means=(("", "numpy", 2.5),)),
    "permutations": Suite(permutation_cases, ("memcpy", "numpy", "torch"), "100 random permutations of axes, rank 2 to 6, 64 MiB",
                          unit="GB/s", means=(("", "memcpy", 0.8),)),
}

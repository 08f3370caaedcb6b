"""Structured layers for `structured.py`: a kernel's source, its arrays, the forms in which others compute it, and the rate wanted.

Rates are of the flops of the factored form, whatever a peer does; figures of other software that Debian does not have stand as constants."""
import dataclasses
import math
from typing import Callable

import numpy

from cases import NAME
from couplings import couplings

BYTES = {"f64": 8, "f32": 4, "i32": 4}
LIBCEED_PEAK = 67e9  # f64 peak of the machine on which the figures of libCEED were taken


@dataclasses.dataclass
class Layer:
    name: str
    group: str
    source: str
    inputs: list                     # (shape, element type) of each
    output: tuple
    flops: float
    reference: Callable              # of the inputs in f64
    forms: dict                      # peer -> functions (inputs, output) that give a function without arguments: its best counts
    dims: list = dataclasses.field(default_factory=list)  # values of the source's run-time dims
    fill: dict = dataclasses.field(default_factory=dict)  # number of an input -> array, where random numbers will not do
    files: dict = dataclasses.field(default_factory=dict)  # arrays beside the source: its constants
    added: bool = False              # the kernel adds to its output
    wanted: Callable = lambda layer, rates: None
    elsewhere: str = ""              # what other software reaches on another machine

    @property
    def elem(self):
        return self.inputs[-1][1]

    @property
    def bytes(self):
        """Of all tensors, once; of an output that is added to, twice."""
        return float(sum(BYTES[elem] * math.prod(shape) for shape, elem in self.inputs) +
                     (1 + self.added) * BYTES[self.elem] * math.prod(self.output))


def kernel(declared, inputs, output, body):
    return f"{declared}kernel {NAME}({inputs}) -> ({output}) {{\n{body}}}\n"


# ---- what is wanted ----

def share_of_peak(share):
    return lambda layer, rates: share * rates["peak"]


def times_blas(ratio, share=0):
    return lambda layer, rates: max(ratio * rates["blas"], share * rates["peak"])


def share_of_bandwidth(share):
    return lambda layer, rates: share * rates["copy"] * layer.flops / layer.bytes


# ---- three matrices along the axes of an element ----

CACHED_ELEMENTS = 25  # GFLOP/s


def einsum_forms(expression):
    def by_numpy(inputs, output):
        return lambda: numpy.einsum(expression, *inputs, optimize=True)

    def by_torch(inputs, output):
        import torch
        tensors = [torch.from_numpy(array) for array in inputs]
        return lambda: torch.einsum(expression, *tensors)
    return {"numpy": [by_numpy], "torch": [by_torch]}


def element_wanted(layer, rates):
    if layer.group == "cached":
        return CACHED_ELEMENTS
    return min(5 * max(rates.get("numpy", 0), rates.get("torch", 0)), share_of_bandwidth(0.8)(layer, rates))


def tensor_products():
    expression = "li,mj,nk,eijk->elmn"
    for place, size in (("cached", 2 ** 18), ("streamed", 2 ** 28)):
        for n in range(4, 13):
            count = max(1, size // (2 * n ** 3 * 8))
            source = kernel(f"dim E ~ {count}\n", f"A: f64[{n},{n}], B: f64[{n},{n}], C: f64[{n},{n}], u: f64[E,{n},{n},{n}]",
                            f"v: f64[E,{n},{n},{n}]", "    v[e,l,m,n] = A[l,i] * B[m,j] * C[n,k] * u[e,i,j,k]\n")
            yield Layer(f"product{n}_{place}", place, source, [((n, n), "f64")] * 3 + [((count, n, n, n), "f64")], (count, n, n, n),
                        6.0 * n ** 4 * count, lambda *inputs: numpy.einsum(expression, *inputs, optimize=True),
                        einsum_forms(expression), [count], wanted=element_wanted)


# ---- bake-off problems: the action of an operator on hexahedra (CEED BP1, BP3, BP5) ----

UNKNOWNS = 400_000
TO_POINTS, TO_NODES = "ai,bj,ck,eijk->eabc", "ai,bj,ck,eabc->eijk"
GRADIENT = ("DBB", "BDB", "BBD")
SYMMETRIC = ((0, 1, 2), (1, 3, 4), (2, 4, 5))
BP1_LINES = """\
    let q[e,a,b,c] = w[e,a,b,c] * B[a,i] * B[b,j] * B[c,k] * {u}
    {v} = B[a,i] * B[b,j] * B[c,k] * q[e,a,b,c]
"""


def bp3_lines(matrices):
    def factors(which):
        return " * ".join(f"{matrix}[{point},{node}]" if matrix != "1" else ""
                          for matrix, point, node in zip(which, "abc", "ijk"))
    lines = [f"    let g{d}[e,a,b,c] = {factors(which)} * {{u}}\n" for d, which in enumerate(matrices)]
    for d in range(3):
        terms = " + ".join(f"w[e,{SYMMETRIC[d][f]},a,b,c] * g{f}[e,a,b,c]" for f in range(3))
        lines.append(f"    let h{d}[e,a,b,c] = {terms}\n")
    lines.append("    {v} = " + " + ".join(f"{factors(which)} * h{d}[e,a,b,c]" for d, which in enumerate(matrices)) + "\n")
    return "".join(lines)


BP5_LINES = """\
    let g0[e,a,b,c] = D[a,i] * {ui}
    let g1[e,a,b,c] = D[b,j] * {uj}
    let g2[e,a,b,c] = D[c,k] * {uk}
    let h0[e,a,b,c] = w[e,0,a,b,c] * g0[e,a,b,c] + w[e,1,a,b,c] * g1[e,a,b,c] + w[e,2,a,b,c] * g2[e,a,b,c]
    let h1[e,a,b,c] = w[e,1,a,b,c] * g0[e,a,b,c] + w[e,3,a,b,c] * g1[e,a,b,c] + w[e,4,a,b,c] * g2[e,a,b,c]
    let h2[e,a,b,c] = w[e,2,a,b,c] * g0[e,a,b,c] + w[e,4,a,b,c] * g1[e,a,b,c] + w[e,5,a,b,c] * g2[e,a,b,c]
    {v} = D[a,i] * h0[e,a,j,k] + D[b,j] * h1[e,i,b,k] + D[c,k] * h2[e,i,j,c]
"""
LIBCEED = {("bp1", 3): 40.5, ("bp1", 5): 74.8, ("bp1", 7): 69.1, ("bp3", 3): 17.6, ("bp3", 4): 26.7, ("bp3", 5): 30.6, ("bp3", 6): 31.5,
           ("bp3", 7): 37.1, ("bp5", 3): 43.6, ("bp5", 5): 62.4, ("bp5", 7): 71.8}  # million unknowns a second, its best backend
BP_WANTED = {("bp1", 3): 57, ("bp1", 5): 105, ("bp1", 7): 97, ("bp5", 3): 61, ("bp5", 5): 87, ("bp5", 7): 101}
BP3_SHARES = {3: 0.22, 4: 0.30, 5: 0.33, 6: 0.33, 7: 0.39}


def multiplications(problem, P, Q):
    """Of one element: sums along axes, and the work at the points."""
    there = P ** 3 * Q + P ** 2 * Q ** 2 + P * Q ** 3
    return {"bp1": 2 * there + Q ** 3, "bp3": 2 * (there + 3 * Q ** 4) + 9 * Q ** 3, "bp5": 6 * P ** 4 + 9 * P ** 3}[problem]


def bp_reference(problem):
    def gradients(B, D, u):
        if problem == "bp5":
            return [numpy.einsum("ai,eijk->eajk", D, u), numpy.einsum("bj,eijk->eibk", D, u), numpy.einsum("ck,eijk->eijc", D, u)]
        return [numpy.einsum(TO_POINTS, *({"B": B, "D": D}[name] for name in which), u, optimize=True) for which in GRADIENT]

    def back(B, D, h):
        if problem == "bp5":
            return numpy.einsum("ai,eajk->eijk", D, h[0]) + numpy.einsum("bj,eibk->eijk", D, h[1]) + numpy.einsum("ck,eijc->eijk", D, h[2])
        return sum(numpy.einsum(TO_NODES, *({"B": B, "D": D}[name] for name in which), one, optimize=True)
                   for which, one in zip(GRADIENT, h))

    def mass(B, w, u):
        q = w * numpy.einsum(TO_POINTS, B, B, B, u, optimize=True)
        return numpy.einsum(TO_NODES, B, B, B, q, optimize=True)

    def stiffness(*inputs):
        B, D, w, u = inputs if problem == "bp3" else (None, *inputs)
        g = gradients(B, D, u)
        return back(B, D, [sum(w[:, SYMMETRIC[d][f]] * g[f] for f in range(3)) for d in range(3)])
    return mass if problem == "bp1" else stiffness


def bp_wanted(problem, p, nodes):
    def wanted(layer, rates):
        if problem == "bp3":
            return BP3_SHARES[p] * rates["peak"]
        if (problem, p) not in BP_WANTED:
            return None
        by_unknowns = 1e-3 * BP_WANTED[problem, p] * layer.flops / nodes * rates["peak"] / (1e-9 * LIBCEED_PEAK)
        return min(by_unknowns, share_of_bandwidth(0.8)(layer, rates))
    return wanted


def bake_off(restricted):
    for problem in ("bp1", "bp3", "bp5"):
        for p in range(3, 8):
            yield bake_off_layer(problem, p, restricted)


def numbering(side, p):
    """The unknowns of side^3 elements of degree p that share their faces: [elements, p+1, p+1, p+1]."""
    along = numpy.arange(side)[:, None] * p + numpy.arange(p + 1)
    line = side * p + 1
    table = (along[:, None, None, :, None, None] * line + along[None, :, None, None, :, None]) * line + along[None, None, :, None, None, :]
    return table.reshape(side ** 3, p + 1, p + 1, p + 1).astype(numpy.int32), line ** 3


def bake_off_layer(problem, p, restricted):
    P = p + 1
    Q = P if problem == "bp5" else p + 2
    side = round((UNKNOWNS / p ** 3) ** (1 / 3))
    count = side ** 3
    places, unknowns = numbering(side, p)
    matrices = {"bp1": ["B"], "bp3": ["B", "D"], "bp5": ["D"]}[problem]
    points = (count, Q, Q, Q) if problem == "bp1" else (count, 6, Q, Q, Q)
    words = ", ".join(f"{name}: f64[{Q},{P}]" for name in matrices)
    declared = f"dim E ~ {count}\n" + (f"dim N ~ {unknowns}\n" if restricted else "")
    shape = f"f64[E,{P},{P},{P}]"
    node = "[e,i,j,k]"
    read = "u[t[e,i,j,k]]" if restricted else "u" + node
    names = {"u": read, "v": "v[t[e,i,j,k]] +" if restricted else "v" + node}
    for axis, point in zip("ijk", "abc"):  # in BP5 nodes are points
        index = "abc".replace(point, axis)
        names["u" + axis] = f"u[t[e,{','.join(index)}]]" if restricted else f"u[e,{','.join(index)}]"
    lines = {"bp1": BP1_LINES, "bp3": bp3_lines(GRADIENT), "bp5": BP5_LINES}[problem].format(**names).replace(" + =", " +=")
    inputs = f"{words}, w: f64[{','.join(['E', *map(str, points[1:])])}]"
    inputs += f", t: i32[E,{P},{P},{P}], u: f64[N]" if restricted else f", u: {shape}"
    arrays = [((Q, P), "f64")] * len(matrices) + [(points, "f64")]
    arrays += [((count, P, P, P), "i32"), ((unknowns,), "f64")] if restricted else [((count, P, P, P), "f64")]
    plain = bp_reference(problem)

    def reference(*inputs):
        if not restricted:
            return plain(*inputs)
        made = numpy.zeros(unknowns)
        numpy.add.at(made, places, plain(*inputs[:-2], inputs[-1][places]))
        return made

    flops = 2.0 * count * multiplications(problem, P, Q)
    nodes = count * p ** 3
    libceed = 1e6 * LIBCEED.get((problem, p), 0) * flops / nodes / LIBCEED_PEAK
    forms = {} if restricted else {"numpy": [lambda inputs, output: lambda: plain(*inputs)]}
    return Layer(f"{problem}_p{p}" + "_mesh" * restricted, problem + "_mesh" * restricted,
                 kernel(declared, inputs, "v: f64[N]" if restricted else f"v: {shape}", lines), arrays,
                 (unknowns,) if restricted else (count, P, P, P), flops, reference, forms, [count, unknowns] if restricted else [count],
                 {len(arrays) - 2: places} if restricted else {}, added=restricted, wanted=bp_wanted(problem, p, nodes),
                 elsewhere=f"libCEED {libceed:.2f} of its peak" if libceed else "")


# ---- Kronecker products ----

def kron_layer(extents, batch, last, turned):
    """The Kronecker product of square matrices on a batch: rows [batch, n], or columns [n, batch] (`last`); factors as they are or turned."""
    rank, n = len(extents), math.prod(extents)
    before, after = "jklmp"[:rank], "abcde"[:rank]
    names = "ABCDE"[:rank]
    pairs = [(f"{j},{i}" if turned else f"{i},{j}") for i, j in zip(after, before)]
    merged = [f"({','.join(part)})" for part in (after, before)]
    place = [f"{part},n" if last else f"n,{part}" for part in merged]
    shape = (n, batch) if last else (batch, n)
    words = ", ".join(f"{name}: f32[{extent},{extent}]" for name, extent in zip(names, extents))
    source = kernel("", f"{words}, x: f32[{shape[0]},{shape[1]}]", f"y: f32[{shape[0]},{shape[1]}]",
                    f"    y[{place[0]}] = " + " * ".join(f"{name}[{pair}]" for name, pair in zip(names, pairs)) + f" * x[{place[1]}]\n")

    def of(matrix):
        return matrix.T if turned else matrix

    def reference(*inputs):
        x = inputs[-1].T if last else inputs[-1]
        x = x.reshape(batch, *extents)
        for axis, matrix in enumerate(inputs[:-1]):
            x = numpy.moveaxis(numpy.tensordot(x, of(matrix), (axis + 1, 1)), -1, axis + 1)
        return x.reshape(batch, n).T if last else x.reshape(batch, n)

    def axis_by_axis(inputs, output):
        """Each factor along its axis as products of matrices as they lie, one call or a stack of calls of GEMM."""
        *matrices, x = inputs
        scratch = [numpy.empty(x.size, x.dtype) for _ in range(2)]

        def run():
            at = x
            for axis, matrix in reversed(list(enumerate(matrices))):
                outer = math.prod(extents[:axis]) * (1 if last else batch)
                inner = math.prod(extents[axis + 1:]) * (batch if last else 1)
                to = output if axis == 0 else scratch[axis % 2]
                if inner == 1:
                    numpy.matmul(at.reshape(outer, -1), of(matrix).T, out=to.reshape(outer, -1))
                else:
                    numpy.matmul(of(matrix), at.reshape(outer, extents[axis], inner), out=to.reshape(outer, extents[axis], inner))
                at = to
        return run

    name = "x".join(map(str, extents))
    flops = 2.0 * batch * n * sum(extents)
    wanted = times_blas(1, 0.6 if rank == 2 else 0) if not turned else times_blas(1)
    return Layer(f"kron{name}_{'columns' if last else 'rows'}" + "_turned" * turned, "kron" + "_turned" * turned, source,
                 [((extent, extent), "f32") for extent in extents] + [(shape, "f32")], shape, flops, reference, {"blas": [axis_by_axis]},
                 wanted=wanted)


def kron_layers():
    for extents in ((32, 32), (64, 64), (16, 16, 16), (8, 8, 8, 8, 8)):
        for turned in (False, True):
            for last in (False, True):
                yield kron_layer(extents, 256, last, turned)


# ---- Monarch, block tensor trains, BLAST, low rank, blocks ----

def monarch_forms(blocks, rank=1):
    """R by blocks, then L by blocks: a stack of GEMMs each, with x and y in rows; and with the batch last between two transpositions,
    where all GEMMs read and write as things lie."""
    def rows(inputs, output):
        L, R, x = inputs
        batch = x.shape[0]
        k, j, m = blocks_of(R, rank)
        i = L.shape[1]
        to = numpy.empty((k, batch, j * rank), x.dtype)
        turned = numpy.empty((j, batch, k * rank), x.dtype)
        made = numpy.empty((j, batch, i), x.dtype)
        first = R.reshape(k, j * rank, m).transpose(0, 2, 1)
        second = numpy.ascontiguousarray(L.reshape(j, i, k * rank)).transpose(0, 2, 1)

        def run():
            numpy.matmul(x.reshape(batch, k, m).transpose(1, 0, 2), first, out=to)
            numpy.copyto(turned.reshape(j, batch, k, rank), to.reshape(k, batch, j, rank).transpose(2, 1, 0, 3))
            numpy.matmul(turned, second, out=made)
            numpy.copyto(output.reshape(batch, i, j), made.transpose(1, 2, 0))
        return run

    def columns(inputs, output):
        L, R, x = inputs
        batch = x.shape[0]
        k, j, m = blocks_of(R, rank)
        i = L.shape[1]
        turned = numpy.empty((k * m, batch), x.dtype)
        between = numpy.empty((k, j, rank, batch), x.dtype)
        second = numpy.empty((j, k, rank, batch), x.dtype) if rank > 1 else between.reshape(k, j, batch).transpose(1, 0, 2)
        made = numpy.empty((i, j, batch), x.dtype)

        def run():
            numpy.copyto(turned, x.T)
            numpy.matmul(R.reshape(k, j * rank, m), turned.reshape(k, m, batch), out=between.reshape(k, j * rank, batch))
            if rank > 1:
                numpy.copyto(second, between.transpose(1, 0, 2, 3))
            numpy.matmul(L.reshape(j, i, k * rank), second.reshape(j, k * rank, batch) if rank > 1 else second,
                         out=made.transpose(1, 0, 2))
            numpy.copyto(output.reshape(batch, i * j), made.reshape(i * j, batch).T)
        return run
    return {"blas": [rows, columns]}


def blocks_of(R, rank):
    return (R.shape[0], R.shape[1], R.shape[-1]) if rank == 1 else (R.shape[0], R.shape[1], R.shape[3])


def monarch_wanted(batch):
    return share_of_bandwidth(0.8) if batch == 1 else times_blas(2, 0.6) if batch == 256 else times_blas(1)


def monarch_layers():
    for n, blocks in ((1024, 32), (4096, 64)):
        m = n // blocks
        for batch in (1, 32, 256):
            source = kernel("", f"L: f32[{m},{m},{blocks}], R: f32[{blocks},{m},{m}], x: f32[{batch},{n}]", f"y: f32[{batch},{n}]",
                            "    operator M = monarch(L, R)\n    y[b,i] = M[i,j] * x[b,j]\n")
            yield Layer(f"monarch{n}_batch{batch}", "monarch", source,
                        [((m, m, blocks), "f32"), ((blocks, m, m), "f32"), ((batch, n), "f32")], (batch, n), 4.0 * batch * n * m,
                        lambda L, R, x: numpy.einsum("jik,kjm,bkm->bij", L, R, x.reshape(len(x), R.shape[0], -1),
                                                     optimize=True).reshape(len(x), -1),
                        monarch_forms(blocks), wanted=monarch_wanted(batch))


SPLITS = {384: (16, 24), 1152: (24, 48), 1536: (32, 48)}


def btt_layers():
    for columns, rows in ((384, 1152), (384, 384), (384, 1536), (1536, 384)):
        (k, m), (i, j) = SPLITS[columns], SPLITS[rows]
        for rank in (1, 2, 4):
            for batch in (1, 256):
                source = kernel("", f"L: f32[{j},{i},{k},{rank}], R: f32[{k},{j},{rank},{m}], x: f32[{batch},{columns}]",
                                f"y: f32[{batch},{rows}]", "    operator M = btt(L, R)\n    y[b,i] = M[i,j] * x[b,j]\n")
                flops = 2.0 * batch * rank * (k * j * m + j * i * k)
                yield Layer(f"btt{columns}x{rows}_rank{rank}_batch{batch}", "btt", source,
                            [((j, i, k, rank), "f32"), ((k, j, rank, m), "f32"), ((batch, columns), "f32")], (batch, rows), flops,
                            lambda L, R, x: numpy.einsum("jikr,kjrm,bkm->bij", L, R, x.reshape(len(x), R.shape[0], -1),
                                                         optimize=True).reshape(len(x), -1),
                            monarch_forms(k, rank) if rank > 1 else
                            {"blas": [lambda inputs, output, form=form: form([inputs[0][..., 0], inputs[1][:, :, 0], inputs[2]], output)
                                      for form in monarch_forms(k)["blas"]]},
                            wanted=times_blas(1.2))


def gemm_pair(inputs, output):
    U, V, x = inputs
    between = numpy.empty((len(x), V.shape[0]), x.dtype)

    def run():
        numpy.matmul(x, V.T, out=between)
        numpy.matmul(between, U.T, out=output)
    return run


def stack_of_gemms(inputs, output):
    B, x = inputs
    groups, rows, columns = B.shape
    batch = len(x)
    return lambda: numpy.matmul(x.reshape(batch, groups, columns).transpose(1, 0, 2), B.transpose(0, 2, 1),
                                out=output.reshape(batch, groups, rows).transpose(1, 0, 2))


def blast_form(inputs, output):
    """V by blocks, the sums over blocks as one product for each rank, U by blocks."""
    U, S, V, x = inputs
    b, p, r = U.shape
    q, batch = V.shape[1], len(x)
    between = numpy.empty((b, batch, r), x.dtype)
    mixed = numpy.empty((b, batch, r), x.dtype)

    def run():
        numpy.matmul(x.reshape(batch, b, q).transpose(1, 0, 2), V, out=between)
        numpy.einsum("ijr,jnr->inr", S, between, out=mixed)
        numpy.matmul(mixed, U.transpose(0, 2, 1), out=output.reshape(batch, b, p).transpose(1, 0, 2))
    return run


def other_layers():
    n, r, b = 4096, 256, 4
    for batch in (1, 256):
        yield Layer(f"blast{n}_batch{batch}", "blast",
                    kernel("", f"U: f32[{b},{n // b},{r}], S: f32[{b},{b},{r}], V: f32[{b},{n // b},{r}], x: f32[{batch},{n}]",
                           f"y: f32[{batch},{n}]", "    operator M = blast(U, S, V)\n    y[b,i] = M[i,j] * x[b,j]\n"),
                    [((b, n // b, r), "f32"), ((b, b, r), "f32"), ((b, n // b, r), "f32"), ((batch, n), "f32")], (batch, n),
                    batch * (4.0 * n * r + 2.0 * b * b * r),
                    lambda U, S, V, x: numpy.einsum("ipr,ijr,jqr,njq->nip", U, S, V, x.reshape(len(x), len(V), -1),
                                                    optimize=True).reshape(len(x), -1), {"blas": [blast_form]}, wanted=times_blas(1.2))
        low = 16
        yield Layer(f"lowrank{n}_batch{batch}", "lowrank",
                    kernel("", f"U: f32[{n},{low}], V: f32[{low},{n}], x: f32[{batch},{n}]", f"y: f32[{batch},{n}]",
                           "    operator M = lowrank(U, V)\n    y[b,i] = M[i,j] * x[b,j]\n"),
                    [((n, low), "f32"), ((low, n), "f32"), ((batch, n), "f32")], (batch, n), 4.0 * batch * n * low,
                    lambda U, V, x: (x @ V.T) @ U.T, {"blas": [gemm_pair]}, wanted=times_blas(1.2))
        size = 64
        yield Layer(f"blocks{n}_batch{batch}", "blocks",
                    kernel("", f"B: f32[{n // size},{size},{size}], x: f32[{batch},{n}]", f"y: f32[{batch},{n}]",
                           "    operator M = blockdiag(B)\n    y[b,i] = M[i,j] * x[b,j]\n"),
                    [((n // size, size, size), "f32"), ((batch, n), "f32")], (batch, n), 2.0 * batch * n * size,
                    lambda B, x: numpy.einsum("gij,ngj->ngi", B, x.reshape(len(x), len(B), -1), optimize=True).reshape(len(x), -1),
                    {"blas": [stack_of_gemms]}, wanted=times_blas(1.2))


# ---- products of spherical harmonics ----

def coupling_layers():
    """All paths up to degree 6, 7396 nonzeros: a multiplication each, and one for each pair that some of them share."""
    most, batch = 6, 256
    C = couplings(most)
    rows, n, _ = C.shape
    dense = C.astype("f4")

    def by_numpy(inputs, output):
        return lambda: numpy.einsum("kij,ti,tj->tk", dense, *inputs, optimize=True)
    source = kernel(f'const C: f32[{rows},{n},{n}] = file("couplings.npy")\n', f"a: f32[{batch},{n}], b: f32[{batch},{n}]",
                    f"y: f32[{batch},{rows}]", "    y[t,k] = C[k,i,j] * a[t,i] * b[t,j]\n")
    yield Layer(f"couplings_{most}", "couplings", source, [((batch, n), "f32")] * 2, (batch, rows),
                batch * (2.0 * numpy.count_nonzero(C) + numpy.count_nonzero(C.any(axis=0))),
                lambda a, b: numpy.einsum("kij,ti,tj->tk", dense.astype("f8"), a, b, optimize=True), {"numpy": [by_numpy]},
                files={"couplings.npy": dense}, wanted=lambda layer, rates: 5 * rates["numpy"] if "numpy" in rates else None)


# ---- Poisson's equation on a cube, by eigenvectors of its axes ----

def poisson_layers():
    for n in (16, 32, 64):
        axes = ("[(a,b,c)]", "[(i,j,k)]")
        source = kernel("", f"V: f64[{n},{n}], d: f64[{n},{n},{n}], f: f64[{n},{n},{n}]", f"u: f64[{n},{n},{n}]",
                        "    let s[a,b,c] = d[a,b,c] * V[i,a] * V[j,b] * V[k,c] * f[i,j,k]\n"
                        "    u[i,j,k] = V[i,a] * V[j,b] * V[k,c] * s[a,b,c]\n")

        def three_products(inputs, output, n=n):
            V, d, f = inputs
            scratch = [numpy.empty((n, n, n)) for _ in range(2)]

            def along(matrix, at, to):
                numpy.matmul(matrix, at.reshape(n, n * n), out=scratch[0].reshape(n, n * n))
                numpy.matmul(matrix, scratch[0], out=scratch[1])
                numpy.matmul(scratch[1].reshape(n * n, n), matrix.T, out=to.reshape(n * n, n))

            def run():
                along(V.T, f, output)
                numpy.multiply(output, d, out=output)
                along(V, output, output)
            return run

        def reference(V, d, f):
            s = d * numpy.einsum("ia,jb,kc,ijk->abc", V, V, V, f, optimize=True)
            return numpy.einsum("ia,jb,kc,abc->ijk", V, V, V, s, optimize=True)
        yield Layer(f"poisson{n}", "poisson", source, [((n, n), "f64"), ((n, n, n), "f64"), ((n, n, n), "f64")], (n, n, n),
                    12.0 * n ** 4 + n ** 3, reference, {"blas": [three_products]}, wanted=share_of_peak(0.6))


# ---- a layer of a perceptron whose weights are a Monarch matrix, and what its activation costs ----

def perceptron_layers():
    batch, (k, m), (i, j) = 512, (16, 48), (64, 48)
    rows, columns = i * j, k * m
    for name, line in (("linear", "M[i,j] * x[b,j] + a[i]"), ("gelu", "gelu(M[i,j] * x[b,j] + a[i])")):
        source = kernel("", f"L: f32[{j},{i},{k}], R: f32[{k},{j},{m}], a: f32[{rows}], x: f32[{batch},{columns}]",
                        f"y: f32[{batch},{rows}]", f"    operator M = monarch(L, R)\n    y[b,i] = {line}\n")

        def reference(L, R, a, x, bent=name == "gelu"):
            z = numpy.einsum("jik,kjm,bkm->bij", L, R, x.reshape(len(x), k, m), optimize=True).reshape(len(x), -1) + a
            return z * 0.5 * (1 + numpy.vectorize(math.erf)(z / math.sqrt(2))) if bent else z

        def form(inputs, output, way, bent=name == "gelu"):
            L, R, a, x = inputs
            product = way([L, R, x], output)

            def run():
                product()
                numpy.add(output, a, out=output)
                if bent:  # its form by tanh: NumPy has no erf
                    output[...] = 0.5 * output * (1 + numpy.tanh(0.7978845608 * (output + 0.044715 * output * output * output)))
            return run
        forms = [lambda inputs, output, way=way, form=form: form(inputs, output, way) for way in monarch_forms(k)["blas"]]
        yield Layer(f"perceptron_{name}", "perceptron", source,
                    [((j, i, k), "f32"), ((k, j, m), "f32"), ((rows,), "f32"), ((batch, columns), "f32")], (batch, rows),
                    2.0 * batch * (k * j * m + j * i * k), reference, {"blas": forms})


# ---- a state space layer (Mamba-2 of 130M parameters), whose plain recurrence einc cuts into chunks ----

STEPS, HEADS, STATE, WIDTH = 2048, 24, 128, 64
CHUNK = 64  # of the forms of others: what the flops are counted by


def state_space_flops(chunk):
    """Of the matrix products, triangles by what is in them: C B, what a chunk adds to the state, what the state gives, what stays in a chunk."""
    triangle = (chunk + 1) / 2
    return 2.0 * STEPS * (triangle * STATE + HEADS * (2 * STATE * WIDTH + triangle * WIDTH))


def state_space_chunks(inputs, make):
    """The chunk form of T. Dao and A. Gu, "Transformers are SSMs", 2024, listing 1, with `make` numpy or torch."""
    x, dt, A, B, C, D = inputs
    chunks, heads = len(x) // CHUNK, x.shape[1]
    shape = (chunks, CHUNK)
    dx = (x * dt[:, :, None]).reshape(*shape, heads, -1)
    fades = make.cumsum((-dt * A).reshape(*shape, heads), 1)
    B, C = B.reshape(*shape, -1), C.reshape(*shape, -1)
    through = make.exp(make.where((make.arange(CHUNK)[:, None] >= make.arange(CHUNK))[None, :, :, None],
                                  fades[:, :, None] - fades[:, None], make.full((), -math.inf, dtype=x.dtype)))
    weights = make.moveaxis((C @ make.swapaxes(B, 1, 2))[..., None] * through, 3, 1)
    values = make.moveaxis(dx, 2, 1)
    inside = weights @ values
    added = make.swapaxes(B, 1, 2)[:, None] @ (values * make.moveaxis(make.exp(fades[:, -1:] - fades), 2, 1)[..., None])
    kept, state, states = make.exp(fades[:, -1]), make.zeros_like(added[0]), []
    for chunk in range(chunks):
        states.append(state)
        state = kept[chunk][:, None, None] * state + added[chunk]
    before = (C[:, None] @ make.stack(states)) * make.moveaxis(make.exp(fades), 2, 1)[..., None]
    return make.moveaxis(inside + before, 1, 2).reshape(x.shape) + D[:, None] * x


def state_space_layers():
    declared = [(STEPS, HEADS, WIDTH), (STEPS, HEADS), (HEADS,), (STEPS, STATE), (STEPS, STATE), (HEADS,)]
    inputs = ", ".join(f"{name}: f32[{','.join(map(str, shape))}]" for name, shape in zip(("x", "dt", "A", "B", "C", "D"), declared))
    body = """\
    scan t {
        a[t,r] = exp(-dt[t,r] * A[r])
        h[t,r,n,p] = a[t,r] * h[t-1,r,n,p] + dt[t,r] * B[t,n] * x[t,r,p]
        y[t,r,p] = C[t,n] * h[t,r,n,p] + D[r] * x[t,r,p]
    } from h[-1,r,n,p] = 0
"""
    random = numpy.random.default_rng(6)
    fill = {1: random.uniform(0.001, 0.1, declared[1]), 2: random.uniform(1, 16, declared[2])}  # as the layer is trained

    def by_torch(inputs, output):
        import torch
        tensors = [torch.from_numpy(array) for array in inputs]
        return lambda: state_space_chunks(tensors, torch)
    yield Layer("state_space", "state_space", kernel("", inputs, f"y: f32[{STEPS},{HEADS},{WIDTH}]", body),
                [(shape, "f32") for shape in declared], declared[0], state_space_flops(CHUNK),
                lambda *inputs: state_space_chunks(inputs, numpy),
                {"numpy": [lambda inputs, output: lambda: state_space_chunks(inputs, numpy)], "torch": [by_torch]}, fill=fill,
                wanted=share_of_peak(0.4))


def all_layers():
    yield from tensor_products()
    yield from bake_off(False)
    yield from bake_off(True)
    yield from kron_layers()
    yield from monarch_layers()
    yield from btt_layers()
    yield from other_layers()
    yield from coupling_layers()
    yield from poisson_layers()
    yield from perceptron_layers()
    yield from state_space_layers()

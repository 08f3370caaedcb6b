"""Matrices and tensors with structure and without, given as numbers alone: what discovery is tested with and measured on. Their entries are right to the last bit or nearly."""
import functools

import numpy as np


def roots(order):
    """Calculated in long double, rounded once."""
    k = np.arange(order)
    angle = 2 * np.pi * k.astype(np.longdouble) / order
    return (np.cos(angle) - 1j * np.sin(angle)).astype(np.complex128)


def dft(n):
    k = np.arange(n)
    return roots(n)[np.outer(k, k) % n]


def wave(n, row, column, order, sine=False):
    k = np.arange(n)
    values = roots(order)[np.outer(row(k), column(k)) % order]
    return -2 * values.imag if sine else 2 * values.real


def dct1(n):
    matrix = wave(n, lambda k: k, lambda l: l, 2 * n - 2)
    matrix[:, [0, -1]] /= 2
    return matrix


def dct2(n):
    return wave(n, lambda k: k, lambda l: 2 * l + 1, 4 * n)


def dct3(n):
    matrix = wave(n, lambda k: 2 * k + 1, lambda l: l, 4 * n)
    matrix[:, 0] /= 2
    return matrix


def dct4(n):
    return wave(n, lambda k: 2 * k + 1, lambda l: 2 * l + 1, 8 * n)


def dst2(n):
    return wave(n, lambda k: k + 1, lambda l: 2 * l + 1, 4 * n, sine=True)


def dst3(n):
    matrix = wave(n, lambda k: 2 * k + 1, lambda l: l + 1, 4 * n, sine=True)
    matrix[:, -1] /= 2
    return matrix


def dst1(n):
    return wave(n, lambda k: k + 1, lambda l: l + 1, 2 * n + 2, sine=True)


def dst4(n):
    return wave(n, lambda k: 2 * k + 1, lambda l: 2 * l + 1, 8 * n, sine=True)


def dht(n):
    return dft(n).real - dft(n).imag


def hadamard(n):
    return functools.reduce(np.kron, [np.array([[1.0, 1.0], [1.0, -1.0]])] * (n.bit_length() - 1))


def walsh(n):
    bits = n.bit_length() - 1
    return hadamard(n)[[int(format(i ^ (i >> 1), f"0{bits}b")[::-1], 2) for i in range(n)]]


def butterfly(rng, radices):
    n = int(np.prod(radices))
    matrix, behind = np.eye(n), 1
    for radix in radices:
        factor = rng.standard_normal((n // radix // behind, radix, radix, behind)) / np.sqrt(radix)
        matrix = np.einsum("pijq,pjqn->piqn", factor, matrix.reshape(n // radix // behind, radix, behind, n)).reshape(n, n)
        behind *= radix
    return matrix


def widened(rng, radices, width):
    """A butterfly whose steps lie `width` times as wide between factors as its columns are many."""
    n, before, matrix = int(np.prod(radices)), 1, None
    for k, radix in enumerate(radices):
        m, own, behind = radix * (width if k else 1), radix * (width if k + 1 < len(radices) else 1), n // before // radix
        factor = rng.standard_normal((before, m, own, behind))
        matrix = np.eye(n) if matrix is None else matrix
        matrix = np.einsum("xpiq,pijq->xpjq", matrix.reshape(n, before, m, behind), factor)
        before *= radix
    return matrix.reshape(n, n)


def monarch(rng, p, q, r, s, rank):
    left, right = rng.standard_normal((q, p, r, rank)), rng.standard_normal((r, q, rank, s))
    return np.einsum("jikt,kjtm->ijkm", left, right).reshape(p * q, r * s)


def blocks(rng, count, m, n):
    matrix = np.zeros((count * m, count * n))
    for g in range(count):
        matrix[g * m:(g + 1) * m, g * n:(g + 1) * n] = rng.standard_normal((m, n))
    return matrix


def shifted(t, m, n):
    return t[np.subtract.outer(np.arange(m), np.arange(n)) + n - 1]


def levels(rng, extents, wraps):
    """A Toeplitz matrix of several levels; along digits that wrap circulant."""
    t = rng.standard_normal([n if wrap else 2 * n - 1 for n, wrap in zip(extents, wraps)])
    digits = np.unravel_index(np.arange(np.prod(extents)), extents)
    return t[tuple(np.subtract.outer(d, d) % n if wrap else np.subtract.outer(d, d) + n - 1 for d, n, wrap in zip(digits, extents, wraps))]


def kron(rng, *shapes):
    return functools.reduce(np.kron, [rng.standard_normal(shape) for shape in shapes])


def dominant_toeplitz(rng, n):
    """Far from singular: a band of some 20 on a diagonal."""
    t = rng.standard_normal(2 * n - 1) * 0.9 ** abs(np.arange(1 - n, n))
    t[n - 1] += 8
    return shifted(t, n, n)


def inverse(matrix):
    """Rounded once, but for a part in 1e19."""
    near, wide = np.linalg.inv(matrix), matrix.astype(np.longdouble)
    return (near + near @ (np.eye(len(matrix)) - wide @ near)).astype(np.float64)


def state_space(rng, n, rank, own_decays):
    """The kernel of a recurrence of `rank` states that decay alike, or each at its own rate."""
    decays = np.cumsum(np.log(rng.uniform(0.9, 1, (n, rank if own_decays else 1))), 0)
    left, right = rng.standard_normal((2, n, rank))
    return np.tril(sum(np.outer(left[:, k], right[:, k]) * np.exp(np.minimum(0, np.subtract.outer(*[decays[:, k % decays.shape[1]]] * 2))) for k in range(rank)))


def green(rng, n, width):
    """What inverses of banded symmetric matrices are: a triangle of rank `width`, and its mirror image."""
    left, right = np.cumsum(rng.uniform(size=(2, n, width)), 1)
    triangle = np.tril(right[::-1] @ left.T)
    return triangle + np.tril(triangle, -1).T


def blast(rng, n, count, rank):
    """Blocks that are diagonal between bases which their rows, and their columns, share."""
    left, right = rng.standard_normal((2, count, n // count, rank))
    return np.einsum("ipr,ijr,jqr->ipjq", left, rng.standard_normal((count, count, rank)), right).reshape(n, n)


def cauchy(rng, n):
    """Between diagonals, of nodes that take turns, in any order."""
    x, y = ((np.arange(n) + at + rng.uniform(-0.2, 0.2, n)) / n for at in (0, 0.5))
    return (rng.uniform(0.5, 2, (n, 1)) / np.subtract.outer(x, y) * rng.choice([-1, 1], n))[rng.permutation(n)][:, rng.permutation(n)]


def scaled(rng, matrix):
    """Between diagonals, of complex numbers where it is complex; the numbers of a row may not be much smaller than others."""
    def diagonal(n):
        size = rng.uniform(0.5, 2, n) * rng.choice([-1, 1], n)
        return size * np.exp(2j * np.pi * rng.uniform(size=n)) if np.iscomplexobj(matrix) else size
    return diagonal(len(matrix))[:, None] * matrix * diagonal(matrix.shape[1])


def structured(rng, sizes):
    """Name, matrix, family, flops a column at most (None: those of a transform)."""
    for n in sizes:
        for name, make, least in (("dft", dft, 8), ("dct2", dct2, 2), ("dct3", dct3, 2), ("dct4", dct4, 2), ("dst2", dst2, 2), ("dst3", dst3, 2), ("dht", dht, 2),
                                  ("hadamard", hadamard, 2), ("walsh", walsh, 2)):
            if name in ("hadamard", "walsh") and n & (n - 1):
                continue
            matrix, fast = make(n), least * n * np.log2(n) + 6 * n
            yield f"{name} {n}", matrix, "named", fast
            yield f"{name} {n} scaled", scaled(rng, matrix), "named", fast + 12 * n
            yield f"{name} {n}, columns permuted", matrix[:, rng.permutation(n)], "named", fast
            yield f"{name} {n}, rows permuted", matrix[rng.permutation(n)], "named", fast
        yield f"conjugated dft {n}", dft(n).conj(), "named", 8 * n * np.log2(n)
        yield f"scaled permutation {n}", rng.standard_normal(n)[:, None] * np.eye(n)[rng.permutation(n)], "scatter", n
        yield f"identity {n}", np.eye(n), "scatter", 0
        t = rng.standard_normal(2 * n)
        yield f"toeplitz {n}", shifted(t, n, n), "shifted", 2 * n * n
        yield f"toeplitz {n} x {n // 2}", shifted(t, n, n // 2), "shifted", n * n
        yield f"hankel {n}", shifted(t, n, n)[:, ::-1], "shifted", 2 * n * n
        yield f"circulant {n}", t[np.subtract.outer(np.arange(n), np.arange(n)) % n], "shifted", 2 * n * n
        stencil = np.zeros(2 * n)
        stencil[n - 2:n + 1] = -1, 2, -1
        yield f"stencil {n}", shifted(stencil, n, n), "scatter", 6 * n
        yield f"low rank {n}", rng.standard_normal((n, 5)) @ rng.standard_normal((5, n + 3)), "outer", 10 * (2 * n + 3)
        yield f"diagonal and low rank {n}", np.diag(rng.standard_normal(n)) + rng.standard_normal((n, 3)) @ rng.standard_normal((3, n)), "low_rank", 14 * n
        v = rng.standard_normal(n)
        yield f"reflection {n}", np.eye(n) - 2 * np.outer(v, v) / (v @ v), "low_rank", 5 * n
    for count, m, n in ((8, 8, 8), (4, 16, 24), (16, 16, 16)):
        matrix = blocks(rng, count, m, n)
        yield f"{count} blocks of {m} x {n}", matrix, "scatter", 2 * count * m * n
        yield f"{count} hidden blocks of {m} x {n}", matrix[rng.permutation(count * m)][:, rng.permutation(count * n)], "scatter", 2 * count * m * n
    one = rng.standard_normal((16, 16))
    yield "equal blocks", np.kron(np.eye(8), one), "scatter", 2 * 8 * 256
    for shapes in (((4, 6), (16, 12)), ((4, 4), (5, 3), (4, 8)), ((3, 5), (4, 2), (2, 4), (5, 3)), ((16, 16), (16, 16))):
        work = 1
        for m, n in shapes:
            work *= max(m, n)
        yield f"kron of {shapes}", kron(rng, *shapes), "kronecker", 2 * work * sum(min(m, n) for m, n in shapes)
    for terms in (2, 6):
        yield f"sum of {terms} kron", sum(kron(rng, (16, 16), (24, 24)) for _ in range(terms)), "kronecker", terms * 2 * 384 * 40 + 6 * 384
    for p, q, r, s, rank in ((16, 16, 16, 16, 1), (8, 32, 16, 8, 1), (32, 8, 4, 64, 1), (16, 16, 16, 16, 2), (24, 16, 16, 24, 4), (64, 4, 4, 48, 1)):
        yield f"monarch {p, q, r, s} of rank {rank}", monarch(rng, p, q, r, s, rank), "kronecker_sparse", 2 * rank * (r * q * s + p * q * r)
    for p, q, r, s in ((16, 16, 16, 16), (8, 32, 16, 8), (24, 8, 8, 24)):
        matrix = monarch(rng, p, q, r, s, 1)
        yield f"monarch {p, q, r, s}, columns permuted", matrix[:, rng.permutation(r * s)], "ordered", 2 * (r * q * s + p * q * r)
        yield f"monarch {p, q, r, s}, rows permuted", matrix[rng.permutation(p * q)], "ordered", 2 * (r * q * s + p * q * r)
    for m, n in ((160, 160), (128, 200), (200, 129)):
        t, h = rng.standard_normal((2, m + n - 1))
        yield f"toeplitz and hankel {m} x {n}", shifted(t, m, n) + shifted(h, m, n)[:, ::-1], "toeplitz_hankel", 1.4 * m * n
    for extents, wraps in (((16, 16), (True, True)), ((12, 20), (True, True)), ((16, 16), (True, False)), ((16, 24), (False, False)), ((24, 16), (False, True)), ((8, 6, 8), (True, True, True))):
        n = np.prod(extents)
        yield f"levels {extents}, {wraps}", levels(rng, extents, wraps), "multilevel", (24 if wraps[0] else 52) * 2 ** (len(extents) - 2) * n * np.log2(n) / 2
    for make in (dct1, dct3, dst1, dst2, dst4, dht):
        matrix, fast = make(128), 20 * 128
        yield f"{make.__name__} 128, columns permuted", matrix[:, rng.permutation(128)], "named", fast
        yield f"{make.__name__} 128, rows permuted", matrix[rng.permutation(128)], "named", fast
    for left, right, rank in (((8, 8), (8, 8), 3), ((8, 16), (16, 12), 2), ((6, 6), (16, 16), 3)):
        (m, n), flops = np.multiply(left, right), 0
        flops = 2 * min(left[1] * right[0] * right[1] + right[0] * left[0] * left[1], right[1] * left[0] * left[1] + left[0] * right[0] * right[1])
        yield f"kron of {left, right} and rank {rank}", kron(rng, left, right) + rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n)), "corrected", flops + 2 * rank * (m + n) + m
    for radices in ([2] * 8, [4] * 4, [2, 4, 8, 4], [3, 4, 5, 2], [16, 16]):
        n = int(np.prod(radices))
        yield f"butterfly {radices}", butterfly(rng, radices), "kronecker_sparse", 2 * n * sum(radices)
    for radices, width in (([4, 4, 4], 2), ([6, 5, 8], 2), ([8, 8, 8], 3)):
        n = int(np.prod(radices))
        ends = width * n * (radices[0] + radices[-1])
        yield f"butterfly {radices}, {width} times as wide", widened(rng, radices, width), "kronecker_sparse", 2 * (ends + width * width * n * sum(radices[1:-1]))
    for n in (128, 180):
        matrix = inverse(dominant_toeplitz(rng, n))
        yield f"inverse of toeplitz {n}", matrix, "displacement", 32 * n * np.log2(2 * n)
        yield f"inverse of hankel {n}", matrix[::-1], "displacement", 32 * n * np.log2(2 * n)
    yield "product of toeplitz 256", dominant_toeplitz(rng, 256) @ dominant_toeplitz(rng, 256), "displacement", 64 * 256 * 9
    for n, rank, own in ((256, 16, False), (180, 8, False), (192, 8, True)):
        yield f"state space {n}, rank {rank}{', own decays' if own else ''}", state_space(rng, n, rank, own), "hierarchical", 21 * n * rank
    for n, width in ((96, 1), (192, 2)):
        yield f"inverse of a band {n}, {width}", green(rng, n, width), "hierarchical", 64 * n * width
    x = np.sort(rng.uniform(size=160))
    yield "exponential of a distance", np.exp(-3 * abs(np.subtract.outer(x, x))), "hierarchical", 80 * 160
    for n in sizes:
        some, window = n // 2 + 2, np.hanning(n // 2 + 2)
        for name, matrix in (("some frequencies", dft(n)[rng.permutation(n)[:some]]), ("a window", dft(n)[:, :some] * window), ("frequencies from 5 on, weighted", scaled(rng, dft(n)[5:5 + some]))):
            yield f"dft {n}, {name}", matrix, "named", 8 * n * np.log2(n) + 24 * n
        for name, matrix in (("the first rows", scaled(rng, dct2(n)[:some])), ("some rows", dct4(n)[rng.permutation(n)[:some]]), ("some columns", dst2(n)[:, rng.permutation(n)[:some]])):
            yield f"cosines and sines {n}, {name}", matrix, "named", 2 * n * np.log2(n) + 8 * n
    t = rng.standard_normal(320)
    for name, matrix in (("toeplitz", shifted(t, 160, 160)), ("tall toeplitz", shifted(t, 192, 128)), ("hankel", shifted(t, 144, 176)[:, ::-1]), ("circulant", t[np.subtract.outer(np.arange(128), np.arange(128)) % 128])):
        rows, columns = scaled(rng, np.ones((len(matrix), 1))), scaled(rng, np.ones((1, matrix.shape[1])))
        for where, by in (("on both sides", rows * columns), ("on the left", rows), ("on the right", columns)):
            yield f"{name} scaled {where}", by * matrix, "scaled", matrix.size
    for n in sizes:
        yield f"blocks of {n // 4} that share bases of {n // 8}", blast(rng, n, 4, n // 8), "blast", 2 * (n // 8) * (2 * n + 16)


def unstructured(rng, n):
    yield "gaussian", rng.standard_normal((n, n))
    yield "orthogonal", np.linalg.qr(rng.standard_normal((n, n)))[0]
    yield "signs", rng.choice([-1.0, 1.0], (n, n))
    for name, matrix, _, _ in structured(rng, (n,)):
        replaced = rng.uniform(size=matrix.shape) < 0.01
        if "scatter" != _ and np.count_nonzero(matrix) > matrix.size / 2:
            yield f"{name}, 1 % replaced", np.where(replaced, rng.standard_normal(matrix.shape) * np.sqrt(np.mean(abs(matrix) ** 2)), matrix)


def tensors(rng, n):
    """Tensors of n * n numbers along three axes."""
    normal, side = rng.standard_normal, 2 ** (n.bit_length() // 2 + 1)
    extents = (n * n // side ** 2, side, side)
    outer = np.einsum("kr,ir,jr->kij", *(normal((extent, 8)) for extent in extents))
    yield "outer products", outer
    yield "a core", np.einsum("abc,ka,ib,jc->kij", normal((4, 5, 6)), *(normal((extent, rank)) for extent, rank in zip(extents, (4, 5, 6))))
    yield "a product of tensors", np.einsum("abc,def->adbecf", normal((4, 4, 4)), normal([extent // 4 for extent in extents])).reshape(extents)
    yield "few nonzeros", np.where(rng.uniform(size=extents) < 0.05, normal(extents), 0)
    yield "gaussian tensor", normal(extents)
    yield "outer products, 1 % replaced", np.where(rng.uniform(size=extents) < 0.01, normal(extents), outer)

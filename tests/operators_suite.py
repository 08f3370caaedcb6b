#!/usr/bin/python3
"""Every constructor and operation of operators against its dense matrix in NumPy, made of its definition: applied from the left, from the right,
transposed and over a batch, with data that are inputs of the kernel and data that are constants, on every engine."""
import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

import suites

RNG = np.random.default_rng(20261129)


def real(*shape):
    return RNG.standard_normal(shape)


def complex_(*shape):
    return RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)


# ---- dense matrices by their definitions ----
def dft(n):
    return np.exp(-2j * np.pi * np.outer(np.arange(n), np.arange(n)) / n)


def dct(kind, n):
    k, l = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    if kind == 1:
        return np.where((l == 0) | (l == n - 1), 1, 2) * np.cos(np.pi * k * l / (n - 1))
    if kind == 2:
        return 2 * np.cos(np.pi * (l + 0.5) * k / n)
    if kind == 3:
        return np.where(l == 0, 1, 2) * np.cos(np.pi * l * (k + 0.5) / n)
    return 2 * np.cos(np.pi * (l + 0.5) * (k + 0.5) / n)


def dst(kind, n):
    k, l = np.meshgrid(np.arange(n), np.arange(n), indexing="ij")
    if kind == 1:
        return 2 * np.sin(np.pi * (l + 1) * (k + 1) / (n + 1))
    if kind == 2:
        return 2 * np.sin(np.pi * (l + 0.5) * (k + 1) / n)
    if kind == 3:
        return np.where(l == n - 1, (-1.0) ** k, 2 * np.sin(np.pi * (l + 1) * (k + 0.5) / n))
    return 2 * np.sin(np.pi * (l + 0.5) * (k + 0.5) / n)


def hadamard(n):
    return np.array([[(-1) ** bin(k & l).count("1") for l in range(n)] for k in range(n)], dtype=float)


def digit_reversal(*radices):
    n = int(np.prod(radices))
    return np.eye(n)[np.arange(n).reshape(radices).transpose(range(len(radices))[::-1]).reshape(-1)]


def ks(X):
    a, b, c, d = X.shape
    K = np.zeros((a, b, d, a, c, d), dtype=X.dtype)
    for p in range(a):
        for q in range(d):
            K[p, :, q, p, :, q] = X[p, :, :, q]
    return K.reshape(a * b * d, a * c * d)


def block_diagonal(blocks):
    rows, columns = sum(b.shape[0] for b in blocks), sum(b.shape[1] for b in blocks)
    K = np.zeros((rows, columns), dtype=blocks[0].dtype)
    r = c = 0
    for b in blocks:
        K[r:r + b.shape[0], c:c + b.shape[1]] = b
        r, c = r + b.shape[0], c + b.shape[1]
    return K


def toeplitz(t, m, n):
    return np.array([[t[i - j + n - 1] for j in range(n)] for i in range(m)])


def hankel(h, m, n):
    return np.array([[h[i + j] for j in range(n)] for i in range(m)])


def circulant(c):
    return np.array([[c[(i - j) % len(c)] for j in range(len(c))] for i in range(len(c))])


def banded(D, offsets):
    n = D.shape[1]
    K = np.zeros((n, n))
    for k, offset in enumerate(offsets):
        for i in range(n):
            if 0 <= i + offset < n:
                K[i, i + offset] += D[k, i]
    return K


def semiseparable(A, B, C):
    T, N = B.shape
    K = np.zeros((T, T), dtype=np.result_type(A, B, C))
    step = lambda t: A[t] * np.eye(N) if A.ndim == 1 else np.diag(A[t]) if A.ndim == 2 else A[t]
    for s in range(T):
        h = B[s].astype(K.dtype)
        for t in range(s, T):
            h = step(t) @ h if t > s else h
            K[t, s] = C[t] @ h
    return K


def coordinates(rows, columns, values, m, n):
    K = np.zeros((m, n), dtype=values.dtype)
    np.add.at(K, (rows, columns), values)
    return K


def householder(v):
    return np.eye(len(v)) - 2 * np.outer(v, v.conj()) / (v.conj() @ v)


# ---- operators: source, its data, its matrix of these ----
def cases():
    perm = np.array([3, 0, 4, 1, 2], dtype=np.int32)
    offsets = np.array([-2, 0, 1], dtype=np.int32)
    yield "identity(5)", {}, lambda: np.eye(5)
    yield "diag(d)", {"d": real(7)}, lambda d: np.diag(d)
    yield "perm(p)", {"p": perm}, lambda p: np.eye(5)[p]
    yield "reversal(6)", {}, lambda: np.eye(6)[::-1]
    yield "stride_perm(3, 4)", {}, lambda: digit_reversal(3, 4)
    yield "digit_reversal(2, 3, 5)", {}, lambda: digit_reversal(2, 3, 5)
    yield "kron(A, B)", {"A": real(3, 4), "B": real(5, 2)}, np.kron
    yield "kron(A, B, C)", {"A": real(2, 3), "B": real(4, 2), "C": real(3, 5)}, lambda A, B, C: np.kron(np.kron(A, B), C)
    yield "kron(identity(3), B)", {"B": real(4, 2)}, lambda B: np.kron(np.eye(3), B)
    yield "kron(B, identity(3))", {"B": real(4, 2)}, lambda B: np.kron(B, np.eye(3))
    yield "kron(A, lowrank(U, V))", {"A": real(3, 2), "U": real(4, 2), "V": real(2, 5)}, lambda A, U, V: np.kron(A, U @ V)
    yield "kron(reversal(3), perm(p))", {"p": perm}, lambda p: np.kron(np.eye(3)[::-1], np.eye(5)[p])
    yield "kron(A, B) @ stride_perm(3, 4)", {"A": real(4, 4), "B": real(3, 3)}, lambda A, B: np.kron(A, B) @ digit_reversal(3, 4)
    yield "blockdiag(B)", {"B": real(3, 2, 4)}, lambda B: block_diagonal(list(B))
    yield "lowrank(U, V)", {"U": real(6, 2), "V": real(2, 5)}, lambda U, V: U @ V
    yield "toeplitz(t)", {"t": real(9)}, lambda t: toeplitz(t, 5, 5)
    yield "toeplitz(t, 3, 6)", {"t": real(8)}, lambda t: toeplitz(t, 3, 6)
    yield "hankel(h)", {"h": real(9)}, lambda h: hankel(h, 5, 5)
    yield "hankel(h, 4, 3)", {"h": real(6)}, lambda h: hankel(h, 4, 3)
    yield "circulant(c)", {"c": real(7)}, circulant
    yield "dsum(A, B)", {"A": real(3, 4), "B": real(5, 2)}, lambda A, B: block_diagonal([A, B])
    yield "dsum(A)", {"A": real(3, 4)}, lambda A: A
    yield "dsum(A, kron(B, C), hadamard(4))", {"A": real(1, 3), "B": real(2, 3), "C": real(3, 2)}, lambda A, B, C: block_diagonal([A, np.kron(B, C), hadamard(4)])
    yield "dsum(A, dft(6))", {"A": complex_(2, 1)}, lambda A: block_diagonal([A, dft(6)])
    yield "kron(dsum(A, B), C)", {"A": real(2, 1), "B": real(1, 2), "C": real(2, 3)}, lambda A, B, C: np.kron(block_diagonal([A, B]), C)
    yield "kron(C, dsum(A, B))", {"A": real(2, 1), "B": real(1, 2), "C": real(2, 3)}, lambda A, B, C: np.kron(C, block_diagonal([A, B]))
    yield "C @ dsum(A, B) @ reversal(3)", {"A": real(2, 1), "B": real(3, 2), "C": real(4, 5)}, lambda A, B, C: C @ block_diagonal([A, B]) @ np.eye(3)[::-1]
    yield "dsum(A, B) @ transpose(dsum(B, A))", {"A": real(2, 3), "B": real(4, 3)}, lambda A, B: block_diagonal([A, B]) @ block_diagonal([B, A]).T
    yield "vandermonde(x, 6)", {"x": real(4)}, lambda x: np.vander(x, 6, increasing=True)
    yield "vandermonde(x, 1)", {"x": real(3)}, lambda x: np.ones((3, 1))
    yield "vandermonde(x, 7)", {"x": complex_(3) / 2}, lambda x: np.vander(x, 7, increasing=True)
    yield "diag(d) @ transpose(vandermonde(x, 4))", {"d": real(4), "x": real(5)}, lambda d, x: np.diag(d) @ np.vander(x, 4, increasing=True).T
    rows, columns = np.array([0, 2, 2, 1, 2], dtype=np.int32), np.array([3, 0, 1, 5, 0], dtype=np.int32)
    yield "sparse(r, c, v, 4, 6)", {"r": rows, "c": columns, "v": real(5)}, lambda r, c, v: coordinates(r, c, v, 4, 6)
    yield "sparse(r, c, v, 4, 6)", {"r": rows, "c": columns, "v": complex_(5)}, lambda r, c, v: coordinates(r, c, v, 4, 6)
    yield "adjoint(sparse(r, c, v, 4, 6))", {"r": rows, "c": columns, "v": complex_(5)}, lambda r, c, v: coordinates(r, c, v, 4, 6).conj().T
    yield "kron(sparse(r, c, v, 3, 6), A)", {"r": rows, "c": columns, "v": real(5), "A": real(2, 3)}, lambda r, c, v, A: np.kron(coordinates(r, c, v, 3, 6), A)
    yield "A @ sparse(r, c, v, 3, 6) @ B", {"r": rows, "c": columns, "v": real(5), "A": real(2, 3), "B": real(6, 4)}, lambda r, c, v, A, B: A @ coordinates(r, c, v, 3, 6) @ B
    yield "cauchy(x, y)", {"x": real(4) + 9, "y": real(6)}, lambda x, y: 1 / (x[:, None] - y[None, :])
    for n in (1, 2, 3, 4, 5, 6, 8, 12, 16, 30, 32, 37, 45, 49, 64, 74):
        yield f"dft({n})", {}, lambda n=n: dft(n)
    for n in (1, 2, 7, 9, 12, 15, 30, 32, 37, 45, 74):
        yield f"rdft({n})", {}, lambda n=n: dft(n)[:n // 2 + 1]
        yield f"irdft({n}) @ diag(d) @ rdft({n})", {"d": real(n // 2 + 1)}, lambda d, n=n: np.fft.irfft(d[:, None] * np.fft.rfft(np.eye(n), axis=0), n, axis=0)
    yield "kron(rdft(6), A)", {"A": real(2, 3)}, lambda A: np.kron(dft(6)[:4], A)
    yield "idft(12)", {}, lambda: dft(12).conj() / 12
    yield "kron(dft(4), dft(6))", {}, lambda: np.kron(dft(4), dft(6))
    for kind in (1, 2, 3, 4):
        for n in (2, 5, 8, 9, 24, 37, 45):
            yield f"dct{kind}({n})", {}, lambda kind=kind, n=n: dct(kind, n)
            yield f"dst{kind}({n})", {}, lambda kind=kind, n=n: dst(kind, n)
    for n in (5, 9, 16, 37):
        yield f"1i * dct2({n})", {}, lambda n=n: 1j * dct(2, n)  # of complex data
        yield f"1i * dst3({n})", {}, lambda n=n: 1j * dst(3, n)
    yield "dht(7)", {}, lambda: dft(7).real - dft(7).imag
    for n in (1, 2, 8, 32):
        yield f"hadamard({n})", {}, lambda n=n: hadamard(n)
    yield "ks(X)", {"X": real(2, 3, 4, 5)}, ks
    yield "ks(X)", {"X": real(1, 3, 4, 1)}, ks
    yield "butterfly(X, Y, Z)", {"X": real(1, 2, 2, 4), "Y": real(2, 2, 2, 2), "Z": real(4, 2, 2, 1)}, lambda X, Y, Z: ks(X) @ ks(Y) @ ks(Z)
    yield "monarch(L, R)", {"L": real(2, 3, 4), "R": real(4, 2, 5)}, lambda L, R: np.einsum("jik,kjm->ijkm", L, R).reshape(6, 20)
    yield "btt(L, R)", {"L": real(2, 3, 4, 2), "R": real(4, 2, 2, 5)}, lambda L, R: np.einsum("jikr,kjrm->ijkm", L, R).reshape(6, 20)
    yield "blast(U, S, V)", {"U": real(2, 3, 4), "S": real(2, 3, 4), "V": real(3, 5, 4)}, lambda U, S, V: np.einsum("ipr,ijr,jqr->ipjq", U, S, V).reshape(6, 15)
    yield "phm(A, S)", {"A": real(2, 2, 3), "S": real(2, 4, 5)}, lambda A, S: sum(np.kron(a, s) for a, s in zip(A, S))
    yield "householder(v)", {"v": real(5)}, householder
    yield "householder(v)", {"v": complex_(5)}, householder
    yield "banded(D, o)", {"D": real(3, 6), "o": offsets}, banded
    yield "transpose(kron(A, B))", {"A": real(3, 4), "B": real(5, 2)}, lambda A, B: np.kron(A, B).T
    yield "adjoint(kron(A, B))", {"A": complex_(3, 4), "B": complex_(5, 2)}, lambda A, B: np.kron(A, B).conj().T
    yield "conj(A)", {"A": complex_(3, 4)}, np.conj
    yield "adjoint(dft(8))", {}, lambda: dft(8).conj()
    yield "A @ B", {"A": real(3, 4), "B": real(4, 6)}, lambda A, B: A @ B
    yield "A + lowrank(U, V)", {"A": real(5, 4), "U": real(5, 2), "V": real(2, 4)}, lambda A, U, V: A + U @ V
    yield "diag(d) - 2 * lowrank(u, u2)", {"d": real(5), "u": real(5, 1), "u2": real(1, 5)}, lambda d, u, u2: np.diag(d) - 2 * u @ u2
    yield "diag(d) @ (A + reversal(4)) @ diag(d)", {"d": real(4), "A": real(4, 4)}, lambda d, A: np.diag(d) @ (A + np.eye(4)[::-1]) @ np.diag(d)
    for shape in ((9,), (9, 3), (9, 3, 3)):
        yield "semiseparable(A, B, C)", {"A": real(*shape), "B": real(9, 3), "C": real(9, 3)}, semiseparable
    yield "semiseparable(A, B, C)", {"A": real(1, 2), "B": real(1, 2), "C": real(1, 2)}, semiseparable
    yield "adjoint(semiseparable(A, B, C))", {"A": complex_(6, 2, 2), "B": complex_(6, 2), "C": complex_(6, 2)}, lambda A, B, C: semiseparable(A, B, C).conj().T
    yield "diag(d) @ semiseparable(A, B, C) @ reversal(6) - 2 * transpose(semiseparable(A, C, B))", {"d": real(6), "A": real(6), "B": real(6, 2), "C": real(6, 2)}, lambda d, A, B, C: np.diag(d) @ semiseparable(A, B, C) @ np.eye(6)[::-1] - 2 * semiseparable(A, C, B).T
    yield "kron(semiseparable(A, B, C), D)", {"A": real(5, 2), "B": real(5, 2), "C": real(5, 2), "D": real(2, 3)}, lambda A, B, C, D: np.kron(semiseparable(A, B, C), D)
    yield "A + identity(4) - lowrank(U, V) + reversal(4)", {"A": real(4, 4), "U": real(4, 1), "V": real(1, 4)}, lambda A, U, V: A + np.eye(4) - U @ V + np.eye(4)[::-1]
    yield "A[0,1] * (A @ A)", {"A": real(3, 3)}, lambda A: A[0, 1] * A @ A
    yield "(A @ A)[1,2] * A", {"A": real(3, 3)}, lambda A: (A @ A)[1, 2] * A
    yield "sum[i_, k_](A[i_,k_] * d[i_]) * diag(d)", {"A": real(3, 3), "d": real(3)}, lambda A, d: (d @ A).sum() * np.diag(d)
    yield from inverses()
    yield "-kron(A, A)", {"A": real(2, 3)}, lambda A: -np.kron(A, A)
    yield "0.5 * kron(A, A)", {"A": real(2, 3)}, lambda A: np.kron(A, A) / 2


CONSTANTS = "constants only"  # a name of no array: these inverses are of known numbers


def inverses():
    """Written by structure: with run-time data where no dense matrix is left to invert, with constants everywhere."""
    spd = lambda n: (lambda a: a @ a.T + np.eye(n))(real(n, n))
    symmetric = lambda n: (lambda a: a + a.T)(real(n, n)) + 6 * np.eye(n)
    inv = np.linalg.inv
    perm = np.array([3, 0, 4, 1, 2], dtype=np.int32)
    yield "inv(diag(d))", {"d": real(5)}, lambda d: np.diag(1 / d)
    yield "inv(diag(d))", {"d": complex_(1)}, lambda d: np.diag(1 / d)
    yield "inv(kron(diag(d), reversal(3)) @ stride_perm(3, 5))", {"d": real(5)}, lambda d: inv(np.kron(np.diag(d), np.eye(3)[::-1]) @ digit_reversal(3, 5))
    yield "inv(dsum(perm(p), -2 * diag(d), hadamard(4)))", {"p": perm, "d": real(2)}, lambda p, d: inv(block_diagonal([np.eye(5)[p], -2 * np.diag(d), hadamard(4)]))
    yield "inv(circulant(c))", {"c": real(7)}, lambda c: inv(circulant(c))
    yield "inv(circulant(c))", {"c": complex_(6)}, lambda c: inv(circulant(c))
    yield "inv(diag(d) + lowrank(u, v))", {"d": real(6) + 4, "u": real(6, 1), "v": real(1, 6)}, lambda d, u, v: inv(np.diag(d) + u @ v)
    yield "inv(diag(d) - u @ v)", {"d": complex_(6) + 4, "u": complex_(6, 1), "v": complex_(1, 6)}, lambda d, u, v: inv(np.diag(d) - u @ v)
    yield "inv(inv(transpose(householder(v) @ diag(d))))", {"v": real(4), "d": real(4)}, lambda v, d: (householder(v) @ np.diag(d)).T
    yield "inv(2i * dft(6))", {}, lambda: inv(2j * dft(6))
    for text, matrix in (("dct1(5)", dct(1, 5)), ("dct2(4)", dct(2, 4)), ("dct3(7)", dct(3, 7)), ("dct4(1)", dct(4, 1)), ("dst1(5)", dst(1, 5)),
                         ("dst2(4)", dst(2, 4)), ("dst3(7)", dst(3, 7)), ("dst4(3)", dst(4, 3)), ("dht(6)", dft(6).real - dft(6).imag)):
        yield f"inv({text})", {}, lambda matrix=matrix: inv(matrix)
    for n in (1, 2, 5):
        yield "inv(A)", {"A": real(n, n)}, inv
    yield "inv(A)", {"A": complex_(4, 4)}, inv
    yield "inv(P)", {"P": np.array([[0.0, 0, 2], [0, 0.5, 0], [1, 0, 0]])}, inv  # a pivot of zero in its first row
    yield "inv(adjoint(A) @ kron(A, identity(2)))".replace("adjoint(A)", "diag(d)"), {"A": real(2, 2), "d": real(4)}, lambda A, d: inv(np.diag(d) @ np.kron(A, np.eye(2)))
    yield "adjoint(inv(A)) @ B", {"A": complex_(3, 3), "B": complex_(3, 2)}, lambda A, B: inv(A).conj().T @ B
    yield "inv(diag(d) + lowrank(U, V))", {"d": real(6) + 5, "U": real(6, 2), "V": real(2, 6)}, lambda d, U, V: inv(np.diag(d) + U @ V)
    yield "inv(blockdiag(B))", {"B": real(3, 4, 4)}, lambda B: inv(block_diagonal(list(B)))
    yield "transpose(inv(blockdiag(B)))", {"B": complex_(2, 3, 3)}, lambda B: inv(block_diagonal(list(B))).T
    yield "inv(kron(A, B))", {"A": real(3, 3), "B": real(4, 4)}, lambda A, B: inv(np.kron(A, B))
    yield "kron(U, inv(A), V)", {"U": real(2, 3), "A": real(4, 4), "V": real(3, 2)}, lambda U, A, V: np.kron(np.kron(U, inv(A)), V)
    yield "dsum(inv(A), B, -adjoint(inv(C)))", {"A": real(3, 3), "B": real(2, 4), "C": real(2, 2)}, lambda A, B, C: block_diagonal([inv(A), B, -inv(C).T])
    yield "inv(dsum(A, kron(B, blockdiag(C))))", {"A": real(2, 2), "B": real(2, 2), "C": real(2, 3, 3)}, lambda A, B, C: inv(block_diagonal([A, np.kron(B, block_diagonal(list(C)))]))
    yield "kron(semiseparable(a, b, c), inv(A))", {"a": real(5), "b": real(5, 2), "c": real(5, 2), "A": real(3, 3)}, lambda a, b, c, A: np.kron(semiseparable(a, b, c), inv(A))
    yield "inv(A) - 2 * transpose(inv(A)) @ inv(A)", {"A": real(4, 4)}, lambda A: inv(A) - 2 * inv(A).T @ inv(A)
    yield "inv(toeplitz(t))", {"t": real(7)}, lambda t: inv(toeplitz(t, 4, 4))
    constant = lambda **arrays: {**arrays, CONSTANTS: np.zeros(0)}
    yield "inv(A)", constant(A=real(7, 7)), lambda A, _: inv(A)
    yield "inv(A)", constant(A=real(1, 1)), lambda A, _: inv(A)
    yield "inv(kron(A, B) @ C)", constant(A=real(2, 2), B=real(3, 3), C=real(6, 6)), lambda A, B, C, _: inv(np.kron(A, B) @ C)
    yield "inv(blockdiag(B))", constant(B=real(3, 4, 4)), lambda B, _: inv(block_diagonal(list(B)))
    yield "inv(toeplitz(t))", constant(t=real(9)), lambda t, _: inv(toeplitz(t, 5, 5))
    yield "inv(circulant(c))", constant(c=real(6)), lambda c, _: inv(circulant(c))
    yield "inv(diag(d) + lowrank(U, V))", constant(d=real(7) + 5, U=real(7, 2), V=real(2, 7)), lambda d, U, V, _: inv(np.diag(d) + U @ V)
    yield "inv(U @ V + kron(A, identity(3)))", constant(A=spd(3), U=real(9, 2), V=real(2, 9)), lambda A, U, V, _: inv(U @ V + np.kron(A, np.eye(3)))
    yield "inv(kron(A, identity(4)) + kron(identity(3), B))", constant(A=spd(3), B=spd(4)), lambda A, B, _: inv(np.kron(A, np.eye(4)) + np.kron(np.eye(3), B))
    yield "inv(kron(A, M) + 0.5 * kron(N, B))", constant(A=spd(3), M=spd(5), N=spd(3), B=spd(5)), lambda A, M, N, B, _: inv(np.kron(A, M) + np.kron(N, B) / 2)
    yield "inv(kron(A, identity(2), identity(5)) + kron(identity(3), B, identity(5)) - kron(identity(3), identity(2), C))", constant(A=spd(3), B=spd(2), C=-spd(5)), lambda A, B, C, _: inv(np.kron(A, np.eye(10)) + np.kron(np.eye(3), np.kron(B, np.eye(5))) - np.kron(np.eye(6), C))
    yield "inv(kron(A, identity(2)) + kron(identity(3), B))", constant(A=real(3, 3) + 5 * np.eye(3), B=symmetric(2)), lambda A, B, _: inv(np.kron(A, np.eye(2)) + np.kron(np.eye(3), B))


NUMPY_TYPES = {"float64": "f64", "complex128": "c128", "int32": "i32"}


def declare(name, array):
    return f"{name}: {NUMPY_TYPES[str(array.dtype)]}[{','.join(map(str, array.shape))}]"


def numbers(array):
    if array.dtype.kind == "c":
        raise ValueError
    return "[" + ", ".join(numbers(row) if array.ndim > 1 else repr(row.item()) for row in array) + "]"


class OperatorsSuite(suites.Suite):
    def run(self, folder, source, arrays, expected, what, engine):
        (folder / "operator.ein").write_text(source)
        words = [f"{name}={folder}/{name}.npy" for name in arrays]
        for name, array in arrays.items():
            np.save(folder / name, array)
        outputs = [word for name in expected for word in ("-o", f"{name}={folder}/{name}.npy")]
        target = "generic" if engine == "tcc" else "host"  # loops of scalars, and of vectors
        done = subprocess.run([self.einc, "run", str(folder / "operator.ein"), *words, *outputs, f"--engine={engine}",
                               f"--target={target}"], capture_output=True, text=True, timeout=120)
        if done.returncode:
            self.check(f"{what} on {engine}", False, source + done.stdout + done.stderr)
            return
        for name, value in expected.items():
            got = np.load(folder / f"{name}.npy")
            error = np.abs(got - value).max() if got.shape == value.shape and got.size else 0 if got.shape == value.shape else np.inf
            scale = np.abs(value).max() if value.size else 1
            # entries are sums of at most 64 products of at most 4 numbers of size about 1
            self.check(f"{what}: {name} on {engine}", error <= 1e-13 * (1 + scale), f"{source}error {error}\n")

    def engines_for(self, constants):
        """Those that optimise take turns, unless all are asked for; how constants are spelled is tested elsewhere."""
        slow = [engine for engine in self.engines if engine in ("c", "llvm")]
        self.turn += 1
        chosen = [] if constants else slow if self.every else slow[self.turn % max(len(slow), 1):][:1]
        return [engine for engine in self.engines if engine not in slow or engine in chosen]

    def operator(self, folder, text, arrays, matrix, constants):
        K = np.asarray(matrix(*arrays.values()))
        is_complex = K.dtype.kind == "c"
        vector = complex_ if is_complex else real
        takes = real if text.startswith("rdft") else vector
        x, u, X = takes(K.shape[1]), vector(K.shape[0]), takes(3, K.shape[1])
        declarations, parameters = [], []
        for name, array in arrays.items():
            if name == CONSTANTS:
                continue
            if constants:
                declarations.append(f"const {declare(name, array)} = {numbers(array)}")
            else:
                parameters.append(declare(name, array))
        inputs = {} if constants else dict(arrays)
        elem = "c128" if is_complex else "f64"
        rows, columns = K.shape
        at_file = f"operator K = {text}\n" if constants else ""
        inside = "" if constants else f"    operator K = {text}\n"
        parameters += [declare("x_", x), declare("u_", u), declare("X_", X)]
        source = "\n".join(declarations) + f"""
{at_file}kernel f({", ".join(parameters)}) -> (left_: {elem}[{rows}], right_: {elem}[{columns}], batch_: {elem}[3,{rows}], dense_: {elem}[{rows},{columns}]) {{
{inside}    left_[i_] = K[i_,j_] * x_[j_]
    right_[j_] = u_[i_] * K[i_,j_]
    batch_[n_,i_] = K[i_,j_] * X_[n_,j_]
    dense_[i_,j_] = K[i_,j_]
}}
"""
        expected = {"left_": K @ x, "right_": u @ K, "batch_": X @ K.T, "dense_": K}
        for engine in self.engines_for(constants):
            self.run(folder, source, {**inputs, "x_": x, "u_": u, "X_": X}, expected,
                     text + (" of constants" if constants else ""), engine)

    def inverse_real(self, folder, n):
        """Not a matrix: of complex numbers the real part."""
        X = complex_(3, n // 2 + 1)
        D = complex_(n // 2 + 1)
        source = f"""kernel f(X_: c128[3,{n // 2 + 1}], D_: c128[{n // 2 + 1}]) -> (y_: f64[3,{n}], z_: f64[3,{n}], e_: f64[3]) {{
    operator K = -2 * irdft({n}) @ diag(D_)
    y_[b,i] = irdft({n})[i,j] * X_[b,j]
    z_[b,i] = 1 - (K[i,j] * X_[b,j]) / 2
    e_[b] = sum[i](exp(sum[j](irdft({n})[i,j] * X_[b,j])))
}}
"""
        y = np.fft.irfft(X, n) if n > 1 else X.real
        z = 1 + (np.fft.irfft(D * X, n) if n > 1 else (D * X).real)
        for engine in self.engines:
            self.run(folder, source, {"X_": X, "D_": D}, {"y_": y, "z_": z, "e_": np.exp(y).sum(axis=1)}, f"irdft({n})", engine)

    def chains(self, folder):
        """Products of operators as factors of products, in divisions, functions, reductions and parentheses."""
        A, x, w, v = real(8, 8), real(3, 8), real(3), real(8)
        source = """kernel f(A: f64[8,8], x: f64[3,8], w: f64[3], v: f64[8]) -> (y: f64[3,8], z: f64[3], s: f64, t: f64[8]) {
    operator K = A @ (reversal(8) + diag(v)) @ transpose(A @ diag(v))
    y[n,i] = w[n] * K[i,j] * x[n,j] / (1 + w[n])
    z[n] = tanh(K[i,j] * x[n,j] * v[i])
    s = -(K[i,j] * (v[j] + 1) * v[i]) + v[i] * v[i]
    t[j] = sum[k](v[k] * K[k,j]) + (K[i,j] * v[j] + v[i]) * A[i,j]
}
"""
        K = A @ (np.eye(8)[::-1] + np.diag(v)) @ (A @ np.diag(v)).T
        expected = {"y": w[:, None] * (x @ K.T) / (1 + w)[:, None], "z": np.tanh((x @ K.T) @ v), "s": -v @ K @ (v + 1) + v @ v,
                    "t": v @ K + ((K * v + v[:, None]) * A).sum(axis=0)}
        for engine in self.engines:
            self.run(folder, source, {"A": A, "x": x, "w": w, "v": v}, expected, "chains", engine)

    def recurrence(self, folder):
        """Inverses of matrices known at run time, in every step and in initial values."""
        A, B, h, g, x = real(5, 5), real(3, 2, 2), real(5), real(4, 6), real(7, 5)
        source = """kernel f(A: f64[5,5], B: f64[3,2,2], h0: f64[5], g0: f64[4,6], x: f64[7,5]) -> (h: f64[7,5], g: f64[4,6]) {
    operator S = inv(identity(5) - 0.1 * A)
    let C[i,j] = B[0,i,j]
    scan t {
        h[t,i] = S[i,j] * h[t-1,j] + inv(A)[j,i] * x[t,j]
        s[t,n,i] = kron(identity(3), inv(transpose(C)))[i,j] * s[t-1,n,j] + inv(blockdiag(B))[i,j] * s[t-1,n,j]
    } from h[-1,i] = inv(A)[i,j] * h0[j], s[-1,n,i] = g0[n,i]
    g[n,i] = s[6,n,i]
}
"""
        inv = np.linalg.inv
        K = np.kron(np.eye(3), inv(B[0].T)) + inv(block_diagonal(list(B)))
        state, states = inv(A) @ h, []
        for t in range(7):
            state = inv(np.eye(5) - 0.1 * A) @ state + inv(A).T @ x[t]
            states.append(state)
        scale = np.abs(np.linalg.matrix_power(K, 7)).max()
        for engine in self.engines:
            self.run(folder, source, {"A": A, "B": B, "h0": h, "g0": g / scale, "x": x}, {"h": np.array(states), "g": g / scale @ np.linalg.matrix_power(K, 7).T},
                     "inverses in a recurrence", engine)

    def bools(self, folder):
        """Sums are `or`, products `and`; permutations are of bools, too."""
        A, B, x, p = RNG.random((6, 6)) < 0.3, RNG.random((2, 3)) < 0.5, RNG.random(6) < 0.4, np.array([3, 0, 5, 1, 2, 4], dtype=np.int32)
        source = """kernel f(A: bool[6,6], B: bool[2,3], x: bool[6], p: i32[6]) -> (y: bool[6], z: bool[6], w: bool[4], v: bool[6]) {
    y[i] = (A + identity(6) + transpose(A))[i,j] * x[j]
    z[i] = (A @ perm(p))[i,j] * x[j]
    w[i] = kron(identity(2), B)[i,j] * x[j]
    v[i] = perm(p)[i,j] * reversal(6)[j,k] * x[k]
}
"""
        either = lambda K: (K & x).any(axis=1)
        expected = {"y": either(A | np.eye(6, dtype=bool) | A.T), "z": either(A[:, np.argsort(p)]),
                    "w": either(block_diagonal([B, B])), "v": x[5 - p]}
        (folder / "operator.ein").write_text(source)
        for name, array in {"A": A, "B": B, "x": x, "p": p}.items():
            np.save(folder / name, array)
        for engine in self.engines:
            done = subprocess.run([self.einc, "run", str(folder / "operator.ein"), *[f"{name}={folder}/{name}.npy" for name in "ABxp"],
                                   *[word for name in expected for word in ("-o", f"{name}={folder}/{name}.npy")], f"--engine={engine}"],
                                  capture_output=True, text=True, timeout=120)
            same = done.returncode == 0 and "warning" not in done.stderr and all(
                np.array_equal(np.load(folder / f"{name}.npy"), value) for name, value in expected.items())
            self.check(f"bools on {engine}", same, done.stderr)

    def many_terms(self, folder):
        """Five direct sums of twelve parts in a row would be 248,832 products."""
        parts = ", ".join(["reversal(2)"] * 12)
        source = f"""kernel f(x: f64[24]) -> (y: f64[24]) {{
    operator K = dsum({parts})
    y[i] = K[i,j] * K[j,k] * K[k,l] * K[l,m] * K[m,n] * x[n]
}}
"""
        x = real(24)
        for engine in ("ref", "tcc"):
            self.run(folder, source, {"x": x}, {"y": x.reshape(12, 2)[:, ::-1].reshape(-1)}, "many terms", engine)

    def singular(self, folder):
        """A kernel that inverts at run time says so by its status, and with other numbers gives its result."""
        (folder / "singular.ein").write_text("kernel f(A: f64[3,3], x: f64[3]) -> (y: f64[3]) { y[i] = inv(A)[i,j] * x[j] }\n")
        np.save(folder / "x.npy", np.ones(3))
        for engine in self.engines:
            for what, matrix in (("singular", np.ones((3, 3))), ("nan", np.full((3, 3), np.nan)), ("regular", np.eye(3)[[2, 0, 1]])):
                np.save(folder / "A.npy", matrix)
                done = subprocess.run([self.einc, "run", str(folder / "singular.ein"), f"A={folder}/A.npy", f"x={folder}/x.npy", "-o", f"y={folder}/y.npy",
                                       f"--engine={engine}"], capture_output=True, text=True, timeout=120)
                fine = done.returncode == 0 if what == "regular" else done.returncode == 1 and "E0816" in done.stderr
                self.check(f"inverse of a {what} matrix on {engine}", fine, done.stdout + done.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--only", default="")
    parser.add_argument("--full", action="store_true", help="every engine on every operator")
    arguments = parser.parse_args()
    suite = OperatorsSuite(arguments.einc)
    suite.turn, suite.every = 0, arguments.full
    with tempfile.TemporaryDirectory() as folder:
        for text, arrays, matrix in cases():
            if arguments.only not in text:
                continue
            if CONSTANTS not in arrays:
                suite.operator(pathlib.Path(folder), text, arrays, matrix, False)
            if arrays and all(array.dtype.kind != "c" for array in arrays.values()):
                suite.operator(pathlib.Path(folder), text, arrays, matrix, True)
        if arguments.only in "singular":
            suite.singular(pathlib.Path(folder))
        if arguments.only in "recurrence":
            suite.recurrence(pathlib.Path(folder))
        if arguments.only in "bools":
            suite.bools(pathlib.Path(folder))
        if arguments.only in "many terms":
            suite.many_terms(pathlib.Path(folder))
        if arguments.only in "chains":
            suite.chains(pathlib.Path(folder))
        for n in (1, 2, 7, 9, 15, 30, 32, 37, 45, 64):
            if arguments.only in f"irdft({n})":
                suite.inverse_real(pathlib.Path(folder), n)
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())

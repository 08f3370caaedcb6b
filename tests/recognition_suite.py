#!/usr/bin/python3
"""Structure in index notation: each plain statement gets the flops of the operator that says the same, and each near miss (one index, sign or shift
off) stays as it is. Both compute what the reference does."""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from suites import Suite

def common_digits(n):
    """In source, the number of binary digits that k and l both have, below n."""
    return " + ".join(f"(k div {d} mod 2)*(l div {d} mod 2)" for d in (1 << e for e in range(n.bit_length() - 1)))


# Parameters, class, the plain statements, the operator, its application.
PLAIN = [
    ("x: c128[64]) -> (y: c128[64])", "y[k] = exp(-2i*pi*k*l/64) * x[l]", "dft(64)", "y[k] = K[k,l] * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = exp(2i*pi*k*l/64) * x[l]", "conj(dft(64))", "y[k] = K[k,l] * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = x[l] * exp(pi*(k*l)*(-1i)/32)", "dft(64)", "y[k] = K[k,l] * x[l]"),
    ("x: c128[5, 60]) -> (y: c128[5, 60])", "y[s,k] = exp(-2i*pi*k*l/60) * x[s,l]", "dft(60)", "y[s,k] = K[k,l] * x[s,l]"),
    ("x: c64[64]) -> (y: c64[64])", "let W[k: 64, l: 64] = exp(-2i*pi*k*l/64)\n y[k] = W[l,k] * x[l]", "dft(64)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[64]) -> (y: c128[33])", "y[k] = exp(-2i*pi*k*l/64) * c128(x[l])", "rdft(64)", "y[k] = K[k,l] * x[l]"),
    ("x: c128[128]) -> (y: c128[128])",
     "let F[k: 8, l: 8] = exp(-2i*pi*k*l/8)\n let G[k: 16, l: 16] = exp(-2i*pi*k*l/16)\n y[(k,m)] = F[k,l] * G[m,n] * x[(l,n)]", "kron(dft(8), dft(16))",
     "y[i] = K[i,j] * x[j]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = 2 * cos(pi*k*(2*l+1)/128) * x[l]", "dct2(64)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = 2 * cos(pi/64*k*(l+0.5)) * x[l]", "dct2(64)", "y[k] = K[k,l] * x[l]"),
    ("x: f32[256]) -> (y: f32[256])", "let C[k: 256, l: 256] = 2 * cos(pi*(2*k+1)*(2*l+1)/1024)\n y[k] = C[k,l] * x[l]", "dct4(256)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[63]) -> (y: f64[63])", "y[k] = 2 * sin(pi*(k+1)*(l+1)/64) * x[l]", "dst1(63)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = 2 * sin(pi*(k+1)*(2*l+1)/128) * x[l]", "dst2(64)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = (cos(2*pi*k*l/64) + sin(2*pi*k*l/64)) * x[l]", "dht(64)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[45]) -> (y: f64[45])", "y[k] = 2 * cos(pi*(2*k+1)*(2*l+1)/180) * x[l]", "dct4(45)", "y[k] = K[k,l] * x[l]"),
    ("x: c128[101]) -> (y: c128[101])", "y[k] = exp(-2i*pi*k*l/101) * x[l]", "dft(101)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", f"y[k] = (1 - 2*(({common_digits(64)}) mod 2)) * x[l]", "hadamard(64)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[128]) -> (y: f64[128])", f"y[k] = cos(pi*({common_digits(128)})) * x[l]", "hadamard(128)", "y[k] = K[k,l] * x[l]"),
    ("x: c128[32]) -> (y: c128[32])", f"y[k] = exp(1i*pi*({common_digits(32)})) * x[l]", "hadamard(32)", "y[k] = K[k,l] * x[l]"),
    ("x: f32[4, 64]) -> (y: f32[4, 64])", f"let W[k: 64, l: 64] = where(({common_digits(64)}) mod 2 == 0, 1, -1)\n y[s,k] = W[k,l] * x[s,l]", "hadamard(64)", "y[s,k] = K[k,l] * x[s,l]"),
    ("x: f64[8]) -> (y: f64[8])", "y[k] = (1 - 2*(k mod 2)*(l mod 2)) * (1 - 2*(k div 2 mod 2)*(l div 2 mod 2)) * (1 - 2*(k div 4)*(l div 4)) * x[l]", "hadamard(8)", "y[k] = K[k,l] * x[l]"),
    ("x: c128[384]) -> (y: c128[384])", "let W[k: 16, l: 16, m: 24, n: 24] = exp(-2i*pi*(3*k*l + 2*m*n)/48)\n y[(k,m)] = W[k,l,m,n] * x[(l,n)]", "kron(dft(16), dft(24))", "y[i] = K[i,j] * x[j]"),
    ("x: f64[256], t: f64[511]) -> (y: f64[256]) normwise", "y[i] = t[i-j+255] * x[j]", "toeplitz(t)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[256], h: f64[511]) -> (y: f64[256]) normwise", "y[i] = h[i+j] * x[j]", "hankel(h)", "y[i] = K[i,j] * x[j]"),
    ("x: c128[256], c: c128[256]) -> (y: c128[256]) normwise", "y[i] = c[(i-j) mod 256] * x[j]", "circulant(c)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[300], t: f64[499]) -> (y: f64[200]) normwise", "let T[i: 200, j: 300] = t[i-j+299]\n y[i] = T[i,j] * x[j]", "toeplitz(t, 200, 300)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[24], A: f64[4, 6], B: f64[8, 4]) -> (y: f64[32])", "y[i] = A[i div 8, j div 4] * B[i mod 8, j mod 4] * x[j]", "kron(A, B)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[48], B: f64[6, 8, 8]) -> (y: f64[48])", "y[(g,i)] = B[g,i,j] * x[(g,j)]", "blockdiag(B)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[64], U: f64[64, 3], V: f64[3, 64]) -> (y: f64[64])", "let W[i,j] = U[i,r] * V[r,j]\n y[i] = W[i,j] * x[j]", "lowrank(U, V)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[48], L: f64[6, 4, 8], R: f64[8, 6, 6]) -> (y: f64[24])", "y[(i,j)] = L[j,i,k] * R[k,j,m] * x[(k,m)]", "monarch(L, R)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[64, 3]) -> (y: f64[64, 3])", "y[k,s] = x[l,s] * cos((2*l + 1) * k * pi / 128.0) * 2", "dct2(64)", "y[k,s] = K[k,l] * x[l,s]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = where(l == 0, 1.0, 2.0) * cos(pi*l*(2*k+1)/128) * x[l]", "dct3(64)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[65]) -> (y: f64[65])", "let w[l: 65] = where(l == 0 or l == 64, 1.0, 2.0)\n y[k] = w[l]*cos(pi*l*k/64) * x[l]", "dct1(65)", "y[k] = K[k,l] * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = (cos(2*pi*k*l/64) - 1i*sin(2*pi*k*l/64)) * x[l]", "dft(64)", "y[k] = K[k,l] * x[l]"),
    ("x: c64[64]) -> (y: c64[64])", "y[k] = conj(exp(2i*pi*k*l/64)) * x[l]", "dft(64)", "y[k] = K[k,l] * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = exp(-2i*pi*(k*l mod 64)/64) * x[l]", "dft(64)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[64], d: f64[64]) -> (y: f64[64])", "let D[i: 64, j: 64] = where(i == j, d[i], 0)\n y[i] = D[i,j] * x[j]", "diag(d)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[64]) -> (y: f64[64])", "let E[i: 64, j: 64] = where(i + j == 63, 1.0, 0)\n y[i] = E[i,j] * x[j]", "reversal(64)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[60]) -> (y: f64[60])", "y[i] = where(i != (j mod 12)*5 + j div 12, 0, 1.0) * x[j]", "stride_perm(5, 12)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[48], B: f64[6, 8, 8]) -> (y: f64[48])", "let W[i: 48, j: 48] = where(i div 8 == j div 8, B[i div 8, i mod 8, j mod 8], 0)\n y[i] = W[i,j] * x[j]", "blockdiag(B)",
     "y[i] = K[i,j] * x[j]"),
    ("x: c128[48], A: c128[6, 6]) -> (y: c128[48])", "y[i] = 2 * where(i mod 8 == j mod 8, conj(A[i div 8, j div 8]), 0) * x[j]", "2 * conj(kron(A, identity(8)))", "y[i] = K[i,j] * x[j]"),
    ("x: f64[64], A: f64[8, 8], B: f64[8, 8]) -> (y: f64[64])", "let W[i: 64, j: 64] = A[i div 8, j div 8] * B[i mod 8, j mod 8]\n y[i] = W[j,i] * x[j]",
     "transpose(kron(A, B))", "y[i] = K[i,j] * x[j]"),
    ("x: f64[64], W: f64[64, 64], U: f64[64, 4], V: f64[4, 64]) -> (y: f64[64])", "let A[i,j] = W[i,j] + U[i,r] * V[r,j]\n y[i] = A[i,j] * x[j]", "W + lowrank(U, V)",
     "y[i] = K[i,j] * x[j]"),
    ("x: f64[600], A: f64[20, 20], B: f64[30, 30]) -> (y: f64[600])",
     "let M[i: 20, j: 30, k: 20, l: 30] = A[i,k] * where(j == l, 1.0, 0) + where(i == k, B[j,l], 0)\n y[(i,j)] = M[i,j,k,l] * x[(k,l)]", "kron(A, identity(30)) + kron(identity(20), B)",
     "y[i] = K[i,j] * x[j]"),
    ("x: f64[64], d: f64[64]) -> (y: f64[64])", "y[i] = d[i] * x[63-i]", "diag(d) @ reversal(64)", "y[i] = K[i,j] * x[j]"),
    # two sums that are one wave, scaled operators, tables that are known at run time, other words for what stands above
    ("x: f64[64]) -> (y: f64[64])", "y[k] = cos(2*pi*k*l/64)*x[l] + sin(2*pi*k*l/64)*x[l]", "dht(64)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = sum[l](x[l]*sin(2*pi*k*l/64)) + sum[l](cos(2*pi*k*l/64)*x[l])", "dht(64)", "y[k] = K[k,l] * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = exp(2i*pi*k*l/64)/64 * x[l]", "idft(64)", "y[k] = K[k,l] * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "operator F = dft(64)\n y[k] = 3 * F[k,l] * x[l]", "dft(64)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[200], p: i32[200]) -> (y: f64[200])", "y[i] = where(p[i] == j, 1.0, 0) * x[j]", "perm(p)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[200], p: i32[200]) -> (y: f64[200])", "y[i] = where(i == p[j], 1.0, 0) * x[j]", "perm(p)", "y[i] = K[j,i] * x[j]"),
    ("x: f64[200, 7], p: i64[200]) -> (y: f64[200, 7])", "let P[i: 200, j: 200] = where(j == p[i], 1.0, 0)\n y[i,s] = P[i,j] * x[j,s]", "perm(p)", "y[i,s] = K[i,j] * x[j,s]"),
    ("x: f64[128], t: f64[255]) -> (y: f64[128]) normwise", "let T[i: 128, j: 128] = t[127 - (j-i)]\n y[i] = T[i,j] * x[j]", "toeplitz(t)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[128], h: f64[255]) -> (y: f64[128]) normwise", "let H[i: 128, j: 128] = h[i+(127-j)]\n y[i] = H[i,127-j] * x[j]", "hankel(h)", "y[i] = K[i,j] * x[j]"),
    ("x: c128[120], c: c128[120]) -> (y: c128[120]) normwise", "y[i] = c[(i+119*j) mod 120] * x[j]", "circulant(c)", "y[i] = K[i,j] * x[j]"),
    ("x: c128[120], c: c128[120]) -> (y: c128[120]) normwise", "y[i] = c[j] * x[(i-j) mod 120]", "circulant(c)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[60], A: f64[10, 10], B: f64[6, 6]) -> (y: f64[60])", "let W[i: 60, j: 60] = B[i mod 6, j mod 6] * A[i div 6, j div 6]\n y[i] = W[i,j] * x[j]", "kron(A, B)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[64], W: f64[64, 64], u: f64[64, 1], v: f64[1, 64]) -> (y: f64[64])", "let M[i: 64, j: 64] = W[i,j] - u[i,0]*v[0,j]\n y[i] = M[i,j] * x[j]", "W - lowrank(u, v)",
     "y[i] = K[i,j] * x[j]"),
    ("x: f64[48], B: f64[6, 8, 8]) -> (y: f64[48])", "y[i] = B[i div 8, i mod 8, j] * x[8*(i div 8) + j]", "blockdiag(B)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[48], B: f64[8, 8]) -> (y: f64[48])", "y[i] = where(i div 8 == j div 8, B[i mod 8, j mod 8], 0) * x[j]", "kron(identity(6), B)", "y[i] = K[i,j] * x[j]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = 2 * sin(pi*(2*k+1)*(2*l+1)/256) * x[l]", "dst4(64)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = 2 * sin(pi*(k+1)*(l+0.5)/64) * x[l]", "dst2(64)", "y[k] = K[k,l] * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = where(l == 63, 1.0, 2.0) * sin(pi*(l+1)*(2*k+1)/128) * x[l]", "dst3(64)", "y[k] = K[k,l] * x[l]"),
]

# Parameters, statements: nothing that a rule knows.
NEAR = [
    ("x: c128[64]) -> (y: c128[64])", "y[k] = exp(-2i*pi*k*l/63) * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = exp(-2i*pi*3*k*l/64) * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = exp(-2i*pi*(k+l)/64) * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = exp(-2i*pi*k*k*l/64) * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = exp(-2i*pi*k*l/64.5) * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = exp(-2i*k*l/64) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = exp(-2*pi*k*l/64) * x[l]"),
    ("x: c128[64, 64]) -> (y: c128[64])", "y[k] = exp(-2i*pi*k*l/64) * x[k,l]"),
    ("x: c128[64]) -> (y: c128[64]) reassoc", "y[k] = exp(-2i*pi*k*l/64) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = cos(k*l/64.0) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = cos(pi*k*l*l/64) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = cos(pi*(k+1)*(l+1)/13) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = (cos(2*pi*k*l/64) + sin(2*pi*k*l/63)) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = abs(cos(pi*k*(2*l+1)/128)) * x[l]"),
    ("x: f64[128], t: f64[255]) -> (y: f64[128])", "y[i] = t[i-j+127] * x[j]"),
    ("x: f64[128], t: f64[382]) -> (y: f64[128]) normwise", "y[i] = t[2*i-j+127] * x[j]"),
    ("x: f64[128], c: f64[128]) -> (y: f64[128]) normwise", "y[i] = c[(i-3*j) mod 128] * x[j]"),
    ("x: f64[128], c: f64[128]) -> (y: f64[128]) normwise", "y[i] = c[(i+2*j) mod 128] * x[j]"),
    ("x: f64[128, 128], t: f64[255]) -> (y: f64[128]) normwise", "y[i] = t[i-j+127] * x[i,j]"),
    ("x: f64[128], t: f64[255, 128]) -> (y: f64[128]) normwise", "y[i] = t[i-j+127,j] * x[j]"),
    ("x: f64[64]) -> (y: f64[64])", f"y[k] = (1 - 2*(({common_digits(64)}) mod 3)) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", f"y[k] = (2 - 2*(({common_digits(64)}) mod 2)) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", f"y[k] = cos(pi*({common_digits(64)})/3) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", f"y[k] = where(({common_digits(64)}) mod 2 == 0, 1, -2) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", f"y[k] = where(({common_digits(64)}) mod 4 == 0, 1, -1) * x[l]"),
    ("x: f64[128], t: f64[64]) -> (y: f64[128]) normwise", "y[i] = t[r] * pad(x[i-r], 1)"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = (cos(2*pi*k*l/64) - 2i*sin(2*pi*k*l/64)) * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = exp(-2i*pi*(k*l mod 63)/64) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = where(l == k, 1.0, 2.0) * cos(pi*l*(2*k+1)/128) * x[l]"),
    ("x: f64[64], d: f64[64]) -> (y: f64[64])", "let D[i: 64, j: 64] = where(i <= j, d[i], 0)\n y[i] = D[i,j] * x[j]"),
    ("x: f64[64], d: f64[64]) -> (y: f64[64])", "y[i] = where(i == 2*j, d[i], 0) * x[j]"),
    ("x: f64[64], d: f64[64]) -> (y: f64[64])", "y[i] = where(i == j, d[i], 0.5) * x[j]"),
    ("x: f64[64], d: f64[64]) -> (y: f64[64])", "y[i] = where(i == j or i == j + 1, d[i], 0) * x[j]"),
    ("x: f64[48], B: f64[6, 8, 8]) -> (y: f64[48])", "y[i] = where(i div 8 == j div 6, B[i div 8, i mod 8, j mod 8], 0) * x[j]"),
    ("x: f64[64], A: f64[8, 8], B: f64[8, 8]) -> (y: f64[64])", "let W[i: 64, j: 64] = A[i div 8, j div 8] + B[i mod 8, j mod 8]\n y[i] = W[j,i] * x[j]"),
    ("x: f64[64], W: f64[64, 64], U: f64[64, 4], V: f64[4, 64]) -> (y: f64[64])", "let A[i,j] = W[i,j] * sum[r](U[i,r] * V[r,j])\n y[i] = A[i,j] * x[j]"),
    ("x: f64[64], W: f64[64, 64], U: f64[64, 64]) -> (y: f64[64])", "y[i] = (W[i,j] - U[j,i]) * x[j]"),
    ("W: f64[64, 64], U: f64[64, 4], V: f64[4, 64]) -> (y: f64[64]) reassoc", "let A[i,j] = W[i,j] + U[i,r] * V[r,j]\n y[i] = sum[j](A[i,j] * A[i,j])"),
    ("x: f64[64], z: f64[64]) -> (y: f64[64])", "y[k] = cos(k*l/10.0)*x[l] + sin(k*l/10.0)*z[l]"),
    ("x: f64[64], p: i32[64]) -> (y: f64[64])", "y[i] = where(i < p[j], 1.0, 0) * x[j]"),
    ("x: f64[64], p: f64[64]) -> (y: f64[64])", "y[i] = where(i == p[j], 1.0, 0) * x[j]"),
    ("x: f32[64]) -> (y: f32[64])", "y[k] = cos(f32(pi)*f32(k)*(2*f32(l)+1)/128) * x[l]"),
]
# Of these the class alone is in the way, and explain says so.
FORBIDDEN = ["y[i] = t[i-j+127] * x[j]", "let A[i,j] = W[i,j] + U[i,r] * V[r,j]\n y[i] = sum[j](A[i,j] * A[i,j])"]
# Off by what leaves another structure of the same kind: rules fire, and all is right.
SHIFTED = [
    ("x: c128[60]) -> (y: c128[60])", "y[k] = exp(-2i*pi*k*l/64) * x[l]"),
    ("x: c128[64]) -> (y: c128[64])", "y[k] = exp(-2i*pi*(k+1)*(l-2)/64) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = cos(pi*k*(2*l+3)/128 + pi/7) * x[l]"),
    ("x: f64[128], c: f64[127]) -> (y: f64[128]) normwise", "y[i] = c[(i-j) mod 127] * x[j]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = (1 - 2*(((k mod 2)*(l div 32) + (k div 2 mod 2)*(l mod 2) + k div 32) mod 2)) * x[l]"),
    ("x: f64[129]) -> (y: f64[129])", "y[k] = cos(pi*k*l/128) * x[l]"),
    ("x: f64[128], t: f64[255]) -> (y: f64[128]) normwise", "y[i] = t[j-i+127] * x[j]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = x[0] + 2*sum[l: 63](cos(pi*(l+1)*(2*k+1)/128) * x[l+1])"),
    ("x: f64[63]) -> (y: f64[60])", "y[k] = cos(pi*(l+1)*(k+3)/64) * x[l]"),
    ("x: f64[63]) -> (y: f64[61])", "y[k] = sin(pi*(2*l+1)*(2*k+1)/256) * x[l]"),
    ("x: f64[64]) -> (y: f64[64])", "y[k] = cos(2*pi*k*l/64)*x[l] + sin(2*pi*k*l/32)*x[l]"),
    ("x: f64[128]) -> (y: f64[64])", "y[k] = cos(pi/64*(l + 32.5)*(k + 0.5)) * x[l]"),
    ("x: c128[33]) -> (y: f64[64])", "operator F = irdft(64)\n y[k] = 3 * F[k,l] * x[l]"),
]


class RecognitionSuite(Suite):
    def command(self, *words):
        return subprocess.run([self.einc, *words], capture_output=True, text=True)

    def all(self, folder):
        kernels = [(f"plain_{k}", p, s) for k, (p, s, _, _) in enumerate(PLAIN)]
        kernels += [(f"written_{k}", p, f"operator K = {o}\n {a}") for k, (p, _, o, a) in enumerate(PLAIN)]
        kernels += [(f"near_{k}", p, s) for k, (p, s) in enumerate(NEAR)] + [(f"shifted_{k}", p, s) for k, (p, s) in enumerate(SHIFTED)]
        path = pathlib.Path(folder) / "recognition.ein"
        path.write_text("".join(f"kernel {name}({parameters} {{\n {statement}\n}}\n" for name, parameters, statement in kernels))
        done = self.command("explain", "--json", str(path))
        if done.returncode:
            self.check("explain", False, done.stderr)
            return
        found = {kernel["name"]: kernel for kernel in json.loads(done.stdout)["kernels"]}
        for k, (_, statement, operator, _) in enumerate(PLAIN):
            plain, written = found[f"plain_{k}"]["flops"], found[f"written_{k}"]["flops"]
            self.check(f"{statement}: as {operator}", plain == written, f"{plain} flops, {written} written")
        for k, (_, statement) in enumerate(NEAR):
            structures = found[f"near_{k}"]["structures"]
            hints = [one for one in structures if one["kind"] == "as written" and "in a kernel of class normwise" in one["detail"]]
            self.check(f"{statement}: stays", structures == hints and len(hints) == (statement in FORBIDDEN), json.dumps(structures))
        for k, (_, statement) in enumerate(SHIFTED):
            structures = found[f"shifted_{k}"]["structures"]
            self.check(f"{statement}: is found", structures and (structures[0]["source"] == "recognised" or structures[0]["kind"] != "as written"), json.dumps(structures))
        engine = "tcc" if "tcc" in self.engines else self.engines[-1]
        done = self.command("check", f"--engine={engine}", str(path))
        lines = done.stdout.splitlines()
        for name, _, statement in kernels:
            line = next((line for line in lines if line.split()[:1] == [name]), "not there")
            self.check(f"{name} ({statement}) is right", line.split()[3:4] == ["ok"], line + done.stderr)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    suite = RecognitionSuite(parser.parse_args().einc)
    with tempfile.TemporaryDirectory() as folder:
        suite.all(folder)
    return suite.close()


if __name__ == "__main__":
    sys.exit(main())

import einc
import numpy as np

program = einc.compile("""
dim n
kernel step(A: f64[n,n], x: f64[n]) -> (y: f64[n], length: f64) {
    let z[i] = A[i,j] * x[j]
    length = sqrt(z[i] * z[i])
    y[i] = z[i] / length
}""")
A, x = np.array([[2.0, 1.0], [1.0, 3.0]]), np.ones(2)
for _ in range(40):
    x, length = program.step(A, x)
print(length, einc.einsum("i,ij,j", x, A, x), np.linalg.eigvalsh(A)[-1])

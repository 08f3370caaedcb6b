"""einc.compile: kernels as functions."""
import inspect

import einc
import numpy
import pytest

SOURCE = """dim n, m, ld
kernel product(A: f64[n,m], x: f64[m]) -> (y: f64[n]) { y[i] = A[i,j] * x[j] }
kernel ramp(scale: f32) -> (y: f32[2 * n + 1], total: i64) { y[i] = scale * f32(i)
    total = sum[i: n](i) }
kernel add(x: f64[n]) -> (y: f64[n], norm: f64) { y[i] += x[i]
    norm = x[i] * x[i] }
kernel rows(A: f64[n,2] strides(ld,1)) -> (y: f64[n]) { y[i] = sum[j](A[i,j]) }
kernel take(x: f64[n], t: i32[m]) -> (y: f64[m]) { y[i] = x[t[i]] }
kernel lambda(out: i8[n]) -> (y: i8[n]) { y[i] = out[i] + out[i] }
kernel halves(x: bf16[n]) -> (y: bf16[n]) { y[i] = x[i] }
"""
A = numpy.arange(6.0).reshape(2, 3)
X = numpy.array([1.0, 10.0, 100.0])


@pytest.fixture(scope="module", params=einc.engines())
def program(request):
    return einc.compile(SOURCE, engine=request.param)


def test_arrays_in_order_and_by_name(program):
    for got in (program.product(A, X), program.product(A, x=X), program.product(x=X, A=A), program["product"](A, X)):
        assert (got == A @ X).all() and got.dtype == numpy.float64


def test_what_does_not_lie_as_declared_is_copied(program):
    for a in (numpy.asfortranarray(A), A[::-1][::-1], A.astype(">f8"), A.astype("f4"), A.astype(int), A.tolist(), numpy.repeat(A, 2, 1)[:, ::2]):
        assert (program.product(a, X) == A @ X).all()


def test_numbers_and_dims(program):
    y, total = program.ramp(0.5, n=3)
    assert y.tolist() == [0, 0.5, 1, 1.5, 2, 2.5, 3] and y.dtype == numpy.float32
    assert total == 3 and isinstance(total, numpy.int64)
    assert program.ramp(numpy.float32(2), n=0)[0].tolist() == [0]


def test_outputs_of_the_caller(program):
    y = numpy.zeros(2)
    assert program.product(A, X, out=y) is y and (y == A @ X).all()
    y = numpy.zeros(3, "f4")
    first, total = program.ramp(2, n=1, out=(y, None))
    assert first is y and y.tolist() == [0, 2, 4] and total == 0
    square = numpy.arange(9.0).reshape(3, 3)
    wanted = square @ square[0]
    assert (program.product(square, square[0], out=square[1]) == wanted).all()


def test_updates_in_place(program):
    x, y = numpy.array([1.0, 2.0]), numpy.array([10.0, 20.0])
    got, norm = program.add(x, y)
    assert got is y and y.tolist() == [11, 22] and norm == 5
    got, norm = program.add(y, y=y)
    assert y.tolist() == [22, 44] and norm == 121 + 484
    with pytest.raises(TypeError, match="y is written: it must be a dense array of f64"):
        program.add(x, numpy.zeros(4)[::2])
    with pytest.raises(TypeError, match="y must be a NumPy array"):
        program.add(x, [1.0, 2.0])


def test_declared_strides_take_arrays_as_they_lie(program):
    room = numpy.arange(10.0).reshape(2, 5)
    assert program.rows(room[:, 1:3]).tolist() == [3, 13]


def test_names_that_python_has(program):
    kernel = program["lambda"]
    assert kernel(numpy.array([3, 70], "i1")).tolist() == [6, -116]
    assert kernel(out_=[1]).tolist() == [2]
    with pytest.raises(OverflowError, match=r"out is i8\[n\], which does not hold the value"):
        kernel([128])


def test_what_a_kernel_says_of_itself(program):
    assert program.product.__doc__.splitlines()[:3] == ["product(A: f64[n, m], x: f64[m]) -> (y: f64[n])", "", "Dims: n, m; those that no shape tells are given by name."]
    assert str(inspect.signature(program.product)) == "(A: 'f64[n, m]', x: 'f64[m]', *, out=None, **dims)"
    assert "Updated in place: y." in program.add.__doc__
    assert list(program.kernels) == ["product", "ramp", "add", "rows", "take", "lambda", "halves"]
    assert "product" in dir(program) and repr(program).startswith("<einc program of product, ramp")
    assert program.product.description["flops_formula"] == "2*n*m"
    with pytest.raises(AttributeError, match="no kernel 'producct'; it has product, ramp"):
        program.producct


@pytest.mark.parametrize("error, words, call", [
    (TypeError, "product needs 'x'", lambda p: p.product(A)),
    (TypeError, "takes 2 arrays, not 3", lambda p: p.product(A, X, X)),
    (TypeError, "'A' is given twice", lambda p: p.product(A, X, A=A)),
    (TypeError, "'b' is no array of product.* and no size", lambda p: p.product(A, X, b=X)),
    (TypeError, r"x is f64\[m\]; the value is complex128: cast it", lambda p: p.product(A, X.astype(complex))),
    (TypeError, r"scale is f32; the value is float64", lambda p: p.ramp(numpy.float64(1), n=3)),
    (TypeError, "out is for y, total: 2 arrays, not 1", lambda p: p.ramp(1, n=3, out=numpy.zeros(7, "f4"))),
    (TypeError, "y is written", lambda p: p.product(A, X, out=numpy.zeros(2, "f4"))),
    (TypeError, "NumPy has no type for bf16", lambda p: p.halves(X)),
    (einc.Error, "E0803.*dim `m` has two sizes", lambda p: p.product(A, X[:2])),
    (einc.Error, "E0807.*1 axes are declared", lambda p: p.product(A, A.reshape(3, 2))),
    (einc.Error, "E0805.*dim `n`", lambda p: p.ramp(1)),
    (einc.Error, "E0854.*no run-time dim `k`", lambda p: p.ramp(1, n=2, k=3)),
    (einc.Error, "E0854.*negative", lambda p: p.ramp(1, n=-2)),
    (einc.Error, "E0807", lambda p: p.product(A, X, out=numpy.zeros(3))),
    (einc.Error, "E0814", lambda p: p.take(X, numpy.array([3], "i4"))),
])
def test_mistakes(program, error, words, call):
    for _ in range(3):
        with pytest.raises(error, match="(?s)" + words):
            call(program)
    assert (program.product(A, X) == A @ X).all()


def test_source_that_is_wrong():
    with pytest.raises(einc.Error) as refused:
        einc.compile("kernel f(x: f64[3]) -> (y: f64[4]) {\n    y[i] = x[i]\n}\n", path="wrong.ein")
    (found,) = refused.value.diagnostics
    assert found.path == "wrong.ein" and found.line == 2 and found.is_error and str(refused.value).startswith(f"error[{found.code}]: {found.message}\n")
    with pytest.raises(ValueError, match="NUL"):
        einc.compile("kernel\0")


def test_warnings_are_kept():
    program = einc.compile("kernel f(x: f64[3]) -> (y: f64) { y = x[i] }")
    assert [found.code for found in program.diagnostics] == ["W0301"] and not program.diagnostics[0].is_error
    assert einc.compile("kernel f(x: f64[3]) -> (y: f64) { y = sum[i](x[i]) }").diagnostics == []


def test_options(tmp_path):
    source = "dim n\nkernel f(x: f64[n]) -> (y: f64) { y = x[i] * x[i] }"
    program = einc.compile(source, dims={"n": 3}, gradient=["x"], threads=2)
    assert program.f_gradient.description["inputs"][0]["shape"] == [3]
    (tmp_path / "f.ein").write_text(source)
    assert einc.compile_file(tmp_path / "f.ein").f(X) == 10101
    context = einc.Context(engine="ref")
    assert context.compile(source).f(X) == 10101 and context.compile(source, engine="c").f(X) == 10101
    with pytest.raises(TypeError, match="no option 'engin'; it has engine, target"):
        einc.compile(source, engin="c")
    with pytest.raises(TypeError, match="no option 'engin'"):
        einc.Context(engin="c")
    with pytest.raises(einc.Error, match="E0853"):
        einc.compile(source, engine="gpu")


def test_kernels_outlive_their_program_and_context():
    norm = einc.Context(engine="ref").compile("kernel f(x: f64[3]) -> (y: f64) { y = x[i] * x[i] }").f
    assert norm(X) == 10101

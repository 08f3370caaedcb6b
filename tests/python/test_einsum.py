"""einc.einsum against numpy.einsum: recorded calls, random ones, and what the two say differently.

Tolerance: 8 k eps sum|products| an element, k the length of the sum times the operands; integers and bools exactly.
"""
import inspect
import json

import einc
import numpy
import pytest
from einsum_suite import CASES, ELEMENT, Terms, evaluate, random_array, unglued

RECORDED = [unglued(case) if case["valid"] else case for case in json.loads((CASES / "einsum_cases.json").read_text())]
VALID = [case for case in RECORDED if case["valid"]]
INVALID = [case for case in RECORDED if not case["valid"] and case["shapes"]]


def agree(got, wanted, string, arrays):
    wanted = numpy.asarray(wanted)
    got = numpy.asarray(got)
    assert got.shape == wanted.shape and got.dtype == wanted.dtype.newbyteorder("=")  # NumPy's may be a view
    if wanted.dtype.kind not in "fc":
        assert (got == wanted).all()
        return
    case = {"expr": string}
    terms = Terms(string, [array.shape for array in arrays])
    magnitudes = evaluate(case, terms, [abs(array).astype(float) for array in arrays])
    bound = 8 * terms.longest_sum() * numpy.finfo(wanted.dtype).eps * numpy.asarray(magnitudes)
    assert (abs(got.astype(complex) - wanted) <= bound).all()


@pytest.mark.parametrize("case", VALID)
def test_recorded(case, instant):
    random = numpy.random.default_rng(30)
    for dtype in sorted(set(case.get("dtypes") or ["float64"]) & set(ELEMENT)) or ["float64"]:
        arrays = [random_array(random, dtype, shape) for shape in case["shapes"]]
        terms = Terms(case["expr"], case["shapes"])
        got, wanted = instant.einsum(case["expr"], *arrays), evaluate(case, terms, arrays)
        if case.get("numpy") is False:
            bound = 8 * terms.longest_sum() * numpy.finfo(wanted.dtype).eps
            assert got.shape == wanted.shape and numpy.allclose(got, wanted, rtol=bound, atol=bound)
        else:
            agree(got, wanted, case["expr"], arrays)


@pytest.mark.parametrize("case", INVALID)
def test_refused(case, instant):
    with pytest.raises(einc.Error) as refused:
        instant.einsum(case["expr"], *[numpy.zeros(shape) for shape in case["shapes"]])
    (first, *_), text = refused.value.diagnostics, str(refused.value)
    assert text.startswith(f"error[{first.code}]: {first.message}") and first.is_error


# ---- random calls ----


def random_layout(random, array):
    """The same elements, somehow elsewhere."""
    way = random.integers(7)
    if way == 0:
        return numpy.array(array, order="F")
    if way == 1 and array.ndim:
        return array[::-1].copy()[::-1]
    if way == 2:
        room = numpy.zeros([3 * extent for extent in array.shape], array.dtype)
        room[tuple(slice(None, None, 3) for _ in array.shape)] = array
        return room[tuple(slice(None, None, 3) for _ in array.shape)]
    if way == 3:
        return array.astype(array.dtype.newbyteorder())
    if way == 4:
        raw = numpy.zeros(array.nbytes + 1, numpy.uint8)[1:].view(array.dtype)[:array.size] if array.itemsize > 1 else array.ravel().copy()
        raw = raw.reshape(array.shape)
        raw[...] = array
        return raw
    if way == 5:
        array = array.copy()
        array.flags.writeable = False
    return array


def random_call(random):
    labels = "abcdef"
    sizes = dict(zip(labels, random.integers(0 if random.integers(20) == 0 else 1, 5, len(labels))))
    terms = ["".join(random.choice(list(labels), random.integers(0, 4))) for _ in range(random.integers(1, 4))]
    used = sorted(set("".join(terms)))
    result = "".join(random.permutation(used)[:random.integers(0, len(used) + 1)]) if used else ""
    string = ",".join(terms) + ("->" + result if random.integers(3) else "")
    dtypes = random.choice(sorted(ELEMENT), len(terms)) if random.integers(3) == 0 else [random.choice(sorted(ELEMENT))] * len(terms)
    arrays = [random_array(random, dtype, [sizes[label] for label in term]) for dtype, term in zip(dtypes, terms)]
    return string, [random_layout(random, numpy.asarray(array)) for array in arrays]


@pytest.mark.parametrize("seed", range(400))
def test_random(seed, instant):
    random = numpy.random.default_rng(seed)
    string, arrays = random_call(random)
    wanted = numpy.einsum(string, *arrays)
    got = instant.einsum(string, *arrays)
    assert type(got) is type(wanted)
    exact = [array.astype(wanted.dtype) for array in arrays]
    agree(got, wanted, string, exact)
    out = random_layout(random, numpy.zeros(numpy.shape(wanted), wanted.dtype))
    if out.flags.writeable:
        assert instant.einsum(string, *arrays, out=out) is out
        agree(out.astype(wanted.dtype.newbyteorder("=")), wanted, string, exact)


@pytest.mark.parametrize("engine", einc.engines())
def test_every_engine(engine):
    a, b = numpy.arange(12.0).reshape(3, 4), numpy.arange(8.0).reshape(4, 2)
    assert (einc.einsum("ij,jk->ik", a, b, engine=engine) == a @ b).all()
    assert (einc.Context(engine=engine, threads=2).einsum("ij,jk->ki", a, b) == (a @ b).T).all()


# ---- the rest of numpy.einsum's signature ----

A = numpy.arange(6.0).reshape(2, 3)
B = numpy.arange(12.0).reshape(3, 4)


def test_signature_is_numpys_and_engine():
    parameters = inspect.signature(einc.einsum).parameters
    assert list(parameters) == ["operands", "out", "optimize", "dtype", "order", "casting", "engine"]
    assert "numpy.einsum" in einc.einsum.__doc__


@pytest.mark.parametrize("call", [(A, [0, 1], B, [1, 2], [0, 2]), (A, [0, 1], B, [1, 2]), (A, [3, 30]), (A, [30, 3]), (A, [Ellipsis, 0]), (A, [Ellipsis, 0], [0, Ellipsis]),
                                  (A, [0, 1], []), (B, numpy.array([5, 2]), numpy.array([2, 5]))], ids=lambda call: str(call[1::2]))
def test_lists_of_labels(call):
    assert (einc.einsum(*call) == numpy.einsum(*call)).all()


def test_operands_that_are_no_arrays():
    assert einc.einsum("ij,j", [[1, 2], [3, 4]], (5, 6)).tolist() == [17, 39]
    assert einc.einsum("i,->i", numpy.ones(2, "f4"), 2.0).dtype == numpy.einsum("i,->i", numpy.ones(2, "f4"), 2.0).dtype
    assert einc.einsum(",", 3, numpy.float64(2)) == 6.0


@pytest.mark.parametrize("optimize", [True, False, "greedy", ("optimal", 100)])
def test_optimize_is_ignored(optimize):
    assert (einc.einsum("ij,jk", A, B, optimize=optimize) == A @ B).all()


@pytest.mark.filterwarnings("ignore:Casting complex")
@pytest.mark.parametrize("options", [{"dtype": "f4"}, {"dtype": "f4", "casting": "same_kind"}, {"dtype": "c16"}, {"dtype": "i4", "casting": "unsafe"}, {"dtype": "i4"},
                                     {"casting": "no"}, {"casting": "equiv"}], ids=str)
@pytest.mark.parametrize("out", [None, "f4", "f8", "c16", "i8", ">f8"])
def test_types_and_casting_are_numpys(options, out):
    got, wanted = [None if out is None else numpy.zeros((2, 4), out) for _ in range(2)]
    try:
        wanted = numpy.einsum("ij,jk", A, B, out=wanted, **options)
    except TypeError:
        with pytest.raises(TypeError, match="cast"):
            einc.einsum("ij,jk", A, B, out=got, **options)
        return
    got = einc.einsum("ij,jk", A, B, out=got, **options)
    assert got.dtype == wanted.dtype and (got == wanted).all()


@pytest.mark.parametrize("order", "CFAcf")
def test_order(order):
    for arrays in [(A, B), (numpy.asfortranarray(A), numpy.asfortranarray(B))]:
        got, wanted = einc.einsum("ij,jk", *arrays, order=order), numpy.einsum("ij,jk", *arrays, order=order)
        assert (got == wanted).all() and got.strides == wanted.strides


def test_integers_wrap():
    a = numpy.array([100, 100], "i1")
    assert einc.einsum("i,i", a, a) == numpy.einsum("i,i", a, a)


def test_views_are_copies():
    a = numpy.eye(3)
    diagonal = einc.einsum("ii->i", a)
    diagonal[:] = 5
    assert (a == numpy.eye(3)).all()


def test_out_may_be_an_operand():
    a = numpy.arange(9.0).reshape(3, 3)
    wanted = a @ a
    assert einc.einsum("ij,jk->ik", a, a, out=a) is a
    assert (a == wanted).all()


def test_out_with_strides():
    room = numpy.zeros((4, 8))
    einc.einsum("ij,jk->ik", A, B, out=room[::2, 1::2])
    assert (room[::2, 1::2] == A @ B).all() and room.sum() == (A @ B).sum()
    einc.einsum("ij,jk->ik", A, B, out=room[::-2, ::-2])
    assert (room[::-2, ::-2] == A @ B).all()


@pytest.mark.parametrize("error, words, arguments, options", [
    (TypeError, "a NumPy array, not list", ("ij", A), {"out": [1.0]}),
    (einc.Error, r"f64\[2, 3\] is wanted; the array is f64\[3, 2\]", ("ij", A), {"out": numpy.zeros((3, 2))}),
    (ValueError, r"out has the shape \(3, 2\), the result \(2, 3\)", ("ij", A), {"out": numpy.zeros((3, 2), ">f8")}),
    (ValueError, "read-only", ("ij", A), {"out": numpy.broadcast_to(0.0, (2, 3))}),
    (TypeError, "the result cannot be cast from int64 to uint32", ("->", numpy.array(3, "i2")), {"out": numpy.zeros((), "u4")}),
    (ValueError, "order must be", ("ij", A), {"order": "X"}),
    (ValueError, "no engine 'gpu'; it has auto", ("ij", A), {"engine": "gpu"}),
    (TypeError, "no type for arrays of object", ("i", numpy.array([None])), {}),
    (TypeError, "no type for arrays of (float128|longdouble)", ("i", numpy.zeros(2, numpy.longdouble)), {}),
    (TypeError, "unexpected keyword", ("ij", A), {"optimise": True}),
    (ValueError, "at least one array", ("ij",), {}),
    (ValueError, "at least one array", (), {}),
    (ValueError, "label 52 is not within", (A, [0, 52]), {}),
    (ValueError, "NUL", ("ij\0", A), {}),
    (einc.Error, "E0404", ("i", A), {}),
    (einc.Error, "E0405", ("ij,ij", A, B), {}),
    (einc.Error, "E0401", ("i?", A), {}),
    (UnicodeEncodeError, "surrogates", ("i\ud800", A), {}),
])
def test_mistakes(error, words, arguments, options):
    with pytest.raises(error, match=words):
        einc.einsum(*arguments, **options)
    assert (einc.einsum("ij,jk", A, B) == A @ B).all()


def test_diagnostics():
    with pytest.raises(einc.Error) as refused:
        einc.einsum("ij,jk->iq", A, B)
    assert refused.value.diagnostics == [("E0406", "output label `q` is in no term", "einsum", 1, 9, True)]
    assert str(refused.value).splitlines()[3] == "1 | ij,jk->iq"
    assert isinstance(refused.value, ValueError)  # which NumPy raises

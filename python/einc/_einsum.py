"""einsum in all generality: what the quick way in C leaves. Labels in lists, types that are mixed or asked for, arrays that have to be copied."""
import numpy

from . import _arrays

# NumPy's letters, so that an implicit result has the labels in order
LABELS = {Ellipsis: "...", **dict(enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))}
ORDERS = ("K", "C", "F", "A")


def term(labels):
    try:
        return "".join([LABELS[label] for label in labels])
    except KeyError as unknown:
        raise ValueError(f"label {unknown} is not within 0 to 51") from None


def split(operands):
    """The einsum string and the arrays, of either form of call."""
    if operands and isinstance(operands[0], str):
        string, arrays = operands[0], list(operands[1:])
    else:
        arrays, lists = list(operands[:len(operands) // 2 * 2:2]), operands[1::2]
        string = ",".join(term(labels) for labels in lists)
        if len(operands) % 2 == 1:
            string += "->" + term(operands[-1])
    if not arrays:
        raise ValueError("einsum takes at least one array")
    return string, [numpy.asarray(array) for array in arrays]


def common_type(arrays, out, dtype, casting):
    """What is calculated in: all that is read, and the result, are cast to and from it."""
    first = arrays[0].dtype
    if dtype is None and all(array.dtype == first for array in ([] if out is None else [out]) + arrays[1:]) and first in _arrays.KNOWN:
        return first  # as below, sooner
    wanted = numpy.dtype(dtype) if dtype is not None else numpy.result_type(*arrays, *([] if out is None else [out]))
    for array in arrays:
        if not numpy.can_cast(array, wanted, casting):
            raise TypeError(f"an operand cannot be cast from {array.dtype} to {wanted} by the rule {casting!r}")
    for source, target in [] if out is None else [(wanted, out.dtype), (out.dtype, wanted)]:  # both, as NumPy has it
        if not numpy.can_cast(source, target, casting):
            raise TypeError(f"the result cannot be cast from {source} to {target} by the rule {casting!r}")
    return _arrays.check_type(wanted)


def is_fortran(order, arrays):
    return order == "F" or (order == "A" and all(array.flags.f_contiguous and not array.flags.c_contiguous for array in arrays))


def unable(*operands, out=None):
    """Stands behind the quick way where the general one uses it."""
    return NotImplemented


def general(handle, quick, context_of, *operands, out=None, optimize=False, dtype=None, order="K", casting="safe", engine=None):
    """`quick` is the way for arrays that fit, with `unable` behind it; `context_of` gives the context for an engine that is named."""
    if engine is not None:
        return context_of(engine).einsum(*operands, out=out, dtype=dtype, order=order, casting=casting)
    string, arrays = split(operands)
    if out is not None:
        _arrays.check_output(out, "out")
    if not isinstance(order, str) or order.upper() not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    wanted = common_type(arrays, out, dtype, casting)
    if b"\0" in string.encode():
        raise ValueError("there is a NUL in the einsum string")
    fitting = [_arrays.fit(array, wanted) for array in arrays]
    direct = out is not None and out.dtype == wanted and _arrays.lies_well(out) and not any(numpy.may_share_memory(out, array) for array in fitting)
    result = quick(string, *fitting, out=out if direct else None)
    if result is NotImplemented:
        raise handle.error()
    if out is None:
        return numpy.asfortranarray(result) if numpy.ndim(result) and is_fortran(order.upper(), arrays) else result
    if not direct:
        if out.shape != numpy.shape(result):
            raise ValueError(f"out has the shape {out.shape}, the result {numpy.shape(result)}")
        numpy.copyto(out, result, casting=casting)
    return out

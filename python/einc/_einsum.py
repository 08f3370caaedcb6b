"""einsum in all generality: what the quick way in C leaves. Labels in lists, types that are mixed or asked for, arrays that have to be copied."""
import numpy

from . import _arrays
from ._library import ATTRIBUTE, PYTHON

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # NumPy's, so that an implicit result has the labels in order
ORDERS = "KCFA"


def term(labels):
    letters = []
    for label in labels:
        if label is Ellipsis:
            letters.append("...")
        elif 0 <= label.__index__() < len(LETTERS):
            letters.append(LETTERS[label.__index__()])
        else:
            raise ValueError(f"label {label} is not within 0 to {len(LETTERS) - 1}")
    return "".join(letters)


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
    wanted = numpy.dtype(dtype) if dtype is not None else numpy.result_type(*arrays, *([] if out is None else [out.dtype]))
    for array in arrays:
        if not numpy.can_cast(array, wanted, casting):
            raise TypeError(f"an operand cannot be cast from {array.dtype} to {wanted} by the rule {casting!r}")
    for source, target in [] if out is None else [(wanted, out.dtype), (out.dtype, wanted)]:  # both, as NumPy has it
        if not numpy.can_cast(source, target, casting):
            raise TypeError(f"the result cannot be cast from {source} to {target} by the rule {casting!r}")
    return _arrays.check_type(wanted)


def is_fortran(order, arrays):
    return order == "F" or (order == "A" and all(array.flags.f_contiguous and not array.flags.c_contiguous for array in arrays))


def general(handle, context_of, *operands, out=None, optimize=False, dtype=None, order="K", casting="safe", engine=None):
    """`context_of` gives the context for an engine that is named."""
    if engine is not None:
        return context_of(engine).einsum(*operands, out=out, dtype=dtype, order=order, casting=casting)
    string, arrays = split(operands)
    if out is not None:
        _arrays.check_output(out, "out")
    if not isinstance(order, str) or order.upper() not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, not {order!r}")
    wanted = common_type(arrays, out, dtype, casting)
    if "\0" in string:
        raise ValueError("there is a NUL in the einsum string")
    text, arrays = string.encode(), [_arrays.fit(array, wanted) for array in arrays]
    shape = PYTHON.einc_python_einsum_shape(handle.pointer, text, tuple(arrays), ATTRIBUTE)
    if shape is None:
        raise handle.error()
    if out is not None and out.shape != shape:
        raise ValueError(f"out has the shape {out.shape}, the result {shape}")
    direct = out is not None and out.dtype == wanted and _arrays.lies_well(out) and not any(numpy.may_share_memory(out, array) for array in arrays)
    result = out if direct else numpy.empty(shape, wanted, "F" if is_fortran(order.upper(), arrays) else "C")
    status = PYTHON.einc_python_einsum_run(handle.pointer, text, (*arrays, result), ATTRIBUTE)
    if status:
        raise handle.error(status)
    if out is None:
        return result[()] if result.ndim == 0 else result
    if not direct:
        numpy.copyto(out, result, casting=casting)
    return out

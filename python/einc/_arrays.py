"""NumPy arrays as einc takes them: of its types, in the machine's byte order, aligned, at strides that are whole elements and not negative."""
import numpy

from ._library import ATTRIBUTE

# the dtypes libeinc_python looks up: rows f c i u b, columns 1 2 4 8 16 bytes
TYPES = tuple(numpy.dtype(name) if name else None
              for row in (("", "f2", "f4", "f8", ""), ("", "", "", "c8", "c16"), ("i1", "i2", "i4", "i8", ""), ("u1", "u2", "u4", "u8", ""),
                          ("?", "", "", "", ""))
              for name in row)
FOR_C = (numpy.empty, TYPES, ATTRIBUTE)  # what libeinc_python needs of NumPy
KNOWN = frozenset(known for known in TYPES if known is not None)
# einc's names of them
BY_NAME = {"f16": "f2", "f32": "f4", "f64": "f8", "c64": "c8", "c128": "c16", "bool": "?",
           **{f"{sign}{8 * size}": f"{sign}{size}" for sign in "iu" for size in (1, 2, 4, 8)}}


def dtype_of(name):
    if name not in BY_NAME:
        raise TypeError(f"NumPy has no type for {name}")
    return numpy.dtype(BY_NAME[name])


def check_type(dtype):
    """The dtype in the machine's byte order, or TypeError."""
    native = dtype.newbyteorder("=")
    if native not in KNOWN:
        raise TypeError(f"einc has no type for arrays of {dtype}")
    return native


def lies_well(array):
    size = array.itemsize
    return array.flags.aligned and array.dtype.isnative and (
        array.flags.c_contiguous or all(stride >= 0 and stride % size == 0 for stride, extent in zip(array.strides, array.shape) if extent > 1))


def fit(array, dtype, dense=False):
    """The array where it lies well, else a copy."""
    good = array.dtype == dtype and (array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative if dense else lies_well(array))
    return array if good else numpy.array(array, dtype=dtype, order="C", copy=True, subok=False)


def check_output(array, what):
    if not isinstance(array, numpy.ndarray):
        raise TypeError(f"{what} must be a NumPy array, not {type(array).__name__}")
    if not array.flags.writeable:
        raise ValueError(f"{what} is read-only")

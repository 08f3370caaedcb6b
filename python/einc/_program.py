"""Programs: kernels that are called like functions."""
import ctypes
import inspect
import json
import keyword
import operator
import os
import re

import numpy

from . import _arrays
from ._library import ATTRIBUTE, C, POINTER, PYTHON, Owned, options_struct


def type_text(tensor):
    return tensor["type"] + (f"[{', '.join(map(str, tensor['shape']))}]" if tensor["shape"] else "")


def python_name(name):
    """A parameter's: with an underscore where the name is Python's, or that of the parameter for results."""
    return name + "_" if keyword.iskeyword(name) or name == "out" else name


class Call:
    """Calls of a kernel in all generality: arrays by name, what has to be converted or copied, results in the caller's arrays, dims by name."""

    def __init__(self, owned, pointer):
        self.owned, self.pointer = owned, pointer
        text = C.einc_kernel_json(pointer)
        if text is None:
            raise MemoryError("einc has no memory")
        self.description = json.loads(text)
        self.name, self.outputs = self.description["name"], self.description["outputs"]
        written, read = ({tensor["name"] for tensor in self.description[side]} for side in ("outputs", "inputs"))
        self.inputs = [tensor for tensor in self.description["inputs"] if tensor["name"] not in written]
        self.updated = [output for output in self.outputs if output["name"] in read]
        self.made = [output for output in self.outputs if output["name"] not in read]
        self.given = self.inputs + self.updated
        self.parameters = [python_name(tensor["name"]) for tensor in self.given]

    def text(self):
        taken = ", ".join(f"{name}: {type_text(tensor)}" for name, tensor in zip(self.parameters, self.given))
        given = ", ".join(f"{output['name']}: {type_text(output)}" for output in self.outputs)
        return f"{self.name}({taken}) -> ({given})"

    def bind(self, arrays, named):
        """A value for each parameter; names and sizes of dims by turns."""
        if len(arrays) > len(self.parameters):
            raise TypeError(f"{self.name} takes {len(self.parameters)} arrays, not {len(arrays)}: {self.text()}")
        values, pairs = list(arrays), []
        for name in self.parameters[len(arrays):]:
            if name not in named:
                raise TypeError(f"{self.name} needs {name!r}: {self.text()}")
            values.append(named.pop(name))
        for name, size in named.items():
            if name in self.parameters:
                raise TypeError(f"{name!r} is given twice: {self.text()}")
            try:
                pairs += [name, operator.index(size)]
            except TypeError:
                raise TypeError(f"{name!r} is no array of {self.text()}, and no size of a dim") from None
        return values, tuple(pairs)

    def read(self, value, tensor):
        """An array for an input. One that was an array must be of a type that casts safely."""
        dtype = _arrays.dtype_of(tensor["type"])
        array = numpy.asarray(value)
        if array.dtype != dtype:
            if not numpy.can_cast(array.dtype, dtype, "safe" if hasattr(value, ATTRIBUTE) else "same_kind"):
                raise TypeError(f"{tensor['name']} is {type_text(tensor)}; the value is {array.dtype}: cast it")
            if dtype.kind in "iu" and array.size and not (numpy.iinfo(dtype).min <= array.min() and array.max() <= numpy.iinfo(dtype).max):
                raise OverflowError(f"{tensor['name']} is {type_text(tensor)}, which does not hold the value")
        return _arrays.fit(array, dtype, dense=tensor["strides"] is None)

    def write(self, array, output):
        """The caller's array, as it is: what is copied would not be written."""
        _arrays.check_output(array, output["name"])
        if array.dtype != _arrays.dtype_of(output["type"]) or not array.flags.c_contiguous or not _arrays.lies_well(array):
            raise TypeError(f"{output['name']} is written: it must be a dense array of {output['type']} in C order")
        return array

    def place(self, out):
        """The caller's arrays for outputs by name."""
        arrays = (None,) * len(self.made) if out is None else out if isinstance(out, tuple) else (out,)
        if len(arrays) != len(self.made):
            names = ", ".join(output["name"] for output in self.made)
            raise TypeError(f"out is for {names or 'no output'}: {len(self.made)} arrays, not {len(arrays)}")
        return {output["name"]: self.write(array, output) for output, array in zip(self.made, arrays) if array is not None}

    def make(self, tensors, output, dims):
        at = len(self.inputs) + self.outputs.index(output)
        shape = PYTHON.einc_python_shape(self.pointer, tuple(tensors), at, dims, ATTRIBUTE)
        if shape is None:
            raise self.owned.parent.error()
        return numpy.empty(shape, _arrays.dtype_of(output["type"]))

    def general(self, *arrays, out=None, **named):
        values, dims = self.bind(arrays, named)
        inputs = [self.read(value, tensor) for value, tensor in zip(values, self.inputs)]
        written = self.place(out)
        written.update((output["name"], self.write(value, output)) for value, output in zip(values[len(inputs):], self.updated))
        # einc wants what it writes apart from what it reads
        inputs = [array.copy() if any(numpy.may_share_memory(array, other) for other in written.values()) else array for array in inputs]
        tensors = inputs + [written.get(output["name"]) for output in self.outputs]
        results = [written[output["name"]] if output["name"] in written else self.make(tensors, output, dims) for output in self.outputs]
        status = PYTHON.einc_python_run(self.pointer, (*inputs, *results), len(inputs), dims, ATTRIBUTE)
        if status:
            raise self.owned.parent.error(status)
        results = [array if output["name"] in written or array.ndim else array[()] for array, output in zip(results, self.outputs)]
        return results[0] if len(results) == 1 else tuple(results)


class Kernel:
    """A kernel: takes its inputs in order or by name, then sizes of run-time dims by name, and gives its output, or a tuple of them.

    Arrays have the declared types and shapes; those that do not lie as declared, or whose type casts safely, are copied. Numbers and lists become
    arrays. What an output updates in place (`y[i] += ...`) is passed after the inputs, and must be an array that needs no copy.
    `out=` is an array, or a tuple of arrays (None: make one) for several outputs. `description` is einc_kernel_json.
    """

    def __init__(self, owned, pointer):
        call = Call(owned, pointer)
        self.description = call.description
        self._run = PYTHON.einc_python_kernel(pointer, owned, len(call.inputs), tuple(int(output in call.updated) for output in call.outputs),
                                              call.general, *_arrays.FOR_C)
        self.__name__ = self.__qualname__ = call.name
        self.__signature__ = self._signature(call)
        self.__doc__ = self._doc(call)

    @staticmethod
    def _signature(call):
        parameter = inspect.Parameter
        arrays = [parameter(name, parameter.POSITIONAL_OR_KEYWORD, annotation=type_text(tensor)) for name, tensor in zip(call.parameters, call.given)]
        return inspect.Signature([*arrays, parameter("out", parameter.KEYWORD_ONLY, default=None), parameter("dims", parameter.VAR_KEYWORD)])

    @staticmethod
    def _doc(call):
        lines = [call.text(), ""]
        if call.updated:
            lines.append(f"Updated in place: {', '.join(output['name'] for output in call.updated)}.")
        sizes = " ".join(str(size) for tensor in call.inputs + call.outputs for size in tensor["shape"] + (tensor.get("strides") or []))
        dims = dict.fromkeys(re.findall(r"[A-Za-z_]\w*", sizes))
        if dims:
            lines.append(f"Dims: {', '.join(dim for dim in dims if dim not in ('div', 'mod'))}; those that no shape tells are given by name.")
        return "\n".join(lines + [f"{call.description['flops_formula']} flops."])

    def __call__(self, *arrays, **named):
        return self._run(*arrays, **named)

    def __repr__(self):
        return f"<einc kernel {self.__doc__.splitlines()[0]}>"


class Program:
    """Compiled source: its kernels are attributes, or items by name. `diagnostics` are the compiler's warnings."""

    def __init__(self, handle, source, options, from_file=False):
        program = POINTER()
        compiler = C.einc_compile_file if from_file else C.einc_compile
        if "\0" in source:
            raise ValueError("there is a NUL in the source")
        handle.take_report()  # of an earlier call
        status = compiler(handle.pointer, os.fsencode(source) if from_file else source.encode(), options_struct(options), ctypes.byref(program))
        if status:
            raise handle.error(status)
        report = handle.take_report()
        self.diagnostics = report[1] if report else []
        owned = Owned(program.value, C.einc_program_destroy, handle)
        kernels = [Kernel(owned, C.einc_kernel_at(program, at)) for at in range(C.einc_kernel_count(program))]
        self._kernels = {kernel.__name__: kernel for kernel in kernels}

    @property
    def kernels(self):
        """All of them by name."""
        return dict(self._kernels)

    def __getitem__(self, name):
        return self._kernels[name]

    def __getattr__(self, name):
        kernels = self.__dict__.get("_kernels", {})
        if name in kernels:
            return kernels[name]
        raise AttributeError(f"the program has no kernel {name!r}; it has {', '.join(kernels) or 'none'}")

    def __dir__(self):
        return [*super().__dir__(), *self._kernels]

    def __repr__(self):
        return f"<einc program of {', '.join(self._kernels)}>"

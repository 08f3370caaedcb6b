"""einc: einsums and structured layers, compiled as they are met, on NumPy arrays. docs/python.md is the longer account.

    einc.einsum("ij,jk->ik", a, b)
    program = einc.compile("dim n\\nkernel norm(x: f64[n]) -> (y: f64) { y = x[i] * x[i] }")
    program.norm(x)

All of it may be used from several threads at once; einc compiles and runs without the interpreter's lock.
"""
import functools
import os
import threading
import weakref

from . import _arrays, _einsum
from ._library import C, PYTHON, Diagnostic, Error, Handle, engines
from ._program import Kernel, Program

__all__ = ["Context", "Diagnostic", "Error", "Kernel", "Program", "compile", "compile_file", "einsum", "engines"]
__version__ = C.einc_version().decode()


class Context:
    """Options for all that is compiled with it, and its own cache of einsums: Context(engine="llvm", threads=-1).

    Options are engine, target, tune, threads, dims, path, gradient, adjoint, compiler, flags, as einc.h has them. `einsum` is that of this module.
    """

    def __init__(self, **options):
        self.options = options
        self.einsum = PYTHON.einc_python_einsum(*self._open(), *_arrays.FOR_C)
        _contexts.add(self)

    def _open(self):
        self._handle = handle = Handle(self.options)
        quick = PYTHON.einc_python_einsum(handle.pointer, None, _einsum.unable, *_arrays.FOR_C)
        return handle.pointer, handle, functools.partial(_einsum.general, handle, quick, _context_of)

    def _reopen(self):
        PYTHON.einc_python_move(self.einsum.__self__, *self._open())

    def compile(self, source, **options):
        """A Program from source text. Options are those of the context but for what is given here."""
        return Program(self._handle, source, {**self.options, **options})

    def compile_file(self, path, **options):
        return Program(self._handle, os.fspath(path), {**self.options, **options}, from_file=True)


_contexts = weakref.WeakSet()
_by_engine = {}
_by_engine_lock = threading.Lock()


def _context_of(engine):
    """The module's context for an engine."""
    with _by_engine_lock:
        if engine not in _by_engine:
            if engine not in engines():
                raise ValueError(f"einc has no engine {engine!r}; it has {', '.join(engines())}")
            _by_engine[engine] = Context(engine=engine)
        return _by_engine[engine]


def _after_fork():
    """In the child the threads of libeinc's contexts are not there: it goes on with new ones. Programs run as before."""
    global _by_engine_lock
    _by_engine_lock = threading.Lock()
    for context in list(_contexts):
        context._reopen()


os.register_at_fork(after_in_child=_after_fork)
_default = Context()
einsum = _default.einsum


def compile(source, *, engine=None, **options):
    """A Program from source text: its kernels are attributes that are called with arrays.

    Options are engine, target, tune, threads, dims (a dict of sizes known now), path (for messages, and where file("...") starts from), gradient,
    adjoint, compiler, flags. Raises einc.Error with einc's diagnostics.
    """
    return _default.compile(source, engine=engine, **options)


def compile_file(path, *, engine=None, **options):
    """The same from a file."""
    return _default.compile_file(path, engine=engine, **options)

"""libeinc.so and libeinc_python.so: found, loaded, declared; contexts, and what they report.

What is called once a kernel goes through ctypes; what is called at every run through libeinc_python (einc_python.c).
"""
import atexit
import ctypes
import ctypes.util
import os
import pathlib
import weakref
from typing import NamedTuple, Optional

ATTRIBUTE = "__array_struct__"
NO_MEMORY = 2  # EINC_NO_MEMORY


# ---- einc.h ----


class Dim(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("value", ctypes.c_int64)]


class Options(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("engine", ctypes.c_char_p), ("target", ctypes.c_char_p), ("tune", ctypes.c_char_p),
                ("threads", ctypes.c_int64), ("dims", ctypes.POINTER(Dim)), ("n_dims", ctypes.c_size_t), ("path", ctypes.c_char_p),
                ("gradient", ctypes.c_char_p), ("adjoint", ctypes.c_char_p), ("compiler", ctypes.c_char_p), ("flags", ctypes.c_char_p)]


class CDiagnostic(ctypes.Structure):
    _fields_ = [("is_error", ctypes.c_bool), ("code", ctypes.c_char_p), ("message", ctypes.c_char_p), ("path", ctypes.c_char_p),
                ("line", ctypes.c_uint32), ("column", ctypes.c_uint32)]


def options_struct(options):
    """From keywords; `dims` is a mapping, `gradient` and `adjoint` a name, several with commas, or a sequence of names."""
    struct = Options(size=ctypes.sizeof(Options))
    for name, value in options.items():
        if name not in OPTION_NAMES:
            raise TypeError(f"einc has no option {name!r}; it has {', '.join(OPTION_NAMES)}")
        if name == "dims":
            dims = [Dim(dim.encode(), size) for dim, size in (value or {}).items()]
            struct.dims, struct.n_dims = (Dim * len(dims))(*dims), len(dims)
        elif name == "threads":
            struct.threads = value or 0
        elif value is not None:
            joined = ",".join(value) if name in ("gradient", "adjoint") and not isinstance(value, str) else value
            setattr(struct, name, os.fsencode(joined))
    return struct


OPTION_NAMES = [name for name, _ in Options._fields_ if name not in ("size", "n_dims")]


# ---- finding and loading ----


def candidates():
    """Where libeinc.so may be, best first."""
    if os.environ.get("EINC_LIBRARY"):
        yield os.environ["EINC_LIBRARY"]
        return  # who names one means that one
    here = pathlib.Path(__file__).resolve().parent
    for folder in (here, here.parents[1] / "build"):
        if (folder / "libeinc.so").exists():
            yield str(folder / "libeinc.so")
    yield ctypes.util.find_library("einc") or "libeinc.so.0"


def load():
    problems = []
    for path in candidates():
        try:
            library = ctypes.CDLL(path)
            # beside it, or by the loader's own search; it needs the library just loaded, and finds that by its name
            return library, ctypes.PyDLL(str(pathlib.Path(path).with_name("libeinc_python.so")) if os.sep in path else "libeinc_python.so")
        except OSError as problem:
            problems.append(str(problem))
    raise ImportError("libeinc.so is not found; set EINC_LIBRARY to its path. Tried: " + "; ".join(problems))


def declare(library, name, result, *arguments):
    function = getattr(library, name)
    function.restype, function.argtypes = result, arguments


C, PYTHON = load()
POINTER, TEXT, SIZE, OBJECT = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.py_object
declare(C, "einc_version", TEXT)
declare(C, "einc_status_text", TEXT, ctypes.c_int)
declare(C, "einc_engines", ctypes.POINTER(TEXT))
declare(C, "einc_context_create", POINTER, POINTER, ctypes.POINTER(Options))
declare(C, "einc_context_destroy", None, POINTER)
declare(C, "einc_context_end_thread", None, POINTER)
declare(C, "einc_take_report", POINTER, POINTER)
declare(C, "einc_report_count", SIZE, POINTER)
declare(C, "einc_report_at", CDiagnostic, POINTER, SIZE)
declare(C, "einc_report_text", TEXT, POINTER)
declare(C, "einc_report_destroy", None, POINTER)
for compiler in ("einc_compile", "einc_compile_file"):
    declare(C, compiler, ctypes.c_int, POINTER, TEXT, ctypes.POINTER(Options), ctypes.POINTER(POINTER))
declare(C, "einc_program_destroy", None, POINTER)
declare(C, "einc_kernel_count", SIZE, POINTER)
declare(C, "einc_kernel_at", POINTER, POINTER, SIZE)
declare(C, "einc_kernel_json", TEXT, POINTER)
declare(PYTHON, "einc_python_einsum", OBJECT, POINTER, *[OBJECT] * 5)
declare(PYTHON, "einc_python_move", None, OBJECT, POINTER, OBJECT, OBJECT)
declare(PYTHON, "einc_python_kernel", OBJECT, POINTER, OBJECT, SIZE, *[OBJECT] * 5)
declare(PYTHON, "einc_python_run", ctypes.c_int, POINTER, OBJECT, SIZE, OBJECT, OBJECT)
declare(PYTHON, "einc_python_shape", OBJECT, POINTER, OBJECT, SIZE, OBJECT, OBJECT)


def engines():
    """Names of the engines this einc was built with, `auto` first."""
    names = []
    for name in C.einc_engines():
        if name is None:
            return names
        names.append(name.decode())


# ---- errors ----


class Diagnostic(NamedTuple):
    code: str
    message: str
    path: Optional[str]
    line: int
    column: int
    is_error: bool


class Error(ValueError):
    """What einc refuses. The message is einc's own text, with the lines of the source; `diagnostics` is a list of Diagnostic."""

    def __init__(self, text, diagnostics=()):
        super().__init__(text)
        self.diagnostics = list(diagnostics)


def text_of(value):
    return None if value is None else value.decode(errors="replace")


# ---- what is destroyed with its last reference ----


class Owned:
    """A C object. It keeps what it is made from, `parent`. A child of fork() leaves it alone: threads it counts on are not there."""

    process = None  # until it is made

    def __init__(self, pointer, destroy, parent=None):
        self.pointer, self.destroy, self.parent, self.process = pointer, destroy, parent, os.getpid()

    def __del__(self, getpid=os.getpid):
        if self.process == getpid():
            self.destroy(self.pointer)


handles = weakref.WeakSet()


@atexit.register
def end_threads():
    for handle in list(handles):
        if handle.process == os.getpid():
            C.einc_context_end_thread(handle.pointer)


class Handle(Owned):
    """An einc_context."""

    def __init__(self, options):
        pointer = C.einc_context_create(None, options_struct(options))
        if not pointer:
            raise MemoryError("einc has no memory for a context")
        super().__init__(pointer, C.einc_context_destroy)
        handles.add(self)

    def take_report(self):
        """The text and the diagnostics of this thread's last report, which is then gone; None: there is none."""
        report = C.einc_take_report(self.pointer)
        if not report:
            return None
        try:
            diagnostics = []
            for at in range(C.einc_report_count(report)):
                item = C.einc_report_at(report, at)
                diagnostics.append(Diagnostic(text_of(item.code), text_of(item.message), text_of(item.path), item.line, item.column, item.is_error))
            return text_of(C.einc_report_text(report)), diagnostics
        finally:
            C.einc_report_destroy(report)

    def error(self, status=None):
        """The exception for what just went wrong; without `status` the report alone tells."""
        report = self.take_report()
        if status == NO_MEMORY or not report:
            return MemoryError("einc has no memory") if status in (None, NO_MEMORY) else Error(text_of(C.einc_status_text(status)))
        return Error(report[0].rstrip("\n"), report[1])

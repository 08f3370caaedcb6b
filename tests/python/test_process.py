"""Threads, memory, children of fork, where the library is found."""
import concurrent.futures
import ctypes.util
import gc
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import einc
import numpy
import pytest

A = numpy.arange(16.0).reshape(4, 4)


def resident():
    return int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def grown(call, times):
    """Bytes of resident memory that `times` calls leave behind."""
    for _ in range(times // 10):
        call()
    gc.collect()
    before = resident()
    for _ in range(times):
        call()
    gc.collect()
    return resident() - before


def fails(call):
    def run():
        with pytest.raises(ValueError):
            call()
    return run


def test_calls_leave_nothing_behind():
    norm = einc.compile("dim n\nkernel f(x: f64[n]) -> (y: f64, z: f64[n]) { y = x[i] * x[i]\n z[i] = x[i] }", engine="c").f  # `ref` keeps values with the program
    limit = 1 << 20  # a lost object of 56 bytes a call would be 5 MB
    assert grown(lambda: einc.einsum("ij,jk->ik", A, A), 100_000) < limit
    assert grown(lambda: einc.einsum("ij,ij", A, A), 100_000) < limit
    assert grown(lambda: einc.einsum(A, [0, 1], A.T, [1, 2], dtype="f8"), 20_000) < limit
    assert grown(lambda: norm(A[0]), 20_000) < limit
    assert grown(lambda: norm(x=A[0], out=(None, numpy.zeros(4))), 10_000) < limit
    assert grown(fails(lambda: einc.einsum("ij,jk->iq", A, A)), 3_000) < limit
    assert grown(fails(lambda: norm(A)), 3_000) < limit


def test_programs_and_contexts_leave_nothing_behind():
    def cycle():
        context = einc.Context(engine="ref")
        context.compile("kernel f(x: f64[4]) -> (y: f64) { y = x[i] * x[i] }").f(A[0])
        context.einsum("ij->ji", A)
    assert grown(cycle, 1_000) < 1 << 20  # a context alone has 16 KiB


def test_threads(instant):
    source = "dim n\nkernel f(x: f64[n]) -> (y: f64[n]) { y[i] = x[i] * x[i] }"
    shared = instant.compile(source)

    def work(seed):
        random = numpy.random.default_rng(seed)
        a, b = random.normal(size=(seed % 5 + 1, 6)), random.normal(size=(6, seed % 3 + 1))
        own = instant.compile(source)
        for _ in range(50):
            assert numpy.allclose(einc.einsum("ij,jk->ik", a, b), a @ b)
            assert numpy.allclose(instant.einsum("ij,jk->ki", a, b), (a @ b).T)
            assert (shared.f(a[0]) == a[0] ** 2).all() and (own.f(b[:, 0]) == b[:, 0] ** 2).all()
            with pytest.raises(einc.Error) as refused:
                einc.einsum(f"ij->{'klmn'[seed % 4]}", a)
            assert f"`{'klmn'[seed % 4]}`" in refused.value.diagnostics[0].message
        return True

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(40)))


def test_the_interpreter_runs_on_meanwhile():
    """Another thread comes in while einc compiles: no one else would let it, at this interval."""
    context, begun, seen = einc.Context(engine="c"), threading.Event(), []
    other = threading.Thread(target=lambda: seen.append(begun.wait()))
    other.start()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)
    try:
        begun.set()
        context.einsum("ij,jk->ik", A, A)
        assert seen == [True]
    finally:
        sys.setswitchinterval(interval)
        other.join()


def test_children_of_fork_go_on():
    assert (einc.einsum("ij,jk->ik", A, A) == A @ A).all()
    norm = einc.compile("dim n\nkernel f(x: f64[n]) -> (y: f64) { y = x[i] * x[i] }").f
    child = os.fork()
    if child == 0:
        good = (einc.einsum("ij,jk->ik", A, A) == A @ A).all() and (einc.einsum("ij,jk->ki", A, A) == (A @ A).T).all() and norm(A[0]) == 14
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_end_of_the_program():
    """With LLVM at work in the background, at any moment of it."""
    ends = "import einc, os, time; [einc.einsum('ij->ji' + ' ' * k, [[1.0]]) for k in range(5)]; time.sleep({}); "
    for k in range(8):
        subprocess.run([sys.executable, "-B", "-c", ends.format(k / 200)], check=True)


PRINT = "import einc; print(einc.__file__, einc.__version__, einc.einsum('i,i', [1.0], [2.0]))"


def run(environment, folder):
    kept = {name: value for name, value in os.environ.items() if name not in ("EINC_LIBRARY", "PYTHONPATH", "LD_LIBRARY_PATH")}
    return subprocess.run([sys.executable, "-B", "-c", PRINT], env={**kept, **environment}, cwd=folder, capture_output=True, text=True)


def test_where_the_library_is_found(tmp_path):
    package, library = pathlib.Path(einc.__file__).parent, pathlib.Path(os.environ["EINC_LIBRARY"])
    shutil.copytree(package, tmp_path / "einc", ignore=shutil.ignore_patterns("__pycache__"))
    if not ctypes.util.find_library("einc"):
        lost = run({"PYTHONPATH": str(tmp_path)}, tmp_path)
        assert "libeinc.so is not found; set EINC_LIBRARY" in lost.stderr
    wrong = run({"PYTHONPATH": str(tmp_path), "EINC_LIBRARY": "/nowhere/libeinc.so"}, tmp_path)
    assert "/nowhere/libeinc.so" in wrong.stderr
    for environment in ({"EINC_LIBRARY": str(library)}, {"LD_LIBRARY_PATH": str(library.parent)}):
        found = run({"PYTHONPATH": str(tmp_path), **environment}, tmp_path)
        assert found.stdout.split() == [str(tmp_path / "einc" / "__init__.py"), einc.__version__, "2.0"], found.stderr
    for name in ("libeinc.so", "libeinc_python.so"):
        (tmp_path / "einc" / name).symlink_to(library.parent / name)
    assert run({"PYTHONPATH": str(tmp_path)}, tmp_path).returncode == 0

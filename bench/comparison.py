"""One case: einc's emitted C and its peers on the same numbers, checked, and timed in turn. Imports numpy, and with it a BLAS: not before
`peers.settle()`."""
import numpy

from kernel import Kernel
from measure import interleaved
from native import aligned, last_cache

CACHES = 2  # times the last cache is what no cache holds
TOLERANCE = {"f64": 1e-10, "f32": 1e-3}  # of the largest element


def check(case, inputs, output):
    wanted = numpy.einsum(case.expression, *inputs, optimize=True)
    error = float(numpy.abs(output - wanted).max() / max(numpy.abs(wanted).max(), 1e-300))
    if not error <= TOLERANCE[case.elem]:
        raise SystemExit(f"{case.name}: wrong by {error:.2e}")


def roof_of(case, suite, peak, copy):
    """What the machine could reach: its peak, or where the tensors exceed the caches what memory gives, if that is less."""
    if suite.unit != "GFLOP/s":
        return copy
    return min(peak, copy * case.flops / case.bytes) if case.bytes > CACHES * last_cache() else peak


def measure(case, suite, arguments, driver, found, copy, folder):
    fill = numpy.random.default_rng(7)
    inputs = [aligned([case.sizes[index] for index in part], case.elem, fill) for part in case.operands]
    output = aligned([case.sizes[index] for index in case.result], case.elem)
    run = Kernel(case, driver, folder, arguments.target, arguments.engine).run(inputs, output)
    run()
    check(case, inputs, output)
    peak_run, peak_flops = driver.peak(case.elem)
    runs = {"peak": peak_run, "einc": run}
    if "c" in found:
        found["c"].target = arguments.target
    for name, peer in found.items():
        runs[name] = peer.run(case, inputs, output)
    seconds = interleaved(runs, arguments.rounds)
    peak, names = 1e-9 * peak_flops / seconds["peak"], ["einc", *found]
    rates = {name: 1e-9 * suite.work(case) / seconds[name] for name in names}
    m, n, k = case.matrix()
    return {"name": case.name, "group": case.group, "expression": case.expression, "sizes": case.sizes, "elem": case.elem, "m": m, "n": n,
            "k": k, "flops": case.flops, "bytes": case.bytes, "intensity": case.flops / case.bytes,
            "seconds": {name: seconds[name] for name in names}, "rates": rates, "peak": peak, "copy": copy,
            "roof": roof_of(case, suite, peak, copy),
            "wanted": suite.wanted(case, {**rates, "peak": peak, "copy": copy})}

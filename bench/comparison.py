"""One case: einc's emitted C and its peers on the same numbers, checked, and timed in turn. Imports numpy, and with it a BLAS: not before
`peers.settle()`."""
import numpy

from kernel import Kernel
from measure import interleaved
from native import aligned, last_cache

CACHES = 2  # times the last cache is what no cache holds
TOLERANCE = {"f64": 1e-10, "f32": 1e-3}  # of the largest element


def check(case, output, wanted):
    error = float(numpy.abs(output - wanted).max() / max(numpy.abs(wanted).max(), 1e-300))
    if not error <= TOLERANCE[case.elem]:
        raise SystemExit(f"{case.name}: wrong by {error:.2e}")


def roof_of(case, peak, copy):
    """What the machine could reach: its peak, or where the tensors exceed the caches what memory gives, if that is less."""
    return min(peak, copy * case.flops / case.bytes) if case.bytes > CACHES * last_cache() else peak


def rates_of(case, runs, arguments, driver, work):
    """Seconds and rates of the functions, which take turns, and the peak in the same rounds."""
    peak_run, peak_flops = driver.peak(case.elem)
    seconds = interleaved({"peak": peak_run, **runs}, arguments.rounds)
    peak = 1e-9 * peak_flops / seconds.pop("peak")
    return seconds, {name: 1e-9 * work / taken for name, taken in seconds.items()}, peak


def measure(case, suite, arguments, driver, found, copy, folder):
    fill = numpy.random.default_rng(7)
    inputs = [aligned(shape, elem, fill) for shape, elem in case.inputs]
    output = aligned(case.output, case.elem)
    run = Kernel(case, driver, folder, arguments.target, arguments.engine).run(inputs, output)
    run()
    check(case, output, numpy.einsum(case.expression, *inputs, optimize=True))
    if "c" in found:
        found["c"].target = arguments.target
    runs = {"einc": run, **{name: peer.run(case, inputs, output) for name, peer in found.items()}}
    seconds, rates, peak = rates_of(case, runs, arguments, driver, suite.work(case))
    m, n, k = case.matrix()
    return {"name": case.name, "group": case.group, "expression": case.expression, "sizes": case.sizes, "elem": case.elem, "m": m, "n": n,
            "k": k, "flops": case.flops, "bytes": case.bytes, "intensity": case.flops / case.bytes, "seconds": seconds, "rates": rates,
            "peak": peak, "copy": copy, "roof": roof_of(case, peak, copy) if suite.unit == "GFLOP/s" else copy,
            "wanted": suite.wanted(case, {**rates, "peak": peak, "copy": copy})}


def measure_layer(layer, arguments, driver, found, copy, folder):
    """A peer has several forms, the best of which counts."""
    fill = numpy.random.default_rng(7)
    inputs = [aligned(shape, elem, None if k in layer.fill else fill) for k, (shape, elem) in enumerate(layer.inputs)]
    for k, array in layer.fill.items():
        inputs[k][...] = array
    output = aligned(layer.output, layer.elem)
    run = Kernel(layer, driver, folder, arguments.target, arguments.engine).run(inputs, output)
    run()
    wanted = layer.reference(*(array.astype(numpy.float64) if array.dtype.kind == "f" else array for array in inputs))
    check(layer, output, wanted)
    runs, other = {"einc": run}, numpy.empty_like(output)
    for peer in found:
        for number, form in enumerate(layer.forms.get(peer, ())):
            runs[f"{peer} {number}"] = form(inputs, other)
            made = runs[f"{peer} {number}"]()
            check(layer, numpy.asarray(made) if peer in ("numpy", "torch") else other, wanted)
    seconds, rates, peak = rates_of(layer, runs, arguments, driver, layer.flops)
    best = {"einc": rates["einc"]}
    for name, rate in rates.items():
        peer = name.split()[0]
        best[peer] = max(rate, best.get(peer, 0))
    return {"name": layer.name, "group": layer.group, "elem": layer.elem, "flops": layer.flops, "bytes": layer.bytes,
            "intensity": layer.flops / layer.bytes, "seconds": seconds, "rates": best, "peak": peak, "copy": copy,
            "share_of_peak": best["einc"] / peak, "elsewhere": layer.elsewhere, "roof": roof_of(layer, peak, copy),
            "wanted": layer.wanted(layer, {**best, "peak": peak, "copy": copy})}

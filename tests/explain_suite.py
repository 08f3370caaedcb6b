#!/usr/bin/python3
"""What `einc explain --json` counts: interpolation on spectral elements, p = 8 nodes to q = 10 points in three directions, written as a string, as
one statement and as three lets, must be found to be the same work: 2 (8^3 10 + 8^2 10^2 + 8 10^3) = 39,040 an element by sum factorisation, against
4 * 8^3 * 10^3 as one loop nest. Beside that: the target that is named, and what inputs are declared to be."""
import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

HEAD = "dim E, p = 8, q = 10\nkernel interpolate(B: f64[q, p], u: f64[E, p, p, p]) -> (v: f64[E, q, q, q]) {\n"
FORMS = {
    "a string": '    v = einsum("ai,bj,ck,eijk->eabc", B, B, B, u)\n',
    "one statement": "    v[e,a,b,c] = B[a,i] * B[b,j] * B[c,k] * u[e,i,j,k]\n",
    "three lets": "    let r[e,i,j,c] = B[c,k] * u[e,i,j,k]\n    let s[e,i,b,c] = B[b,j] * r[e,i,j,c]\n    let t[e,a,b,c] = B[a,i] * s[e,i,b,c]\n    v = t\n",
    "three lets in a bad order": "    let r[a,i,b,j] = B[a,i] * B[b,j]\n    let s[a,i,b,j,c,k] = r[a,i,b,j] * B[c,k]\n    v[e,a,b,c] = s[a,i,b,j,c,k] * u[e,i,j,k]\n",
}
FLOPS, NAIVE = 39_040, 4 * 8**3 * 10**3
DECLARED = ("dim n, ld\nkernel f(A: f64[n,n] symmetric strides(ld,1), B: f64[2,3,3] spd centrosymmetric, x: f64[n] strides(2), s: f64) -> (y: f64[n]) {\n"
            "    y[i] = A[i,j] * x[j] * B[0,1,2] * s\n}\n")
INPUTS = [
    {"name": "A", "type": "f64", "shape": ["n", "n"], "strides": ["ld", 1], "promises": ["symmetric"]},
    {"name": "B", "type": "f64", "shape": [2, 3, 3], "strides": None, "promises": ["spd", "centrosymmetric"]},
    {"name": "x", "type": "f64", "shape": ["n"], "strides": [2], "promises": []},
    {"name": "s", "type": "f64", "shape": [], "strides": None, "promises": []},
]
PRODUCT = "dim n, depth\nkernel product(A: f64[n,depth], B: f64[depth,n]) -> (C: f64[n,n]) {\n    C[i,j] = sum[k](A[i,k] * B[k,j])\n}\n"
TURNED = "dim n\nkernel turned(A: f64[n,n]) -> (C: f64[n,n]) {\n    C[i,j] = A[j,i]\n}\n"


WEIGHTED = ("kernel weighted(A: f64[20,20], w: f64[64], B: f64[100,20], C: f64[20,20], D: f64[64,20,100]) -> (y: f64[64,20]) {\n"
            "    y[d,a] = A[b,a] * w[d] * B[c,a] * C[a,b] * D[d,a,c]\n}\n")


def run(einc, source, *options):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "form.ein"
        path.write_text(source)
        return subprocess.run([einc, "explain", str(path), *options], capture_output=True, text=True, check=True).stdout


def explain(einc, source, *options):
    return json.loads(run(einc, source, "--json", *options))["kernels"][0]


def targets(einc):
    """What is named without --target, with a builtin one, and with a file, whose label has a hash of its bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "mine.machine"
        subprocess.run([einc, "machine", "--target=neon", "-o", str(path)], check=True)
        path.write_text(re.sub(r"^name .*$", "name mine", path.read_text(), flags=re.M))
        for option, wanted in ((), "generic"), (("--target=avx2",), "avx2"), ((f"--target={path}",), "mine, a description with hash "):
            text, value = run(einc, DECLARED, *option), json.loads(run(einc, DECLARED, "--json", *option))
            yield f"target {wanted}", text.splitlines()[0].startswith(f"target {wanted}") and value["target"] == text.splitlines()[0][len("target "):], True


def ranked(einc):
    """A factor that is folded into a small one first costs a few flops more and saves a panel: taken by time, not where flops are to be few."""
    taken, fewest = explain(einc, WEIGHTED, "--target=avx2"), explain(einc, WEIGHTED, "--target=avx2", "--optimize=flops")
    ranking = taken["ranking"]
    yield "ranked: by time", ranking["taken_by"], "time"
    yield "ranked: for more flops", fewest["flops"] < taken["flops"] < 1.1 * fewest["flops"], True
    yield "ranked: in clearly less time", ranking["seconds"] < 0.8 * ranking["least_flops_seconds"], True
    yield "ranked: the order of fewest flops", (ranking["least_flops"], fewest["ranking"]), (fewest["flops"], None)
    yield "ranked: a runner-up", ranking["seconds"] <= ranking["runner_up"]["seconds"] and "->" in ranking["runner_up"]["steps"], True
    yield "ranked: small kernels", explain(einc, HEAD + FORMS["a string"] + "}\n", "--target=avx2", "--dims", "E=1")["ranking"], None
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "weighted.ein"
        path.write_text(WEIGHTED)
        checked = subprocess.run([einc, "check", str(path), "--target=avx2"], capture_output=True, text=True)
        yield "ranked: right on every engine", checked.returncode, 0


def tilings(einc):
    """What is said of tiles: of a product that fits the caches, of one that memory bounds, and of a permutation; nothing without vectors."""
    for name, source, sizes in (("product", PRODUCT, "n=256,depth=256"), ("thin product", PRODUCT, "n=8192,depth=2"), ("turned", TURNED, "n=999")):
        tiling, = explain(einc, source, "--target=avx2", "--dims", sizes)["tilings"]
        axes = {axis["index"]: axis for axis in tiling["axes"]}
        yield f"{name}: vectors", (tiling["tensor"], tiling["vector"], tiling["lane"]), ("C", "f64x4", "j")
        yield f"{name}: bound", tiling["memory_bound"], name != "product"
        if name == "product":
            yield "product: share of peak", 0.6 < tiling["share_of_peak"] <= 1, True
            yield "product: roles", [axes[index]["role"] for index in "ijk"], ["n", "m", "k"]
            yield "product: tile", axes["i"]["tile"] * axes["j"]["tile"] >= 32 and axes["k"]["tile"] == 1, True
        elif name == "turned":
            yield "turned: share of peak", tiling["share_of_peak"], None
            yield "turned: share of bandwidth", 0.2 < tiling["share_of_bandwidth"] < 0.9, True
    yield "no vectors, no tiles", explain(einc, PRODUCT, "--dims", "n=256,depth=256")["tilings"], []


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    einc = parser.parse_args().einc
    passed = failed = 0
    for form, body in FORMS.items():
        static, at_run_time = explain(einc, HEAD + body + "}\n", "--dims", "E=1"), explain(einc, HEAD + body + "}\n")
        checks = {
            "flops": (static["flops"], FLOPS),
            "flops_naive": (static["flops_naive"], NAIVE),
            "flops at run time": (at_run_time["flops"], None),
            "flops_formula": (at_run_time["flops_formula"].replace(" ", "").split("*") in (["39040", "E"], ["E", "39040"]), True),
        }
        for what, (got, wanted) in checks.items():
            passed, failed = passed + (got == wanted), failed + (got != wanted)
            if got != wanted:
                print(f"FAILED {form}: {what} is {got}, not {wanted}")
        print(f"{form}: {static['flops']:,} flops an element, {static['flops_naive']:,} as one loop nest")
    strided = explain(einc, DECLARED, "--dims", "n=4,ld=7")["inputs"][0]
    for what, got, wanted in [("inputs", explain(einc, DECLARED)["inputs"], INPUTS), ("strides of known size", strided["strides"], [7, 1]), *targets(einc), *ranked(einc), *tilings(einc)]:
        passed, failed = passed + (got == wanted), failed + (got != wanted)
        if got != wanted:
            print(f"FAILED {what}: {got}, not {wanted}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

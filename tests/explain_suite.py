#!/usr/bin/python3
"""What `einc explain --json` counts: interpolation on spectral elements, p = 8 nodes to q = 10 points in three directions, written as a string, as
one statement and as three lets, must be found to be the same work: 2 (8^3 10 + 8^2 10^2 + 8 10^3) = 39,040 an element by sum factorisation, against
4 * 8^3 * 10^3 as one loop nest."""
import argparse
import json
import pathlib
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


def explain(einc, source, *options):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "form.ein"
        path.write_text(source)
        done = subprocess.run([einc, "explain", "--json", str(path), *options], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)["kernels"][0]


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
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Golden tests: one file each, run line, input and expected text together.

    # RUN: einc explain %s            the command; %s is this file, %t a fresh folder, einc the built command; `&&` joins several
    ...input...
    # EXPECT:                         a status other than 0 stands behind the colon
    # expected standard output, then standard error, a comment each line

`#` is `;` in .eir and .loop files. Commands run in the file's folder; the fresh folder is shown as %t.
    golden.py --einc build/einc [--update] [FILE ...]
"""
import argparse
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

from suites import engines

HERE = pathlib.Path(__file__).parent / "golden"
COMMENT = {".ein": "#", ".eir": ";", ".loop": ";", ".he": "#"}

# Codes that no file of sensible size brings out: limits, and rules that the readers keep before the verifiers look. The C test
# named shows each.
SHOWN_BY = {"E0731": "test_verify", "E0735": "test_verify", "E0736": "test_verify", "E0738": "test_verify", "E0751": "test_slot", "E0922": "test_slot", "E0923": "test_slot",
            "E0902": "test_parse", "E0913": "test_language_nodes", "E0915": "test_language_nodes", "E0850": "test_library", "E0851": "test_library", "E0852": "test_library",
            "E0853": "test_library", "E0854": "test_library"}


def split(path):
    """Command, line number of the expectation, expected status and text."""
    mark = COMMENT[path.suffix]
    lines = path.read_text().split("\n")
    run = f"{mark} RUN:"
    if not lines[0].startswith(run):
        raise ValueError(f"{path}: the first line is no `{run}`")
    at = next((k for k, line in enumerate(lines) if line.startswith(f"{mark} EXPECT:")), len(lines))
    status, expected = 0, []
    if at < len(lines):
        status = int(lines[at][len(f"{mark} EXPECT:"):].strip() or 0)
        expected = [line[len(mark):].removeprefix(" ") for line in lines[at + 1:]]
        while expected and not expected[-1]:
            expected.pop()
    return lines[0][len(run):].strip(), lines[:at], status, "\n".join(expected)


def run(path, command, einc):
    """Runs in the file's own folder so that messages name the bare file."""
    with tempfile.TemporaryDirectory() as fresh:
        status, output = 0, ""
        for part in command.split("&&"):
            words = [einc if word == "einc" else word.replace("%s", path.name).replace("%t", fresh) for word in shlex.split(part)]
            done = subprocess.run(words, cwd=path.parent, capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin", "NO_COLOR": "1"})
            output += (done.stdout + done.stderr).replace(fresh, "%t")
            status = done.returncode
            if status:
                break
        return status, "\n".join(line.rstrip() for line in output.rstrip("\n").split("\n")) if output else ""


def needs_llvm(command):
    return re.search(r"--engine=llvm|--emit=(llvm|bc|asm|obj|so)\b", command) is not None


def codes_without_golden():
    """Codes of ir/diag.def that no golden shows, nor the C test named above."""
    table = (HERE.parents[1] / "ir/diag.def").read_text()
    shown = "".join(path.read_text() for path in HERE.rglob("*") if path.suffix in COMMENT)
    shown += "".join(f"[{code}]" for code, test in SHOWN_BY.items() if code in (HERE.parent / f"{test}.c").read_text())
    return [code for code in re.findall(r"^(?:DIAG|LIMIT)\((\w+),", table, re.M) if f"[{code}]" not in shown]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--einc", required=True)
    parser.add_argument("--update", action="store_true")
    parser.add_argument("files", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    einc = str(pathlib.Path(arguments.einc).resolve())

    files = [f.resolve() for f in arguments.files] or sorted(f for f in HERE.rglob("*") if f.suffix in COMMENT and "inputs" not in f.relative_to(HERE).parts)
    passed = failed = skipped = 0
    has_llvm = "llvm" in engines(einc)
    for path in files:
        command, head, status, expected = split(path)
        if needs_llvm(command) and not has_llvm:
            skipped += 1
            continue
        got_status, got = run(path, command, einc)
        if (got_status, got) == (status, expected):
            passed += 1
        elif arguments.update and got_status in (0, 1, 2, 3, 4):
            mark = COMMENT[path.suffix]
            tail = [f"{mark} EXPECT:" + (f" {got_status}" if got_status else "")] + [f"{mark} {line}".rstrip() for line in got.split("\n")]
            path.write_text("\n".join(head + tail) + "\n")
            print(f"updated {path.relative_to(HERE) if HERE in path.parents else path}")
            passed += 1
        else:
            failed += 1
            print(f"FAILED {path}\n  {command}\n--- expected (status {status})\n{expected}\n--- got (status {got_status})\n{got}\n")
    for code in [] if arguments.files else codes_without_golden():
        failed += 1
        print(f"FAILED {code} of ir/diag.def has no golden")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""The program library.c, built against libeinc: what it prints. It stands in the README as well."""
import argparse
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent
parser = argparse.ArgumentParser()
parser.add_argument("--program", required=True)
printed = subprocess.run([parser.parse_args().program], capture_output=True, text=True, check=True).stdout
print(printed, end="")
readme = (HERE.parents[1] / "README.md").read_text()
checks = [printed.startswith("3 7\n5 11\nerror[E"), (HERE / "library.c").read_text() in readme]
print(f"{checks.count(True)} passed, {checks.count(False)} failed, 0 skipped")
raise SystemExit(not all(checks))

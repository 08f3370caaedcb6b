"""What the suites that drive the command from outside share: counting, and the closing line that run.py reads."""
import os
import pathlib
import subprocess


# Sanitizers watch einc. What it emits is the same as elsewhere, where compilers and programs made of it are tried: here it is emitted, no more.
WATCHED = bool(os.environ.get("EINC_SANITIZED"))


def engines(einc):
    """The engines this einc has, as `--version` lists them: what runs on one must run on all. Under sanitizers engine tcc runs the C that engine c
    would, without a compiler's process, which takes most of the time."""
    printed = subprocess.run([einc, "--version"], capture_output=True, text=True, check=True).stdout
    found = next(line.split()[1:] for line in printed.splitlines() if line.startswith("engines:"))
    return [engine for engine in found if engine != "c" or "tcc" not in found or not WATCHED]


class Suite:
    def __init__(self, einc):
        self.einc, self.passed, self.failed = str(pathlib.Path(einc).resolve()), 0, 0
        self.engines = engines(self.einc)

    def check(self, what, good, details=""):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        if not good:
            print(f"FAILED {what}\n{details}".encode(errors="backslashreplace").decode(), flush=True)

    def close(self):
        """The exit status."""
        print(f"{self.passed} passed, {self.failed} failed, 0 skipped")
        return 1 if self.failed else 0

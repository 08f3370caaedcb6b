"""What the suites that drive the command from outside share: counting, and the closing line that run.py reads."""
import pathlib


class Suite:
    def __init__(self, einc):
        self.einc, self.passed, self.failed = str(pathlib.Path(einc).resolve()), 0, 0

    def check(self, what, good, details=""):
        self.passed, self.failed = self.passed + bool(good), self.failed + (not good)
        if not good:
            print(f"FAILED {what}\n{details}".encode(errors="backslashreplace").decode(), flush=True)

    def close(self):
        """The exit status."""
        print(f"{self.passed} passed, {self.failed} failed, 0 skipped")
        return 1 if self.failed else 0

#!/usr/bin/python3
"""tests/run.py on test programs made here: what it counts, and that one that never ends fails by its name and leaves no process."""
import pathlib
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
# The second process of `hangs` is left by its parent, so that only the process group still knows it.
PROGRAMS = """add_test(counted "sh" "-c" "echo 3 passed, 0 failed, 1 skipped")
add_test(cmocka "sh" "-c" "echo '[  PASSED  ] 2 test(s).'")
add_test(crashes "sh" "-c" "kill -SEGV $$")
add_test(hangs "sh" "-c" "(sleep 600 & echo $! > orphan); sleep 600 & echo $! > child; echo 5 passed, 0 failed; wait")
add_test(long "false")
set_tests_properties(long PROPERTIES LABELS long)
"""


def lives(process):
    try:
        state = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(process):
    """A process that was killed is gone when the kernel has got round to it; ten seconds are for ever."""
    for _ in range(1000):
        if not lives(process):
            return True
        time.sleep(0.01)
    return False


def main():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "CTestTestfile.cmake").write_text(PROGRAMS)
        done = subprocess.run([sys.executable, str(HERE / "run.py"), "--build", str(folder), "--limit", "1"], cwd=folder, capture_output=True,
                              text=True)
        processes = [int((folder / kind).read_text()) for kind in ("orphan", "child")]
    lines = done.stdout.splitlines()
    checks = {
        "exit status 1": done.returncode == 1,
        "the one that hangs is named": any(line.startswith("FAILED hangs: no end after 1") for line in lines),
        "what is counted": lines[-1] == "10 passed, 2 failed, 1 skipped",
        "no process is left": all(map(gone, processes)),
    }
    for what, good in checks.items():
        if not good:
            print(f"FAILED {what}\n{done.stdout}{done.stderr}")
    print(f"{sum(checks.values())} passed, {len(checks) - sum(checks.values())} failed, 0 skipped")
    return 0 if all(checks.values()) else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
"""Runs a fuzz target for a number of executions, in parts, the corpus kept from part to part.

    fuzz.py build FOLDER                                   configures and builds the fuzzers in FOLDER (clang, libFuzzer, ASan, UBSan)
    fuzz.py run FOLDER TARGET --runs=N [--part=N] [--keep=FOLDER]

TARGET is ein, eir, npy, program, machine, tune or schedule. With --keep the corpus, what was found and the count of executions stay in that folder, and a later call
goes on where the last one ended, a killed one too: at most one part is run again. Each part has its own seed, the number of the
part, so that a run is repeatable. The target of sources runs in three modes (mutate_source.c): on any short source, on
longer ones and near accepted ones; the last two take far longer an execution and get fewer. Any crash, leak, hang or too much memory fails the run and leaves the input behind.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LONGEST = {"ein": {"any": 400, "long": 800, "accepted": 400}, "eir": {"any": 2000}, "npy": {"any": 400}, "program": {"any": 128},
           "machine": {"any": 1200}, "tune": {"any": 800}, "schedule": {"any": 2500}}  # bytes of an input, by mode
SHARE = {"ein": {"any": 0.88, "long": 0.02, "accepted": 0.1}, "eir": {"any": 1}, "npy": {"any": 1}, "program": {"any": 1},
         "machine": {"any": 1}, "tune": {"any": 1}, "schedule": {"any": 1}}  # of the executions, by mode
MERGE_EVERY = 8  # parts; keeps the corpus small
EXECUTED = re.compile(r"^stat::number_of_executed_units:\s*(\d+)", re.M)
TAIL = 60  # lines of the log of a part that failed


def build(folder):
    targets = [f"fuzz_{name}" for name in LONGEST]
    configure = ["cmake", "--preset", "fuzz", "-S", str(ROOT), "-B", str(folder)]
    for command in (configure, ["cmake", "--build", str(folder), "--target", *targets]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            print(done.stdout[-8000:], done.stderr[-8000:], sep="\n")
            return done.returncode
    return 0


class Run:
    def __init__(self, arguments, keep):
        self.program = arguments.folder.resolve() / "tests/fuzz" / f"fuzz_{arguments.target}"
        self.target, self.runs, self.part, self.keep = arguments.target, arguments.runs, arguments.part, keep
        self.found = (arguments.keep or arguments.folder).resolve() / f"found-{self.target}"
        self.found.mkdir(exist_ok=True)
        self.share = {arguments.mode: 1} if arguments.mode else SHARE[self.target]
        self.state_file = keep / f"{self.target}.json"
        self.state = json.loads(self.state_file.read_text()) if self.state_file.exists() else {}
        subprocess.run([sys.executable, HERE / "seeds.py", keep / "seeds"], check=True)

    def corpus(self, mode):
        return self.keep / f"{self.target}-{mode}"

    def fuzzer(self, mode, *words):
        environment = {**os.environ, "ASAN_OPTIONS": "quarantine_size_mb=8"}
        if mode == "accepted":
            environment["EINC_FUZZ_ACCEPTED"] = "1"
        command = [str(self.program), *map(str, words), f"-max_len={LONGEST[self.target][mode]}", "-timeout=60", "-rss_limit_mb=1500"]
        return subprocess.run(command, cwd=self.keep, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace")

    def run_part(self, mode, runs, number):
        seeds = self.keep / "seeds"
        words = seeds / f"{self.target}.dict"
        done = self.fuzzer(mode, self.corpus(mode), seeds / self.target, f"-runs={runs}", f"-seed={number}", "-mutate_depth=2",
                           "-entropic=0", *([f"-dict={words}"] if words.exists() else []), "-print_final_stats=1",
                           f"-artifact_prefix={self.found}/")
        counted = EXECUTED.search(done.stdout)
        if done.returncode or not counted:
            print(*[line for line in done.stdout.split("\n") if not line.startswith("#")][-TAIL:], sep="\n")
            for path in sorted(self.found.iterdir()):
                print(f"{path}:\n{path.read_bytes()!r}")
            return None
        return int(counted.group(1))

    def merge(self, mode):
        """Drops what adds no coverage."""
        small = self.corpus(mode).with_suffix(".small")
        small.mkdir(exist_ok=True)
        if self.fuzzer(mode, small, self.corpus(mode), "-merge=1").returncode == 0:
            old = self.corpus(mode).rename(self.corpus(mode).with_suffix(".old"))
            small.rename(self.corpus(mode))
            small = old
        for path in small.iterdir():
            path.unlink()
        small.rmdir()

    def run_mode(self, mode, wanted):
        state = self.state.setdefault(mode, {"runs": 0, "parts": 0})
        self.corpus(mode).mkdir(exist_ok=True)
        while state["runs"] < wanted:
            done = self.run_part(mode, min(self.part, wanted - state["runs"]), state["parts"] + 1)
            if done is None:
                return False
            state["runs"], state["parts"] = state["runs"] + done, state["parts"] + 1
            if state["parts"] % MERGE_EVERY == 0:
                self.merge(mode)
            self.state_file.write_text(json.dumps(self.state) + "\n")
        print(f"{self.target}, {mode}: {state['runs']} executions in {state['parts']} parts, nothing found", flush=True)
        return True

    def run(self):
        good = [self.run_mode(mode, round(self.runs * share)) for mode, share in self.share.items()]
        print(f"{sum(good)} passed, {len(good) - sum(good)} failed, 0 skipped")
        return 0 if all(good) else 1


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build").add_argument("folder", type=pathlib.Path)
    run = commands.add_parser("run")
    run.add_argument("folder", type=pathlib.Path)
    run.add_argument("target", choices=LONGEST)
    run.add_argument("--runs", type=int, required=True)
    run.add_argument("--part", type=int, default=1 << 62)
    run.add_argument("--keep", type=pathlib.Path)
    run.add_argument("--mode", help="only this mode, all of the executions")
    arguments = parser.parse_args()
    if arguments.command == "build":
        return build(arguments.folder)
    if arguments.keep:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        return Run(arguments, arguments.keep.resolve()).run()
    with tempfile.TemporaryDirectory() as fresh:
        return Run(arguments, pathlib.Path(fresh)).run()


if __name__ == "__main__":
    sys.exit(main())

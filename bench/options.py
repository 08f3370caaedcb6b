"""The options that all programs of this folder share."""
import argparse
import pathlib
import tempfile


def parser(words, peers):
    """A parser with the shared options; `words` are the program's own account of itself, `peers` the names it may compare with,
    if any."""
    made = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--only", type=names, default=[], metavar="NAME,...", help="these cases or groups")
    made.add_argument("--first", type=int, default=0, metavar="N", help="leave out the N cases before")
    made.add_argument("--count", type=int, metavar="N", help="so many cases at most")
    made.add_argument("--rounds", type=int, default=5, metavar="N", help="the median of N rounds counts (%(default)s)")
    made.add_argument("--target", default="host", help="einc's: a name or a file of `einc machine` (%(default)s)")
    made.add_argument("--json", type=pathlib.Path, metavar="FILE", help="times, ratios and their means")
    made.add_argument("--keep", type=pathlib.Path, metavar="FOLDER", help="sources and emitted C stay there")
    if peers:
        made.add_argument("--svg", type=pathlib.Path, metavar="FOLDER", help="bars and a roofline")
        made.add_argument("--peers", type=names, default=list(peers), metavar="NAME,...", help=f"of {','.join(peers)}; default all")
    return made


def names(text):
    return [name for name in text.split(",") if name]


def chosen(cases, arguments):
    """Those of the cases that the options name."""
    cases = [case for case in cases if not arguments.only or case.name in arguments.only or case.group in arguments.only]
    return cases[arguments.first:][:arguments.count]


class Folders:
    """A folder for each case, which goes with the program unless it is to be kept."""

    def __init__(self, arguments):
        self.temporary = tempfile.TemporaryDirectory(prefix="einc-bench-")
        self.root = arguments.keep or pathlib.Path(self.temporary.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.temporary.cleanup()

    def of(self, name):
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

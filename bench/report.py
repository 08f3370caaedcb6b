#!/usr/bin/python3
"""The table of a run, its means, and the JSON that holds both.

    report.py FILE.json ... [--svg FOLDER]

prints the means of runs that were kept with --json; parts of one suite are put together."""
import argparse
import json
import pathlib

from measure import mean


def names_of(rows):
    """einc, then its peers as they first occur."""
    return list(dict.fromkeys(name for row in rows for name in row["rates"]))


def ratios(row):
    return {peer: row["rates"]["einc"] / rate for peer, rate in row["rates"].items() if peer != "einc"}


def missed(row):
    return row["wanted"] is not None and row["rates"]["einc"] < row["wanted"]


def with_peer(rows, peer):
    return [row for row in rows if peer in row["rates"]]


def summary_of(rows):
    """Geometric means of the rates and ratios, and the least ratio with the case it is of: of all rows and of each group."""
    def of(some):
        made = {"cases": len(some), "rates": {}, "ratios": {}, "least": {}, "peak": mean(row["peak"] for row in some),
                "missed": [row["name"] for row in some if missed(row)], "with_wanted": sum(row["wanted"] is not None for row in some)}
        for name in names_of(some):
            made["rates"][name] = mean(row["rates"][name] for row in with_peer(some, name))
            if name != "einc":
                made["ratios"][name] = mean(ratios(row)[name] for row in with_peer(some, name))
                least = min(with_peer(some, name), key=lambda row: ratios(row)[name])
                made["least"][name] = {"ratio": ratios(least)[name], "case": least["name"]}
        return made

    groups = dict.fromkeys(row["group"] for row in rows)
    return {"all": of(rows), "groups": {group: of([row for row in rows if row["group"] == group]) for group in groups}}


class Table:
    """Lines of a suite, one a case as it is measured."""

    def __init__(self, suite, unit, peers):
        self.names, self.unit = ["einc", *peers], unit
        print(f"{suite} {unit}".ljust(44) + "".join(f"{name:>9}" for name in self.names) + f"{'roof':>8}" +
              "".join(f"{'/' + peer:>10}" for peer in peers) + f"{'wanted':>9}", flush=True)

    def line(self, title, rates, ratio, roof, wanted=""):
        print(f"{title:44}" + "".join(f"{rates[name]:9.1f}" if name in rates else f"{'-':>9}" for name in self.names) + f"{roof:8.1f}" +
              "".join(f"{ratio[name]:10.2f}" if name in ratio else f"{'-':>10}" for name in self.names[1:]) + wanted, flush=True)

    def row(self, row):
        title = row["name"]
        if "expression" in row:
            title = f"{title:18} {row['expression']} {'x'.join(str(size) for size in row['sizes'].values())}"
        wanted = " " * 9 if row["wanted"] is None else f"{row['wanted']:9.1f}" + (" MISSED" if missed(row) else "")
        if "share_of_peak" in row:
            wanted += f"  {row['share_of_peak']:.2f} of peak" + (f", {row['elsewhere']}" if row["elsewhere"] else "")
        self.line(title[:43], row["rates"], ratios(row), row["roof"], wanted.rstrip())

    def means(self, rows, wanted=()):
        if not rows:
            return
        summary = summary_of(rows)
        groups = summary["groups"] if len(summary["groups"]) > 1 else {}
        for group, made in [*groups.items(), ("", summary["all"])]:
            some = [row for row in rows if not group or row["group"] == group]
            roof = mean(row["roof"] for row in some)
            self.line(f"geometric mean {group}", made["rates"], made["ratios"], roof)
        least = {peer: found["ratio"] for peer, found in summary["all"]["least"].items()}
        self.line("least ratio", {}, least, mean(row["peak"] for row in rows))
        print("  " + ", ".join(f"{found['case']} {found['ratio']:.2f} x {peer}" for peer, found in summary["all"]["least"].items()))
        if summary["all"]["with_wanted"]:
            print(f"{summary['all']['with_wanted'] - len(summary['all']['missed'])} of {summary['all']['with_wanted']} cases reach what "
                  f"is wanted; missed: {', '.join(summary['all']['missed']) or 'none'}")
        for group, peer, ratio in wanted:
            made = summary["groups"].get(group) if group else summary["all"]
            if made and peer in made["ratios"]:
                reached = made["ratios"][peer]
                verdict = "" if reached >= ratio else " MISSED"
                print(f"geometric mean {group or 'of all'}: {reached:.2f} x {peer}, wanted {ratio}{verdict}")


def document(suite, unit, rows, missing, arguments):
    """What --json writes."""
    for row in rows:
        row["ratios"] = ratios(row)
    settings = {"rounds": arguments.rounds, "target": arguments.target, "threads": 1}
    return {"suite": suite, "unit": unit, "settings": settings, "missing": missing, "cases": rows,
            "summary": summary_of(rows) if rows else None}


def main():
    from cases import SUITES
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--svg", type=pathlib.Path, metavar="FOLDER")
    arguments = parser.parse_args()
    runs = [json.loads(file.read_text()) for file in arguments.files]
    for suite in dict.fromkeys(run["suite"] for run in runs):
        parts = [run for run in runs if run["suite"] == suite]
        rows = [row for run in parts for row in run["cases"]]
        Table(suite, parts[0]["unit"], names_of(rows)[1:]).means(rows, SUITES[suite].means if suite in SUITES else ())
        if arguments.svg:
            import plots
            plots.draw(suite, parts[0]["unit"], rows, arguments.svg)


if __name__ == "__main__":
    main()

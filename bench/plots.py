"""SVG plots of a run: bars of einc and its peers by case and group, and a roofline."""
import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "einc"  # else equal plots differ in their ids
from matplotlib import pyplot  # noqa: E402

COLOURS = {"einc": "#1b6ca8", "openblas": "#c44e52", "blis": "#dd8452", "libxsmm": "#c44e52", "memcpy": "#937860", "numpy": "#8c8c8c",
           "torch": "#ccb974"}
MOST_BARS = 60  # cases in one plot; of more the ratios are sorted


def save(figure, path):
    figure.savefig(path, metadata={"Date": None}, bbox_inches="tight")
    pyplot.close(figure)


def names_of(rows):
    return list(dict.fromkeys(name for row in rows for name in row["rates"]))


def bars(suite, unit, rows, path):
    """A bar each of einc and its peers, groups side by side, the roof of each case above it."""
    names = names_of(rows)
    figure, axes = pyplot.subplots(figsize=(max(6, 0.35 * len(rows)), 4))
    width, at, ticks, begin = 0.8 / len(names), 0.0, [], None
    for row in rows:
        if begin is not None and row["group"] != begin:
            at += 1
        begin = row["group"]
        for k, name in enumerate(names):
            if name in row["rates"]:
                axes.bar(at + (k - (len(names) - 1) / 2) * width, row["rates"][name], width, color=COLOURS.get(name, "black"))
        axes.plot([at - 0.45, at + 0.45], [row["roof"]] * 2, color="black", linewidth=0.8)
        ticks.append((at, row["name"]))
        at += 1
    axes.set_xticks([place for place, _ in ticks], [name for _, name in ticks], rotation=90, fontsize=7)
    axes.set_ylabel(unit)
    axes.set_title(f"{suite}; line: roof of the case")
    axes.legend([pyplot.Rectangle((0, 0), 1, 1, color=COLOURS.get(name, "black")) for name in names], names, fontsize=7)
    axes.margins(x=0.01)
    save(figure, path)


def sorted_ratios(suite, rows, path):
    """The ratio to each peer, sorted, where cases are too many for bars."""
    figure, axes = pyplot.subplots(figsize=(7, 4))
    for name in names_of(rows)[1:]:
        ratios = sorted(row["rates"]["einc"] / row["rates"][name] for row in rows if name in row["rates"])
        axes.plot([100 * (k + 0.5) / len(ratios) for k in range(len(ratios))], ratios, color=COLOURS.get(name, "black"), label=name)
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_yscale("log")
    axes.set_xlabel("% of the cases")
    axes.set_ylabel("einc over the peer")
    axes.set_title(suite)
    axes.legend()
    save(figure, path)


def roofline(suite, rows, path):
    """Flops a byte of compulsory traffic against flops a second (Williams, Waterman and Patterson, CACM 52, 2009)."""
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for elem in dict.fromkeys(row["elem"] for row in rows):
        some = [row for row in rows if row["elem"] == elem]
        peak, copy = max(row["peak"] for row in some), max(row["copy"] for row in some)
        least = min(0.5 * min(row["intensity"] for row in some), peak / copy)
        most = max(2 * max(row["intensity"] for row in some), 2 * peak / copy)
        axes.plot([least, peak / copy, most], [least * copy, peak, peak], linewidth=1, label=f"{elem}: {peak:.0f} GFLOP/s, {copy:.0f} GB/s")
    for name in names_of(rows):
        some = [row for row in rows if name in row["rates"]]
        axes.scatter([row["intensity"] for row in some], [row["rates"][name] for row in some], s=9, color=COLOURS.get(name, "black"),
                     label=name, zorder=3 if name == "einc" else 2)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("flops a byte")
    axes.set_ylabel("GFLOP/s")
    axes.set_title(f"{suite}: roofline; what is in a cache may stand above the slope")
    axes.legend(fontsize=7)
    save(figure, path)


def draw(suite, unit, rows, folder):
    """SUITE.svg, and SUITE_roofline.svg where flops are counted."""
    folder.mkdir(parents=True, exist_ok=True)
    if len(rows) <= MOST_BARS:
        bars(suite, unit, rows, folder / f"{suite}.svg")
    else:
        sorted_ratios(suite, rows, folder / f"{suite}.svg")
    if unit == "GFLOP/s":
        roofline(suite, rows, folder / f"{suite}_roofline.svg")

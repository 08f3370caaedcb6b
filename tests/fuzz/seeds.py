#!/usr/bin/python3
"""Seeds and dictionaries of the fuzz targets, gathered from the tree so that they grow with it.

    seeds.py FOLDER     fills FOLDER/{ein,eir,npy,program,machine,tune,schedule} and writes FOLDER/{ein,eir,npy,machine,tune,schedule}.dict

Sources: the goldens, the examples of docs/language.md and of examples/, what einc's readers refuse in the goldens' diagnostics, the
operators of tests/operators_suite.py, and the files of corpus/. Words: NAME.dict here, and the rows of the tables that lexers and readers are made of.
"""
import pathlib
import re
import struct
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from operators_suite import cases, declare  # noqa: E402

ROOT = HERE.parent.parent
LARGEST = 8192  # bytes of a seed: longer ones only slow the runs down
FENCE = re.compile(r"^```(?:ein|eir|text)[^\n]*\n(.*?)^```", re.M | re.S)


def golden_inputs(suffix, comment):
    """Each golden's input, without the command above it and the expectation below."""
    for path in sorted((ROOT / "tests/golden").rglob(f"*{suffix}")):
        text = path.read_text(errors="surrogateescape")
        yield path, re.split(rf"^{comment} EXPECT:.*$", text, maxsplit=1, flags=re.M)[0]


def sources():
    for path, text in golden_inputs(".ein", "#"):
        yield re.sub(r"^# RUN:.*\n", "", text)
    for path in sorted((ROOT / "examples").rglob("*.ein")):
        yield path.read_text()
    for page in ("docs/language.md", "docs/operators.md", "README.md"):
        yield from FENCE.findall((ROOT / page).read_text())
    yield from operators()


def operators():
    """Each operator applied to a vector, and its transpose."""
    for text, arrays, matrix in cases():
        rows, columns = (K := matrix(*arrays.values())).shape
        elem = "c128" if K.dtype.kind == "c" else "f64"
        inputs = ", ".join([declare(name, array) for name, array in arrays.items()] + [f"x_: {elem}[{columns}]", f"u_: {elem}[{rows}]"])
        yield f"kernel f({inputs}) -> (y_: {elem}[{rows}], v_: {elem}[{columns}]) {{\n operator K = {text}\n y_[i] = K[i,j] * x_[j]\n v_[j] = K[i,j] * u_[i]\n}}\n"


def apart(text):
    """Each kernel of a source with all that stands outside kernels: small sources compile fast."""
    pieces = re.split(r"^(?=kernel\b)", text, flags=re.M)
    kernels = [re.match(r"kernel.*?^\}|kernel.*?\}$", piece, re.M | re.S) for piece in pieces[1:]]
    outside = pieces[0] + "".join(piece[found.end():] for piece, found in zip(pieces[1:], kernels) if found)
    outside = "\n".join(line for line in outside.split("\n") if line.strip() and not line.startswith("#"))
    return [f"{outside}\n{found.group(0)}\n" for found in kernels if found] if len(kernels) > 1 else []


def tensor_texts():
    for path, text in golden_inputs(".eir", ";"):
        yield re.sub(r"^; RUN:.*\n", "", text)
    for path, text in golden_inputs(".ein", "#"):  # what goldens show of printed tensor IR
        expected = path.read_text(errors="surrogateescape")[len(text):].partition("\n")[2]
        printed = "\n".join(line.removeprefix("#").removeprefix(" ") for line in expected.split("\n"))
        if printed.startswith(("eir", "dim ", "kernel ")) and "error[" not in printed:
            yield printed
    yield from FENCE.findall((ROOT / "docs/ir.md").read_text())


def arrays():
    """One small array a type, in both orders of bytes and of axes."""
    types = re.findall(r'^ELEMENT\(\w+, \w+, (\d+), .*?"(\w+)"\)', (ROOT / "ir/elements.def").read_text(), re.M)
    for size, name in types:
        for order, fortran, shape in (("<", "False", (2, 3)), (">", "True", (3, 2)), ("=", "False", ()), ("|", "True", (6,))):
            count = 1
            for extent in shape:
                count *= extent
            header = f"{{'descr': '{order}{name}', 'fortran_order': {fortran}, 'shape': {shape}, }}\n".encode()
            yield b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(k % 256 for k in range(count * int(size)))
    for path in sorted((ROOT / "tests/golden").rglob("*.npy")):
        yield path.read_bytes()


def descriptions():
    for path in sorted((ROOT / "tests/golden").rglob("*.machine")):
        yield path.read_bytes()


def choices():
    for path in sorted((ROOT / "tests/golden/diagnostics/inputs/tunings").iterdir()):
        yield path.read_bytes()


def schedules():
    for path, text in golden_inputs(".he", "#"):
        yield re.sub(r"^# RUN:.*\n", "", text)


def table_words(*files):
    """First fields of the rows of .def tables."""
    for name in files:
        path = ROOT / name
        if path.exists():
            yield from re.findall(r"^[A-Z_]+\(([a-z_0-9]+)", path.read_text(), re.M)


def dictionary(name):
    lines = [line for line in (HERE / f"{name}.dict").read_text().split("\n") if line.strip()]
    words = []
    if name == "ein":
        words += re.findall(r'\{"([a-z_0-9]+)",', (ROOT / "frontend/lexer.re").read_text())
        words += table_words("ir/functions.def", "ir/elements.def", "ir/rings.def", "frontend/constructors.def")
    if name == "eir":
        words += re.findall(r'"([a-z_]+)"', (ROOT / "ir/reader.re").read_text())
        words += table_words("ir/functions.def", "ir/elements.def", "ir/rings.def", "ir/ops.def")
    if name == "machine":
        words += [*table_words("ir/machine_fields.def"), "name", "yes", "no"]
    if name == "schedule":
        words += [*table_words("ir/slot_ops.def"), *re.findall(r'\{"([a-z]+)", ', (ROOT / "ir/slot_read.c").read_text()), "hesched", "program"]
    return lines + [f'"{word}"' for word in dict.fromkeys(words) if f'"{word}"' not in lines]


def write_seeds(folder, texts):
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(texts):
        data = text if isinstance(text, bytes) else text.encode(errors="surrogateescape")
        if 0 < len(data) <= LARGEST:
            (folder / f"seed{number:04}").write_bytes(data)


def main():
    folder = pathlib.Path(sys.argv[1])
    whole = list(sources())
    for name, texts in (("ein", whole + [piece for text in whole for piece in apart(text)]), ("eir", tensor_texts()), ("npy", arrays()),
                        ("program", []), ("machine", descriptions()), ("tune", choices()), ("schedule", schedules())):
        kept = [path.read_bytes() for path in sorted((HERE / "corpus" / name).iterdir())]
        write_seeds(folder / name, [*texts, *kept])
        if (HERE / f"{name}.dict").exists():
            (folder / f"{name}.dict").write_text("\n".join(dictionary(name)) + "\n")


if __name__ == "__main__":
    main()

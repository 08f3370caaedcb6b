#!/usr/bin/python3
"""Writes the .npy files of this folder, right ones and broken ones, byte by byte (no NumPy: it would refuse to write most of them)."""
import pathlib
import struct

HERE = pathlib.Path(__file__).parent


def npy(name, descr, shape, data, version=1, order="False", header=None, magic=b"\x93NUMPY"):
    text = header or f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape}, }}"
    length = struct.pack("<H" if version == 1 else "<I", len(text) + 1)
    (HERE / name).write_bytes(magic + bytes([version, 0]) + length + text.encode() + b"\n" + data)


def doubles(count):
    return struct.pack(f"<{count}d", *range(1, count + 1))


npy("three.npy", "<f8", (3,), doubles(3))
npy("four.npy", "<f8", (4,), doubles(4))
npy("matrix.npy", "<f8", (3, 4), doubles(12))
npy("single.npy", "<f4", (3,), struct.pack("<3f", 1, 2, 3))
npy("places.npy", "<i4", (3,), struct.pack("<3i", 0, 2, 3))
npy("short.npy", "<f8", (3,), doubles(2))
npy("objects.npy", "|O", (3,), doubles(3))
npy("quadruple.npy", "<f16", (3,), bytes(48))
npy("record.npy", [("a", "<f8")], (3,), doubles(3))
npy("overflow.npy", "<f8", (2**62, 8), doubles(1))
npy("header.npy", None, None, doubles(3), header="{'descr': '<f8', 'shape': (3,), 'shape': (3,)}")
npy("order.npy", "<f8", (3,), doubles(3), order="Maybe")
npy("version.npy", "<f8", (3,), doubles(3), version=4)
npy("magic.npy", "<f8", (3,), doubles(3), magic=b"\x93NUMPI")
npy("singular.npy", "<f8", (2, 2), struct.pack("<4d", 1, 2, 2, 4))
npy("not_finite.npy", "<f8", (3, 3), struct.pack("<9d", 1, 0, 0, 0, 1, float("nan"), 0, 0, 1))
npy("long.npy", None, None, b"", version=2, header="{" + " " * 10001 + "}")

"""Writes schedules (docs/schedule.md) by hand, without einc: what the suites hand to he-check, he-run and real CKKS.

A Schedule takes down ops and tracks level and scale as the page says; `write` gives the text and the sidecar."""
import collections
import zlib

import numpy as np


def scale_text(scale):
    bits = scale.get("", 0)
    text = str(bits) if bits else ""
    for level in sorted((key for key in scale if key and scale[key]), reverse=True):
        power = scale[level]
        text += ("-" if power < 0 else "+" if text else "") + (f"{abs(power)}*" if abs(power) != 1 else "") + f"q{level}"
    return text or "0"


class Schedule:
    def __init__(self, name, slots, levels, scale=40):
        self.name, self.slots, self.levels, self.scale = name, slots, levels, scale
        self.inputs, self.outputs, self.constants, self.ops, self.data = [], [], [], [], []
        self.counts = collections.Counter()
        self.depth, self.keys, self.state = {}, set(), {}

    def input(self, name, layout):
        self.inputs.append(f"input {name} {layout}")
        self.state[name] = (self.levels, {"": self.scale})
        self.depth[name] = 0
        return name

    def constant(self, numbers):
        numbers = np.asarray(numbers, float)
        name = f"k{len(self.constants)}"
        if numbers.size <= 2:
            self.constants.append(f"const {name} rle " + ",".join(f"{x!r}x1" for x in numbers))
        else:
            self.constants.append(f"const {name} file offset {sum(map(len, self.data))} len {numbers.size}")
            self.data.append(numbers)
        return name

    def op(self, op, operands, extra="", level=None, scale=None, product=False, counted=None):
        name = f"%{op}{len(self.ops)}"
        before = self.state[operands[0]]
        self.state[name] = (before[0] if level is None else level, before[1] if scale is None else scale)
        self.depth[name] = max(self.depth[x] for x in operands) + product
        self.counts[counted or op] += 1
        self.ops.append(f"{name} = {op} {' '.join(operands)}{extra} level {self.state[name][0]} scale {scale_text(self.state[name][1])}")
        return name

    def rot(self, a, step):
        step %= self.slots
        if not step:
            return a
        step -= self.slots if step > self.slots // 2 else 0
        self.keys.add(step)
        return self.op("rot", [a], f" {step}")

    def add(self, a, b):
        return self.op("add", [a, b])

    def sub(self, a, b):
        return self.op("sub", [a, b], counted="add")

    def addp(self, a, numbers):
        return self.op("addp", [a], f" {self.constant(numbers)}", counted="add")

    def mulp(self, a, numbers, at=None):
        level, scale = self.state[a]
        at = at or {level: 1}
        scale = {key: scale.get(key, 0) + at.get(key, 0) for key in {*scale, *at}}
        return self.op("mulp", [a], f" {self.constant(numbers)} at {scale_text(at)}", scale=scale, product=True, counted="pmul")

    def square(self, a):
        scale = {key: 2 * power for key, power in self.state[a][1].items()}
        return self.op("square", [a], scale=scale, product=True, counted="cmul")

    def relin(self, a):
        return self.op("relin", [a])

    def rescale(self, a):
        level, scale = self.state[a]
        return self.op("rescale", [a], level=level - 1, scale={**scale, level: scale.get(level, 0) - 1})

    def drop(self, a, level):
        return self.op("drop", [a], level=level)

    def output(self, name, value, layout):
        self.outputs.append(f"output {name} {value} {layout}")

    def sum(self, values):
        total = values[0]
        for value in values[1:]:
            total = self.add(total, value)
        return total

    def diagonals(self, x, diagonals, babies, giants):
        """sum over d of diagonals[d] * rot(x, d), every d = baby + giant once, baby steps shared."""
        rotated, outer, done = {}, [], set()
        for giant in giants:
            inner = []
            for baby in babies:
                d = baby + giant
                if d in done or d not in diagonals or not np.any(diagonals[d]):
                    continue
                done.add(d)
                if baby not in rotated:
                    rotated[baby] = self.rot(x, baby)
                inner.append(self.mulp(rotated[baby], np.roll(diagonals[d], giant)))
            if inner:
                outer.append(self.rot(self.sum(inner), giant))
        return self.rescale(self.sum(outer))

    def lines(self, sidecar):
        keys = ",".join(str(step) for step in sorted(self.keys)) or "-"
        bits = [60] + [self.scale] * self.levels + [60]
        degree = 2 * self.slots
        while {1024: 27, 2048: 54, 4096: 109, 8192: 218, 16384: 438, 32768: 881}.get(degree, 0) < sum(bits):
            degree *= 2
        data = self.bytes()
        head = ["hesched 1", f"program {self.name} slots {self.slots} levels {self.levels} scale {self.scale}",
                f"ring N {degree} bits {','.join(map(str, bits))} security 128", "rotdir left", f"keys {keys}",
                f"relin {int(self.counts['relin'] > 0)}"]
        if data:
            head.append(f"sidecar {sidecar} doubles {len(data) // 8} crc32 {zlib.crc32(data):08x}")
        counts = self.counts | {"depth": max(self.depth.values()), "keys": len(self.keys)}
        end = "end " + " ".join(f"{name} {counts.get(name, 0)}" for name in "rot conj pmul cmul relin rescale add depth keys".split())
        return head + self.inputs + self.constants + self.ops + self.outputs + [end]

    def bytes(self):
        return b"".join(numbers.astype("<f8").tobytes() for numbers in self.data)

    def write(self, path):
        sidecar = path.with_suffix(".f64")
        path.write_text("\n".join(self.lines(sidecar.name)) + "\n")
        if self.data:
            sidecar.write_bytes(self.bytes())


def dense(matrix, babies):
    """y = matrix @ x in as many slots as x has: baby-step giant-step over the cyclic diagonals."""
    n = len(matrix)
    schedule = Schedule("dense", n, 1)
    x = schedule.input("x", f"dims j={n} slots j%{n}")
    i = np.arange(n)
    diagonals = {d: matrix[i, (i + d) % n] for d in range(n)}
    y = schedule.diagonals(x, diagonals, range(babies), range(0, n, babies))
    schedule.output("y", y, f"dims i={n} slots i%{n}")
    return schedule


def kronecker(outer, inner, babies_outer, babies_inner):
    """y[a,b] = sum over k, j of outer[a,k] inner[b,j] x[k,j], j fastest; the inner factor has 2q - 1 diagonals, the outer is cyclic."""
    p, q = len(outer), len(inner)
    n = p * q
    schedule = Schedule("kronecker", n, 2)
    x = schedule.input("x", f"dims k={p},j={q} slots j%{q} k%{p}")
    s = np.arange(n)
    column = s % q
    within = {d: np.where((column + d >= 0) & (column + d < q), inner[column, np.clip(column + d, 0, q - 1)], 0) for d in range(1 - q, q)}
    steps = -(-(2 * q - 1 - babies_inner) // (2 * babies_inner)) * babies_inner # the giants go from -steps to steps
    shift = max(q - 1 - steps, 0)
    middle = schedule.diagonals(x, within, range(-shift, babies_inner - shift), range(-steps, steps + 1, babies_inner))
    across = {q * d: outer[s // q, (s // q + d) % p] for d in range(p)}
    y = schedule.diagonals(middle, across, range(0, q * babies_outer, q), range(0, n, q * babies_outer))
    schedule.output("y", y, f"dims a={p},b={q} slots b%{q} a%{p}")
    return schedule


def perceptron(first, second):
    """second @ (first @ x)^2: the square leaves another scale, which the last product brings back."""
    n = len(first)
    schedule = Schedule("perceptron", n, 3, 30)
    x = schedule.input("x", f"dims j={n} slots j%{n}")
    i = np.arange(n)
    babies = 1 << (n.bit_length() // 2)
    h = schedule.diagonals(x, {d: first[i, (i + d) % n] for d in range(n)}, range(babies), range(0, n, babies))
    h = schedule.rescale(schedule.relin(schedule.square(h)))
    h = schedule.addp(h, [0.25])
    y = schedule.diagonals(h, {d: second[i, (i + d) % n] for d in range(n)}, range(babies), range(0, n, babies))
    schedule.output("y", y, f"dims i={n} slots i%{n}")
    return schedule


def layout_object(words):
    """The JSON members of the words `dims` ... of a layout without rolls."""
    digits = [[], []]
    for word in words[3:]:
        if word == "|":
            continue
        name, radix = word.split("%")
        radix, _, stride = radix.partition("*")
        digits["|" in words and words.index("|") < words.index(word)].append([name, int(radix)] + ([int(stride or 1)] if name not in "*0-" else []))
    dims = [] if words[1] == "-" else [[dim.split("=")[0], int(dim.split("=")[1])] for dim in words[1].split(",")]
    return {"dims": dims, "slots": digits[0], "ciphertexts": digits[1], "rolls": [], "tail": "zero"}


def as_json(lines):
    """The JSON form of the lines that `Schedule.lines` gives."""
    made = {"inputs": [], "consts": [], "ops": [], "outputs": []}
    for words in map(str.split, lines):
        named = dict(zip(words[2::2], words[3::2]))
        match words[0]:
            case "hesched" | "relin":
                made[words[0]] = int(words[1])
            case "program":
                made["program"] = {"name": words[1], **{name: int(number) for name, number in named.items()}}
            case "ring":
                made["ring"] = {"N": int(words[2]), "bits": [int(bits) for bits in words[4].split(",")], "security": int(words[6])}
            case "rotdir":
                made["rotdir"] = words[1]
            case "keys":
                made["keys"] = [int(step) for step in words[1].split(",") if step != "-"]
            case "sidecar":
                made["sidecar"] = {"file": words[1], "doubles": int(words[3]), "crc32": words[5]}
            case "input":
                made["inputs"].append({"name": words[1], **layout_object(words[2:])})
            case "output":
                at = words.index("dims")
                made["outputs"].append({"name": words[1], "values": words[2:at], **layout_object(words[at:])})
            case "const" if words[2] == "file":
                made["consts"].append([words[1], "file", int(words[4]), int(words[6])])
            case "const":
                made["consts"].append([words[1], "rle", *([float(run.split("x")[0]), int(run.split("x")[1])] for run in words[3].split(","))])
            case "end":
                made["end"] = {name: int(number) for name, number in zip(words[1::2], words[2::2])}
            case _:
                kept = [word for word in words[3:] if word not in ("at", "level", "scale")]
                made["ops"].append([words[0], words[2], *(int(word) if word.lstrip("-").isdigit() else word for word in kept[:-1]), kept[-1]])
    return made

"""Files made to be refused: trees, tables and run folders, each mutated the same way for the same seed."""

# ruff: noqa: ARG005

import copy
import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import yaml

from tests.yaml_corpus import TOKENS, mutated

Tree = Any
Place = tuple[Any, Any]

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 3.5, -0.0, 0.5, 1e-300, 1e300, -1e300, 10**12, 2**63 - 1, -(2**63), 10**30),
    *(float("nan"), float("inf"), "", " ", "no", "1", "NaN", "x" * 5000, "ä", "\u202e", "\U0001f600", "a.b", "="),
    *([], {}, [[]], [None], {"a": 1}, {"": 1}, {"value": 1, "source": "x"}, {"kind": "binary"}, [1, 2, 3], [1e308] * 3),
    *("age", "age>", "age>50", "age>50>60", "ecog=9", "treatment", "OS", "2020-02-30", "9999-12-31", "0001-01-01"),
    *({"kind": "exponential", "rate": 1e300}, {"kind": "exponential", "rate": 1e-300}, {"kind": "weibull"}),
    *(list(range(300)), {f"k{n}": n for n in range(300)}),
)  # fmt: skip

ENDS = (
    *("absent", "mutant.yaml", "loop.yaml", "paper", ".", "/dev/null", "/", "", "a\0b", "x" * 5000),
    *(3, None, [], {"a": 1}, "../" * 40, "~", "paper.yaml", "mutant", "file:///etc/passwd", "http://example.org/a.yaml"),
)  # fmt: skip


def _places(tree: Tree) -> Iterator[Place]:
    """Every container of the tree with every key or position in it."""
    heap = [tree]
    while heap:
        here = heap.pop()
        for key in list(here) if isinstance(here, dict) else range(len(here)):
            yield here, key
            if isinstance(here[key], dict | list):
                heap.append(here[key])


def _nested(rng: random.Random, value: Any) -> Any:
    for _ in range(rng.choice((1, 2, 10, 45, 60, 200))):
        value = [value] if rng.random() < 0.5 else {"a": value}
    return value


def _scaled(rng: random.Random, value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return rng.choice(ODD)
    made = value * rng.choice((0, -1, 1e3, 1e-3, 1e9, 1e-9, 1e15, 1.1, 1.5, 0.9, 0.5, 0.1, 2, 10))
    return int(made) if isinstance(value, int) and abs(made) < 1e18 and rng.random() < 0.7 else made


def reshaped(tree: Tree, rng: random.Random) -> Tree:
    """The tree with one to three changes of its structure: keys and values deleted, moved, renamed, of other types."""
    tree = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
        places = list(_places(tree))
        if not places:
            return rng.choice(ODD)
        (here, key), (there, other) = rng.choice(places), rng.choice(places)
        match rng.randrange(10):
            case 0:
                del here[key]
            case 1 | 2:
                here[key] = copy.deepcopy(rng.choice(ODD))
            case 3 | 4:
                here[key] = _scaled(rng, here[key])
            case 5:
                here[key], there[other] = copy.deepcopy(there[other]), copy.deepcopy(here[key])
            case 6 if isinstance(here, dict):
                here[rng.choice((f"{key}x", str(key)[1:], str(other), "value", "source", "kind", "é", ""))] = here.pop(
                    key
                )
            case 7 if isinstance(here, list):
                here[key:key] = [copy.deepcopy(here[key])] * rng.choice((1, 2, 40))
            case 8:
                here[key] = _nested(rng, here[key])
            case _:
                if isinstance(tree, dict):
                    tree["extends"] = rng.choice(ENDS)
    return tree


def mutant(text: str, seed: int) -> bytes:
    """A document's text reshaped, or changed byte by byte or token by token, or both."""
    rng = random.Random(seed)
    if rng.random() < 0.6:
        tree = reshaped(yaml.safe_load(text), rng)
        flow = rng.choice((None, False, False, True))
        text = yaml.safe_dump(
            tree, sort_keys=False, allow_unicode=rng.random() < 0.5, default_flow_style=flow, width=200
        )
        if rng.random() < 0.75:
            return text.encode("utf-8", "surrogatepass")
    return mutated(text, seed)


def override(tree: Tree, seed: int) -> str:
    """An override at a place of the tree, or beside one, of a value that may be anything."""
    rng = random.Random(seed)
    path, here = [], tree
    while isinstance(here, dict) and here and (not path or rng.random() < 0.8):
        path.append(str(rng.choice(list(here))))
        here = here[path[-1]]
    if rng.random() < 0.2:
        path[rng.randrange(len(path))] = rng.choice((*TOKENS, "", ".", "x"))
    value = (
        rng.choice(TOKENS)
        if rng.random() < 0.4
        else yaml_of(_scaled(rng, here) if rng.random() < 0.5 else rng.choice(ODD))
    )
    return rng.choice(("=", "=", "=", "=", "=", " = ", ":", "")).join((".".join(path), value))


def yaml_of(value: Any) -> str:
    """The value on one line."""
    return json.dumps(value, ensure_ascii=False)


# tables of patients -------------------------------------------------------------------------------------------------

CELLS = (
    *("", " ", "NA", "nan", "inf", "-inf", "1e308", "-1e308", "1e309", "1e-320", "1e51", "-5", "0", "2", "0.5", "1e15"),
    *("x", "ä", "'", '"', '""', '"a', "a,b", '"a,b"', '"a\nb"', ",", ";", "\t", "\0", "\r", "\n", "=1+1", "1,5", "1_0"),
    *("١", "９", "9" * 400, "x" * 5000, "0x10", "1e5000", "+", "--1", "True", "T", "\ufeff", "\u2028", "\ud7ff"),
)  # fmt: skip


def mutant_csv(text: str, seed: int) -> bytes:
    """A CSV file with cells, rows, its header or its bytes changed."""
    rng = random.Random(seed)
    rows = [line.split(",") for line in text.splitlines()]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        row, column = rng.randrange(len(rows)), rng.randrange(len(rows[0]))
        match rng.randrange(12):
            case 0 | 1 | 2 if column < len(rows[row]):
                rows[row][column] = rng.choice(CELLS)
            case 3 if column < len(rows[0]):
                rows[0][column] = rng.choice((*CELLS, rng.choice(rows[0])))
            case 4:
                rows[row] = rows[row][:column] if rng.random() < 0.5 else rows[row] + ["1"] * column
            case 5:
                rows[row:row] = [list(rows[row])] * rng.choice((1, 2, 50))
            case 6:
                rows = rows[: rng.choice((0, 1, 2, 3, 10, row))] or [[""]]
            case 7:
                value = rng.choice(CELLS)
                rows[1:] = [[*one[:column], value, *one[column + 1 :]] for one in rows[1:]]
            case 8:
                rows = [one[:column] + one[column + 1 :] for one in rows]
            case 9:
                rng.shuffle(rows)
            case 10:
                scale = rng.choice((1e15, 1e-15, -1, 0, 1e49, 1e-300))
                rows[1:] = [
                    [*one[:column], *(_times(cell, scale) for cell in one[column : column + 1]), *one[column + 1 :]]
                    for one in rows[1:]
                ]
            case _:
                rows[1:] = [one for one in rows[1:] if rng.random() < 0.1]
        if not rows or not rows[0]:
            rows = [[""]]
    mark = rng.choice((",", ",", ",", ",", ";", "\t", "|"))
    data = rng.choice(("\n", "\n", "\n", "\r\n", "\r")).join(mark.join(one) for one in rows).encode("utf-8")
    return _bytes_changed(data, rng) if rng.random() < 0.35 else data


def _times(cell: str, scale: float) -> str:
    try:
        return repr(float(cell) * scale)
    except ValueError:
        return cell


def _bytes_changed(data: bytes, rng: random.Random) -> bytes:
    spot = rng.randrange(len(data) + 1)
    match rng.randrange(7):
        case 0:
            return data[:spot]
        case 1:
            return data[:spot] + data[spot + rng.randint(1, 50) :]
        case 2:
            return data[:spot] + rng.randbytes(rng.choice((1, 4, 100))) + data[spot:]
        case 3:
            text = data.decode("utf-8", "replace")
            return text.encode(rng.choice(("utf-16", "utf-8-sig", "utf-32", "cp037")), "replace")
        case 4:
            return data[:spot] + b'"' + data[spot:]
        case 5:
            return data[:spot] + b"\0" * rng.choice((1, 1000)) + data[spot:]
    changed = bytearray(data)
    for _ in range(rng.choice((1, 3, 30))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def mutant_parquet(text: str, seed: int) -> bytes:
    """The same table as Parquet: of other types, nested, without columns, in odd pages, or with bytes changed."""
    rng = random.Random(seed)
    table = pacsv.read_csv(io.BytesIO(text.encode()))
    for _ in range(rng.choice((0, 1, 1, 2))):
        spot = rng.randrange(table.num_columns)
        name, rows = table.column_names[spot], table.num_rows
        table = rng.choice(_COLUMNS)(table, spot, name, rows, rng)
    sink = io.BytesIO()
    try:
        pq.write_table(
            table, sink, compression=rng.choice(("snappy", "zstd", "gzip", "none")), version=rng.choice(("1.0", "2.6")),
            use_dictionary=rng.random() < 0.5, row_group_size=rng.choice((1, 7, 1000)) if rng.random() < 0.5 else None,
            data_page_version=rng.choice(("1.0", "2.0")), write_page_checksum=rng.random() < 0.3,
        )  # fmt: skip
    except pa.ArrowException:  # a type that Parquet does not know
        sink = io.BytesIO(b"PAR1" + text.encode() + b"PAR1")
    data = sink.getvalue()
    if rng.random() < 0.35:
        return data
    data = _bytes_changed(data, rng)
    if rng.random() < 0.4:  # in the footer, where lengths and offsets stand
        end = len(data) - rng.randint(1, min(3000, len(data)) or 1)
        data = data[:end] + rng.randbytes(rng.choice((1, 2, 4))) + data[end + 4 :]
    return data


def _set(table: pa.Table, spot: int, name: str, column: Any) -> pa.Table:
    return table.set_column(spot, name, column)


_COLUMNS: tuple[Callable[..., pa.Table], ...] = (
    lambda t, s, n, rows, rng: t.remove_column(s),
    lambda t, s, n, rows, rng: t.append_column(n, t.column(s)),
    lambda t, s, n, rows, rng: t.rename_columns(
        [rng.choice((c, c, c, c.upper(), "", "x" * 300)) for c in t.column_names]
    ),
    lambda t, s, n, rows, rng: t.slice(0, rng.choice((0, 1, 2, 5))),
    lambda t, s, n, rows, rng: pa.concat_tables([t] * rng.choice((2, 300))),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([[1, 2]] * rows)),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([{"a": 1}] * rows)),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([[("a", 1)]] * rows, pa.map_(pa.string(), pa.int64()))),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([b"\xff\0"] * rows)),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.nulls(rows)),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([float("nan")] * rows)),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([float("inf")] * rows)),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([1e-310] * rows)),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([2**64 - 1] * rows, pa.uint64())),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([2**61] * rows, pa.timestamp("ns"))),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([2**62] * rows, pa.timestamp("s"))),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([2**62] * rows, pa.duration("s"))),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([2**30] * rows, pa.date32())),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array(["x"] * rows).dictionary_encode()),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([str(k) for k in range(rows)]).dictionary_encode()),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([rng.choice(CELLS) for _ in range(rows)])),
    lambda t, s, n, rows, rng: _set(t, s, n, pa.array([10**30] * rows, pa.decimal128(38, 2))),
)


def bombs(columns: tuple[str, ...]) -> dict[str, bytes]:
    """Small Parquet files that unfold to very much, with all columns that are asked for."""
    zeros = np.zeros(20_000_000, np.int8)
    one = pa.array(["x" * 2**20])
    found = {}
    for name, column in {
        "many rows": pa.array(zeros),
        "long texts": pa.DictionaryArray.from_arrays(pa.array(zeros[:100_000]), one),
        "long plain texts": pa.array(["x" * 2**20] * 4),
        "long lists": pa.ListArray.from_arrays(np.arange(0, 2_000_001, 20_000, np.int32), pa.array(zeros[:2_000_000])),
        "row groups": pa.array(zeros[:4_000]),
    }.items():
        sink = io.BytesIO()
        size = 1 if name == "row groups" else None
        plain = name == "long plain texts"
        pq.write_table(
            pa.table(dict.fromkeys(columns, column)), sink, compression="zstd", use_dictionary=not plain,
            row_group_size=size,
        )  # fmt: skip
        found[name] = sink.getvalue()
    return found


# run folders --------------------------------------------------------------------------------------------------------


def damaged(folder: Path, seed: int) -> str:
    """Damages one or two files of a run folder and tells how."""
    rng = random.Random(seed)
    told = []
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".html")
    for path in rng.sample(files, rng.choice((1, 1, 2))):
        kind = rng.randrange(6)
        told.append(f"{path.relative_to(folder)} {kind}")
        data = path.read_bytes()
        match kind:
            case 0:
                path.unlink()
            case 1:
                path.write_bytes(b"")
            case 2 if path.suffix == ".json":
                tree = reshaped(json.loads(data), rng)
                path.write_text(json.dumps(tree), "utf-8", "surrogatepass")
            case 2 if path.suffix == ".yaml":
                path.write_bytes(mutant(data.decode(), seed))
            case 3 if path.suffix == ".json":
                path.write_text(
                    rng.choice(
                        ("[" * 100_000, '{"a":' * 100_000, "null", "3", '"x"', "[]", "{}", "NaN", "1e999", "9" * 9000)
                    )
                )
            case 4:
                path.unlink()
                path.mkdir()
            case _:
                path.write_bytes(_bytes_changed(data, rng))
    return ", ".join(told)

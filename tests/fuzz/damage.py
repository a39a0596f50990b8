"""Strategies that damage what was valid: bytes, trees of values, tensor files in their headers."""

import copy
import datetime
import json
import struct
from typing import Any

from hypothesis import strategies as st

EXTREMES = [
    b"\x00" * 4,
    b"\xff" * 4,
    b"\xff\xff\xff\x7f",
    b"\x00" * 8,
    b"\xff" * 7 + b"\x7f",
    b"\x01",
    b"\x80",
]
SCALARS: list[Any] = [
    None, True, False, -1, 0, 1, 2, 3, 7, 2**31, 2**70, -0.5, 0.0, 0.5, 1.5, 1e-300, 1e300, float("nan"),
    float("inf"), float("-inf"), "", "x", "1", "null", "{}", "é\u202e", "a" * 300, "../../etc", "\ud800",
    "\x00", datetime.date(2000, 1, 1), b"bytes",
]  # fmt: skip
VALUES = st.sampled_from(
    [*SCALARS, [], {}, [1], ["x"], [None], [[]], {"x": 1}, {1: 2}, [0.5, 0.5], [1] * 1000]
)
JSON = VALUES.filter(lambda value: not holds(value, (datetime.date, bytes)))
Path = tuple[Any, ...]


def holds(value: Any, kinds: tuple[type, ...]) -> bool:
    """Whether a tree has a value of these kinds in it."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return isinstance(value, kinds) or any(holds(part, kinds) for part in parts)


@st.composite
def damaged_bytes(draw: st.DrawFn, valid: bytes) -> bytes:
    """The bytes after one to three accidents, most of them near either end, where headers and footers are."""
    data = valid
    for _ in range(draw(st.integers(1, 3))):
        data = draw(_accident(data))
    return data


@st.composite
def _accident(draw: st.DrawFn, data: bytes) -> bytes:
    size = len(data)
    near = st.one_of(
        st.integers(0, 64), st.integers(0, 600), st.integers(-600, -1), st.integers(0, max(0, size))
    )
    at = draw(near) % max(1, size)
    kind = draw(st.sampled_from(["cut", "flip", "put", "insert", "remove", "repeat"]))
    if kind == "cut":
        return data[:at]
    if kind == "flip":
        return data[:at] + bytes([data[at] ^ draw(st.integers(1, 255))]) + data[at + 1 :] if size else data
    if kind == "put":
        new = draw(st.one_of(st.sampled_from(EXTREMES), st.binary(min_size=1, max_size=8)))
        return data[:at] + new + data[at + len(new) :]
    if kind == "insert":
        return data[:at] + draw(st.binary(min_size=1, max_size=16)) + data[at:]
    length = draw(st.integers(1, 64))
    return data[:at] + data[at + length :] if kind == "remove" else data + data[at : at + length]


def places(tree: Any, path: Path = ()) -> list[Path]:
    """Paths of every value in a tree of dictionaries and lists, those of the first levels first."""
    found, level = [], [(path, tree)]
    while level:
        deeper: list[tuple[Path, Any]] = []
        for place, value in level:
            items = (
                value.items()
                if isinstance(value, dict)
                else enumerate(value)
                if isinstance(value, list)
                else ()
            )
            deeper += [((*place, key), part) for key, part in items]
        found += [place for place, _ in deeper]
        level = deeper
    return found


def at(tree: Any, path: Path) -> Any:
    """The value at a path."""
    for key in path:
        tree = tree[key]
    return tree


@st.composite
def damaged_tree(
    draw: st.DrawFn, valid: Any, values: st.SearchStrategy[Any] = VALUES
) -> tuple[Any, list[Path]]:
    """A tree in which one or two values are others, gone, or under another name; and their paths."""
    tree, changed = copy.deepcopy(valid), []
    for _ in range(draw(st.sampled_from([1, 1, 1, 2]))):
        if not (known := places(tree)):
            break
        path = draw(st.sampled_from(known))
        parent, key = at(tree, path[:-1]), path[-1]
        kind = draw(st.sampled_from(["set", "set", "set", "other", "remove", "rename"]))
        if kind == "set":
            parent[key] = copy.deepcopy(draw(values))
        elif kind == "other":
            parent[key] = copy.deepcopy(at(tree, draw(st.sampled_from(known))))
        elif kind == "remove":
            del parent[key]
        elif isinstance(parent, dict):
            parent[draw(st.sampled_from(["x", "", 1, None, "a b", f"{key}s"]))] = parent.pop(key)
        changed.append(path)
    return tree, changed


def split_tensor_file(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and rest of a safetensors file, the entry that holds JSON as a tree."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["lass"] = json.loads(header["__metadata__"]["lass"])
    return header, data[8 + length :]


def joined_tensor_file(header: Any, rest: bytes) -> bytes:
    """The file of a header and a rest."""
    header = copy.deepcopy(header)
    if isinstance(header, dict) and isinstance(header.get("__metadata__"), dict):
        metadata = header["__metadata__"]
        if "lass" in metadata and not isinstance(metadata["lass"], str):
            metadata["lass"] = json.dumps(metadata["lass"])
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + rest


@st.composite
def damaged_tensor_file(draw: st.DrawFn, valid: bytes) -> bytes:
    """A tensor file with damaged bytes, or with another header that is well-formed."""
    if draw(st.booleans()):
        return draw(damaged_bytes(valid))
    header, rest = split_tensor_file(valid)
    own = draw(st.booleans())  # the part of this project, or that of the format
    if own:
        header["__metadata__"]["lass"], _ = draw(damaged_tree(header["__metadata__"]["lass"], JSON))
    else:
        header, _ = draw(damaged_tree(header, JSON))
    return joined_tensor_file(header, rest)

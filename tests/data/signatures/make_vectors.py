#!/usr/bin/env python3
"""Writes vectors.json beside it: routed experts in all forms, and the signature each one makes.

The tests of the C++ and of the Python client read the file, so that both make the same bytes of the
same ids and refuse the same input. What is expected is computed here by plain loops, with neither.
"""

import base64
import json
import pathlib
import random
import struct

chance = random.Random(14)


def geometry(layers, experts, top_k, moe=()):
    return {"layers": layers, "experts": experts, "top_k": top_k, "moe_hidden_layers": list(moe)}


def varint(value):
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def message(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def wire(counts, tokens, prompt_tokens=None):
    """A serialised eldr.v1.ExpertSignature."""
    out = b"\x08" + varint(tokens)
    if prompt_tokens is not None:
        out += b"\x10" + varint(prompt_tokens)
    used = [(i, count) for i, count in enumerate(counts) if count]
    if len(used) * 10 < len(counts):
        indices = b"".join(varint(i) for i, _ in used)
        values = b"".join(varint(count) for _, count in used)
        sparse = message(1, indices) + message(2, values) if used else b""
        return (out + message(4, sparse)).hex()
    for encoding, width in ((1, 1), (2, 2), (3, 4)):
        if max(counts) < 256**width:
            data = b"".join(count.to_bytes(width, "little") for count in counts)
            return (out + message(3, b"\x08" + varint(encoding) + message(2, data))).hex()
    raise ValueError(counts)


def route(shape, tokens):
    """Ids [tokens][layers][top_k], flat."""
    return [
        expert
        for _ in range(tokens * shape["layers"])
        for expert in chance.sample(range(shape["experts"]), shape["top_k"])
    ]


def count(shape, ids):
    counts = [0] * (shape["layers"] * shape["experts"])
    for i, expert in enumerate(ids):
        layer = i // shape["top_k"] % shape["layers"]
        counts[layer * shape["experts"] + expert] += 1
    return counts


def spread(shape, ids, hidden_layers):
    """The same ids with rows of nonsense for the dense layers."""
    rows = [ids[i : i + shape["top_k"]] for i in range(0, len(ids), shape["top_k"])]
    out = []
    for token in range(len(rows) // shape["layers"]):
        for layer in range(hidden_layers):
            if layer in shape["moe_hidden_layers"]:
                place = shape["moe_hidden_layers"].index(layer)
                out += rows[token * shape["layers"] + place]
            else:
                out += [0] * shape["top_k"]
    return out


def npy(dtype, shape, data, fortran=False):
    header = f"{{'descr': '{dtype}', 'fortran_order': {fortran}, 'shape': {shape}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data


def b64(data):
    return base64.b64encode(data).decode()


def pack(code, values):
    return struct.pack(f"<{len(values)}{code}", *values)


def ids_cases():
    for name, shape, tokens, prompt in (
        ("one token", geometry(1, 2, 1), 1, None),
        ("some tokens", geometry(3, 8, 2), 5, 5),
        ("a part of a prompt", geometry(2, 16, 4), 7, 40),
        ("sparse", geometry(4, 64, 1), 3, 3),
        ("more than a byte holds", geometry(1, 4, 2), 700, 700),
        ("every expert", geometry(2, 4, 4), 3, None),
    ):
        ids = route(shape, tokens)
        yield {"name": name, "geometry": shape, "ids": ids, "prompt_tokens": prompt,
               "wire": wire(count(shape, ids), tokens, prompt)}
    shape = geometry(2, 8, 2, (1, 3))
    ids = route(shape, 4)
    yield {"name": "dense layers", "geometry": shape, "hidden_layers": 5,
           "ids": spread(shape, ids, 5), "wire": wire(count(shape, ids), 4)}
    shape = geometry(2, 4, 2)
    for name, more in (
        ("an id too large", {"ids": [0, 1, 2, 3, 0, 1, 4, 2],
                             "error": "expert id of token 1, row 1, choice 0 is 4, expected 0 to 3"}),
        ("an id below 0", {"ids": [0, 1, 2, -1],
                           "error": "expert id of token 0, row 1, choice 1 is -1, expected 0 to 3"}),
        ("an id twice", {"ids": [0, 1, 3, 3],
                         "error": "expert id 3 comes twice in token 0, row 1; expected 2 different ones"}),
        ("the first of two errors, layer by layer",
         {"ids": [0, 1, 9, 1, 2, 2, 0, 1],
          "error": "expert id 2 comes twice in token 1, row 0; expected 2 different ones"}),
        ("half a token", {"ids": [0, 1, 2], "error": "there are 3 ids, expected 2 x 2 for each token"}),
        ("dense layers of which nothing is told",
         {"ids": [0, 1], "hidden_layers": 3, "error": "hidden_layers is 3, expected 2"}),
    ):
        yield {"name": name, "geometry": shape, **more}
    shape = geometry(2, 4, 1, (1, 3))
    yield {"name": "too few hidden layers", "geometry": shape, "hidden_layers": 3, "ids": [0, 0, 0],
           "error": "hidden_layers is 3, expected more than 3, the last of moe_hidden_layers"}
    for name, shape, error in (
        ("no layers", geometry(0, 8, 2), "geometry.layers is 0, expected 1 to 1024"),
        ("one expert", geometry(2, 1, 1), "geometry.experts is 1, expected 2 to 4096"),
        ("too many cells", geometry(1024, 4096, 2),
         "geometry.layers * experts is 4194304, expected at most 262144"),
        ("more chosen than there are", geometry(2, 8, 9), "geometry.top_k is 9, expected 1 to experts, 8"),
        ("hidden layers that do not fit", geometry(2, 8, 1, (1,)),
         "geometry.moe_hidden_layers is 1, expected as many as layers, 2"),
        ("hidden layers in another order", geometry(2, 8, 1, (3, 3)),
         "geometry.moe_hidden_layers is 3, expected strictly ascending layers"),
    ):
        yield {"name": name, "geometry": shape, "ids": [], "error": error}


def counts_cases():
    shape = geometry(2, 4, 2)
    yield {"name": "two layers", "geometry": shape, "counts": [3, 1, 0, 2, 0, 3, 3, 0], "tokens": 3,
           "wire": wire([3, 1, 0, 2, 0, 3, 3, 0], 3)}
    yield {"name": "a layer that is not covered", "geometry": shape,
           "counts": [3, 1, 0, 2, 0, 0, 0, 0], "tokens": 3, "wire": wire([3, 1, 0, 2, 0, 0, 0, 0], 3)}
    large = [70_000, 0, 0, 70_000, 70_000, 70_000, 0, 0]
    yield {"name": "more than two bytes hold", "geometry": shape, "counts": large, "tokens": 70_000,
           "prompt_tokens": 80_000, "wire": wire(large, 70_000, 80_000)}
    for name, counts, tokens, error in (
        ("a layer that sums to something else", [3, 1, 0, 2, 0, 3, 2, 0], 3,
         "counts of layer 1 sum to 5, expected 0 or 6 = 3 tokens x top_k 2"),
        ("an expert more often than tokens", [4, 2, 0, 0, 0, 3, 3, 0], 3,
         "count of layer 0, expert 0 is 4, expected at most tokens, 3"),
        ("too few counts", [3, 3, 0, 0], 3, "there are 4 counts, expected 2 x 4"),
        ("more tokens than a signature holds", [0] * 8, 16_777_217,
         "tokens would be 16777217, expected at most 16777216"),
    ):
        yield {"name": name, "geometry": shape, "counts": counts, "tokens": tokens, "error": error}


def blocks_cases():
    shape = geometry(2, 8, 2)
    ids = route(shape, 13)
    size = 4 * shape["layers"] * shape["top_k"]
    hashes = [f"{number:02x}" * 8 for number in range(1, 4)]
    blocks = [
        {"hash": name, "wire": wire(count(shape, ids[i * size : (i + 1) * size]), 4)}
        for i, name in enumerate(hashes)
    ]
    yield {"name": "three blocks and a token", "geometry": shape, "ids": ids, "block_tokens": 4,
           "blocks": blocks}


def form_cases():
    shape = geometry(2, 8, 2, (1, 2))
    ids = route(shape, 6)
    expected = wire(count(shape, ids), 6)
    wide = spread(shape, ids, 4)
    for dtype, code in (("|u1", "B"), ("<u2", "H"), ("<i2", "h"), ("<i4", "i"), ("<u4", "I"), ("<i8", "q")):
        yield {"name": f"npy {dtype}", "form": "npy", "geometry": shape, "wire": expected,
               "text": b64(npy(dtype, (6, 4, 2), pack(code, wide)))}
    yield {"name": "npy without dense layers", "form": "npy", "geometry": shape, "wire": expected,
           "text": b64(npy("|u1", (6, 2, 2), pack("B", ids)))}
    yield {"name": "int32", "form": "int32", "geometry": shape, "hidden_layers": 4, "wire": expected,
           "text": b64(pack("i", wide))}
    counts = count(shape, ids)
    yield {"name": "reference", "form": "reference", "geometry": shape, "wire": expected,
           "text": b64(pack("h", counts))}
    small = npy("|u1", (1, 2, 2), bytes([0, 1, 2, 3]))
    for name, form, text, error in (
        ("not base64", "npy", "a-b=", 'base64: character "-" at 1, expected A-Z, a-z, 0-9, + or /'),
        ("half of base64", "npy", "QUJ", "base64: 3 characters, expected a multiple of 4"),
        ("not a npy", "npy", b64(b"nothing of the kind"), ""),
        ("big-endian", "npy", b64(npy(">u2", (1, 2, 2), bytes(8))), 'descr ">u2": expected |u1'),
        ("floats", "npy", b64(npy("<f4", (1, 2, 2), bytes(16))), 'descr "<f4": expected |u1'),
        ("Fortran order", "npy", b64(npy("|u1", (1, 2, 2), bytes(4), fortran=True)),
         "fortran_order True: expected False (C order)"),
        ("two dimensions", "npy", b64(npy("|u1", (2, 2), bytes(4))), "expected (tokens, layers, top_k)"),
        ("short", "npy", b64(small[:-1]), "shape (1, 2, 2) of 1-byte ids: 3 bytes of data do not fit it"),
        ("long", "npy", b64(small + b"\0"), "shape (1, 2, 2) of 1-byte ids: 5 bytes of data do not fit it"),
        ("far more than there is", "npy", b64(npy("<i8", (2**60, 2, 2), bytes(8))),
         "8 bytes of data do not fit it"),
        ("no tokens", "npy", b64(npy("|u1", (0, 2, 2), b"")), "expected no dimension of 0"),
        ("another top_k", "npy", b64(npy("|u1", (1, 2, 3), bytes(6))),
         "shape (1, 2, 3) has top_k 3, expected 2"),
        ("too few hidden layers", "npy", b64(npy("|u1", (1, 1, 2), bytes([0, 1]))),
         "shape (1, 1, 2) has 1 rows per token, expected 2, or more than 2, the last of "
         "moe_hidden_layers"),
        ("an id too large", "npy", b64(npy("|u1", (1, 2, 2), bytes([0, 1, 2, 8]))), "expected 0 to 7"),
        ("an id twice", "npy", b64(npy("|u1", (1, 2, 2), bytes([0, 1, 2, 2]))), "expert id 2"),
        ("int32 of another length", "int32", b64(bytes(20)),
         "20 bytes of raw int32, expected tokens x 3 hidden layers x top_k 2 x 4 bytes"),
        ("int32 with -1", "int32", b64(pack("i", [0, 0, 0, 1, 2, -1])), "-1, expected 0 to 7"),
        ("reference of another length", "reference", b64(bytes(30)),
         "30 bytes of int16 counts, expected 32 = 2 layers x 8 experts x 2 bytes"),
        ("reference below 0", "reference", b64(pack("h", [-1] + [0] * 15)),
         "layer 0, expert 0: count -1, expected none below 0"),
        ("reference of no token", "reference", b64(bytes(32)), "all counts are 0"),
        ("reference of unequal layers", "reference", b64(pack("h", [1, 1] + [0] * 6 + [2, 2] + [0] * 6)),
         "layer 1: counts are of 2 tokens, expected 1 as in the layers before"),
        ("reference of halves", "reference", b64(pack("h", [2, 1] + [0] * 14)),
         "layer 0: counts sum to 3 with 2 of one expert"),
    ):
        yield {"name": name, "form": form, "geometry": shape, "text": text, "error": error}


def main():
    vectors = {
        "ids": list(ids_cases()),
        "counts": list(counts_cases()),
        "blocks": list(blocks_cases()),
        "forms": list(form_cases()),
    }
    out = pathlib.Path(__file__).with_name("vectors.json")
    lines = []
    for kind, cases in vectors.items():
        rows = ",\n".join(f"  {json.dumps(case, separators=(',', ':'))}" for case in cases)
        lines.append(f' "{kind}": [\n{rows}\n ]')
    out.write_text("{\n" + ",\n".join(lines) + "\n}\n")


main()

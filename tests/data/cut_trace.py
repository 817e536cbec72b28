#!/usr/bin/env python3
"""Cuts a trace folder down: keeps every request, but only its first tokens.

    cut_trace.py FROM TO TOKENS

FROM and TO are folders with routed_experts.npy (uint8) and requests.csv; TO must exist. Many
requests cut short are better than few whole ones: repeats of one request that are live at the same
time use the same experts and flatter every policy that brings them together.
"""
import ast
import csv
import struct
import sys


def read_npy(path):
    with open(path, "rb") as file:
        data = file.read()
    if data[:8] != b"\x93NUMPY\x01\x00":
        sys.exit(f"{path}: expected a .npy file of version 1.0")
    (length,) = struct.unpack("<H", data[8:10])
    header = ast.literal_eval(data[10:10 + length].decode("latin1"))
    if header["descr"] != "|u1" or header["fortran_order"]:
        sys.exit(f"{path}: expected uint8 in C order")
    return header["shape"], data[10 + length:]


def write_npy(path, shape, data):
    header = repr({"descr": "|u1", "fortran_order": False, "shape": shape})
    # The array starts at a multiple of 64 bytes; the header ends with a newline.
    padding = -(10 + len(header) + 1) % 64
    header += " " * padding + "\n"
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def main(source, target, most_tokens):
    (tokens, layers, top_k), data = read_npy(f"{source}/routed_experts.npy")
    row = layers * top_k
    with open(f"{source}/requests.csv", newline="") as file:
        reader = csv.DictReader(file)
        columns, requests = reader.fieldnames, list(reader)
    kept = bytearray()
    for request in requests:
        first, count = int(request["token_offset"]), int(request["tokens"])
        if first + count > tokens:
            sys.exit(f"{source}: {request['request']} is not in the trace")
        count = min(count, most_tokens)
        request["token_offset"], request["tokens"] = len(kept) // row, count
        kept += data[first * row:(first + count) * row]
    write_npy(f"{target}/routed_experts.npy", (len(kept) // row, layers, top_k), bytes(kept))
    with open(f"{target}/requests.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(requests)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

#!/usr/bin/env python3
"""Prints commands that read each source and header alone, for `./dev check`; one per line.

    tests/alone_commands.py BUILD HEADER...

BUILD is a configured tree, compiled by clang without unity. The first command, which must have ended before
the others begin, precompiles GoogleMock: nearly every test includes it, and it takes half of the time
to read one. No code is generated.
"""
import json
import os
import re
import sys


def includes_gmock(path):
    with open(path, encoding="utf-8") as source:
        return re.search(r'^#include [<"]gmock/gmock\.h', source.read(), re.MULTILINE) is not None


def main():
    build, headers = os.path.abspath(sys.argv[1]), sys.argv[2:]
    with open(f"{build}/compile_commands.json", encoding="utf-8") as database:
        entries = [e for e in json.load(database) if not e["file"].startswith(build)]
    flags = {}  # of each source: its command without what is compiled and where to
    for entry in entries:
        flags[entry["file"]] = re.sub(r"^(\S*ccache )?| -o \S+ -c \S+$", "", entry["command"])
    # Others are compiled in ways that a precompiled header must share.
    alike = re.compile(r" -fPIE .*-DGTEST_HAS_PTHREAD=1 -pthread ")
    mocked = {file for file in flags if alike.search(flags[file]) and includes_gmock(file)}
    gmock = f"{build}/gmock.h"
    with open(gmock, "w", encoding="utf-8") as header:
        header.write("#include <gmock/gmock.h>\n")
    print(f"{flags[min(mocked)]} -x c++-header -o {gmock}.pch {gmock}")
    for file in flags:
        mock = f" -include-pch {gmock}.pch" if file in mocked else ""
        print(f"{flags[file]} -fsyntax-only{mock} {file}")
    # A header has no command of its own: that of a source in its folder, or above, which knows most folders.
    for header in headers:
        folder = os.path.dirname(os.path.abspath(header))
        while not (near := [flags[f] for f in flags if f.startswith(folder + "/")]):
            folder = os.path.dirname(folder)
        print(f"{max(near, key=len)} -fsyntax-only -x c++ {os.path.abspath(header)}")


if __name__ == "__main__":
    main()

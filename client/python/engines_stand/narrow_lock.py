"""Leaves of a lock file only the hashes of the files in a folder: `narrow_lock.py LOCK FOLDER`.

A lock file names the files of all platforms, of which `./dev engines` runs on one.
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path


def main() -> None:
    lock, folder = Path(sys.argv[1]), Path(sys.argv[2])
    here = {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    kept = []
    for entry in re.split(r"\n(?=\S)", lock.read_text().strip()):
        name, *hashes = re.split(r" \\\n\s+", entry)
        of_here = [one for one in hashes if one.removeprefix("--hash=sha256:") in here]
        if not of_here:
            sys.exit(f"{name}: no file of it is in {folder}")
        kept.append(" \\\n    ".join([name, *of_here]))
    lock.write_text("\n".join(kept) + "\n")


if __name__ == "__main__":
    main()

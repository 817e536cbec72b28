"""What the engine calls the runs of tokens that a prompt begins with."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any


class BlockHashes:
    """The engine hashes a block of tokens with all that precedes it; a run has its last one's."""

    def __init__(self, hash_tokens: int, run_tokens: int) -> None:
        """ValueError if runs do not end where blocks do."""
        if run_tokens % hash_tokens:
            raise ValueError(
                f"block_tokens is {run_tokens}, expected a multiple of the engine's blocks of "
                f"{hash_tokens} tokens"
            )
        self._hash_tokens = hash_tokens
        self._run_tokens = run_tokens

    def of_prompt(self, request: Any) -> tuple[bytes, ...]:
        """None if prefix caching is off, or hashes are not of the blocks that were expected."""
        hashes = request.block_hashes
        if len(hashes) != request.num_tokens // self._hash_tokens:
            return ()
        runs = request.num_prompt_tokens // self._run_tokens
        each = self._run_tokens // self._hash_tokens
        return tuple(bytes(hashes[run * each + each - 1]) for run in range(runs))


def check_algorithm(name: str, environment: Mapping[str, str] = os.environ) -> None:
    """ValueError if each engine hashes with a seed of its own: that means nothing to others."""
    if name.startswith("xxhash") and not environment.get("PYTHONHASHSEED"):
        raise ValueError(
            f'block_tokens is set and --prefix-caching-hash-algo is "{name}", expected sha256, or '
            "PYTHONHASHSEED set alike for all engines"
        )

"""What a response body says of its own tokens, against the rows that it has."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eldr.signature import MAX_TOKENS


@dataclass(frozen=True)
class RowCount:
    """How many tokens a body says that it has rows of."""

    least: int = 1
    most: float = math.inf
    # What says so, e.g. "prompt_tokens 6"; empty if nothing does.
    by: str = ""

    def __str__(self) -> str:
        """ "57", "56 to 57" or "at least 57"."""
        if self.least == self.most:
            return str(self.most)
        if self.most == math.inf:
            return f"at least {self.least}"
        return f"{self.least} to {self.most}"


class ToldTokens:
    """`prompt_tokens` and `completion_tokens` of a body, from usage or meta_info.

    Neither of a body of several choices, where usage may be the sum over several prompts. The
    engine was asked to leave the rows of the first `start_len` tokens out.
    """

    def __init__(self, body: Mapping[str, Any], start_len: int = 0) -> None:
        """ValueError if a count makes no sense, or all of the prompt was left out."""
        if start_len < 0:
            raise ValueError(f"start_len is {start_len}, expected at least 0")
        # A body may generate nothing, but it has a prompt.
        self.prompt = _count(body, "prompt_tokens", 1)
        self.completion = _count(body, "completion_tokens", 0)
        self.start_len = start_len
        choices = body.get("choices")
        if isinstance(choices, list) and len(choices) > 1:
            self.prompt = self.completion = None
        if self.prompt is not None and start_len >= self.prompt:
            raise ValueError(
                f"start_len is {start_len}, expected less than prompt_tokens, {self.prompt}"
            )

    @property
    def _decode_rows(self) -> int:
        """One less than tokens, as nothing follows the last one."""
        return max((self.completion or 0) - 1, 0)

    def rows(self) -> RowCount:
        """How many rows there must be.

        One per token of prompt and completion, less the last one, which no step took in, and those
        that were left out at the front.
        """
        if self.prompt is None:
            return RowCount()
        least, most = self.prompt - self.start_len, math.inf
        by = f"prompt_tokens {self.prompt}"
        if self.completion is not None:
            least += self._decode_rows
            most = least
            by += f" + completion_tokens {self.completion} - 1"
            # A prompt that nothing follows has a last token of its own.
            if self.completion == 0 and least > 1:
                least -= 1
        if self.start_len > 0:
            by += f" - start_len {self.start_len}"
        return RowCount(least, most, by)

    def prompt_among(self, rows: int) -> tuple[int, int | None]:
        """How many of the rows are the prompt's, the first ones; and its tokens, if that is known.

        All rows if the body does not tell. ValueError if rows are missing and it is not known
        whether these are the prompt's.
        """
        told, decode = self.rows(), self._decode_rows
        if decode > 0 and rows < told.least:
            raise ValueError(
                f"{rows} rows, expected {told.least} by {told.by}: some are missing, and these may "
                "be of decode; tell how many were left out at the front (start_len)"
            )
        if self.prompt is not None:
            return min(rows, self.prompt - self.start_len), self.prompt
        if self.completion is None:
            return rows, None
        if decode >= rows:
            raise ValueError(
                f"{rows} rows, expected more than the {decode} of decode by completion_tokens "
                f"{self.completion} - 1"
            )
        return rows - decode, min(rows - decode + self.start_len, MAX_TOKENS)


def _count(body: Mapping[str, Any], name: str, least: int) -> int | None:
    found: int | None = None
    for place in ("usage", "meta_info"):
        holder = body.get(place)
        told = holder.get(name) if isinstance(holder, Mapping) else None
        if told is None:
            continue
        if not isinstance(told, int) or isinstance(told, bool):
            raise ValueError(f"{name} is {str(told)[:160]!r}, expected a whole number")
        if not least <= told <= MAX_TOKENS:
            raise ValueError(f"{name} is {told}, expected {least} to {MAX_TOKENS}")
        found = told
    return found

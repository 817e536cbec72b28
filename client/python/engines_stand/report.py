"""What was proved: a line while it runs, and a table at the end."""

from __future__ import annotations

import time


class Report:
    def __init__(self) -> None:
        self._began = time.monotonic()
        self._rows: list[tuple[str, bool | None, str]] = []

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._began:4.0f} s] {text}", flush=True)

    def proved(self, what: str, holds: bool, detail: str) -> None:
        self._rows.append((what, holds, detail))
        self.say(f"{'ok    ' if holds else 'FAILED'} {what}: {detail}")

    def told(self, what: str, detail: str) -> None:
        """A figure that proves nothing by itself."""
        self._rows.append((what, None, detail))
        self.say(f"       {what}: {detail}")

    def table(self) -> bool:
        """Whether all of it holds."""
        print()
        for what, holds, detail in self._rows:
            mark = {True: "ok", False: "FAILED", None: ""}[holds]
            print(f"  {mark:6} {what:44} {detail}")
        failed = sum(holds is False for _, holds, _ in self._rows)
        passed = sum(holds is True for _, holds, _ in self._rows)
        print(f"\n{passed} passed, {failed} failed, in {time.monotonic() - self._began:.0f} s")
        return failed == 0

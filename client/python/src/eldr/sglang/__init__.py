"""A plugin for stock SGLang (entry point group sglang.srt.plugins) that connects it to an eldrd.

SGLang finds it by itself where this package is installed. It does nothing unless ELDR_TARGET is
set; further ELDR_* variables are those of `eldr._engine.config.Config`. A prefill engine needs
--enable-return-routed-experts. docs/engines.md has the flags, and what was run.
"""

from __future__ import annotations

import os

__all__ = ["register"]


def register() -> None:
    """The entry point: hooks the scheduler, in whichever process it runs."""
    if "ELDR_TARGET" not in os.environ:
        return
    from eldr.sglang._plugin import Plugin

    Plugin().hook()

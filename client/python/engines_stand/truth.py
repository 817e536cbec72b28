"""What a prompt activates by another implementation: transformers, eager, float32."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from model import EXPERTS, LAYERS, TOP_K

# Between the last expert that is chosen and the first that is not, as logits of the gate. Two
# implementations that add in another order differ by some 1e-5 of them.
NEAR_TIE = 2e-3


@dataclass(frozen=True)
class Routes:
    """The gates' logits [layers, tokens, experts] of a prompt."""

    logits: Any

    def counts(self, begin: int = 0, end: int | None = None) -> Any:
        """[layers, experts], of the tokens `begin` to `end` - 1."""
        chosen = np.argsort(-self.logits[:, begin:end], axis=2, kind="stable")[:, :, :TOP_K]
        counts = np.zeros((LAYERS, EXPERTS), dtype=np.int64)
        for layer in range(LAYERS):
            counts[layer] = np.bincount(chosen[layer].ravel(), minlength=EXPERTS)
        return counts

    def near_tie(self, layer: int) -> float:
        """The smallest gap of a token in this layer between being chosen and not."""
        ordered = -np.sort(-self.logits[layer], axis=1)
        return float((ordered[:, TOP_K - 1] - ordered[:, TOP_K]).min())

    def explains(self, told: Any) -> tuple[int, float] | None:
        """The layer where other counts begin to differ and the gap there, if that is a near-tie.

        What one token does in one layer goes on in the layers behind it.
        """
        differing = np.flatnonzero((told != self.counts()).any(axis=1))
        layer = int(differing[0])
        gap = self.near_tie(layer)
        return (layer, gap) if gap < NEAR_TIE else None


class Truth:
    def __init__(self, folder: Path) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        torch.set_num_threads(1)
        self._torch = torch
        self._model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def routes(self, tokens: list[int]) -> Routes:
        with self._torch.no_grad():
            out = self._model(self._torch.tensor([tokens]), output_router_logits=True)
        return Routes(np.stack([layer.float().numpy() for layer in out.router_logits]))

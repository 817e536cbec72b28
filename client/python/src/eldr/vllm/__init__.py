"""A KV connector for stock vLLM that connects prefill and decode engines to an eldrd.

    vllm serve ... --kv-transfer-config '{"kv_connector": "EldrConnector",
      "kv_connector_module_path": "eldr.vllm", "kv_role": "kv_producer",
      "kv_connector_extra_config": {"target": "10.0.0.9:9002"}}'

alone, or as a child of MultiConnector beside the cluster's own connector. A prefill engine then
pushes the signature of each prompt when it ends, and a decode engine is registered as a node and
reports its load. docs/engines.md has the flags, and what was run on which version.
"""

from __future__ import annotations

from typing import Any

__all__ = ["EldrConnector"]


def __getattr__(name: str) -> Any:
    # The connector's module needs vllm and torch, which the rest of this package does not.
    if name == "EldrConnector":
        from eldr.vllm.connector import EldrConnector

        return EldrConnector
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

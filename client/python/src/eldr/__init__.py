"""ELDR: places the decode phase of mixture-of-experts requests by the experts they activate.

`Client` makes the calls, `eldr.aio.Client` does for asyncio, `NodeReporter` keeps a decode node
known to the daemon, and `SignatureBuilder` turns routed experts into signatures. The messages are
in `eldr.v1`.
"""

from eldr import v1
from eldr._health import Health
from eldr._retry import Environment
from eldr._streams import Reply, Stream
from eldr.client import Client, LeaseKeeper
from eldr.errors import EldrError, RefusedError
from eldr.options import Options, RetryOptions, TlsOptions
from eldr.reporter import Load, NodeReporter, StepRecorder, node_spec
from eldr.signature import SignatureBuilder, encode_counts, prompt_blocks, signature_blocks

__all__ = [
    "Client",
    "EldrError",
    "Environment",
    "Health",
    "LeaseKeeper",
    "Load",
    "NodeReporter",
    "Options",
    "RefusedError",
    "Reply",
    "RetryOptions",
    "SignatureBuilder",
    "StepRecorder",
    "Stream",
    "TlsOptions",
    "encode_counts",
    "node_spec",
    "prompt_blocks",
    "signature_blocks",
    "v1",
]

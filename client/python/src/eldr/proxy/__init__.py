"""A small prefill/decode proxy for OpenAI's completions: `python -m eldr.proxy --help`.

Each request is prefilled on the least loaded prefill worker, placed by an eldrd, and decoded on the
node that it answers. Where the router cannot be asked, decode nodes take turns: a request does not
fail for it.
"""

from eldr.proxy._settings import Prefill, Settings
from eldr.proxy.service import Proxy

__all__ = ["Prefill", "Proxy", "Settings"]

"""The entry point of OCI Functions: runs one invocation and returns its reports. A failed run raises, so that fdk responds 502."""

import gc
import io
import sys
from pathlib import Path

from fdk.context import InvokeContext
from fdk.response import Response

sys.path.insert(0, str(Path(__file__).resolve().parent))  # fdk loads this file by its path: its folder is not on sys.path

gc.disable()  # while modules are imported: collections would take a tenth of a cold start, and find next to nothing

from epimetheus.observe.log import log_to  # noqa: E402 - see above

log_to(sys.stderr, "info")  # before any import can log through fdk's handler, which writes plain text

from epimetheus.function.invoke import invoke  # noqa: E402 - see above
from epimetheus.observe.bounded import response_body  # noqa: E402

gc.freeze()  # later collections leave out what was imported
gc.enable()


def handler(ctx: InvokeContext, data: io.BytesIO | None = None) -> Response:
    """One invocation: configuration and deadline from ``ctx``, the request's body in ``data``."""
    reports = invoke(ctx.Config(), data.getvalue() if data else b"", ctx.Deadline())
    return Response(ctx, response_data=response_body(reports), headers={"Content-Type": "application/json"})

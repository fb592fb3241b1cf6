"""The platform's door: a call comes in, its reports go out, and a failed run is raised."""

import io
import sys
from pathlib import Path

from fdk.context import InvokeContext
from fdk.response import Response

sys.path.insert(0, str(Path(__file__).resolve().parent))  # fdk loads this file by its path, and nothing beside it

from epimetheus.observe.log import log_to

log_to(sys.stderr, "info")  # before anything that is imported speaks through fdk's handler, which writes text

from epimetheus.function.invoke import invoke  # noqa: E402 - see above
from epimetheus.observe.bounded import answer  # noqa: E402


def handler(ctx: InvokeContext, data: io.BytesIO | None = None) -> Response:
    """One invocation: configuration and deadline from ``ctx``, the request's body in ``data``."""
    reports = invoke(ctx.Config(), data.getvalue() if data else b"", ctx.Deadline())
    return Response(ctx, response_data=answer(reports), headers={"Content-Type": "application/json"})

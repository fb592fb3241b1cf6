"""Pages of a listing, and the faults of paging."""

from epimetheus.testing.oci import page_tokens
from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import InvalidParameter
from epimetheus.testing.oci.page_tokens import Position
from epimetheus.testing.oci.wire import Response, json_response, list_response


def position(call: Call) -> Position:
    """Returns the start of the requested page."""
    return page_tokens.parse(_scope(call), call.query)


def page_size(call: Call) -> int:
    """Returns the page size of the world, or the requested limit if it is smaller. OCI can always return fewer items than the limit."""
    text = call.query.get("limit")
    if text is None:
        return call.world.page_size
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1000:
        raise InvalidParameter(f"limit must be between 1 and 1000, not {text}")
    return min(int(text), call.world.page_size)


def token(call: Call, start: Position | None) -> str | None:
    """Returns the token of the page at ``start``; None if there is no such page."""
    return None if start is None else page_tokens.create(_scope(call), call.query, start)


def _scope(call: Call) -> str:
    return f"{call.operation}/{call.world.token_generation}"


def page(
    call: Call, rows: list[bytes], start: Position, following: Position | None, *, collection: bool = False
) -> Response:
    """Returns the page that begins at ``start``; the next begins at ``following``. ``collection``: the rows are in ``items``."""
    if "not_a_list" in call.faults:
        return json_response({"message": "a list was expected here"})
    if "empty_page" in call.faults:
        return list_response([], token(call, start), collection=collection)
    if "repeated_token" in call.faults:
        return list_response(rows, token(call, start), collection=collection)
    return list_response(rows, token(call, following), collection=collection)

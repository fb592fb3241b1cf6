"""How a listing is answered page by page, with the faults that paging can have."""

from epimetheus.testing.oci import pages
from epimetheus.testing.oci.call import Call
from epimetheus.testing.oci.errors import InvalidParameter
from epimetheus.testing.oci.pages import Position
from epimetheus.testing.oci.wire import Answer, json_answer, list_answer


def position(call: Call) -> Position:
    """Where the page asked for begins."""
    return pages.read(_scope(call), call.query)


def page_size(call: Call) -> int:
    """The world's page size, or the limit asked for if that is less: OCI may always answer with fewer."""
    text = call.query.get("limit")
    if text is None:
        return call.world.page_size
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1000:
        raise InvalidParameter(f"limit must be between 1 and 1000, not {text}")
    return min(int(text), call.world.page_size)


def token(call: Call, where: Position | None) -> str | None:
    """The token of the page that begins there; None where there is none."""
    return None if where is None else pages.issue(_scope(call), call.query, where)


def _scope(call: Call) -> str:
    return f"{call.operation}/{call.world.token_generation}"


def answer(call: Call, rows: list[bytes], here: Position, onward: Position | None) -> Answer:
    """The page that begins ``here``; the next begins ``onward``."""
    if "not_a_list" in call.faults:
        return json_answer({"message": "a list was expected here"})
    if "empty_page" in call.faults:
        return list_answer([], token(call, here))
    if "repeated_token" in call.faults:
        return list_answer(rows, token(call, here))
    return list_answer(rows, token(call, onward))

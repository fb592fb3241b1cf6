"""A tenancy: compartments that come, move and go, and events that are listed late or twice; and how Audit and Identity show it."""

import io
import json
from bisect import bisect_left
from dataclasses import dataclass, field

import requests
from requests.adapters import BaseAdapter
from urllib3.exceptions import ReadTimeoutError
from urllib3.response import HTTPResponse

from epimetheus.cloud import ServiceFailure
from epimetheus.errors import SourceError
from epimetheus.model import Compartment, parse_minute, time_text
from tests.simulation.chance import Stage

ROOT = "ocid1.tenancy.oc1..root"
LATEST = 12 * 60.0  # how late an event may be listed: within OVERLAP_MINUTES
SECRET = "eyJraWQiOiJzZWNyZXQtdG9rZW4ifQ.c2VjcmV0.c2lnbmF0dXJl"


@dataclass
class Event:
    name: str
    processed: float
    listed: float
    raw: bytes
    kind: str
    """Its event type; empty where it is malformed, and so passes every rule."""


@dataclass
class Place:
    parent: str | None
    created: float
    rate: float
    name: str = "a"
    events: list[Event] = field(default_factory=list)
    state: str = "ACTIVE"
    listed: bool = True
    forbidden: bool = False
    bad: str | None = None


class Tenancy:
    """All of it; ``grow`` lets it live on. ``steady``: a listing names all there are."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.places = {ROOT: Place(None, stage.now - 1e6, 2.0)}
        self.patience = 8.0
        self.steady = False
        self.tokens: dict[str, tuple[str, tuple[float, str]]] = {}
        self.grown_to = stage.now - 3 * 3600
        for _ in range(stage.dice.randrange(1, 5)):
            self.found(created=stage.now - 1e6)

    def found(self, created: float) -> None:
        """A new compartment."""
        dice = self.stage.dice
        parent = dice.choice(self.parents())
        self.places[f"ocid1.compartment.oc1..c{len(self.places)}"] = Place(parent, created, dice.choice((0.0, 0.2, 1.0, 3.0)))

    def parents(self, child: str = "") -> list[str]:
        """Whom a compartment may stand below: nobody deleted, nobody below itself."""
        return sorted(ocid for ocid, place in self.places.items() if place.state == "ACTIVE" and child not in self.lineage(ocid))

    def lineage(self, ocid: str) -> list[str]:
        """A compartment and those above it."""
        parent = self.places[ocid].parent
        return [ocid, *(self.lineage(parent) if parent else [])]

    def grow(self) -> None:
        """What happened since: events, and now and then something with the compartments."""
        dice, start, end = self.stage.dice, self.grown_to, self.stage.now
        self.grown_to = end
        if not self.stage.calm:
            self.change()
        for ocid, place in self.places.items():
            if place.state != "ACTIVE":
                continue
            begin = max(start, place.created)
            count = int((end - begin) / 600 * place.rate * dice.random() * 2) if end > begin else 0
            if count and dice.random() < 0.02 and not self.stage.calm:
                count = 200
                self.stage.counted["burst"] += 1
            for _ in range(count):
                place.events.append(self.event(ocid, begin + dice.random() * (end - begin)))
            place.events.sort(key=lambda event: (event.processed, event.name))

    def event(self, ocid: str, processed: float) -> Event:
        dice = self.stage.dice
        number = sum(len(place.events) for place in self.places.values())
        name = f"e{number}-{dice.getrandbits(48):012x}"
        late = LATEST * dice.random() if self.stage.chance("event listed late", 0.1) else dice.random() * 60
        called = dice.choice(("GetInstance", "DeleteBucket", "InteractiveLogin"))
        data = {
            "eventName": called,
            "compartmentId": ocid,
            "identity": {"principalName": "someone|=\\", "credentials": f"ST${SECRET}"},
            "request": {"headers": {"Authorization": [f"Bearer {SECRET}"]}},
        }
        kind = f"com.oraclecloud.x.{called}"
        body = {"eventType": kind, "eventId": name, "eventTime": time_text(processed), "data": data}
        if self.stage.chance("malformed event", 0.02):
            body["eventType"], kind = 7, ""
        return Event(name, processed, processed + late, json.dumps(body).encode(), kind)

    def change(self) -> None:
        """Compartments are made, moved, renamed, deleted, hidden; permissions go and come; some can not be read for a while."""
        dice = self.stage.dice
        others = sorted(set(self.places) - {ROOT})
        if self.stage.chance("compartment made", 0.1) and len(others) < 9:
            self.found(self.grown_to - dice.random() * 300)
        if not others:
            return
        ocid = dice.choice(others)
        place = self.places[ocid]
        self.change_one(ocid, place)
        for one in self.places.values():
            if dice.random() < 0.3:
                one.forbidden, one.bad = False, None

    def change_one(self, ocid: str, place: Place) -> None:
        dice = self.stage.dice
        if place.state == "ACTIVE" and self.stage.chance("compartment moved", 0.1):
            place.parent = dice.choice(self.parents(ocid))
        if self.stage.chance("compartment renamed", 0.1):
            place.name += "a"
        empty = all(one.parent != ocid for one in self.places.values())  # as OCI demands it
        if empty and self.stage.chance("compartment deleted", 0.04):
            place.state = "DELETED"
        if empty and self.stage.chance("compartment vanished", 0.02):
            place.listed, place.state = False, "DELETED"
        if self.stage.chance("permission lost", 0.05):
            place.forbidden = True
        if self.stage.chance("compartment unreadable", 0.05):
            place.bad = dice.choice(("429", "500", "garbage", "timeout"))

    def heal(self) -> None:
        """Every fault of a compartment is over."""
        for place in self.places.values():
            place.forbidden, place.bad = False, None

    def list_page(self, parent: str, subtree: bool, page: str | None) -> tuple[list[Compartment], str | None]:
        """`ListPage`: Identity."""
        stage = self.stage
        stage.step(0.05)
        if stage.chance("Identity 500", 0.03):
            raise ServiceFailure("OCI refused while listing: 500.", do="", status=500, code="InternalServerError")
        if stage.chance("Identity timeout", 0.02):
            stage.sleep(self.patience)
            raise SourceError("OCI gave no answer while listing.", do="")
        if subtree and stage.chance("subtree refused", 0.05):
            raise ServiceFailure("OCI refused while listing: 404.", do="", status=404, code="NotAuthorizedOrNotFound")
        rows = [
            Compartment(ocid, place.name, place.parent, int(place.created // 60), place.state == "DELETED")
            for ocid, place in self.places.items()
            if place.listed and place.parent and (subtree or place.parent == parent)
        ]
        if not self.steady and stage.chance("listing reordered", 0.1):  # between pages: so it may leave someone out
            rows.reverse()
        if rows and stage.chance("listing repeats", 0.1):
            rows.append(rows[0])
        start = int(page or 0)
        return rows[start : start + 4], str(start + 4) if start + 4 < len(rows) else None


class AuditWire(BaseAdapter):
    """ListEvents, where `requests` would open a connection: answers, refusals, silence, and bodies that are none."""

    def __init__(self, tenancy: Tenancy) -> None:
        super().__init__()
        self.tenancy = tenancy

    def close(self) -> None:
        """Nothing is open."""

    def send(self, request, stream=False, timeout=None, verify=True, cert=None, proxies=None):
        stage, query = self.tenancy.stage, dict(part.split("=", 1) for part in request.url.partition("?")[2].split("&"))
        query = {key: requests.utils.unquote(value) for key, value in query.items()}
        place = self.tenancy.places[query["compartmentId"]]
        stage.step(0.2)
        self.trouble(place, timeout)
        if place.forbidden:
            return _answer(request, 404, b'{"code":"NotAuthorizedOrNotFound","message":"no"}')
        if place.bad == "429" or stage.chance("Audit 429", 0.03):
            return _answer(request, 429, b'{"code":"TooManyRequests","message":"slow down"}')
        if place.bad == "500" or stage.chance("Audit 500", 0.03):
            return _answer(request, 500, b'{"code":"InternalServerError","message":"oh"}')
        if place.bad == "garbage" or stage.chance("Audit garbage", 0.01):
            return _answer(request, 200, b"<html>")
        return self.page(request, place, query)

    def trouble(self, place: Place, timeout: tuple[float, float]) -> None:
        stage = self.tenancy.stage
        if place.bad == "timeout" or stage.chance("Audit timeout", 0.01):
            stage.sleep(timeout[1])
            raise requests.ReadTimeout("no answer")
        if stage.chance("Audit reset", 0.01):
            raise requests.ConnectionError("reset")

    def page(self, request, place: Place, query):
        """One page. A token names the compartment, the window and the position, and no other listing."""
        stage, tenancy = self.tenancy.stage, self.tenancy
        scope = f"{query['compartmentId']} {query['startTime']} {query['endTime']}"
        start, end = parse_minute(query["startTime"]) * 60, parse_minute(query["endTime"]) * 60
        position = (float(start), "")
        if token := query.get("page"):
            if token not in tenancy.tokens or tenancy.tokens[token][0] != scope:
                return _answer(request, 400, b'{"code":"InvalidParameter","message":"the page token is not valid"}')
            position = tenancy.tokens[token][1]
        if stage.chance("empty page with a token", 0.03):
            return _answer(request, 200, b"[]", token=self.token(scope, position))
        at = bisect_left(place.events, position, key=lambda event: (event.processed, event.name))
        found = [event for event in place.events[at:] if event.processed < end and event.listed <= stage.now]
        size = stage.dice.randrange(2, 20)
        rows = found[:size]
        more = self.token(scope, (rows[-1].processed, rows[-1].name + "~")) if len(found) > size else None
        body = b"[" + b",".join(event.raw for event in [*rows, *rows[:1] * stage.chance("event listed twice", 0.05)]) + b"]"
        if stage.chance("Audit body cut", 0.01):
            body = body[: len(body) // 2]
        return _answer(request, 200, body, token=more, stalls=stage.chance("Audit body stalls", 0.005))

    def token(self, scope: str, position) -> str:
        token = f"t{len(self.tenancy.tokens)}"
        self.tenancy.tokens[token] = (scope, position)
        return token


class _Stalls(io.BytesIO):
    def read1(self, size=-1):
        return super().read1(size) or self.read()

    def read(self, size=-1):
        data = super().read(size)
        if not data:
            raise ReadTimeoutError(None, "", "Read timed out.")
        return data


def _answer(request, status: int, body: bytes, token: str | None = None, stalls: bool = False) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    answer.request = request
    answer.headers.update({"opc-next-page": token} if token else {})
    answer.raw = HTTPResponse(_Stalls(body) if stalls else io.BytesIO(body), status=status, preload_content=False, request_method="GET")
    return answer

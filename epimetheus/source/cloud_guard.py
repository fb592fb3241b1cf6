"""Problems of Cloud Guard, in the form of audit events (`epimetheus.problem`).

A problem changes in place, and no request returns what has changed. So both lifecycle states are listed, and whoever knows which versions
are new requests their details. Without explicit limits, OCI would list active problems of 30 days.
https://docs.oracle.com/en-us/iaas/api/#/en/cloud-guard/20200131/
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from epimetheus.clock import Deadline
from epimetheus.errors import CompartmentError, SourceError
from epimetheus.model import Window, time_text
from epimetheus.oci_client.clients import Calls, ServiceFailure, action_failed, oci_errors
from epimetheus.oci_client.json_client import JsonClient
from epimetheus.oci_client.policies import Policies
from epimetheus.problem import Activity, Problem, is_closed, member, problem_event
from epimetheus.source.decode import Events, decode_page
from epimetheus.source.page_tokens import PageTokens
from epimetheus.source.sdk_responses import checked_response

CloudGuardClient = partial(
    JsonClient, service="cloud_guard", template="https://cloudguard-cp-api.{region}.oci.{secondLevelDomain}", base_path="/20200131"
)
"""The client of the service, for `epimetheus.oci_client.clients.make_client`."""
STATES = ("ACTIVE", "INACTIVE")
_PAGE_SIZE = 1000
_OCID = re.compile(r"ocid1\.[\w.-]{1,250}", re.ASCII)
_HELP = "The next run tries again."
_DISABLED_HELP = "Enable Cloud Guard, or remove cloud_guard from SOURCES. Audit events are forwarded all the same."
_TOO_MANY_REQUESTS = 429
_LEAST_SECONDS = 1.0
_POLICIES = Policies()


class CloudGuard:
    """Cloud Guard of one tenancy. See `epimetheus.run.ports.EventSource`.

    ``client``: a region → its `CloudGuardClient`. ``home``: the home region, which knows the reporting region.
    ``calls`` counts the requests of these clients. ``tree``: a listing of a compartment includes those below it. ``policies``: for errors.
    ``incomplete``: problems that were returned without their details, because OCI rejected the request. ``skipped``: listed items that are
    not JSON objects.
    """

    def __init__(
        self,
        client: Callable[[str], Any],
        home: Callable[[], str],
        tenancy: str,
        calls: Calls,
        *,
        tree: bool,
        policies: Policies = _POLICIES,
    ) -> None:
        self.incomplete = 0
        self.skipped = 0
        self._new_client, self._home, self._tenancy = client, home, tenancy
        self._calls, self._tree, self._policies = calls, tree, policies
        self._client: Any = None
        self._reporting_region = ""

    @property
    def requests(self) -> int:
        """Responses."""
        return self._count("requests")

    @property
    def retries(self) -> int:
        """Responses that lead to a retry."""
        return self._count("retries")

    @property
    def throttled(self) -> int:
        """Responses 429."""
        return self._count("throttled")

    def reporting_region(self) -> str:
        """The region that lists problems. Raises SourceError, CredentialsError, also if Cloud Guard is not enabled."""
        if self._reporting_region:
            return self._reporting_region
        action, home = "reading the configuration of Cloud Guard", self._home()
        client = self._new_client(home)
        with oci_errors(action, do=_HELP, policy=self._policies.cloud_guard_config), checked_response(action):
            found = _object(client.get("/configuration", {"compartmentId": self._tenancy})[0])
        if (status := member(found, "status")) != "ENABLED":
            raise SourceError(f"Cloud Guard is not enabled in this tenancy: its status is {_word(status)}.", do=_DISABLED_HELP)
        self._reporting_region = member(found, "reportingRegion") or home
        self._client = client if self._reporting_region == home else self._new_client(self._reporting_region)
        return self._reporting_region

    def listed(self, compartment: str, since: float, until: float | None, deadline: Deadline) -> Iterator[list[Problem]]:
        """The problems of both states that were last detected from ``since`` to ``until`` (seconds since the epoch; None: now), by page.

        They have no details. Raises SourceError, CredentialsError, OutOfTime.
        """
        self.reporting_region()
        for state in STATES:
            yield from self._listed_in(state, compartment, since, until, deadline)

    def with_details(self, problem: Problem, deadline: Deadline) -> Problem:
        """The problem with its description, recommendation and additional details, as it is now.

        It is returned as it was listed if OCI rejects the request, as for a problem that was removed since.
        Raises SourceError, CredentialsError, OutOfTime.
        """
        deadline.clip(_LEAST_SECONDS)
        ocid = member(problem, "id")
        if _OCID.fullmatch(ocid) and member(found := self._details(ocid), "id") == ocid:
            return found
        self.incomplete += 1
        return problem

    def pages(self, compartment: str, window: Window, page: str | None, deadline: Deadline) -> Iterator[tuple[Events, str | None]]:
        """The problems that were last detected in ``window``, page by page, with details. A token is never needed, and not accepted.

        Raises CompartmentError, CredentialsError, OutOfTime.
        """
        del page
        try:
            for problems in self.listed(compartment, window.start * 60.0, window.end * 60.0 - 0.001, deadline):
                whole = [self.with_details(problem, deadline) for problem in problems]
                yield events_of([(problem, _activity(problem)) for problem in whole]), None
        except SourceError as error:
            raise CompartmentError(error.what, do=error.do) from error

    def close(self) -> None:
        """Nothing stays open: the SDK's clients close with their sessions."""

    def _details(self, ocid: str) -> Problem:
        """The problem, or nothing if OCI rejects the request. Raises SourceError, CredentialsError."""
        action = f"reading the problem {ocid}"
        try:
            with oci_errors(action, do=_HELP, policy=self._policies.cloud_guard_problems), checked_response(action):
                return _object(self._client.get("/problems/{id}", id=ocid)[0])
        except ServiceFailure as failure:
            if failure.status == _TOO_MANY_REQUESTS or failure.status >= 500:
                raise
            return {}

    def _listed_in(
        self, state: str, compartment: str, since: float, until: float | None, deadline: Deadline
    ) -> Iterator[list[Problem]]:
        query = {
            "compartmentId": compartment,
            "compartmentIdInSubtree": "true" if self._tree else "false",
            "accessLevel": "RESTRICTED",  # ACCESSIBLE would return what it may, and not tell that it is only a part
            "lifecycleState": state,
            "timeLastDetectedGreaterThanOrEqualTo": time_text(since),
            **({"timeLastDetectedLessThanOrEqualTo": time_text(until)} if until is not None else {}),
            "sortBy": "timeLastDetected",
            "sortOrder": "ASC",  # a problem that changes while pages are read moves to the end, and is not missed
            "limit": str(_PAGE_SIZE),
        }
        tokens = PageTokens()
        action = f"listing the {state} problems of {compartment}"
        while True:
            deadline.clip(_LEAST_SECONDS)
            with oci_errors(action, do=_HELP, policy=self._policies.cloud_guard_problems), checked_response(action):
                page, token = self._client.get("/problems", query)
                items = _items(page)
            problems: list[Problem] = [item for item in items if isinstance(item, dict)]
            self.skipped += len(items) - len(problems)
            yield problems
            if token is None:
                return
            if tokens.repeats(token):
                raise SourceError(f"{action_failed(action)} OCI keeps returning the same page token.", do=_HELP)
            query["page"] = token

    def _count(self, name: str) -> int:
        return sum(counts[name] for counts in self._calls.counts().values())


def events_of(problems: list[tuple[Problem, Activity]], now: float | None = None) -> Events:
    """The problems as a page of events. ``now``: as `problem_event`."""
    return decode_page(b"[" + b",".join(problem_event(problem, activity, now) for problem, activity in problems) + b"]")


def _activity(problem: Problem) -> Activity:
    """What has happened to a problem of which nothing else is known."""
    if is_closed(problem):
        return "close"
    return "create" if member(problem, "timeFirstDetected") == member(problem, "timeLastDetected") else "update"


def _object(value: object) -> Problem:
    """A JSON object. Raises TypeError for anything else."""
    if not isinstance(value, dict):
        raise TypeError("no object")
    return value


def _items(value: object) -> list[Any]:
    items = _object(value).get("items")
    if not isinstance(items, list):
        raise TypeError("no items")
    return items


def _word(text: str) -> str:
    return text if text.isascii() and text.isalpha() and len(text) < 40 else "unknown"

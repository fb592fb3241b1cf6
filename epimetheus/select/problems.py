"""Deduplication and selection of Cloud Guard's problems."""

from dataclasses import replace
from hashlib import blake2b
from struct import iter_unpack

from msgspec import Raw

from epimetheus.model import AuditEvent, Fetched
from epimetheus.problem import Problem, identity_of, problem_of, severity_of, version_of
from epimetheus.select.dedupe import KEY_BYTES
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Decision, RuleEngine, Rules
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import TamperWatch

_IMPORTANT = 8  # the severity of HIGH
_TAG_BYTES = 8
_VERSION_BYTES = KEY_BYTES - _TAG_BYTES - 2
_DOUBT = b"\xff" * _VERSION_BYTES


class KnownVersions:
    """The versions of problems that were forwarded, by their keys.

    A key has 16 bytes: 8 identify the problem, 6 the version, and 2 are its number. A problem may return to a version, as if it is opened
    again. The version then has the next number, because the receiver must get it again.

    A key of doubt says that a version is about to be sent. If no key of a version follows it, the receiver may have got it or not, and
    whichever version is listed next is new: the last message that arrives is then the state of the problem.
    """

    def __init__(self) -> None:
        self._last: dict[bytes, bytes] = {}  # problem → the key of its last version
        self._minutes: dict[bytes, int] = {}  # key → the latest minute of an entry with it
        self._sent: set[bytes] = set()  # problems with the key of a version
        self._doubts: dict[bytes, int] = {}  # problem → keys of doubt since its last version

    def add(self, minute: int, packed: bytes) -> None:
        """Add the keys of an entry of ``minute``. Entries have to be added in their order."""
        for (key,) in iter_unpack(f"{KEY_BYTES}s", packed):
            tag, is_doubt = key[:_TAG_BYTES], key.startswith(_DOUBT, _TAG_BYTES)
            if key not in self._minutes:
                self._last[tag] = key
                self._doubts[tag] = self._doubts.get(tag, 0) + 1 if is_doubt else 0
            self._minutes[key] = minute
            if not is_doubt:
                self._sent.add(tag)

    def has(self, problem: Problem) -> bool:
        """Whether any version of the problem was forwarded."""
        return _tag(problem) in self._sent

    def attempts(self, problem: Problem) -> int:
        """The number of runs that were about to send the problem since a version of it was last confirmed."""
        return self._doubts.get(_tag(problem), 0)

    def minute_of(self, problem: Problem) -> int | None:
        """The minute of the latest entry with this version, if it is the last one that was forwarded; None: it is new."""
        key = self.key(problem)
        return self._minutes[key] if key == self._last.get(key[:_TAG_BYTES]) else None

    def key(self, problem: Problem) -> bytes:
        """The key of this version: that of the last one, if it is the same, otherwise a new one."""
        tag = _tag(problem)
        text = version_of(problem).encode("utf-8", "replace")
        version, last = tag + blake2b(text, digest_size=_VERSION_BYTES, key=tag).digest(), self._last.get(tag, b"")
        return last if last.startswith(version) else self._new(version)

    def doubt(self, problem: Problem) -> bytes:
        """A new key of doubt, to be entered before a version of the problem is sent."""
        return self._new(_tag(problem) + _DOUBT)

    def _new(self, start: bytes) -> bytes:
        """The first key with this start that is in no entry. One entry a run has one at most, so 65,536 are never used up."""
        keys = (start + number.to_bytes(2) for number in range(2**16))
        return next(key for key in keys if key not in self._minutes)


def _tag(problem: Problem) -> bytes:
    return blake2b(identity_of(problem).encode("utf-8", "replace"), digest_size=_TAG_BYTES).digest()


class ProblemSelection(Selection):
    """Decides about problems by their names. No rule about users applies, because a problem has none.

    ``known``: the versions that were forwarded. Problems of the risks CRITICAL and HIGH pass the lists of ``mode``; a limit applies to
    them, too.
    """

    def __init__(self, rules: Rules, watch: TamperWatch, rate_limits: RateLimits) -> None:
        rules = replace(rules, without_services=False, excluded_users=(), only_users=(), own=())
        super().__init__(rules, watch, rate_limits)
        self._important = RuleEngine(replace(rules, mode="all"))
        self.known = KnownVersions()

    def key(self, tag: bytes, fetched: Fetched) -> bytes:
        """See `KnownVersions`: the compartment is not part of it."""
        return self.known.key(problem_of(fetched.raw))

    def key_of_text(self, tag: bytes, raw: bytes | Raw) -> bytes | None:
        """None: a problem is always decoded."""
        return None

    def _decide(self, fetched: Fetched, event: AuditEvent) -> Decision:
        is_important = severity_of(problem_of(fetched.raw)) >= _IMPORTANT
        return self._important(event) if is_important else super()._decide(fetched, event)

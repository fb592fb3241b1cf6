"""Deduplication and selection of Cloud Guard's problems."""

from dataclasses import replace
from hashlib import blake2b

from epimetheus.model import AuditEvent, Fetched
from epimetheus.problem import Problem, member, problem_of, severity_of, version_of
from epimetheus.select.dedupe import KEY_BYTES, compartment_tag
from epimetheus.select.rate_limits import RateLimits
from epimetheus.select.rules import Decision, RuleEngine, Rules
from epimetheus.select.selection import Selection
from epimetheus.select.tamper_watch import TamperWatch

_IMPORTANT = 8  # the severity of HIGH


def problem_key(problem: Problem) -> bytes:
    """The key of one version of a problem. All keys of a problem begin with `problem_tag`."""
    ocid, version = member(problem, "id"), version_of(problem)
    tag = problem_tag(ocid)
    return tag + blake2b(f"{ocid}\n{version}".encode("utf-8", "replace"), digest_size=KEY_BYTES - len(tag)).digest()


def problem_tag(ocid: str) -> bytes:
    """The first bytes of the keys of the problem ``ocid``."""
    return compartment_tag(ocid)


class ProblemSelection(Selection):
    """Decides about problems by their names. No rule about users applies, because a problem has none.

    Problems of the risks CRITICAL and HIGH pass the lists of ``mode``; a limit applies to them, too.
    """

    def __init__(self, rules: Rules, watch: TamperWatch, rate_limits: RateLimits) -> None:
        rules = replace(rules, without_services=False, excluded_users=(), only_users=(), own=())
        super().__init__(rules, watch, rate_limits)
        self._important = RuleEngine(replace(rules, mode="all"))

    def key(self, tag: bytes, fetched: Fetched) -> bytes:
        """See `problem_key`: the compartment is not part of it."""
        return problem_key(problem_of(fetched.raw))

    def _decide(self, fetched: Fetched, event: AuditEvent) -> Decision:
        is_important = severity_of(problem_of(fetched.raw)) >= _IMPORTANT
        return self._important(event) if is_important else super()._decide(fetched, event)

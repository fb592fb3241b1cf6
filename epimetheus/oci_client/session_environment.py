"""What a session of requests takes from the environment: proxies and CA certificates (``HTTPS_PROXY``, ``REQUESTS_CA_BUNDLE``, …)."""

from typing import Any


def read_environment_once(session: Any, url: str) -> None:
    """Let ``session``, which only calls ``url``, keep what the environment says now. Otherwise, each request searches all of it twice.

    ``session``: of requests, or of the SDK's copy.
    """
    environment = session.merge_environment_settings(url, {}, None, None, None)
    session.proxies, session.verify, session.trust_env = environment["proxies"], environment["verify"], False

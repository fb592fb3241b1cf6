"""TLS contexts that connections to OCI share.

By default, urllib3 creates one for each connection. Reading the 140 CA certificates of a usual bundle takes 10 ms of CPU and 0.7 MB each
time, and a run makes up to twenty connections.
"""

import ssl
import threading
from typing import Any

from urllib3.util.ssl_ import create_urllib3_context


class TlsContexts:
    """The contexts of one invocation, by the CA certificates that they trust. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._contexts: dict[tuple[str | None, str | None], ssl.SSLContext] = {}

    def share(self, connection: Any) -> None:
        """Let a connection of urllib3 that is about to connect use the shared context for its certificates.

        Connections through a proxy, without verification, or with a client certificate keep a context of their own.
        """
        trusted = getattr(connection, "ca_certs", None), getattr(connection, "ca_cert_dir", None)
        if not any(trusted) or connection.ssl_context or connection.proxy or connection.cert_file:
            return
        connection.ssl_context = self._context(*trusted)
        connection.ca_certs = connection.ca_cert_dir = None  # urllib3 would read them again

    def _context(self, ca_certs: str | None, ca_cert_dir: str | None) -> ssl.SSLContext:
        with self._lock:
            key = ca_certs, ca_cert_dir
            if key not in self._contexts:
                context = create_urllib3_context(cert_reqs=ssl.CERT_REQUIRED)
                context.load_verify_locations(ca_certs, ca_cert_dir)
                self._contexts[key] = context
            return self._contexts[key]

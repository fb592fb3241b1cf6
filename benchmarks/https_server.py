"""An HTTPS server that sends bodies as OCI does: in chunks of 8 kB (RFC 9112 7.1), each of which is one TLS record."""

import socketserver
import ssl
from collections.abc import Callable
from http import HTTPStatus

Response = tuple[int, dict[str, str], bytes | bytearray]
_CHUNK_BYTES = 8192


class HttpsServer(socketserver.ThreadingTCPServer):
    """``respond``: (method, target, headers, body) → status, headers, body. ``cert`` and ``key``: PEM files."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, respond: Callable[[str, str, dict[str, str], bytes], Response], cert: str, key: str) -> None:
        self.respond = respond
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(cert, key)
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True
    server: HttpsServer

    def setup(self) -> None:
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        super().setup()

    def handle(self) -> None:
        try:
            while line := self.rfile.readline():
                self._handle_request(line)
        except (ConnectionError, ssl.SSLError):
            return  # Clients may disconnect at any time.

    def _handle_request(self, line: bytes) -> None:
        method, target, _ = line.decode("ascii").split()
        headers = {}
        while (header := self.rfile.readline().strip()):
            name, _, value = header.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if "expect" in headers:
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self.rfile.read(int(headers.get("content-length", 0)))
        status, extra, content = self.server.respond(method, target, headers, body)
        chunked = len(content) > _CHUNK_BYTES
        length = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(len(content))}
        fields = {"Content-Type": "application/json", **length, "opc-request-id": "bench", **extra}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.wfile.write(f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n{head}\r\n".encode())
        self._write_chunks(content) if chunked else self.wfile.write(content)

    def _write_chunks(self, content: bytes | bytearray) -> None:
        view = memoryview(content)
        for at in range(0, len(view), _CHUNK_BYTES):
            chunk = view[at : at + _CHUNK_BYTES]
            self.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

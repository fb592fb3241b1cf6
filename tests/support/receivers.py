"""Real receivers on the loopback interface: rsyslog (drivers ossl, gtls, RELP) and syslog-ng, from tests/install-receivers."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from epimetheus.testing.syslog import Authority
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
SYSLOG_NG = ROOT / ".receivers" / "syslog-ng"
KINDS = ("rsyslog ossl", "rsyslog gtls", "syslog-ng syslog", "syslog-ng network")
RELP_KINDS = ("rsyslog relp ossl", "rsyslog relp gtls")
MODULES = Path("/usr/lib/x86_64-linux-gnu/rsyslog")

_RSYSLOG = """
global(workDirectory="{folder}" net.enableDNS="off" maxMessageSize="64k" defaultNetstreamDriver="{driver}"
  defaultNetstreamDriverCAFile="{ca}" defaultNetstreamDriverCertFile="{cert}" defaultNetstreamDriverKeyFile="{key}")
main_queue(queue.type="Direct")
module(load="imtcp" StreamDriver.Name="{driver}" StreamDriver.Mode="1" StreamDriver.AuthMode="{auth}" {priority})
template(name="raw" type="string" string="{template}\\n")
ruleset(name="r") {{ action(type="omfile" file="{output}" template="{name}") }}
input(type="imtcp" address="127.0.0.1" port="{port}" ruleset="r")
"""
_RELP = """
global(workDirectory="{folder}" net.enableDNS="off" maxMessageSize="64k")
main_queue(queue.type="Direct")
module(load="imrelp" tls.tlslib="{library}")
template(name="raw" type="string" string="{template}\\n")
ruleset(name="r") {{ action(type="omfile" file="{output}" template="raw") }}
input(type="imrelp" address="127.0.0.1" port="{port}" ruleset="r" tls="on" {auth}
  tls.caCert="{ca}" tls.myCert="{cert}" tls.myPrivKey="{key}")
"""
_SYSLOG_NG = """
@version: 3.38
options {{ use-dns(no); keep-hostname(yes); stats-freq(0); log-msg-size(65536); }};
source s {{ {source}(ip("127.0.0.1") port({port}) transport("tls") {flags}
  tls(key-file("{key}") cert-file("{cert}") ca-file("{ca}") peer-verify({auth}))); }};
destination d {{ file("{output}" {template}); }};
log {{ source(s); destination(d); flags(flow-control); }};
"""
PART = "|~|"
_RSYSLOG_PARTS = PART.join(("%pri%", "%hostname%", "%app-name%", "%procid%", "%msgid%", "%structured-data%", "%msg%"))
_SYSLOG_NG_PARTS = PART.join(("$PRI", "$HOST", "$PROGRAM", "-", "$MSGID", "$SDATA", "$MSG"))


@dataclass
class RealReceiver:
    """The process of one receiver. ``kind``: one of KINDS or RELP_KINDS. It listens on ``port`` and writes to ``output``.

    It writes messages unchanged, or, with ``parsed``, their parts as the receiver parsed them, separated by PART (not over RELP).
    ``file_format``: instead, the name of a template of rsyslog, or ``default`` for that of syslog-ng.
    """

    kind: str
    folder: Path
    authority: Authority
    client_certificates: bool = False
    parsed: bool = False
    file_format: str = ""
    port: int = field(init=False)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port = free_port()

    @property
    def framing(self) -> str:
        return "lf" if self.kind == "syslog-ng network" else "octet-counting"

    @property
    def output(self) -> Path:
        return self.folder / "out.log"

    def lines(self) -> list[str]:
        return self.output.read_text("utf-8").splitlines() if self.output.exists() else []

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        programs = {"rsyslog relp": self._relp, "syslog-ng": self._syslog_ng}
        command = next((programs[name] for name in programs if self.kind.startswith(name)), self._rsyslog)()
        log = (self.folder / "log").open("ab")
        environment = {**os.environ, "LD_LIBRARY_PATH": f"{SYSLOG_NG}/usr/lib/syslog-ng:{SYSLOG_NG}/usr/lib/x86_64-linux-gnu"}
        self.process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        end = time.monotonic() + 20
        while not _is_listening(self.port):
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, f"{self.kind} is not listening: {(self.folder / 'log').read_text()}"
            time.sleep(0.01)

    def kill(self, number: int = signal.SIGKILL) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(number)
            self.process.wait(20)
            self.process = None

    def _rsyslog(self) -> list[str]:
        driver = self.kind.split()[1]
        identity = self.authority.server()
        auth = "x509/certvalid" if self.client_certificates else "anon"
        priority = 'gnutlsPriorityString="NORMAL"' if driver == "gtls" else ""
        text = _RSYSLOG.format(
            folder=self.folder, driver=driver, ca=self.authority.ca, cert=identity.cert, key=identity.key, auth=auth,
            priority=priority, output=self.output, port=self.port, template=_RSYSLOG_PARTS if self.parsed else "%rawmsg%",
            name=self.file_format or "raw",
        )  # fmt: skip
        return self._rsyslogd(text)

    def _relp(self) -> list[str]:
        library = {"ossl": "openssl", "gtls": "gnutls"}[self.kind.split()[-1]]
        identity = self.authority.server()
        # gnutls always requests a certificate, and certvalid accepts an untrusted or expired one: only the name restricts it
        named = self.client_certificates or library == "gnutls"
        auth = 'tls.authMode="name" tls.permittedPeer="epimetheus"' if named else ""
        text = _RELP.format(
            folder=self.folder, library=library, ca=self.authority.ca, cert=identity.cert, key=identity.key, auth=auth,
            output=self.output, port=self.port, template="%rawmsg%",
        )  # fmt: skip
        return self._rsyslogd(text)

    def _rsyslogd(self, text: str) -> list[str]:
        return [rsyslogd(), "-n", "-M", str(MODULES), "-f", str(self._config(text)), "-i", str(self.folder / "pid")]

    def _syslog_ng(self) -> list[str]:
        source = self.kind.split()[1]
        identity = self.authority.server()
        auth = "required-trusted" if self.client_certificates else "optional-untrusted"
        # network() would treat the RFC 5424 header as text: without parsing, the message stays as sent
        flags, template = ("flags(no-parse)", "$MSG") if source == "network" else ("flags(store-raw-message)", "$RAWMSG")
        if self.parsed:
            flags, template = "flags(syslog-protocol)" if source == "network" else "", _SYSLOG_NG_PARTS
        if self.file_format:
            flags = ""
        text = _SYSLOG_NG.format(
            source=source, port=self.port, flags=flags, key=identity.key, cert=identity.cert, ca=self.authority.ca, auth=auth,
            output=self.output, template="" if self.file_format else f'template("{template}\\n")',
        )  # fmt: skip
        modules = next((SYSLOG_NG / "usr/lib/syslog-ng").glob("[0-9]*"))
        program = str(SYSLOG_NG / "usr/sbin/syslog-ng")
        files = [str(self.folder / name) for name in ("persist", "pid", "control")]
        options = ["-R", files[0], "-p", files[1], "-c", files[2], "--no-caps", f"--module-path={modules}"]
        return [program, "-F", "-f", str(self._config(text)), *options]

    def _config(self, text: str) -> Path:
        path = self.folder / "conf"
        path.write_text(text)
        return path


@contextmanager
def real_receiver(
    kind: str, folder: Path, authority: Authority, *, client_certificates: bool = False, parsed: bool = False, file_format: str = ""
) -> Iterator[RealReceiver]:
    """A running receiver, which is killed at the end."""
    receiver = RealReceiver(kind, folder, authority, client_certificates, parsed, file_format)
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.kill()


def rsyslogd() -> str:
    return shutil.which("rsyslogd", path=f"{os.environ['PATH']}:/usr/sbin") or ""


def missing() -> str:
    """The receivers that are not installed, as a sentence; empty if all are."""
    modules = {"rsyslog-openssl": "lmnsd_ossl.so", "rsyslog-gnutls": "lmnsd_gtls.so", "rsyslog-relp": "imrelp.so"}
    installed = {"rsyslog": rsyslogd(), **{name: (MODULES / file).exists() for name, file in modules.items()}}
    installed |= {"syslog-ng": (SYSLOG_NG / "usr/sbin/syslog-ng").exists()}
    absent = [name for name, found in installed.items() if not found]
    return f"not installed: {', '.join(absent)}; run tests/install-receivers" if absent else ""


def _is_listening(port: int) -> bool:
    # Without connecting: the receiver would log a failed TLS handshake.
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(f":{port:04X}") and row.split()[3] == "0A" for row in rows)

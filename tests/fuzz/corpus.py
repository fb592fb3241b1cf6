"""The seeds of the fuzz targets: valid input of each kind, and known edge cases."""

import base64
import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from epimetheus.ledger import entry as ledger
from epimetheus.ledger import seal
from epimetheus.model import Window
from epimetheus.state.encoding import pack
from epimetheus.state.model import BehindCompartment, KnownCompartment, Lease, PageCursor, Reconciled, State
from epimetheus.testing.oci.samples import Sampler
from epimetheus.testing.syslog import Authority
from tests.ledger.samples import SEAL
from tests.render.redact.secret_cases import OBJECTS, TEXTS

_SAMPLER = Sampler("ocid1.tenancy.oc1..t", "ocid1.compartment.oc1..c", "prod", "fuzz")
_EVENTS = [_SAMPLER.event(1_767_268_800 + number) for number in range(24)]
_GOLDEN = Path(__file__).parents[1] / "golden"
_COMPACT, _LOOSE = (",", ":"), (", ", ": ")
_TEXTS = [
    json.dumps(event, ensure_ascii=number % 4 < 2, separators=_COMPACT if number % 2 else _LOOSE).encode()
    for number, event in enumerate(_EVENTS)
]
_LOGGING_EVENT = {"type": "a.b.GetX", "id": "e", "time": "2026-01-01T00:00:00.000Z", "oracle": {"loggroupid": "_Audit"}}
_LOGGING_EVENT |= {"data": _EVENTS[0]["data"]}

ODD_EVENTS = (
    json.dumps(_LOGGING_EVENT).encode(),
    b"",
    b"null",
    b"NaN",
    b'"\\ud800"',
    b"[" * 3000 + b"]" * 3000,
    b'{"eventType":"a\x01b|=\\\\\\n","eventId":"\\ud800","data":{"message":"a=b\x85|c\\u2028"}}',
    b'{"eventType":"x","data":{"response":{"status":' + b"9" * 5000 + b"}}}",
    b'{"eventType":"x","data":{"response":{"status":-0,"payload":' + b"[" * 900 + b"]" * 900 + b"}}}",
    b'{"eventType":"x","data":{"n":NaN,"i":-Infinity,"e":1e99999999999999999999,"f":0.10000000000000000000001}}',
    b'{"eventType":"x","eventTime":"0001-01-01T00:00:00+23:59","data":{"identity":{"ipAddress":"::ffff:1.2.3.4,1.2.3.4, 5.6.7.8"}}}',
    b'{"eventType":"x","eventType":"y","data":{"eventName":"' + b"\xf0\x9f\x98\x80" * 3000 + b'"}}',
    b'{"eventType":"x","data":{"a":{"tokens":[\n],"secret"\n:\tnull,"pass\nword":"x","key":\r"otp","value":1}}}',
    b'{"eventType":"x","data":{"identity":{"credentials":"\xff"},"request":{"headers":{"Authorization":["x","y"],"n":1e5}}}}',
    b'{"eventType":"x","data":{"message":"suser=root act=x CEF:0|a|b|c|d|e|9|msg=\\\\="}}',
    b'{"eventType":"x","data":{"identity":{"principalName":"a suid=b\\\\"},"request":{"path":"\\\\=\\r\\n="}}}',
)
SECRET_EVENTS = tuple(
    json.dumps({"eventType": "x", "data": {"message": json.dumps(value), "stateChange": {"current": value}}}).encode()
    for table in (TEXTS, OBJECTS)
    for value, _ in table.values()
)
_PROBLEMS = tuple(
    json.dumps(json.loads(path.read_bytes())["data"]).encode() for path in sorted((_GOLDEN / "problems" / "events").iterdir())
)
_PAGES = (
    b"[" + b",".join(_TEXTS[:4]) + b"]",
    b"[" + b" ,\n".join((*_TEXTS[4:6], b"NaN", b'{"a":"\x01[,]"}', _TEXTS[6])) + b"]",
    b"[" + b",".join(ODD_EVENTS[3:7]) + b"]",
    b"[]",
    b" [ 1 , [2] , {} ] ",
    b'["\\ud800",NaN,"\\\\",17]',
    b'{"code":"InternalServerError"}',
    b"<html>",
    b"[1,2",
)
_EVENT_FILES = (
    json.dumps({"data": [{"event-type": "t", "event-time": "2026-01-01T00:00:00.120000+00:00", "data": {"event-name": "n"}}]}).encode(),
    json.dumps([{"event_type": "t", "data": {"identity": {"ip_address": "192.0.2.1"}}}], indent=1).encode() * 2,
    json.dumps({"results": [{"data": {"logContent": _LOGGING_EVENT}}]}).encode(),
    json.dumps([{"logContent": json.dumps(_LOGGING_EVENT)}]).encode(),
    json.dumps({"stream": "s", "partition": "0", "value": base64.b64encode(json.dumps(_LOGGING_EVENT).encode()).decode()}).encode(),
    b'\xef\xbb\xbf[{"EventType":"t","Data":{"a":"\x01"},},]\r\n,\x1e{"eventType":7}',
)
_STATE = State(
    region="us-ashburn-1",
    through=29_454_480,
    behind={"ocid1.compartment.oc1..b": BehindCompartment(29_454_000, "404", 3, PageCursor(Window(29_454_000, 29_454_060), "token"))},
    known={
        "ocid1.tenancy.oc1..r": KnownCompartment("root", polled=True),
        "ocid1.compartment.oc1..b": KnownCompartment("b", "r", True, True, 7),
    },
    reconciled={60: Reconciled(29_454_420, {"ocid1.compartment.oc1..b": BehindCompartment(29_453_940, "429", 1, touched=29_454_000)}, 120)},
    entered={"run0": 7, "run1": 2},
    epoch=29_454_400,
    first_epoch=29_450_000,
    slice_minutes=30,
    lease=Lease("run1", 1767268860.5),
    writer="run1",
    serial=12,
    listed=29_454_400,
    last={"forwarded": 3, "position": {"behind": {}}},
)
_WITH_CHECKSUM = (pack(_STATE), pack(State("r", 5)))
_PAYLOADS = tuple(data.partition(b"\n")[2] for data in _WITH_CHECKSUM)
_EARLIER = (Path(__file__).parents[1] / "data" / "state_of_format_1.bin").read_bytes()
_STATES = (
    *_WITH_CHECKSUM,
    *_PAYLOADS,
    _EARLIER,
    _EARLIER.partition(b"\n")[2],
    _PAYLOADS[0].replace(b"2026-01-01T12:00:00Z", b"0001-01-01T00:00:00+14:00"),
    _PAYLOADS[0].replace(b"2026-01-01T11:00:00Z", b"2026-01-01T12:00:30Z"),
    _PAYLOADS[1].replace(b'"last": {}', b'"last": {"a": ' + b"[" * 3000 + b"]" * 3000 + b"}"),
    *(_PAYLOADS[1].replace(b'"last": {}', b'"last": {"a": ' + b"[" * depth + b"]" * depth + b"}") for depth in (300, 600, 900, 950, 980)),
    _PAYLOADS[1].replace(b'"serial": 0', b'"serial": ' + b"9" * 25),
    _PAYLOADS[1].replace(b'"last": {}', b'"last": {"a": ' + b"9" * 25 + b"}"),
)
_WINDOW, _EARLIER = Window(29_933_640, 29_933_685), Window(29_933_340, 29_933_400)
_ENTRY = ledger.Entry(
    tenancy="ocid1.tenancy.oc1..r",
    state="oci://audit-state@namespace/epimetheus/eu-frankfurt-1.state",
    region="eu-frankfurt-1",
    run="ab12cd34ef56",
    number=1,
    source="poll",
    epoch=29_401_234,
    at=1_796_021_160.5,
    keys={("r", _WINDOW): b"a" * 16 + b"b" * 16, ("d", _WINDOW): b"", ("o", _WINDOW): b"c" * 16, ("d", _EARLIER): b"d" * 16},
    polled=3,
    polled_sha256="ab" * 32,
    messages=ledger.Messages(1, 4, "cd" * 32, b"i" * 32),
)
_PACKED_ENTRIES = (ledger.pack(_ENTRY), ledger.pack(replace(_ENTRY, keys={("r", _WINDOW): b""}, messages=None)))
_ENTRIES = (
    *_PACKED_ENTRIES,
    *(data.partition(b"\n")[2] for data in _PACKED_ENTRIES),
    *(data.partition(b"\n")[2].replace(b"2026-11-30T06:45:00Z", b"0001-01-01T00:00:00Z") for data in _PACKED_ENTRIES),
    _ENTRY.name.text().encode(),
)
_PACKED_SEAL = seal.pack(SEAL)
_SEAL_NAME = SEAL.name.text().encode()
_RULES = (
    b"{}",
    json.dumps({
        "event_filtering": {
            "enabled": True, "mode": "exclude", "excluded_events": ["a.*"], "included_events": None, "priority_events": ["b"],
            "rate_limiting": {"a.b": {"max_per_hour": 5, "enabled": True}},
            "user_filtering": {"exclude_service_accounts": True, "exclude_users": ["u"], "include_only_users": []},
        },
        "statistics": {"enable_detailed_logging": True, "log_interval_events": 10, "track_cache_metrics": False},
        "field_mappings": {"a": "b"}, "lookups": {},
    }).encode(),
    b'{"event_filtering":{"rate_limiting":{"{0}":{"max_per_hour":1e2,"{x}":1},"":{"":null}}},"{ge}":1,"":2}',
    b'{"event_filtering":{"rate_limiting":{"a":{"max_per_hour":' + b"9" * 5000 + b"}}}}",
    b'{"lookups":' + b"[" * 3000 + b"]" * 3000 + b"}",
    b'{"statistics":{"log_interval_events":NaN},"event_filtering":[]}',
    b'"\\ud800"',
    b"\xff{}",
    b"\xef\xbb\xbf{}",
)  # fmt: skip
_KEY = b"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----"
_CERT = b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
_REQUIRED = b"SYSLOG_HOST=siem.example.com\0STATE_BUCKET=audit"
_SETTINGS = (
    _REQUIRED,
    _REQUIRED + b"\0SYSLOG_CLIENT_KEY=" + _KEY + b"\0SYSLOG_CLIENT_CERT=" + _CERT + b"\0PATH=/bin\0SYSLOG_HSOT=x",
    _REQUIRED + b"\0SYSLOG_CLIENT_KEY=" + _KEY + b"\0RULES=" + _RULES[1] + b"\0FIELD_MAP={}\0TAMPER_WATCH=ocid1.bucket.oc1.iad.a",
    _REQUIRED + b"\0REGIONS=all,eu-frankfurt-1\0COMPARTMENT_MODE=include\0COMPARTMENT_IDS=ocid1.compartment.oc1..b,x\0REDACT=data.a,*.b",
    _REQUIRED + b"\0SYSLOG_PORT=1_0\0SYSLOG_TIMEOUT_SECONDS=nan\0SYSLOG_MAX_BYTES=" + b"9" * 5000 + b"\0API_REQUESTS_PER_SECOND=inf",
    b"SYSLOG_HOST=::1\0STATE_FILE=/tmp/x\0OCI_AUTH=config_file\0FORMAT=json\0SYSLOG_TRANSPORT=tcp\0OCI_ENDPOINT=http://u:p@h/",
    b"SYSLOG_HOST=" + b":" * 1000 + b"x\0FIELD_MAP={" + b"[" * 3000 + b"\0RULES={\xff\0LOG_LEVEL=\xf0\x9f\0SEAL_MESSAGES=True\0=\0\xff=x",
)
_BODIES = (
    b"", b"{}", b'{"action":"run"}', b'{"action":"dance"}', b'{"action":"\\ud800"}', b'{"action":1}', b"[" * 3000, b"\xff\xfe",
    b'{"action":"run","from":"2026-01-01T00:00:00Z"}', b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}", b"\xef\xbb\xbf{}", b"\x0b{}\x0c",
)  # fmt: skip


_VARIABLES = (
    b"# all\nexport SYSLOG_HOST=\"siem\" # x\nSYSLOG_CA='" + _CERT + b"'\nA=b#c\r\nB=\\\"\nMETRICS_NAMESPACE=\n",
    b'SYSLOG_CA="' + _CERT.replace(b"\n", b"\\n") + b'"\nC=$A ${B}\nD=\'it\\\'s\'\n',
    b'syslog_host = "a\\"b\\u00e9$${x}%%{y}" // c\nregions = ["a", "b",] /* d */\nport = -2.50e1\non = true\nnone = null\n',
    b"ca = <<EOT\n" + _CERT + b"\nEOT\nrules = <<-EOT\n    {\n      }\n  EOT\ntags = {\n a = \"b\"\n \"c d\" : [1, {}]\n}\n",
    b"a = " + b"[" * 3000, b"a = " + b"{a=" * 3000, b"<<" * 3000, b"a=" * 3000, b"'" * 3000,
    b"\xff\xfe", b"\xef\xbb\xbfA=b", b"a = \"\\ud800\"",
)  # fmt: skip


def _pems() -> tuple[bytes, ...]:
    with TemporaryDirectory() as folder:
        authority = Authority(Path(folder))
        client = authority.client()
        ca, cert, key = authority.ca_pem.encode(), client.cert.read_bytes(), client.key.read_bytes()
    return (
        b"\0".join((ca, cert, key)),
        b"\0".join((ca + ca, key, cert)),
        b"\0".join(("# Autoridad de Certificación\n".encode() + ca, cert, "# clé\n".encode() + key)),
        b"\0".join((ca, cert, b"\xff" + key)),
        b"\0".join((_CERT, _CERT, _KEY)),
        ca + b"\0" + cert + b"\0" + key.replace(b"PRIVATE", b"ENCRYPTED PRIVATE"),
        b"",
    )


def _exports() -> tuple[bytes, ...]:
    """Files of a receiver, and exports of SIEMs."""
    messages = [path.read_bytes() for path in sorted(_GOLDEN.glob("launch_by_api_key.*.rfc*"))]
    rows = b'"TimeGenerated [UTC]",DeviceVendor,DeviceProduct,ExtID,FlexString1,FlexString1Label\n1,Oracle,OCI Audit,e-1,,\n'
    lines = b"\n".join(messages)
    records = [json.dumps({"_source": {"event": {"original": one.decode()}}}).encode() for one in messages]
    quoted = b'_time,_raw\n' + b"\n".join(b'1,"%b"' % one.replace(b'"', b'""') for one in messages)
    return (*messages, lines, b"\n".join(records), quoted, rows, b'{"run":"a1","seq":7,"event_id":"e-1"}\n', gzip.compress(lines))


_GO_FILES = tuple(path.read_bytes() for path in sorted((_GOLDEN.parent / "data" / "go_program").iterdir()))
_GO_MARKERS = (
    b'{"last_event_time":"2026-01-01T11:00:00.123456789+05:45","last_event_id":"t|id","poll_count":288}',
    b'{"last_event_time":"0001-01-01T00:00:00Z","poll_count":0,"region_markers":null}',
    b'{"last_event_time":"2025-12-31T12:00:00Z","poll_count":7,"region_markers":{"us-ashburn-1":{"last_event_time":"2025-12-31T11:00:00Z"}}}',
    b'{"last_event_time":"9999-12-31T23:59:59-23:59","poll_count":9223372036854775808}',
)

_BATCHES = tuple(
    json.dumps(batch).encode()
    for batch in (
        [_LOGGING_EVENT, {"logContent": _LOGGING_EVENT}],
        _LOGGING_EVENT,
        [{"stream": "s", "partition": "0", "value": base64.b64encode(json.dumps([_LOGGING_EVENT]).encode()).decode(), "offset": 1}],
        [{**_LOGGING_EVENT, "oracle": {"compartmentid": "c", "ingestedtime": "0001-01-01T00:00:00+23:59"}}, {**_LOGGING_EVENT, "time": 7}],
    )
)

SEEDS: Mapping[str, Sequence[bytes]] = MappingProxyType({
    "event": (*_TEXTS, *ODD_EVENTS, *SECRET_EVENTS),
    "page": _PAGES,
    "problem": (*_PROBLEMS, *ODD_EVENTS, *SECRET_EVENTS),
    "event_file": (*_PAGES, *_EVENT_FILES),
    "state": _STATES,
    "rules": (*_RULES, *_GO_FILES),
    "settings": _SETTINGS,
    "body": _BODIES,
    "batch": (*_BATCHES, *_PAGES),
    "pem": _pems(),
    "variables": _VARIABLES,
    "entry": _ENTRIES,
    "seal": (_PACKED_SEAL, _PACKED_SEAL[:-1], _PACKED_SEAL.replace(b"04Z", b"61Z"), _SEAL_NAME, b'{"version":1}'),
    "export": _exports(),
    "marker": _GO_MARKERS,
})  # fmt: skip
"""Seeds by target."""

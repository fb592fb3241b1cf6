"""Seals as messages, and the searches for faults in their chain, which Sigma cannot express.

A search finds the region, the sequence number and the hashes of a seal in its message, so it needs no FIELD_MAP, except for QRadar, which
has custom properties for them.
"""

import msgspec

from epimetheus.ledger.seal import PreviousSeal, Signature, digest, pack
from epimetheus.run.notice_event import NoticeSource
from epimetheus.run.seal_notice import seal_notice
from tests.content.sigma.composed import ELASTIC, QRADAR, SENTINEL, SPLUNK
from tests.content.sigma.conversion import SEQUENCES, convert
from tests.content.sigma.events import DAY, TENANCY
from tests.ledger.samples import SEAL

REGION = "(?:[a-z]+(?:-[a-z]+)+-[0-9]+|cloud-guard)"
PARTS = {
    "region": f"({REGION})", "sequence": " Seal ([0-9]+),", "sha256": " SHA-256 ([0-9a-f]{64})", "previous": " previous ([0-9a-f]{64}|-)",
}  # fmt: skip
"""Column → the expression that finds its value in the message, as the first group."""
PATTERN = (
    f"(?<region>{REGION}).* Seal (?<sequence>[0-9]+), SHA-256 (?<sha256>[0-9a-f]{{64}}), previous (?<previous>[0-9a-f]{{64}}|-)"
)
TITLE = "OCI Audit Forwarder Seal"
MISSING, BROKEN = "Missing seals", "Broken chain"


def seal(sequence, previous="-", *, key="-", region="us-ashburn-1", at=0.0):
    """The notice of a seal, and the hash of the seal."""
    signed = Signature(algorithm="Ed25519", key=key, value=f"{'A' * 86}==") if key != "-" else None
    before = PreviousSeal(sequence=sequence - 1, sha256=previous) if previous != "-" else None
    made = msgspec.structs.replace(SEAL, sequence=sequence, region=region, previous=before, signature=signed, behind=0)
    sha256 = digest(pack(made))
    return seal_notice(NoticeSource(made.run, region, TENANCY, DAY + at), made, sha256), sha256


def chain(count, **options):
    """The notices of consecutive seals, 15 minutes apart."""
    previous, notices = "-", []
    for number in range(count):
        notice, previous = seal(number + 1, previous, at=900.0 * number, **options)
        notices.append(notice)
    return notices


def searches():
    """SIEM → title → language and query."""
    return {
        "Splunk": {MISSING: ("spl", _splunk_missing()), BROKEN: ("spl", _splunk_broken())},
        "Sentinel": {MISSING: ("kusto", _sentinel_missing()), BROKEN: ("kusto", _sentinel_broken())},
        "Elastic": {MISSING: ("esql", _elastic_missing()), BROKEN: ("esql", _elastic_broken())},
        "QRadar": {MISSING: ("aql", _qradar_missing()), BROKEN: ("aql", _qradar_broken())},
    }


def _condition(target, pipelines):
    """The condition that the backend makes of the rule, without the rest of the query."""
    return convert(target, pipelines, SEQUENCES / "seal_chain.yml")[TITLE].split(" | table ")[0]


def _splunk():
    return f'{_condition("splunk", SPLUNK)}\n| rex field=msg "{PATTERN}"\n| eval sequence=tonumber(sequence)'


def _splunk_missing():
    return (
        f"{_splunk()}\n| stats min(sequence) as lowest max(sequence) as highest dc(sequence) as seals by region\n"
        "| where highest-lowest+1>seals"
    )


def _splunk_broken():
    return (
        f"{_splunk()}\n| dedup region sequence sha256\n| sort 0 region sequence\n"
        "| streamstats current=f window=1 global=f last(sequence) as before last(sha256) as expected by region\n"
        '| where sequence=before OR (sequence=before+1 AND previous!=expected) OR (sequence>1 AND previous="-")\n'
        "| table _time region sequence sha256 previous expected"
    )


def _sentinel():
    found = {name: f'extract(@"{pattern}", 1, Message)' for name, pattern in PARTS.items()} | {
        "sequence": f'tolong(extract(@"{PARTS["sequence"]}", 1, Message))'
    }
    fields = ", ".join(f"{name} = {value}" for name, value in found.items())
    return f"{_condition('kusto', SENTINEL)}\n| extend {fields}"


def _sentinel_missing():
    return (
        f"{_sentinel()}\n| summarize lowest = min(sequence), highest = max(sequence), seals = count_distinct(sequence) by region\n"
        "| where highest - lowest + 1 > seals"
    )


def _sentinel_broken():
    return (
        f"{_sentinel()}\n| summarize TimeGenerated = min(TimeGenerated) by region, sequence, sha256, previous\n"
        "| sort by region asc, sequence asc\n| extend same = region == prev(region), before = prev(sequence), expected = prev(sha256)\n"
        '| where (same and (sequence == before or (sequence == before + 1 and previous != expected))) or (sequence > 1 and previous == "-")'
    )


def _elastic():
    condition = _condition("esql", ELASTIC).replace(" metadata _id, _index, _version | where ", "\n| where ")
    return f'{condition}\n| grok cef.extensions.message "{PATTERN}"\n| eval sequence = to_long(sequence)'


def _elastic_missing():
    return (
        f"{_elastic()}\n| stats lowest = min(sequence), highest = max(sequence), seals = count_distinct(sequence, 40000) by region\n"
        "| where highest - lowest + 1 > seals"
    )


def _elastic_broken():
    """Each hash between the oldest and the newest one belongs to two seals: the one that has it, and the one that names it."""
    return (
        f"{_elastic()}\n| eval hash = mv_append(sha256, previous)\n| mv_expand hash\n"
        "| stats seals = count_distinct(sequence, 40000), sequence = max(sequence) by region, hash\n| where seals != 2\n"
        "| stats ends = count(*), sequences = values(sequence) by region\n| where ends > 2"
    )


def _qradar_missing():
    condition = _condition("qradar-aql-community", QRADAR).partition(" WHERE ")[2]
    return (
        'SELECT * FROM (SELECT "sealRegion" AS region, MIN("sealSequence") AS lowest, MAX("sealSequence") AS highest, '
        f'UNIQUECOUNT("sealSequence") AS seals FROM events WHERE {condition} GROUP BY "sealRegion" LAST 24 HOURS) '
        "WHERE highest - lowest + 1 > seals"
    )


def _qradar_broken():
    condition = _condition("qradar-aql-community", QRADAR).partition(" WHERE ")[2]
    return (
        f'SELECT "sealRegion", "sealSequence", "sealPrevious" FROM events WHERE {condition} AND "sealPrevious" NOT IN '
        f'(SELECT "sealHash" FROM events WHERE {condition} LAST 48 HOURS) LAST 24 HOURS'
    )

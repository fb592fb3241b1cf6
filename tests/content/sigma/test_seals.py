"""The searches for missing seals and broken chains: in full for Splunk and QRadar, and their expressions over real messages."""

import re

import pytest

from tests.content.sigma.messages import columns, render
from tests.content.sigma.seals import BROKEN, MISSING, PARTS, PATTERN, chain, seal, searches

REGIONS = ("us-ashburn-1", "eu-frankfurt-1", "us-gov-ashburn-1", "eu-dcc-rating-2", "cloud-guard")


def test_the_searches_of_splunk():
    found = (
        'index="oci_audit" act="Seal" suser="epimetheus"\n'
        '| rex field=msg "(?<region>(?:[a-z]+(?:-[a-z]+)+-[0-9]+|cloud-guard)).* Seal (?<sequence>[0-9]+), '
        'SHA-256 (?<sha256>[0-9a-f]{64}), previous (?<previous>[0-9a-f]{64}|-)"\n| eval sequence=tonumber(sequence)\n'
    )
    assert searches()["Splunk"] == {
        MISSING: (
            "spl",
            f"{found}| stats min(sequence) as lowest max(sequence) as highest dc(sequence) as seals by region\n"
            "| where highest-lowest+1>seals",
        ),
        BROKEN: (
            "spl",
            f"{found}| dedup region sequence sha256\n| sort 0 region sequence\n"
            "| streamstats current=f window=1 global=f last(sequence) as before last(sha256) as expected by region\n"
            '| where sequence=before OR (sequence=before+1 AND previous!=expected) OR (sequence>1 AND previous="-")\n'
            "| table _time region sequence sha256 previous expected",
        ),
    }


def test_the_searches_of_qradar():
    seals = "LOGSOURCETYPENAME(devicetype)='Universal LEEF' AND (eventName='Seal' AND username='epimetheus')"
    assert searches()["QRadar"] == {
        MISSING: (
            "aql",
            'SELECT * FROM (SELECT "sealRegion" AS region, MIN("sealSequence") AS lowest, MAX("sealSequence") AS highest, '
            f'UNIQUECOUNT("sealSequence") AS seals FROM events WHERE {seals} GROUP BY "sealRegion" LAST 24 HOURS) '
            "WHERE highest - lowest + 1 > seals",
        ),
        BROKEN: (
            "aql",
            f'SELECT "sealRegion", "sealSequence", "sealPrevious" FROM events WHERE {seals} AND "sealPrevious" NOT IN '
            f'(SELECT "sealHash" FROM events WHERE {seals} LAST 48 HOURS) LAST 24 HOURS',
        ),
    }


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("form", ["cef", "leef"])
def test_the_expressions_find_the_values_of_a_seal(form, region):
    """Splunk and Elastic use PATTERN, Sentinel and QRadar the expressions of PARTS."""
    first, second = chain(2, region=region)
    first_hash = seal(1, region=region)[1]
    hashes = [first_hash, seal(2, first_hash, region=region, at=900.0)[1]]
    for number, notice in enumerate((first, second)):
        text = columns(form, render(form, [], [notice])[0])["msg"]
        expected = {
            "region": region, "sequence": str(number + 1), "sha256": hashes[number], "previous": hashes[0] if number else "-",
        }  # fmt: skip
        assert re.search(PATTERN.replace("(?<", "(?P<"), text).groupdict() == expected
        assert {name: re.search(pattern, text)[1] for name, pattern in PARTS.items()} == expected


def test_every_search_uses_these_expressions():
    for title in (MISSING, BROKEN):
        assert PATTERN in searches()["Splunk"][title][1]
        assert PATTERN in searches()["Elastic"][title][1]
        assert all(f'extract(@"{pattern}", 1, Message)' in searches()["Sentinel"][title][1] for pattern in PARTS.values())

"""The splice redacts the common secrets of an event once and returns the rest for the prescan."""

import json

import pytest

from epimetheus.render.redact.splice import splice_common_secrets


@pytest.mark.parametrize(("raw", "text", "rest"), [
    ('{"a":1}', '{"a":1}', '{"a":1}'),
    ('{"credentials":null,"a":1}', '{"credentials":null,"a":1}', '{"":0,"a":1}'),
    ('{"a":1,"credentials":"x\\"y"}', '{"a":1,"credentials":"[redacted]"}', '{"a":1,"":0}'),
    ('{"credentials":7,"Authorization":["x","y"]}', '{"credentials":7,"Authorization":"[redacted]"}', '{"":0,"":0}'),
    ('{"Authorization":["x"],"credentials":7}', '{"Authorization":["x"],"credentials":7}', '{"Authorization":["x"],"":0}'),
    ('{"credentials":{"a":"x"}}', '{"credentials":{"a":"x"}}', '{"credentials":{"a":"x"}}'),
    ('[{"credentials":"x"},{"credentials":"y"}]', '[{"credentials":"[redacted]"},{"credentials":"y"}]', '[{"":0},{"credentials":"y"}]'),
    ('{"m":"\\"credentials\\":\\"x\\""}', '{"m":"\\"credentials\\":\\"x\\""}', '{"m":"\\"credentials\\":\\"x\\""}'),
    ('{"credentials":"ST$a\\\\"}', '{"credentials":"[redacted]"}', '{"":0}'),
    ('{"credentials":"ST$a\\"b\\\\","a":1}', '{"credentials":"[redacted]","a":1}', '{"":0,"a":1}'),
    ('{"credentials":"ocid1.a/b"}', '{"credentials":"[redacted]"}', '{"":0}'),
    ('{"credentials":"ocid1.user.oc1..a"}', '{"credentials":"ocid1.user.oc1..a"}', '{"credentials":"ocid1.user.oc1..a"}'),
    ('{"Authorization":["Signature a=\\"b\\",c=\\"d\\""]}', '{"Authorization":"[redacted]"}', '{"":0}'),
    ('{"Authorization":["Signature a\\\\","b"],"c":1}', '{"Authorization":"[redacted]","c":1}', '{"":0,"c":1}'),
    ('{"Authorization":["Signature a\\"]","b"],"c":1}', '{"Authorization":"[redacted]","c":1}', '{"":0,"c":1}'),
    ('{"Authorization":["Signature a",true]}', '{"Authorization":["Signature a",true]}', '{"Authorization":["Signature a",true]}'),
    ('{"Authorization":["Signature a","true"]}', '{"Authorization":["Signature a","true"]}', '{"Authorization":["Signature a","true"]}'),
])  # fmt: skip
def test_common_secrets_are_cut_out_once_and_the_rest_remains_for_the_prescan(raw, text, rest):
    json.loads(raw)
    redacted = "[redacted]" in text
    assert splice_common_secrets(raw.encode(), raw[-1:].encode()) == (text.encode(), rest.encode(), redacted)
    assert splice_common_secrets(raw.encode(), b",END") == (f"{text[:-1]},END".encode(), rest.encode(), redacted)

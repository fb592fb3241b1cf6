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
])  # fmt: skip
def test_common_secrets_are_cut_out_once_and_the_rest_remains_for_the_prescan(raw, text, rest):
    json.loads(raw)
    assert splice_common_secrets(raw.encode(), raw[-1:].encode()) == (text.encode(), rest.encode())
    assert splice_common_secrets(raw.encode(), b",END") == (f"{text[:-1]},END".encode(), rest.encode())

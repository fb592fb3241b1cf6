"""The quick walk redacts secrets and changes no other byte; it has no result where only a full walk can decide."""

import json

import pytest

from epimetheus.render.redact.redactor import Redactor


def quick_walk(text):
    redacted = Redactor().quick_walk(text.encode())
    return redacted if redacted is None else redacted.decode()


@pytest.mark.parametrize(("text", "expected"), [
    ('{"a":"x","n":1.50,"b":[1,{"c":null}]}', '{"a":"x","n":1.50,"b":[1,{"c":null}]}'),
    ('{"a":1,"a":2}', '{"a":1,"a":2}'),
    ('{"credentials":"x","b":1}', '{"credentials":"[redacted]","b":1}'),
    ('{"Password":"x\\"y","b":1}', '{"Password":"[redacted]","b":1}'),
    ('{"keyId" : "x"}', '{"keyId" : "x"}'),
    ('{"h":{"Authorization":["a, \\"b\\"","c"],"Accept":["d"]}}', '{"h":{"Authorization":"[redacted]","Accept":["d"]}}'),
    ('{"otp":123456,"pin":2}', '{"otp":123456,"pin":2}'),
    ('{"token":null,"secret":"","cookies":[],"jwt":{},"pwd":true}', '{"token":null,"secret":"","cookies":[],"jwt":{},"pwd":true}'),
    ('{"authType":"natv","tokenType":"x","keyId":"y"}', '{"authType":"natv","tokenType":"x","keyId":"y"}'),
    ('{"password":"a","password":"b"}', '{"password":"[redacted]","password":"[redacted]"}'),
    ('{"m":"sent Bearer abc to x","n":"y"}', '{"m":"sent Bearer [redacted] to x","n":"y"}'),
    ('{"m":["{ \\"a\\": [ \\"b\\" ] }"]}', '{"m":["{ \\"a\\": [ \\"b\\" ] }"]}'),
    ('{"m":["{\\"a\\": 1, \\"password\\": \\"x\\"}"]}', '{"m":["{\\"a\\":1,\\"password\\":\\"[redacted]\\"}"]}'),
    ('{"key":"colour","value":"red"}', '{"key":"colour","value":"red"}'),
    ('{"m":"\\u00e9"}', '{"m":"é"}'),
])  # fmt: skip
def test_secrets_are_redacted_and_the_rest_is_unchanged(text, expected):
    assert quick_walk(text) == expected


@pytest.mark.parametrize("text", [
    '{"password":{"a":"x"}}',
    '{"secrets":[1]}',
    '{"Password" : "x"}',
    '{"secrets":[ ]}',
    '{"secrets":[\n]}',
    '{"secrets":\nnull}',
    '{"secrets"\n:null}',
    '{"keyId"\n:1}',
    '{"n\\u0061me"\n:"authorization","value":"x"}',
    '{"pass\u2028word":"x"}',
    '{"secrets":[{"a":"x"}]}',
    '{"key":"authorization","value":"x"}',
    '{"value":"x","NAME":"x-auth"}',
    '{"value":"x","name":"\\u0070assword"}',
    '{"p\\u0061ssword":"x"}',
    '{"n\\u0061me" : "authorization","value":"x"}',
    '{"Bearer abc":"x"}',
    '{"pass\\nword":"x"}',
    '{"key":"pass\\nword","value":"x"}',
    '{"name":"pass\\nword","value":"x"}',
    '{"n":1e5}',
    '{"a":\n"x"}',
    '{"epimetheus":{"compartmentPath":"x"}}',
    '{"a":' * 40 + "1" + "}" * 40,
])  # fmt: skip
def test_there_is_no_result_where_only_a_full_walk_can_decide(text):
    json.loads(text)
    assert quick_walk(text) is None


def test_a_line_break_within_a_key_needs_a_full_walk():
    for key in ("pass\nword", "key\n", "name\r"):
        assert quick_walk(f'{{"{key}":"x"}}') is None


def test_user_paths_need_a_full_walk_of_every_event():
    assert Redactor(["data.x"]).quick_walk(b'{"a":1}') is None


def test_invalid_utf8_needs_a_full_walk():
    assert Redactor().quick_walk(b'{"a":"\xff"}') is None
    assert Redactor().quick_walk('{"a":"é"}'.encode()) == '{"a":"é"}'.encode()

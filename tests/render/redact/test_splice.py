"""JSON redacted in the text it came as: the secrets go, and not another byte; what can not be told in place is walked."""

import json

import pytest

from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.redact.splice import splice_common_secrets


def in_place(text):
    found = Redactor().quick_walk(text.encode())
    return found if found is None else found.decode()


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
def test_what_is_hidden_is_hidden_and_the_rest_is_as_it_came(text, expected):
    assert in_place(text) == expected


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
def test_where_only_a_walk_can_tell_there_is_no_answer(text):
    json.loads(text)
    assert in_place(text) is None


def test_a_line_end_within_a_key_is_left_to_the_walk():
    for key in ("pass\nword", "key\n", "name\r"):
        assert in_place(f'{{"{key}":"x"}}') is None


def test_with_paths_of_the_users_own_every_event_is_walked():
    assert Redactor(["data.x"]).quick_walk(b'{"a":1}') is None


def test_what_is_no_utf8_is_left_to_the_walk():
    assert Redactor().quick_walk(b'{"a":"\xff"}') is None
    assert Redactor().quick_walk('{"a":"é"}'.encode()) == '{"a":"é"}'.encode()


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
def test_the_usual_secrets_are_cut_out_once_and_the_rest_is_still_to_be_looked_at(raw, text, rest):
    json.loads(raw)
    assert splice_common_secrets(raw.encode(), raw[-1:].encode()) == (text.encode(), rest.encode())
    assert splice_common_secrets(raw.encode(), b",END") == (f"{text[:-1]},END".encode(), rest.encode())

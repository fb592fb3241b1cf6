"""Which values redaction masked."""

import pytest

from epimetheus.render.redact import json_tree
from epimetheus.render.redact.changes import redacted_paths
from epimetheus.render.redact.redactor import Redactor


@pytest.mark.parametrize(
    ("text", "paths", "expected"),
    [
        ('{"data": {"password": "x", "name": "x", "list": [1, {"token": "y"}]}}', (), ["data.password", "data.list.1.token"]),
        ('{"data": {"a": "[redacted]", "b": "\\ud800"}}', (), []),  # nothing was masked
        ('{"data": {"payload": "{\\"password\\": \\"x\\"}"}}', (), ["data.payload"]),
        ('{"data": {"Bearer abcdefghijklmnop0123456789": 1}}', (), ["data.Bearer [redacted]"]),
        ('{"data": {"address": "192.0.2.1", "tokens": ["a", "b"]}}', ("data.address",), ["data.address", "data.tokens"]),
        ("[1", (), []),
    ],
)  # fmt: skip
def test_the_paths_of_masked_values_are_listed(text, paths, expected):
    try:
        before = json_tree.decode(text)
    except ValueError:
        before = text
    assert [*redacted_paths(before, Redactor(paths).json(text.encode()).tree)] == expected

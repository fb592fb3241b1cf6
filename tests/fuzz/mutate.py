"""Mutates input: changes bytes anywhere, or values and keys within the structure of JSON."""

import json
import random
from collections.abc import Sequence
from typing import Any

WORDS = (
    b'"', b"\\", b"\\u0000", b"\\ud800", b"\\u2028", b"\xe2\x80\xa8", b"\xc2\x85", b"\0", b"\x01", b"\xff", b"\xf0\x9f\x98\x80", b"|", b"=",
    b"\n", b"\r", b"\t", b"[", b"]", b"{", b"}", b",", b":", b"null", b"true", b"NaN", b"-Infinity", b"1e999", b"-0", b"9" * 30,
    b"[" * 1200,
    b" suser=x", b"CEF:0|", b"<134>1 ", b'password="x"', b"-----BEGIN CERTIFICATE-----", b"file:", b"vault:", b"object:", b"0001-01-01",
    b"eyJ", b"-----BEGIN PRIVATE KEY-----", b"://a:", b"/p/", b"Basic ", b"Bearer ", b'Signature keyId=\\"', b"%70assword=", b"%25",
    b"\\u0070", b"password: ", b'\\"password\\":\\"', b"<password>", b"--password ", b"name: password, value: ", b"cGFzc3dvcmQ9aHVudGVyMg",
    b"&amp;", b"ghp_",
)  # fmt: skip
_TEXTS = (
    "", " ", "x" * 5000, "é" * 700,
    "\x00\x1f\x7f\x85\u2028", "\ud800", "|=\\", "a suser=root", "\\", "=", "[1,2", '{"password":"x"}', "*", "NaN",
    "2026-01-01T12:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z", "10.0.0.1", "::1", "200",
    "{ge}",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    *_TEXTS, None, True, False, 0, -1, 1, 404, 2**63, 2**64, -(2**64), 10**30, 0.1, 1e300, float("nan"), float("inf"), [], {},
    [None], {"": {}},
)  # fmt: skip


class Mutator:
    """Generates input from ``seeds``, deterministically for each ``seed``."""

    def __init__(self, seeds: Sequence[bytes], seed: int) -> None:
        self._seeds = seeds
        self._random = random.Random(seed)

    def fresh(self) -> bytes:
        """Returns a mutated seed."""
        return self.mutated(self._random.choice(self._seeds))

    def mutated(self, data: bytes) -> bytes:
        """Returns ``data`` with bytes or JSON values changed."""
        structured = self._mutated_json(data) if self._random.random() < 0.5 else None
        return self._mutated_bytes(data) if structured is None else structured

    def _mutated_bytes(self, data: bytes) -> bytes:
        for _ in range(self._random.choice((1, 1, 1, 2, 3, 6))):
            data = self._random.choice((self._with_other_byte, self._with_word, self._without_part, self._with_repeat, self._crossed))(data)
        return data

    def _with_other_byte(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + bytes([self._random.randrange(256)]) + data[at + 1 :]

    def _with_word(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + self._random.choice(WORDS) + data[at + self._random.choice((0, 0, 1, 4)) :]

    def _without_part(self, data: bytes) -> bytes:
        at = self._at(data)
        return data[:at] + data[at + self._length(data) :]

    def _with_repeat(self, data: bytes) -> bytes:
        at = self._at(data)
        part = data[at : at + self._length(data)]
        return data[:at] + part * self._random.choice((2, 2, 2, 50 if len(part) < 100 else 2)) + data[at + len(part) :]

    def _crossed(self, data: bytes) -> bytes:
        other = self._random.choice(self._seeds)
        return data[: self._at(data)] + other[self._at(other) :]

    def _at(self, data: bytes) -> int:
        return self._random.randrange(len(data) + 1)

    def _length(self, data: bytes) -> int:
        return self._random.choice((1, 2, 8, self._random.randrange(len(data) + 1)))

    def _mutated_json(self, data: bytes) -> bytes | None:
        """Replaces a few values or keys of the JSON in ``data``, which ends before the packed keys of a state; None if it is not JSON."""
        text, mark, tail = data.partition(b"\n\0")
        try:
            tree = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return None
        for _ in range(self._random.choice((1, 1, 2, 5))):
            tree = self._replaced(tree)
        return json.dumps(tree, ensure_ascii=self._random.random() < 0.5).encode("utf-8", "surrogatepass") + mark + tail

    def _replaced(self, tree: Any) -> Any:
        """Returns a copy with one value replaced, removed, or moved to another key."""
        if isinstance(tree, dict) and tree and self._random.random() < 0.9:
            key = self._random.choice(list(tree))
            action = self._random.random()
            if action < 0.1:
                return {name: value for name, value in tree.items() if name != key}
            return {**tree, self._random.choice(_TEXTS) if action < 0.2 else key: self._replaced(tree[key])}
        if isinstance(tree, list) and tree and self._random.random() < 0.8:
            at = self._random.randrange(len(tree))
            return [*tree[:at], self._replaced(tree[at]), *tree[at + self._random.randrange(2) :]]
        return self._odd_value(tree)

    def _odd_value(self, value: Any) -> Any:
        if isinstance(value, str) and self._random.random() < 0.4:
            at = self._random.randrange(len(value) + 1)
            return value[:at] + self._random.choice(_TEXTS) + value[at:]
        return self._random.choice(_VALUES)

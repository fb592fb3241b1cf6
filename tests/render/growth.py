"""Measures how the cost of a text grows with its length, for tests that require it to be linear."""

import random
import re
import sys
import time
from re import _constants as codes
from re import _parser as parser

from tests.support.budget import budget

LARGE = budget(quick=1 << 14, full=1 << 16)
"""Characters of the longer text."""
SMALL = LARGE // 2
NEGLIGIBLE = 0.1  # seconds for the larger text below which it is not measured again
MOST = 2.0  # seconds
RATIO = 3.0

PIECES = (
    "eyJ", "eyJaaaaaaaa.", "-----BEGIN PRIVATE KEY", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY",
    "Private-Lines:", 'Signature keyId="',
    "Signature ", "Signature a=", 'Digest a="b",', "://a:", "://", "https://", "://a:b/c@", "/p/", "/p/aaaaaaaaaaaaaaaa", "%2Fp%2F",
    "Basic ", "Bearer ", "Bearer",
    "Negotiate ", "ST$", "\\", "\\\\", '"', "'", '\\"', '{"', '{"a":', '["', "[", "{", "]", "name:", "name: password, ",
    '"name":"password",', '"value":"x",',
    "name=password value", "password", "password=", "password:", "password: ", "password:\n", "password: |\n", "password: |\n  x\n",
    " \n", "\n", " ", "\t", "a ",
    "a-", "a.", "a=", "=", ":", ";", "&", "&a", "&a=", "%", "%70", "%25", "%2570", "\\u0070", "\\u", "&#", "&#65;", "&amp;", "<",
    "<a ", "<password ", "<password>",
    "</", "<key>password</key>", "<![CDATA[", "identified by ", "identified with ", "password '", "password('", "password is ", "pass",
    "--password ", "--password", "-p",
    " -u ", "-u a:b ", "mysql -p", "mysql ", "docker login ", "sqlplus ", "sqlplus -a ", "jdbc:oracle:thin:a/", "jdbc:oracle:thin:",
    "ocid1.", "ocid1.a/", "20:", "ab:",
    "ghp_", "ghp_aaaaaaaa", "xoxb-", "sk-", "hf_", "SG.", "SG.aaaaaaaaaa.", "AKIA", "AKIAAAAAAAAAAAAAAAAA",
    "hooks.slack.com/services/", "discord.com/api/webhooks/1/",
    "?code=", "&sig=", "a:b|chpasswd", "a:b|", "cGFzc3dvcmQ9aHVudGVyMg", "cGFzc3dvcmQ9aHVudGVyMg==", "cGFzc3dvcmQ9aHVudGVyMg\n",
    "CustomerSecretKey", '"kty"', '"userId"',
    "token: a ", "rotate token: a ", "rotate token:", "tokens: 1 ", "aA", "a_B", "[]", '["password","x"],', '["password",', "'a' ",
    "``", "é", "\u2028", "İ", "K", "\0", "authorization: ",
    "cookie: a=", "authorization: a\\", "x@", "@", "/", "//", "a/b@", "objectstorage.", "objectstorage.a/p/", "true", "1e9", "-1",
    "AAAA", "QUFB", "=>", ":=", "->", "==", "password[", "key=",
)  # fmt: skip


def alphabet(pattern: re.Pattern) -> list[str]:
    """The literal parts of a regular expression, from Python's own parser."""
    found: list[str] = []
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    _literals(parser.parse(text, pattern.flags & ~re.UNICODE), found)
    return [text for text in dict.fromkeys(found) if text]


def _literals(tree, found: list[str]) -> None:
    run = ""
    for code, argument in tree:
        if code is codes.LITERAL:
            run += chr(argument)
            continue
        found.append(run)
        run = ""
        if code is codes.IN and argument and argument[0][0] is codes.LITERAL:
            run = chr(argument[0][1])
        for part in argument if isinstance(argument, (tuple, list)) else ():
            for inner in part if isinstance(part, list) else (part,):
                if isinstance(inner, parser.SubPattern):
                    _literals(inner, found)
    found.append(run)


def texts(pieces, number, seed=1):
    """Each of the pieces, and ``number`` random concatenations of two to four of them, to be repeated."""
    chance = random.Random(seed)
    return [*pieces, *("".join(chance.choices(pieces, k=chance.randint(2, 4))) for _ in range(number))]


def repeated(piece: str, length: int) -> str:
    return (piece * (length // len(piece) + 1))[:length]


def seconds(function, value) -> float:
    """CPU seconds, without the cost of measuring coverage."""
    tracer = sys.gettrace()
    sys.settrace(None)
    began = time.process_time()
    try:
        function(value)
        return time.process_time() - began
    finally:
        sys.settrace(tracer)


def growth_problem(function, make, most: float = MOST) -> str:
    """Empty if twice the length costs about twice the time and at most ``most`` seconds; else the measured times."""
    large = make(LARGE)
    first = seconds(function, large)
    if first < NEGLIGIBLE:
        return ""
    if first > 5 * most:
        return f"{first:.2f} s"
    small = make(SMALL)
    least = min(seconds(function, small) for _ in range(3))
    twice = min(first, *(seconds(function, large) for _ in range(2)))
    return f"{least:.3f} s, then {twice:.3f} s" if (twice > RATIO * least and twice > 2 * NEGLIGIBLE) or twice > most else ""

"""The prescan finds every key that `classify_key` considers secret, in every form of text or JSON."""

import itertools
import json
import re
from functools import cache

import pytest

from epimetheus.render.redact.keys import classify_key, names_secret
from epimetheus.render.redact.prescan import may_contain_secret
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.sanitize import terminal_safe
from tests.render.helpers import FORMATS, event, render
from tests.render.redact.secret_cases import KEYS
from tests.support.budget import budget

S = "Hunter2s3cr3tZq"
BASES = (
    "pass pwd pw otp pin sas psk wallet cred creds password passwd passwort passphrase passcode passkey secret token credential cookie"
    " authorization bearer jwt totp kubeconfig kube_config private_key api-key accessKey shared.key signingKey client.key keyMaterial"
    " keyPem keytab rpst opc-obo preshared pre_shared plaintext pkcs12 pkcs-12 pfx recoveryCode backup_codes pin-code auth.code"
    " codeVerifier securityAnswer otpCode oneTimePass saml_response userData mnemonic seedPhrase jsessionid PHPSESSID"
    " sharedAccessSignature signature assertion seed salt keystore truststore auth sig answer confirmation idcsat dbPass dbpwd пароль"
    " senha contraseña mot_de_passe 密码 パスワード kennwort xAuth x-auth httpAuth basicAuth proxyAuth authValue idcsAt"
)
PREFIXES = (
    "", "_", "-", ".", "my", "x", "New", "OLD", "VPN", "A", "2", "old_", "new.", "é", "/", "#", "@", "$", "prod", "DB",
    "\u00a0", "Ä", "\u212a", "\u017f",
)  # fmt: skip
SUFFIXES = ("", "_", "-", ".", "2", "v2", "1", "Value", "Hash", "é", "[0]", " ", "#", "@", "K", "s", "\u00a0", "\u017f", "İ")


def capitalizations(base):
    """Returns a key in each capitalization."""
    return dict.fromkeys((base, base.upper(), base.lower(), base.title(), base.capitalize(), base[:1].upper() + base[1:]))


@cache
def keys():
    return list(dict.fromkeys(generated_keys()))


def generated_keys():
    for base in (*BASES.split(), *KEYS):
        for key in capitalizations(base):
            yield from (prefix + key + suffix for prefix, suffix in itertools.product(PREFIXES, SUFFIXES))



@cache
def secret_keys(part):
    """Returns the secret ones of every eighth key from ``part``."""
    return [key for key in keys()[part::8] if classify_key(key).is_secret]


def forms(key):
    """Yields texts in which the key has a secret value."""
    yield f'{{"{key}":"{S}"}}'
    if re.fullmatch(r"[\w\-]+", key):
        yield from (f"{key}={S}", f"x {key}: {S}", f"/a?{key}={S}", f"<{key}>{S}</{key}>", f"tool --{key} {S}")


@pytest.mark.parametrize("part", range(8))
def test_every_secret_key_has_a_hint_in_every_spelling(part):
    assert len(secret_keys(part)) > 50_000 / 8
    keys = secret_keys(part)[:: budget(quick=8, full=1)]
    missed = [form for key in keys for form in forms(key) if not may_contain_secret(form)]
    assert missed == []


@pytest.mark.parametrize("part", range(8))
def test_every_secret_key_is_redacted_in_json(part):
    redactor = Redactor()
    for key in secret_keys(part)[:: budget(quick=60, full=5)]:
        pair = {"name": key, "value": S} if names_secret(key) else {}
        option = [f"--{key}", S] if re.fullmatch(r"[A-Za-z][\w\-]{0,62}", key, re.ASCII) else []
        for value in ({key: S}, [pair], option, [json.dumps({key: S})]):
            for ascii_only in (True, False):
                raw = json.dumps({"data": value}, ensure_ascii=ascii_only, separators=(",", ":")).encode()
                assert S not in redactor.json(raw).text(), key


@pytest.mark.parametrize("key", ["password", "adminPassword", "token", "x-auth"])
@pytest.mark.parametrize("path", [
    "{}", "{}.value", "config.{}.value", "{}.0", "{}[0]", "{}[0].value", "{}:", "{}?", "{} (new)", "{} [confirm]", "{}*",
    "/config/{}/value", "{}#1",
    "'{}'", "{}, again", "data[\"{}\"]",
])  # fmt: skip
def test_the_name_of_a_secret_has_a_hint_in_any_path(key, path):
    name = path.format(key)
    if names_secret(name):
        for pair in ({"name": name, "value": S}, {"value": S, "fieldName": name}):
            for text in (json.dumps(pair), json.dumps({"a": [json.dumps(pair)]}), json.dumps([pair], separators=(",", ":"))):
                assert S not in Redactor().json(text.encode()).text()
                assert S not in Redactor().text(text)


def test_every_invisible_character_has_a_hint():
    invisible = [
        character
        for character in map(chr, range(0x110000))
        if character not in "\t\n\r\u2028\u2029" and not "\ud800" <= character <= "\udfff" and terminal_safe(character) != character
    ]
    assert len(invisible) > 4000
    assert [character for character in invisible if not may_contain_secret(f"pass{character}word=x")] == []


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("invisible", ["\u200b", "\u00ad", "\u2060", "\ufeff", "\u202e", "\U000e0041", "\ufe0f", "\0", "\x0b", "\x7f"])
def test_an_invisible_character_does_not_hide_a_secret(form, invisible):
    for text in (f"password{invisible}={S}", f"pass{invisible}word={S}", f"Bearer {invisible}{S}", f"gh{invisible}p_Zq7{S}Zq7{S}",
                 f"--pass{invisible}word {S}"):  # fmt: skip
        for raw in (event(message=text), event(stateChange={"a": text, text: 1}), event(stateChange={"b": [json.dumps({"a": text})]})):
            for ascii_only in (True, False):
                assert S not in render(json.dumps(raw, ensure_ascii=ascii_only), format=form).message.decode()
    for key in (f"pass{invisible}word", f"{invisible}token", f"API{invisible}Pwd"):
        for value in ({key: S}, {"name": key, "value": S}, [f"--{key}", S]):
            for ascii_only in (True, False):
                raw = json.dumps(event(stateChange={"current": value}), ensure_ascii=ascii_only)
                assert S not in render(raw, format=form).message.decode()


@pytest.mark.parametrize("text", [
    r"\x70assword=", r"t\x6fken: ", r"X-Api-Ke\x79\x3a ", "--contraseña ", "--пароль ", "<ПАРОЛЬ>", "Пароль: ", "\u2039密码>",
    "<密码>",
])  # fmt: skip
def test_hints_are_found_in_escapes_and_in_other_scripts(text):
    for value in (text + S, [text + S], {"a": json.dumps([text + S], ensure_ascii=False)}):
        for ascii_only in (True, False):
            raw = json.dumps({"data": value}, ensure_ascii=ascii_only, separators=(",", ":")).encode()
            assert S not in Redactor().json(raw).text()

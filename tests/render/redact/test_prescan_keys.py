"""Whatever `classify` takes for a secret key, the look for hints sees, in every form a text or JSON may give it."""

import itertools
import json
import re

import pytest

from epimetheus.render.redact.keys import classify, names_secret
from epimetheus.render.redact.prescan import suspicious
from epimetheus.render.redact.redactor import Redactor
from epimetheus.render.sanitize import terminal_safe
from tests.render.helpers import FORMATS, event, render
from tests.render.redact.secret_cases import KEYS

S = "Hunter2s3cr3tZq"
BASES = (
    "pass pwd pw otp pin sas psk wallet cred creds password passwd passwort passphrase passcode passkey secret token credential cookie"
    " authorization bearer jwt totp kubeconfig kube_config private_key api-key accessKey shared.key signingKey client.key keyMaterial"
    " keyPem keytab rpst opc-obo preshared pre_shared plaintext pkcs12 pkcs-12 pfx recoveryCode backup_codes pin-code auth.code"
    " codeVerifier securityAnswer otpCode oneTimePass saml_response userData mnemonic seedPhrase jsessionid PHPSESSID"
    " sharedAccessSignature signature assertion seed salt keystore truststore auth sig answer confirmation idcsat dbPass dbpwd пароль"
    " senha contraseña mot_de_passe 密码 パスワード kennwort xAuth x-auth httpAuth basicAuth proxyAuth authValue idcsAt"
)
BEFORE = (
    "", "_", "-", ".", "my", "x", "New", "OLD", "VPN", "A", "2", "old_", "new.", "é", "/", "#", "@", "$", "prod", "DB",
    "\u00a0", "Ä", "\u212a", "\u017f",
)  # fmt: skip
BEHIND = ("", "_", "-", ".", "2", "v2", "1", "Value", "Hash", "é", "[0]", " ", "#", "@", "K", "s", "\u00a0", "\u017f", "İ")


def cases(base):
    """A key in each way its letters may be written."""
    return dict.fromkeys((base, base.upper(), base.lower(), base.title(), base.capitalize(), base[:1].upper() + base[1:]))


def keys():
    for base in (*BASES.split(), *KEYS):
        for form in cases(base):
            yield from (before + form + behind for before, behind in itertools.product(BEFORE, BEHIND))


SECRET = [key for key in dict.fromkeys(keys()) if classify(key).secret]


def forms(key):
    """The texts in which a key may stand over a secret."""
    yield f'{{"{key}":"{S}"}}'
    if re.fullmatch(r"[\w\-]+", key):
        yield from (f"{key}={S}", f"x {key}: {S}", f"/a?{key}={S}", f"<{key}>{S}</{key}>", f"tool --{key} {S}")


@pytest.mark.parametrize("part", range(8))
def test_every_secret_key_is_hinted_at_however_it_is_written(part):
    assert len(SECRET) > 50_000
    missed = [form for key in SECRET[part::8] for form in forms(key) if not suspicious(form)]
    assert missed == []


@pytest.mark.parametrize("part", range(8))
def test_no_secret_key_is_passed_over_in_json(part):
    redactor = Redactor()
    for key in SECRET[part::40]:
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
def test_a_name_of_a_secret_is_hinted_at_whatever_follows_it(key, path):
    name = path.format(key)
    if names_secret(name):
        for pair in ({"name": name, "value": S}, {"value": S, "fieldName": name}):
            for text in (json.dumps(pair), json.dumps({"a": [json.dumps(pair)]}), json.dumps([pair], separators=(",", ":"))):
                assert S not in Redactor().json(text.encode()).text()
                assert S not in Redactor().text(text)


UNSEEN_CHARACTERS = [
    character
    for character in map(chr, range(0x110000))
    if character not in "\t\n\r\u2028\u2029" and not "\ud800" <= character <= "\udfff" and terminal_safe(character) != character
]


def test_every_character_that_is_not_seen_is_hinted_at():
    assert len(UNSEEN_CHARACTERS) > 4000
    assert [character for character in UNSEEN_CHARACTERS if not suspicious(f"pass{character}word=x")] == []


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("unseen", ["\u200b", "\u00ad", "\u2060", "\ufeff", "\u202e", "\U000e0041", "\ufe0f", "\0", "\x0b", "\x7f"])
def test_what_is_not_seen_parts_no_secret(form, unseen):
    for text in (f"password{unseen}={S}", f"pass{unseen}word={S}", f"Bearer {unseen}{S}", f"gh{unseen}p_Zq7{S}Zq7{S}",
                 f"--pass{unseen}word {S}"):  # fmt: skip
        for raw in (event(message=text), event(stateChange={"a": text, text: 1}), event(stateChange={"b": [json.dumps({"a": text})]})):
            for ascii_only in (True, False):
                assert S not in render(json.dumps(raw, ensure_ascii=ascii_only), format=form).message.decode()
    for key in (f"pass{unseen}word", f"{unseen}token", f"API{unseen}Pwd"):
        for value in ({key: S}, {"name": key, "value": S}, [f"--{key}", S]):
            for ascii_only in (True, False):
                raw = json.dumps(event(stateChange={"current": value}), ensure_ascii=ascii_only)
                assert S not in render(raw, format=form).message.decode()


@pytest.mark.parametrize("text", [
    r"\x70assword=", r"t\x6fken: ", r"X-Api-Ke\x79\x3a ", "--contraseña ", "--пароль ", "<ПАРОЛЬ>", "Пароль: ", "\u2039密码>",
    "<密码>",
])  # fmt: skip
def test_a_hint_is_seen_in_escapes_and_in_other_scripts(text):
    for value in (text + S, [text + S], {"a": json.dumps([text + S], ensure_ascii=False)}):
        for ascii_only in (True, False):
            raw = json.dumps({"data": value}, ensure_ascii=ascii_only, separators=(",", ":")).encode()
            assert S not in Redactor().json(raw).text()

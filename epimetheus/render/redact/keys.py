"""Classifies keys as secret, as metadata about a secret, as names or as values, and recognizes values that are never secret.

A key is split into words at punctuation and at camel case: ``SMTP_PASS``, ``passwordSha256``, ``db.token-v2``. A word or word pair such
as ``password`` or ``auth key`` makes the key secret anywhere in it, unless the key is metadata *about* the secret by its last word
(``tokenType``, ``secretName``, ``passwordExpiresAfter``) or its first (``hasPassword``, ``maxTokens``).
"""

import re
from typing import NamedTuple

from epimetheus.render.sanitize import INVISIBLE

# Roots match anywhere in the lowercase key, in which each run of punctuation is one hyphen.
SECRET_ROOTS = (
    r"pass-?w(?:or)?[dt]|passw0rd|passwrd|kennwort|senha|contrase|mot-?de-?passe|пароль|密码|密碼|パスワード|비밀번호",
    r"pass-?phrase|pass-?code|pass-?key|pswd|clear-?text|wachtwoord|lösenord|暗証番号|令牌",
    r"connection-?string(?!s)|conn-?str(?!i)|snmp-?community|community-?string|docker-?config-?json|dockercfg|registry-?auth(?!o)",
    r"secret(?!ar[iy])|token(?!iz)|credential|cookie|authorization(?!-?(?:endpoint|request|control))|bearer|jwt|totp|kube-?config",
    r"(?:priv|private|enc|encrypt|crypto|(?:un)?seal|unlock|recovery|ipsec|macsec|wpa|wifi|(?<!public-)(?<!public)api|access|shared?|signing|encryption|decryption|master|client|symmetric|auth|account|storage|ssh|ssl|tls"
    r"|certificate|hmac|rsa|aes|cipher|license|activation|integration|session|consumer|customer|registry|deploy|webhook|stream|ingest|subscription|functions?|tsig)"
    r"-?keys?",
    r"key-?(?:material|pem|tab|stash|data|contents?)|pem-?(?:contents?|data|string)|rpst|opc-?obo|psk|pre-?shared|plain-?text|private-?(?:pem|jwk|exponent)|pkcs-?12|pfx",
    r"(?:recovery|backup|bypass|scratch|otp|pin|auth|access|verification|device|unlock|activation|one-?time|mfa|2fa)-?codes?",
    r"code-?verifier|(?:security|challenge)-?answers?|magic-?links?|cloud-?init(?!ial)|otp-?(?:code|seed|value)|one-?time-?pass",
    r"saml-?re(?:sponse|quest)|user-?data|mnemonic|seed-?phrase|j-?session-?id|php-?sess-?id|shared-?access-?signature",
)  # fmt: skip
_ROOT = re.compile("|".join(SECRET_ROOTS))
# Too short, or too common within other words, to match anything but a whole word.
SECRET_WORDS = frozenset(("pass", "pwd", "pw", "otp", "pin", "sas", "psk", "wallet", "cred", "creds"))
TRAILING_NAMES = r"(?:signature|assertions?|seed|salt|key-?store|trust-?store|kube-?config|(?:jdbc|sas|pre-?auth|database)-?url)"
_ENDS_IN_TRAILING_NAME = re.compile(TRAILING_NAMES + r"(?:-(?:value|contents?|hash|string|text|data|raw|base64|pem))?$")
_WHOLE_KEYS = frozenset((
    "auth", "x-auth", "http-auth", "basic-auth", "proxy-auth", "auth-value", "sig", "answer", "confirmation", "idcs-at", "idcsat",
))  # fmt: skip
JOINED_PASSWORDS = (
    r"(?:db|smtp|user|admin|root|ftp|proxy|mail|ldap|my|mysql|redis|http|key|store|bind|login|account|imap|sql|sudo)(?:pass|pwd)"
)
_ENDS_IN_JOINED_PASSWORD = re.compile(rf"{JOINED_PASSWORDS}s?$")
_NOT_A_PIN = re.compile(r"(?:v?cpu|memory|gpu|core)-pin$")

_HARMLESS_KEY = re.compile(
    # Page tokens, idempotency keys, the name of a factor (USERNAME_PASSWORD=AUTH_SUCCESS), a CORS header, names of headers.
    r"(?:page|next|retry|continuation|pagination|correlation|request)-?token$|username-?password$|allow-?credentials$"
    r"|pass-(?:through|checks?|results?|rate|fail|count)|public-?(?:ssh-?)?keys?$|matching-?signature$|sign-?response-?or-?assertion$"
    r"|secrets-?manager$|token-?(?:header|query-?param)$|credential-?key$|auth-?headers?$"
    r"|(?:input|output|prompt|completion|total|reasoning|cached|used|billed|prediction|audio|max|min)-?tokens$"
)  # fmt: skip
_METADATA_FIRST_WORDS = frozenset((
    "is", "has", "have", "are", "was", "can", "should", "does", "do", "must", "allow", "allowed", "max", "min", "maximum", "minimum", "num",
    "number", "total", "time", "enable", "enabled", "disable", "use", "require", "required", "requires", "reveal", "inject",
))  # fmt: skip
_METADATA_LAST_WORDS = frozenset((
    "id", "ids", "ocid", "ocids", "uuid", "uid", "guid", "arn", "identifier", "identifiers", "name", "names", "username", "type",
    "types", "kind", "count", "counts", "total", "length", "len", "size", "bits", "policy", "policies", "rule", "rules", "expiry",
    "expiration", "expires", "expired", "validity", "lifetime", "ttl", "age", "date", "time", "timestamp", "at", "on", "version",
    "versions", "number", "status", "state", "states", "algorithm", "algorithms", "algo", "alg", "mode", "format", "method", "methods",
    "fingerprint", "fingerprints", "thumbprint", "checksum", "issuer", "audience", "scope", "scopes", "limit", "limits", "usage",
    "quota", "url", "uri", "endpoint", "host", "port", "path", "location", "filename", "directory", "description", "enabled",
    "disabled", "required", "allowed", "supported", "used", "strength", "complexity", "function", "setting", "settings", "config",
    "configuration", "details", "detail", "info", "metadata", "provider", "manager", "reset", "changed", "created", "updated",
    "rotated", "rotation", "observed", "days", "hours", "mins", "minute", "minutes", "secs", "seconds", "ms", "millis", "interval",
    "period", "duration", "encoding", "index", "position", "attempts", "retries", "budget", "logprobs", "likelihoods", "locations",
    "subject", "label", "labels", "tag", "tags", "profile", "profiles", "source", "target", "category", "group", "level", "domain",
    "region", "compartment", "vault", "after", "warning", "warn", "algos", "owner", "user", "email", "unit", "rate", "model", "operation",
    "strategy", "protection", "authentication", "history", "scheme", "attribute", "field", "param", "parameter", "column", "enum",
    "class", "purpose", "reason", "max", "min", "destination", "ref", "refs", "reference", "store", "use", "second", "less", "sub",
    "by", "permission", "permissions", "secure", "site", "system", "context", "binding", "capacity", "title", "change", "sec",
    "iss", "aud", "jti", "error", "service", "app",
))  # fmt: skip
_WORD_BREAK = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_]+")
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_PUNCTUATION = re.compile(r"[\W_]+")
_VERSION_SUFFIX = re.compile(r"(?<=[a-z])\d+(?=-|$)|-v?\d+(?=-|$)")

_NAME_KEY = re.compile(
    r"(?:key|name|field|path|attribute|property|parameter|variable|option|setting|header|claim|param|env|element|member|type|kind|id|label|title|attr|item|k)$"
)
_NAME_KEY_ENDING = re.compile(
    r"(?:parameter|param|field|attribute|property|variable|option|setting|header|claim|key|env|column|attr|member|config|var|display|tag|prop)"
    r"-?(?:name|key|path)$"
)
_VALUE_KEYS = frozenset((
    "value", "values", "val", "v", "new", "old", "previous", "current", "before", "after", "from", "to", "default", "content", "text",
    "argument", "oldval", "newval",
))  # fmt: skip
# The last part of a path, and what may follow it: an index, a word such as value, a remark in parentheses.
_LAST_PATH_PART = re.compile(
    r"(?<![^/.:\[\]\"'#?\s])(?P<part>[^/.:\[\]\"'#?\s]++)(?:[/.](?:key|value|content|data|text|\d++)(?![^/.\[\]\"'\s:?*(])|\[[^\[\]]*+\])*+"
    r"(?: ?\([^()]*+\))?[\]\"'/\s:?*]*+$"
)

_HARMLESS_VALUE = re.compile(
    r"ocid1\.[\w.\-]+|(?:[0-9a-fA-F]{2}:){15,31}[0-9a-fA-F]{2}|SHA256:[\w+/]{43}=?"
    r"|\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+\-]\d\d:?\d\d)?)?"
    r"|true|false|null|none|\[redacted\]|\*+"
    r"|(?:not )?(?:required|optional|expired|enabled|disabled|allowed|denied|missing|invalid|changed|updated"
    r"|rotated|accepted|rejected|unknown|yes|no|active|inactive|success|succeeded|failed|failure|present|sent|created|many|done"
    r"|include|email|sms|oauth2?|iam|[ar]bac|byo[kl]|bring_your_own_license|(?:oracle|customer)[_\-]?managed)"
    r"|(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d{3}) AAAA[\w+/]*=*(?: [\w.@\-]{0,128})?\s*"
    r"|\s*-----BEGIN (?:RSA |EC )?(?:PUBLIC KEY|CERTIFICATE)-----[\w+/=\s]*-----END (?:RSA |EC )?(?:PUBLIC KEY|CERTIFICATE)-----\s*",
    re.IGNORECASE | re.ASCII,
)  # fmt: skip


JWK_PRIVATE_MEMBERS = frozenset(("d", "p", "q", "dp", "dq", "qi", "k", "oth"))
"""Private members of a JSON Web Key (RFC 7518 6), which are secret next to ``kty``."""


class KeyKind(NamedTuple):
    """The classification of a key.

    ``is_secret``: its value is a secret; ``is_metadata``: it describes its object, so its value may stay even inside a secret;
    ``is_name`` and ``is_value``: it is the name or the value of a name-value pair.
    """

    is_secret: bool
    is_metadata: bool
    is_name: bool
    is_value: bool


def classify_key(key: str) -> KeyKind:
    """Classifies a key by its own words, of which only the first 256 characters count."""
    key = key[:256]
    if not (key.isascii() and key.isprintable()):
        key = _INVISIBLE.sub("", key)
    joined = _PUNCTUATION.sub("-", key.lower()).strip("-")
    hyphenated = joined if key.islower() else _WORD_BREAK.sub("-", key).lower().strip("-")
    words = _VERSION_SUFFIX.sub("", hyphenated).split("-")
    is_metadata = words[-1] in _METADATA_LAST_WORDS or words[0] in _METADATA_FIRST_WORDS
    is_name = _NAME_KEY.match(joined) is not None or _NAME_KEY_ENDING.search(joined) is not None
    is_value = joined in _VALUE_KEYS or words[-1] in ("value", "values", "val")
    return KeyKind(_is_secret(hyphenated, joined, words, is_metadata=is_metadata), is_metadata, is_name, is_value)


def _is_secret(hyphenated: str, joined: str, words: list[str], *, is_metadata: bool) -> bool:
    is_exact = hyphenated in _WHOLE_KEYS or _ENDS_IN_TRAILING_NAME.search(hyphenated) is not None
    if (is_metadata and not is_exact) or _HARMLESS_KEY.search(joined):
        return False
    if is_exact or not SECRET_WORDS.isdisjoint(words) or _ROOT.search(joined) or (hyphenated != joined and _ROOT.search(hyphenated)):
        return _NOT_A_PIN.search(hyphenated) is None
    return _ENDS_IN_JOINED_PASSWORD.search(words[-1]) is not None


def is_secret_key(key: str) -> bool:
    """Whether the value of this JSON key, header or query parameter is a secret."""
    return classify_key(key).is_secret


def names_secret(text: str) -> bool:
    """Whether ``text`` names a secret member, possibly at the end of a path: ``/config/adminPassword``, ``urn:x:password``."""
    if len(text) > 512:
        return False
    match = _LAST_PATH_PART.search(_INVISIBLE.sub("", text))
    return match is not None and (is_secret_key(match["part"]) or is_secret_key(match[0]))


def is_harmless_value(text: str) -> bool:
    """Whether a string is harmless even under a secret key: an OCID, fingerprint, time, boolean, public key, or empty."""
    return not text.strip() or _HARMLESS_VALUE.fullmatch(text) is not None

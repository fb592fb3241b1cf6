"""Which keys stand over secrets, which describe a secret and may stay, and which values are never secrets.

A key is split into words at punctuation and at camel case: ``SMTP_PASS``, ``passwordSha256``, ``db.token-v2``. A word or a pair of words
such as ``password`` or ``auth key`` makes the key secret wherever it stands, unless the key says something *about* the secret: its last
word (``tokenType``, ``secretName``, ``passwordExpiresAfter``) or its first (``hasPassword``, ``maxTokens``) decides.
"""

import re
from typing import NamedTuple

from epimetheus.render.sanitize import INVISIBLE

# A root is looked for in the key in lower case, its punctuation written as one hyphen.
ROOTS = (
    r"pass-?w(?:or)?[dt]|passw0rd|passwrd|kennwort|senha|contrase|mot-?de-?passe|пароль|密码|密碼|パスワード|비밀번호",
    r"pass-?phrase|pass-?code|pass-?key|pswd|clear-?text|wachtwoord|lösenord|暗証番号|令牌",
    r"connection-?string(?!s)|conn-?str(?!i)|snmp-?community|community-?string|docker-?config-?json|dockercfg|registry-?auth(?!o)",
    r"secret(?!ar[iy])|token(?!iz)|credential|cookie|authorization(?!-?(?:endpoint|request|control))|bearer|jwt|totp|kube-?config",
    r"(?:priv|private|enc|encrypt|crypto|(?:un)?seal|unlock|recovery|ipsec|macsec|wpa|wifi|(?<!public-)(?<!public)api|access|shared?|signing|encryption|decryption|master|client|symmetric|auth|account|storage|ssh|ssl|tls"
    r"|certificate|hmac|rsa|aes|cipher|license|activation|integration|session|consumer|customer|registry|deploy|webhook|stream|ingest|subscription|functions?|tsig)"
    r"-?keys?",
    r"key-?(?:material|pem|tab|stash|data|contents?)|pem-?(?:contents?|data|string)|rpst|opc-?obo|psk|pre-?shared|plain-?text|private-?(?:pem|jwk|exponent)|pkcs-?12|pfx",
    r"(?:recovery|backup|bypass|scratch|otp|pin|auth|access|verification|device|unlock|activation|one-?time|mfa|2fa)-?codes?",
    r"code-?verifier|security-?answers?|otp-?(?:code|seed|value)|one-?time-?pass",
    r"saml-?response|user-?data|mnemonic|seed-?phrase|j-?session-?id|php-?sess-?id|shared-?access-?signature",
)  # fmt: skip
_ROOT = re.compile("|".join(ROOTS))
# These are too short, or too common within other words, to be looked for anywhere else than as a whole word.
WORDS = frozenset(("pass", "pwd", "pw", "otp", "pin", "sas", "psk", "wallet", "cred", "creds"))
CARRIED = r"(?:signature|assertions?|seed|salt|key-?store|trust-?store|kube-?config|(?:jdbc|sas|pre-?auth|database)-?url)"
_WITH_CARRIER = re.compile(CARRIED + r"(?:-(?:value|contents?|hash|string|text|data|raw|base64|pem))?$")
_ALONE = frozenset((
    "auth", "x-auth", "http-auth", "basic-auth", "proxy-auth", "auth-value", "sig", "answer", "confirmation", "idcs-at", "idcsat",
))  # fmt: skip
JOINED = (
    r"(?:db|smtp|user|admin|root|ftp|proxy|mail|ldap|my|mysql|redis|http|key|store|bind|login|account|imap|sql|sudo)(?:pass|pwd)"
)
_JOINED_PASS = re.compile(rf"{JOINED}s?$")
_NO_PIN = re.compile(r"(?:v?cpu|memory|gpu|core)-pin$")

_HARMLESS = re.compile(
    # A mark of a page, an idempotency key, a factor's name (USERNAME_PASSWORD=AUTH_SUCCESS), a CORS header, the name of a header.
    r"(?:page|next|retry|continuation|pagination|correlation|request)-?token$|username-?password$|allow-?credentials$"
    r"|pass-(?:through|checks?|results?|rate|fail|count)|public-?(?:ssh-?)?keys?$|matching-?signature$|sign-?response-?or-?assertion$"
    r"|secrets-?manager$|token-?(?:header|query-?param)$|credential-?key$|auth-?headers?$"
    r"|(?:input|output|prompt|completion|total|reasoning|cached|used|billed|prediction|audio|max|min)-?tokens$"
)  # fmt: skip
_FIRST = frozenset((
    "is", "has", "have", "are", "was", "can", "should", "does", "do", "must", "allow", "allowed", "max", "min", "maximum", "minimum", "num",
    "number", "total", "time", "enable", "enabled", "disable", "use", "require", "required", "requires", "reveal", "inject",
))  # fmt: skip
_LAST = frozenset((
    "id", "ids", "ocid", "ocids", "uuid", "uid", "guid", "arn", "identifier", "identifiers", "name", "names", "username", "type",
    "types", "kind", "count", "counts", "total", "length", "len", "size", "bits", "policy", "policies", "rule", "rules", "expiry",
    "expiration", "expires", "expired", "validity", "lifetime", "ttl", "age", "date", "time", "timestamp", "at", "on", "version",
    "versions", "number", "status", "state", "states", "algorithm", "algorithms", "algo", "alg", "mode", "format", "method", "methods",
    "fingerprint", "fingerprints", "thumbprint", "checksum", "issuer", "audience", "scope", "scopes", "limit", "limits", "usage",
    "quota", "url", "uri", "endpoint", "host", "port", "path", "location", "filename", "directory", "description", "enabled",
    "disabled", "required", "allowed", "supported", "used", "strength", "complexity", "function", "setting", "settings", "config",
    "configuration", "details", "detail", "info", "metadata", "provider", "manager", "reset", "changed", "created", "updated",
    "rotated", "rotation", "observed", "days", "hours", "mins", "minutes", "secs", "seconds", "ms", "millis", "interval", "period",
    "duration", "encoding", "index", "position", "attempts", "retries", "budget", "logprobs", "likelihoods", "locations", "subject",
    "label", "labels", "tag", "tags", "profile", "profiles", "source", "target", "category", "group", "level", "domain", "region",
    "compartment", "vault", "after", "warning", "warn", "algos", "owner", "user", "email", "unit", "rate", "model", "operation",
    "strategy", "protection", "authentication", "history", "scheme", "attribute", "field", "param", "parameter", "column", "enum",
    "class", "purpose", "reason", "max", "min", "destination", "ref", "refs", "reference", "store", "use", "second", "less", "sub",
    "by", "permission", "permissions", "secure", "site", "system", "context", "binding", "capacity", "title", "change", "sec",
    "iss", "aud", "jti", "error", "service", "app",
))  # fmt: skip
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_]+")
_UNSEEN = re.compile(f"[{INVISIBLE}]")
_PUNCTUATION = re.compile(r"[\W_]+")
_DIGITS = re.compile(r"(?<=[a-z])\d+(?=-|$)|-v?\d+(?=-|$)")

_NAMES = re.compile(
    r"(?:key|name|field|path|attribute|property|parameter|variable|option|setting|header|claim|param|env|element|member|type|kind|id|label|title|attr|item|k)$"
)
_NAME_OF = re.compile(
    r"(?:parameter|param|field|attribute|property|variable|option|setting|header|claim|key|env|column|attr|member|config|var|display|tag|prop)"
    r"-?(?:name|key|path)$"
)
_VALUES = frozenset((
    "value", "values", "val", "v", "new", "old", "previous", "current", "before", "after", "from", "to", "default", "content", "text",
    "argument", "oldval", "newval",
))  # fmt: skip
# The last part of a path, and what may follow it: an index, a word such as value, a remark in brackets.
_LAST_PART = re.compile(
    r"(?<![^/.:\[\]\"'#?\s])(?P<part>[^/.:\[\]\"'#?\s]++)(?:[/.](?:key|value|content|data|text|\d++)(?![^/.\[\]\"'\s:?*(])|\[[^\[\]]*+\])*+"
    r"(?: ?\([^()]*+\))?[\]\"'/\s:?*]*+$"
)

_STAYS = re.compile(
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


JWK_PRIVATE = frozenset(("d", "p", "q", "dp", "dq", "qi", "k", "oth"))
"""Private members of a JSON Web Key (RFC 7518 6): secret beside ``kty``."""


class Key(NamedTuple):
    """What a key is: over a secret; describing what it stands in, so that what it stands over may stay; naming a member, or its value."""

    secret: bool
    describes: bool
    names: bool
    values: bool


def classify(key: str) -> Key:
    """What is known of a key by its own words. Keys are read up to their first 256 characters."""
    key = key[:256]
    if not (key.isascii() and key.isprintable()):
        key = _UNSEEN.sub("", key)
    joined = _PUNCTUATION.sub("-", key.lower()).strip("-")
    spread = joined if key.islower() else _CAMEL.sub("-", key).lower().strip("-")
    words = _DIGITS.sub("", spread).split("-")
    describes = words[-1] in _LAST or words[0] in _FIRST
    names = _NAMES.match(joined) is not None or _NAME_OF.search(joined) is not None
    values = joined in _VALUES or words[-1] in ("value", "values", "val")
    return Key(_is_secret(spread, joined, words, describes=describes), describes, names, values)


def _is_secret(spread: str, joined: str, words: list[str], *, describes: bool) -> bool:
    carried = spread in _ALONE or _WITH_CARRIER.search(spread) is not None
    if (describes and not carried) or _HARMLESS.search(joined):
        return False
    if carried or not WORDS.isdisjoint(words) or _ROOT.search(joined) or (spread != joined and _ROOT.search(spread)):
        return _NO_PIN.search(spread) is None
    return _JOINED_PASS.search(words[-1]) is not None


def is_secret_key(key: str) -> bool:
    """Whether what stands under this key (a JSON key, a header's name, a query parameter) must not leave."""
    return classify(key).secret


def names_secret(text: str) -> bool:
    """Whether a text names a secret member, also as the end of a path: ``adminPassword``, ``/config/adminPassword``, ``urn:x:password``."""
    if len(text) > 512:
        return False
    found = _LAST_PART.search(_UNSEEN.sub("", text))
    return found is not None and (is_secret_key(found["part"]) or is_secret_key(found[0]))


def stays(text: str) -> bool:
    """Whether a string stays even under a secret key: OCIDs, fingerprints, times, yes or no, public keys, and what is empty."""
    return not text.strip() or _STAYS.fullmatch(text) is not None

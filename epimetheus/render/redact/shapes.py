"""Secrets by their own look, whatever key they stand under.

Every pattern is linear in its text: it begins where a literal stands, its repeats are possessive or bounded, and no repeat can run over
the beginning of another match (`tests/render/redact/test_linear.py` measures each). A group ``s`` or ``t`` is the secret, else all of the match
is; where a group ``no`` takes part, the text only looks like a secret.
"""

import re
from collections.abc import Callable
from typing import NamedTuple


class Shape(NamedTuple):
    """A kind of secret. ``marks``: texts in lower case, of which each secret of this kind holds one: `hints` looks for them first."""

    pattern: re.Pattern[str]
    marks: tuple[str, ...]


def _shape(pattern: str, *marks: str, flags: re.RegexFlag = re.IGNORECASE) -> Shape:
    return Shape(re.compile(pattern, re.ASCII | flags), marks)


_EXACT = re.RegexFlag(0)
_FINGERPRINT = r"(?:[0-9a-fA-F]{2}:){15}[0-9a-fA-F]{2}"
_PRIVATE_KEY = r"[ +_](?:[A-Z0-9 +_]{0,40}?[ +_])?PRIVATE[ +_]KEY"
_END = rf"-{{4,5}}[ +]?END{_PRIVATE_KEY}(?:[ +]BLOCK)?[ +]?-{{0,5}}"
_NO_WORD = r"(?![A-Za-z][a-z]*+(?![\w+/=]))"
_ITEM = r"\w++\s*+=\s*+(?:\\*+\"[^\"\\]*+(?:\\*+\"|\Z)|[^\s,\"\\&]++)[,\s]*+"
_IN_URL = r"[^/\s:@\"'?#]"

SHAPES = (
    # PEM, also cut off at its end or its beginning; PGP and SSH2 write it alike
    _shape(rf"-{{4,5}}[ +]?BEGIN{_PRIVATE_KEY}.*?(?:{_END}|\Z)", "private", flags=re.DOTALL),
    _shape(rf"(?<![\w+/=\s\\])[\w+/=\s\\]++{_END}", "private", flags=_EXACT),
    _shape(r"Private-Lines:(?P<s>.*?)(?:Private-(?:MAC|Hash):\s{0,4}(?P<t>[0-9a-f]{0,128}+)|\Z)",
           "private-lines", flags=re.DOTALL | re.IGNORECASE),
    # draft-cavage-http-signatures, as OCI signs requests, RFC 7616, OAuth 1: a list of name="value", quotes perhaps escaped, cut off
    _shape(rf"\b(?:Signature|Digest|OAuth|Hawk|AWS4-HMAC-SHA256)\s++"
           r"(?!(?:sha\d{1,3}|verified|version|valid|client)=\w{1,16}+(?:[\s.;)]|\Z))"
           rf"(?P<s>(?:{_ITEM})++)", "signature", "digest", "oauth", "hawk",
           "aws4-hmac"),
    # RFC 6750 2.1; "bearer token expired" is a sentence
    _shape(r"\bBearer\s++(?!(?:tokens?|auth\w{0,16}|credentials?|scheme|of)\b(?![.~+/=-]))(?P<s>[\w\-.~+/]++=*+)", "bearer"),
    # RFC 7617 2; Base64 of user:password never is one plain word, "Basic monitoring" is
    _shape(r"\b(?i:Basic)\s++(?![A-Za-z]?[a-z]*+(?![\w+/=]))(?P<s>[\w\-+/]{4,}+=*+)", "basic", flags=_EXACT),
    _shape(rf"\b(?i:Negotiate|NTLM|Kerberos|SSWS|GenieKey)\s++{_NO_WORD}(?P<s>[\w\-+/]{{8,}}+=*+)",
           "negotiate", "ntlm", "kerberos", "ssws", "geniekey", flags=_EXACT),
    _shape(r"\bSharedKey(?:Lite)?\s++[\w\-]++:(?P<s>[\w+/]++=*+)", "sharedkey"),
    _shape(r"\bST\$[^\s\"',;\\&]++", "st$"),
    _shape(r"eyJ[\w\-]{8,}+(?:(?:\.[\w\-]*+)++|(?P<no>))", "eyj", flags=_EXACT),
    # API key ids: tenancy/user/fingerprint. The fingerprint alone is how an audit names a key that was made or deleted.
    _shape(rf"ocid1\.[^/\s\"]{{1,255}}+/(?:ocid1\.[^/\s\"]{{1,255}}+/)?{_FINGERPRINT}", ":"),
    _shape(rf"(?<!/apiKeys)(?<!/apikeys)/(?P<s>{_FINGERPRINT})", ":", flags=_EXACT),
    # Object Storage's pre-authenticated requests: the path alone gives access. Cut off, too, where it is no plain word
    _shape(r"(\\?/|%2F)p\1(?P<s>[\w\-]{16,}+)\1n\1", "/p", "%2fp"),
    _shape(r"(?<=/p/)(?P<s>(?![a-z\-]++(?![\w\-]))[\w\-]{16,}+)(?!\\?/|%2F|%2f)", "/p/", flags=_EXACT),
    _shape(r"objectstorage\.[\w.\-]{1,255}+(?::\d{1,5})?/p/(?P<s>[^/\s\"'\\]++)", "/p/"),
    # RFC 3986 3.2.1; a password may hold an @ or a / that ought to have been encoded
    _shape(rf"://{_IN_URL}*+:(?:(?P<s>[^/\s\"']+)@|(?!\d{{1,5}}(?:[/?#\s\"']|\Z))(?P<t>(?:(?!://)[^\s\"'<>@])++)@)", "://"),
    _shape(rf"\bhttps?://(?![A-Za-z][a-z.\-]{{0,15}}@)(?P<s>{_IN_URL}++)(?::(?:x-oauth-basic|x-token-auth|x)?)?@", "http"),
    _shape(rf"://(?P<s>(?=[^\s/@]{{0,64}}\d){_IN_URL}{{20,}}+)@", "://"),
    # Tokens that say what they are
    _shape(r"(?<![A-Za-z0-9])(?:gh[oprsu]_|github_pat_|gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt)-|xox[a-z]-|xapp-\d-|[srp]k_(?:live|test)_|whsec_"
           r"|sk-(?:proj|ant|svcacct)-|do[or]_v1_|dop_v1_|dckr_[po]at_|shp(?:at|ca|pa|ss)_|lin_api_|figd_|tskey-|NRAK-|PMAK-|ATATT3x"
           r"|AGE-SECRET-KEY-1|sq0(?:atp|csp)-|GOCSPX-|glsa_|rubygems_|xkeysib-|pypi-AgE)[\w\-]{8,}+",
           "ghp_", "gho_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-",
           "glimt-", "xox", "xapp-", "k_live_", "k_test_", "whsec_", "sk-proj-", "sk-ant-", "sk-svcacct-", "_v1_", "dckr_", "shpat_",
           "shpca_",
           "shppa_", "shpss_", "lin_api_", "figd_", "tskey-", "nrak-", "pmak-", "atatt3x", "age-secret-", "sq0atp-", "sq0csp-", "gocspx-",
           "glsa_", "rubygems_", "xkeysib-", "pypi-age", flags=_EXACT),
    _shape(r"(?<![A-Za-z0-9])(?:AIza[\w\-]{30,}+|ya29\.[\w\-.]{10,}+|hv[sbr]\.[\w\-]{12,}+|SG\.[\w\-]{10,}+\.[\w\-]{10,}+|1//0[\w\-]{20,}+"
           r"|(?:sk-|hf_|npm_)[A-Za-z0-9]{20,}+)", "aiza", "ya29.", "hvs.", "hvb.", "hvr.", "sg.", "1//0", "sk-", "hf_", "npm_",
           flags=_EXACT),
    _shape(r"(?<![A-Za-z0-9])(?:dapi|GR1348941|glc_|sq[up]_|ATCTT3x|ATBB|HRKU-|pscale_tkn_|sbp_|ntn_|CCIPAT_|gsk_|xai-|sntrys_|fm2_|CFPAT-"
           r"|duffel_live_|n8n_api_|dp\.pt\.|bkua_|r8_)(?=[\w\-]{0,64}\d)[\w\-]{20,}+",
           "dapi", "gr1348941", "glc_", "squ_", "sqp_", "atctt3x", "atbb", "hrku-", "pscale_tkn_", "sbp_", "ntn_", "ccipat_", "gsk_",
           "xai-", "sntrys_", "fm2_", "cfpat-", "duffel_live_", "n8n_api_", "dp.pt.", "bkua_", "r8_", flags=_EXACT),
    # Hashes of passwords, as crypt(3) and Argon2 write them
    _shape(r"\$(?:2[abxy]\$\d\d|[156y]|apr1|argon2(?:id|i|d))\$(?P<s>[\w./$=,+]{12,}+)", "$2", "$1$", "$5$", "$6$", "$y$", "$apr1$",
           "$argon2", flags=_EXACT),
    # AWS: the id of an access key, and the key itself beside it
    _shape(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{12,32}+(?:[\s\"':,;|/=]{1,4}[\w+/]{40}(?![\w+/=]))?", "akia", "asia", flags=_EXACT),
    # Webhooks: the address alone lets anyone post
    _shape(r"(?:hooks\.slack\.com/(?:services|workflows|triggers)|webhook\.office\.com/webhookb2|outlook\.office(?:365)?\.com/webhook"
           r"|discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/\d{1,32}|api\.telegram\.org/bot|hooks\.zapier\.com/hooks/catch"
           r"|events\.pagerduty\.com/integration|maker\.ifttt\.com/trigger/\w{1,64}/with/key|/hooks(?=/[a-z0-9]{20}))/?"
           r"(?P<s>[^\s\"'\\<>?#]++)",
           "hook", "telegram", "pagerduty", "ifttt"),
    # What is secret only as a parameter of a query or a form
    _shape(r"(?:\A|[?&;])(?:sig|code|ticket|code_verifier)="
           r"(?!(?:\d{1,3}|[A-Za-z]{1,24}(?:_[A-Za-z]{1,24})?|[A-Z]{2,6}-?\d{4,10})(?:[&\s]|\Z))"
           r"(?P<s>[^&\s\"'<>#\\]++)", "sig=", "code=", "ticket=",
           "verifier="),
    _shape(r"[?&]key=(?P<s>[\w\-]{20,}+)(?![\w\-.])", "key="),
    # Databases and commands
    _shape(r"\bjdbc:oracle:\w{2,8}:[^/\s:@\"']{1,128}+/(?P<s>\"[^\"]{1,256}+\"|[^\s@\"']{1,256})@", "jdbc:"),
    _shape(r"\b(?:sqlplus|sqlcl|expdp|impdp|rman|sqlldr)\s{1,8}+(?:-\w{1,16}+\s{1,8}+){0,8}+(?:target\s{1,8}+)?[\w$#.]{1,64}+"
           r"/(?P<s>[^\s@\"'/]{1,256}+)@",
           "sqlplus", "sqlcl", "expdp", "impdp", "rman", "sqlldr"),
    _shape(r"create_credential\s{0,4}\(\s{0,4}(?:'[^']{0,128}+'\s{0,4},\s{0,4}){2}'(?P<s>[^']++)", "create_credential"),
    _shape(r"\s(?:-u|--user|--proxy-user)[\s=]{1,8}+[\"']?[\w.@\\\-]{1,128}+:(?P<s>[^\s\"']++)", "-u", "--user", "--proxy-user"),
    _shape(r"\b(?:sshpass|mysql\w{0,8}|mariadb\w{0,8}|mongo\w{0,8}"
           r"|(?:docker|podman|helm|oras|skopeo|buildah)(?:\s{1,4}registry)?\s{1,4}login|redis-cli|az\s{1,4}login|ldap\w{1,10})"
           r"\b[^\n|;]{0,200}?\s-(?:p(?!\s*\d{1,5}(?:\s|\Z))|a|w)\s{0,4}[\"']?(?P<s>[^\s\"'\-][^\s\"']*+)",
           "sshpass", "mysql", "mariadb", "mongo", "login", "redis-cli", "ldap"),
    _shape(r"(?<![^\s\"'])[^\s:\"']{1,64}+:(?P<s>[^\s\"'|]{1,256}+)[\"']?\s{0,4}[|?]\s{0,4}(?:sudo\s{1,4})?chpasswd", "chpasswd"),
)  # fmt: skip


def shape_spans(text: str, lower: str, check: Callable[[], None]) -> list[tuple[int, int]]:
    """Where secrets stand in a text; ``lower`` is the same in lower case. ``check`` is called before each search, and may raise."""
    found: list[tuple[int, int]] = []
    for pattern, marks in SHAPES:
        if any(mark in lower for mark in marks):
            check()
            for match in pattern.finditer(text):
                found += _secret(match)
    return found


def _secret(match: re.Match[str]) -> list[tuple[int, int]]:
    groups = match.re.groupindex
    if "no" in groups and match["no"] is not None:
        return []
    named = [match.span(name) for name in ("s", "t") if name in groups and match[name] is not None]
    return named or [match.span()]

"""Patterns of secrets that are recognizable by themselves, under any key.

Every pattern takes linear time: it starts at a literal, its repeats are possessive or bounded, and no repeat can run over the start of
another match (`tests/render/redact/test_linear.py` measures each). Groups ``s`` and ``t`` are the secret, else the whole match is. If
group ``no`` participates, the match is not a secret.
"""

import re
from collections.abc import Callable
from typing import NamedTuple


class SecretPattern(NamedTuple):
    """A kind of secret. Every match contains one of ``marks`` in any case; the prescan searches for these first."""

    pattern: re.Pattern[str]
    marks: tuple[str, ...]


def _pattern(pattern: str, *marks: str, flags: re.RegexFlag = re.IGNORECASE) -> SecretPattern:
    return SecretPattern(re.compile(pattern, re.ASCII | flags), marks)


_CASE_SENSITIVE = re.RegexFlag(0)
_FINGERPRINT = r"(?:[0-9a-fA-F]{2}:){15}[0-9a-fA-F]{2}"
_PRIVATE_KEY = r"[ +_](?:[A-Z0-9 +_]{0,40}?[ +_])?PRIVATE[ +_]KEY"
_PEM_END = rf"-{{4,5}}[ +]?END{_PRIVATE_KEY}(?:[ +]BLOCK)?[ +]?-{{0,5}}"
_NOT_A_WORD = r"(?![A-Za-z][a-z]*+(?![\w+/=]))"
_PARAMETER = r"\w++\s*+=\s*+(?:\\*+\"[^\"\\]*+\\*+(?:\"|\Z)|[^\s,\"\\&]++)[,\s]*+"
_URL_CHARACTER = r"[^/\s:@\"'?#]"

SECRET_PATTERNS = (
    # PEM, possibly truncated at either end; PGP and SSH2 use the same form
    _pattern(rf"-{{4,5}}[ +]?BEGIN{_PRIVATE_KEY}.*?(?:{_PEM_END}|\Z)", "private", flags=re.DOTALL),
    _pattern(rf"(?<![\w+/=\s\\])[\w+/=\s\\]++{_PEM_END}", "private", flags=_CASE_SENSITIVE),
    _pattern(r"Private-Lines:(?P<s>.*?)(?:Private-(?:MAC|Hash):\s{0,4}(?P<t>[0-9a-f]{0,128}+)|\Z)",
             "private-lines", flags=re.DOTALL | re.IGNORECASE),
    # draft-cavage-http-signatures (OCI request signing), RFC 7616, OAuth 1: a list of name="value", possibly escaped or truncated
    _pattern(rf"\b(?:Signature|Digest|OAuth|Hawk|AWS4-HMAC-SHA256)\s++"
             r"(?!(?:sha\d{1,3}|verified|version|valid|client)=\w{1,16}+(?:[\s.;)]|\Z))"
             rf"(?P<s>(?:{_PARAMETER})++)", "signature", "digest", "oauth", "hawk",
             "aws4-hmac"),
    # RFC 6750 2.1; "bearer token expired" is a sentence
    _pattern(r"\bBearer\s++(?!(?:tokens?|auth\w{0,16}|credentials?|scheme|of)\b(?![.~+/=-]))(?P<s>[\w\-.~+/]++=*+)", "bearer"),
    # RFC 7617 2; Base64 of user:password is never one plain word, unlike "Basic monitoring"
    _pattern(r"\b(?i:Basic)\s++(?![A-Za-z]?[a-z]*+(?![\w+/=]))(?P<s>[\w\-+/]{4,}+=*+)", "basic", flags=_CASE_SENSITIVE),
    _pattern(rf"\b(?i:Negotiate|NTLM|Kerberos|SSWS|GenieKey)\s++{_NOT_A_WORD}(?P<s>[\w\-+/]{{8,}}+=*+)",
             "negotiate", "ntlm", "kerberos", "ssws", "geniekey", flags=_CASE_SENSITIVE),
    _pattern(r"\bSharedKey(?:Lite)?\s++[\w\-]++:(?P<s>[\w+/]++=*+)", "sharedkey"),
    _pattern(r"\bST\$[^\s\"',;\\&]++", "st$"),
    _pattern(r"eyJ[\w\-]{8,}+(?:(?:\.[\w\-]*+)++|(?P<no>))", "eyj", flags=_CASE_SENSITIVE),
    # API key ids: tenancy/user/fingerprint. A fingerprint alone stays: events identify created and deleted keys by it.
    _pattern(rf"ocid1\.[^/\s\"]{{1,255}}+/(?:ocid1\.[^/\s\"]{{1,255}}+/)?{_FINGERPRINT}", ":"),
    _pattern(rf"(?<!/apiKeys)(?<!/apikeys)/(?P<s>{_FINGERPRINT})", ":", flags=_CASE_SENSITIVE),
    # Object Storage pre-authenticated requests: the path alone grants access. A truncated path
    # counts, too, unless it is a plain word
    _pattern(r"(\\?/|%2F)p\1(?P<s>[\w\-]{16,}+)\1n\1", "/p", "%2fp"),
    _pattern(r"(?<=/p/)(?P<s>(?![a-z\-]++(?![\w\-]))[\w\-]{16,}+)(?!\\?/|%2F|%2f)", "/p/", flags=_CASE_SENSITIVE),
    _pattern(r"objectstorage\.[\w.\-]{1,255}+(?::\d{1,5})?/p/(?P<s>[^/\s\"'\\]++)", "/p/"),
    # RFC 3986 3.2.1; a password may contain an @ or a / that should have been encoded
    _pattern(rf"://{_URL_CHARACTER}*+:(?:(?P<s>[^/\s\"']+)@|(?!\d{{1,5}}(?:[/?#\s\"']|\Z))(?P<t>(?:(?!://)[^\s\"'<>@])++)@)", "://"),
    _pattern(rf"\bhttps?://(?![A-Za-z][a-z.\-]{{0,15}}@)(?P<s>{_URL_CHARACTER}++)(?::(?:x-oauth-basic|x-token-auth|x)?)?@", "http"),
    _pattern(rf"://(?P<s>(?=[^\s/@]{{0,64}}\d){_URL_CHARACTER}{{20,}}+)@", "://"),
    # Tokens with a known prefix
    _pattern(r"(?<![A-Za-z0-9])(?:gh[oprsu]_|github_pat_|gl(?:pat|dt|rt|cbt|ptt|ft|soat|imt)-|xox[a-z]-|xapp-\d-|[srp]k_(?:live|test)_|whsec_"
             r"|sk-(?:proj|ant|svcacct)-|do[or]_v1_|dop_v1_|dckr_[po]at_|shp(?:at|ca|pa|ss)_|lin_api_|figd_|tskey-|NRAK-|PMAK-|ATATT3x"
             r"|AGE-SECRET-KEY-1|sq0(?:atp|csp)-|GOCSPX-|glsa_|rubygems_|xkeysib-|pypi-AgE)[\w\-]{8,}+",
             "ghp_", "gho_", "ghr_", "ghs_", "ghu_", "github_pat_", "glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glsoat-",
             "glimt-", "xox", "xapp-", "k_live_", "k_test_", "whsec_", "sk-proj-", "sk-ant-", "sk-svcacct-", "_v1_", "dckr_", "shpat_",
             "shpca_",
             "shppa_", "shpss_", "lin_api_", "figd_", "tskey-", "nrak-", "pmak-", "atatt3x", "age-secret-", "sq0atp-", "sq0csp-", "gocspx-",
             "glsa_", "rubygems_", "xkeysib-", "pypi-age", flags=_CASE_SENSITIVE),
    _pattern(r"(?<![A-Za-z0-9])(?:AIza[\w\-]{30,}+|ya29\.[\w\-.]{10,}+|hv[sbr]\.[\w\-]{12,}+|SG\.[\w\-]{10,}+\.[\w\-]{10,}+|1//0[\w\-]{20,}+"
             r"|(?:sk-|hf_|npm_)[A-Za-z0-9]{20,}+)", "aiza", "ya29.", "hvs.", "hvb.", "hvr.", "sg.", "1//0", "sk-", "hf_", "npm_",
             flags=_CASE_SENSITIVE),
    _pattern(r"(?<![A-Za-z0-9])(?:dapi|GR1348941|glc_|sq[up]_|ATCTT3x|ATBB|HRKU-|pscale_tkn_|sbp_|ntn_|CCIPAT_|gsk_|xai-|sntrys_|fm2_|CFPAT-"
             r"|duffel_live_|n8n_api_|dp\.pt\.|bkua_|r8_)(?=[\w\-]{0,64}\d)[\w\-]{20,}+",
             "dapi", "gr1348941", "glc_", "squ_", "sqp_", "atctt3x", "atbb", "hrku-", "pscale_tkn_", "sbp_", "ntn_", "ccipat_", "gsk_",
             "xai-", "sntrys_", "fm2_", "cfpat-", "duffel_live_", "n8n_api_", "dp.pt.", "bkua_", "r8_", flags=_CASE_SENSITIVE),
    # Password hashes in the format of crypt(3) and Argon2
    _pattern(r"\$(?:2[abxy]\$\d\d|[156y]|apr1|argon2(?:id|i|d))\$(?P<s>[\w./$=,+]{12,}+)", "$2", "$1$", "$5$", "$6$", "$y$", "$apr1$",
             "$argon2", flags=_CASE_SENSITIVE),
    # AWS: the id of an access key, and the secret key next to it
    _pattern(r"(?<![A-Za-z0-9])(?:AKIA|ASIA)[A-Z0-9]{12,32}+(?:[\s\"':,;|/=]{1,4}[\w+/]{40}(?![\w+/=]))?", "akia", "asia",
             flags=_CASE_SENSITIVE),
    # Webhooks: anyone can post to the URL
    _pattern(r"(?:hooks\.slack\.com/(?:services|workflows|triggers)|webhook\.office\.com/webhookb2|outlook\.office(?:365)?\.com/webhook"
             r"|discord(?:app)?\.com/api/(?:v\d{1,2}/)?webhooks/\d{1,32}|api\.telegram\.org/bot|hooks\.zapier\.com/hooks/catch"
             r"|events\.pagerduty\.com/integration|maker\.ifttt\.com/trigger/\w{1,64}/with/key|/hooks(?=/[a-z0-9]{20}))/?"
             r"(?P<s>[^\s\"'\\<>?#]++)",
             "hook", "telegram", "pagerduty", "ifttt"),
    # Secret only as a query or form parameter
    _pattern(r"(?:\A|[?&;])(?:sig|code|ticket|code_verifier)="
             r"(?!(?:\d{1,3}|[A-Za-z]{1,24}(?:_[A-Za-z]{1,24})?|[A-Z]{2,6}-?\d{4,10})(?:[&\s]|\Z))"
             r"(?P<s>[^&\s\"'<>#\\]++)", "sig=", "code=", "ticket=",
             "verifier="),
    _pattern(r"[?&]key=(?P<s>[\w\-]{20,}+)(?![\w\-.])", "key="),
    # Databases and commands
    _pattern(r"\bjdbc:oracle:\w{2,8}:[^/\s:@\"']{1,128}+/(?P<s>\"[^\"]{1,256}+\"|[^\s@\"']{1,256})@", "jdbc:"),
    _pattern(r"\b(?:sqlplus|sqlcl|expdp|impdp|rman|sqlldr)\s{1,8}+(?:-\w{1,16}+\s{1,8}+){0,8}+(?:target\s{1,8}+)?[\w$#.]{1,64}+"
             r"/(?P<s>[^\s@\"'/]{1,256}+)@",
             "sqlplus", "sqlcl", "expdp", "impdp", "rman", "sqlldr"),
    _pattern(r"create_credential\s{0,4}\(\s{0,4}(?:'[^']{0,128}+'\s{0,4},\s{0,4}){2}'(?P<s>[^']++)", "create_credential"),
    _pattern(r"\s(?:-u|--user|--proxy-user)[\s=]{1,8}+[\"']?[\w.@\\\-]{1,128}+:(?P<s>[^\s\"']++)", "-u", "--user", "--proxy-user"),
    _pattern(r"\b(?:sshpass|mysql\w{0,8}|mariadb\w{0,8}|mongo\w{0,8}"
             r"|(?:docker|podman|helm|oras|skopeo|buildah)(?:\s{1,4}registry)?\s{1,4}login|redis-cli|az\s{1,4}login|ldap\w{1,10})"
             r"\b[^\n|;]{0,200}?\s-(?:p(?!\s*\d{1,5}(?:\s|\Z))|a|w)\s{0,4}[\"']?(?P<s>[^\s\"'\-][^\s\"']*+)",
             "sshpass", "mysql", "mariadb", "mongo", "login", "redis-cli", "ldap"),
    _pattern(r"(?<![^\s\"'])[^\s:\"']{1,64}+:(?P<s>[^\s\"'|]{1,256}+)[\"']?\s{0,4}[|?]\s{0,4}(?:sudo\s{1,4})?chpasswd", "chpasswd"),
)  # fmt: skip


def pattern_spans(text: str, lower: str, check: Callable[[], None]) -> list[tuple[int, int]]:
    """Finds the spans of secrets in ``text``; ``lower`` is its lowercase form. ``check`` is called before each search, and may raise."""
    found: list[tuple[int, int]] = []
    for pattern, marks in SECRET_PATTERNS:
        if any(mark in lower for mark in marks):
            check()
            for match in pattern.finditer(text):
                found += _spans_of_match(match)
    return found


def _spans_of_match(match: re.Match[str]) -> list[tuple[int, int]]:
    groups = match.re.groupindex
    if "no" in groups and match["no"] is not None:
        return []
    named = [match.span(name) for name in ("s", "t") if name in groups and match[name] is not None]
    return named or [match.span()]

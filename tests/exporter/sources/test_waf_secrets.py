"""What is told of a request: the attack, shortened, and no secret that was in it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter.sources import waf_secrets
from exporter.sources.waf import parse
from exporter.sources.waf_events import CleanRecord, WafEvent

SAMPLES = Path(__file__).parents[2] / "samples" / "waf"
SECRET = "swordfish-7c1f"

MODSECURITY = json.loads((SAMPLES / "modsecurity" / "on_sqli_get.json").read_text())
CORAZA = json.loads((SAMPLES / "coraza" / "3.8.1-on-k" / "sqli_get.json").read_text())
CORAZA_TEXT = json.loads((SAMPLES / "coraza" / "3.8.1-on" / "sqli_get.json").read_text())
OCSF = json.loads((SAMPLES / "coraza" / "3.8.1-on-ocsf" / "sqli_get.json").read_text())


def told(record: object) -> str:
    [event] = parse(json.dumps(record).encode(), 10)
    assert isinstance(event, WafEvent | CleanRecord)
    return json.dumps(event.describe())


def everywhere(value: object, put: Callable[[str], str], path: str = "") -> object:
    """The value with every text in it that a client or an application may have written replaced."""
    if isinstance(value, dict):
        return {key: everywhere(inner, put, f"{path}.{key}") for key, inner in value.items()}
    if isinstance(value, list):
        return [everywhere(inner, put, path) for inner in value]
    if path.endswith((".headers.Host", ".headers.host")) or value == "shop.example.com":
        return value
    free = (".headers", ".body", ".args", ".http_headers", ".data.raw", ".match", ".reference", ".user_agent")
    return put(value) if isinstance(value, str) and any(part in path for part in free) else value


@pytest.mark.parametrize("record", [MODSECURITY, CORAZA, CORAZA_TEXT, OCSF], ids=["modsecurity", "k", "text", "ocsf"])
def test_headers_bodies_and_sources_of_rules_are_never_told(record: object) -> None:
    changed = everywhere(record, lambda text: text + SECRET)
    assert SECRET in json.dumps(changed)
    assert SECRET not in told(changed)


SECRETS = (
    *("password", "user%5Bpassword%5D", "%2570wd", "pwd", "token", "access_token", "apiKey", "session_id"),
    *(
        "PHPSESSID",
        "Authorization",
        "jwt",
        "X-Auth",
        "otp",
        "pin",
        "secret",
        "credentials",
        "code",
        "card_number",
        "sid",
    ),
)


@pytest.mark.parametrize("name", SECRETS)
def test_the_value_of_a_secret_parameter_is_not_told(name: str) -> None:
    for uri in (f"/login?{name}={SECRET}&q=1", f"/login?a&{name}={SECRET}"):
        shown = waf_secrets.uri(uri)
        assert SECRET not in shown
        assert shown.startswith("/login?")
        assert f"{name}=***" in shown
    assert waf_secrets.uri(f"/login?q=1;{name}={SECRET}") == "/login?q=***"
    data = f"Matched Data: {SECRET} found within ARGS:{name}: {SECRET}"
    assert waf_secrets.matched(data) == ""


def test_the_value_of_a_parameter_with_a_very_long_name_is_not_told() -> None:
    assert waf_secrets.uri(f"/?{'a' * 200}={SECRET}").endswith("***")
    assert waf_secrets.matched(f"Matched Data: x found within ARGS:{'a' * 200}: x") == ""


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("/a;jsessionid=SECRET?x=1", "/a;***?x=1"),
        ("/a;SECRET/b", "/a;***/b"),
        ("/cb?next=/x?token=SECRET", "/cb?next=***"),
        ("/cb?next=%2Fx%3Ftoken%3DSECRET", "/cb?next=***"),
        ("/cb?next=%25252Fx%25253Ftoken%25253DSECRET", "/cb?next=***"),
        ('/g?v={"password":"SECRET"}', "/g?v=***"),
        ("/g?v=%7B%22password%22%3A%20%22SECRET%22%7D", "/g?v=***"),
        ('/g?{"password":"SECRET"}', "/g?***"),
        ("/g?v=<password>SECRET</password>", "/g?v=***"),
        ("/g?v=%3Cns:Password%20a%3E%3C![CDATA[SECRET", "/g?v=***"),
        ("/g?v=%3Cpin%3ESECRET", "/g?v=***"),
        ("/g?v=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SECRET", "/g?v=***"),
        ("/verify/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.SECRET/b", "/verify/***/b"),
        ("/verify/%65yJhbGciOiJIUzI1NiJ9.SECRET", "/verify/***"),
        ("/g?SECRET", "/g?***"),
        ("/x#access_token=SECRET", "/***"),
        ("//u:SECRET@h/", "//***/"),
        ("/a/http://u:SECRET@h/x", "/a/http://h/x"),
        ("/a?x=1%26password=SECRET", "/a?x=***"),
        ("/p?url=http://u:SECRET@h/x", "/p?url=***"),
        ("/p?q=Bearer%20SECRET", "/p?q=***"),
        ("/p?q=basic+SECRET", "/p?q=***"),
        ("/p?pass=a;SECRET", "/p?pass=***"),
        ("/p%3Ftoken=SECRET", "/***"),
        ("/p%3FSECRET", "/***"),
        ("/api/token/SECRET", "/api/token/***"),
        ("/reset-password/SECRET/", "/reset-password/***/"),
        ("/api/token//SECRET", "/api/token//***"),
        ("/api/token/;x/SECRET", "/api/token/;***/***"),
        ("/api/token%2fSECRET", "/api/***"),
        ("/api/token%252Fx%252FSECRET", "/api/***"),
        ("/r?%ff=SECRET&q=1", "/r?***&q=1"),
        ("/r?ticket=SECRET&mfa=SECRET&bearer=SECRET", "/r?ticket=***&mfa=***&bearer=***"),
    ],
)
def test_a_secret_has_no_place_in_a_target_to_hide(asked: str, shown: str) -> None:
    assert waf_secrets.uri(asked.replace("SECRET", SECRET)) == shown


@pytest.mark.parametrize(
    "asked",
    [
        "/",
        "/item?id=1%27%20OR%20%271%27=%271%27%20UNION%20SELECT%20user,password%20FROM%20users--%20-",
        "/q?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "/p?page=http://203.0.113.9/shell.txt%3F&a=&b=2",
        "/../../etc/passwd%00.png",
        "/a:b/c",
        "http://shop.example.com/a?b=c",
        "/p?items[]=1&user.name=x&x-y=2",
    ],
)
def test_an_attack_is_told_as_it_was_sent(asked: str) -> None:
    assert waf_secrets.uri(asked) == asked


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ARGS:id", "ARGS:id"),
        ("ARGS:json.user[0].id", "ARGS:json.user[0].id"),
        ("ARGS:password", "ARGS:password"),
        ("REQUEST_HEADERS:User-Agent", "REQUEST_HEADERS:User-Agent"),
        ("REQUEST_BODY", "REQUEST_BODY"),
        ('ARGS_NAMES:{"user":"a","password":"SECRET"}', "ARGS_NAMES:***"),
        ('ARGS:{"pw":"SECRET"}', "ARGS:***"),
        ("SECRET and more", "***"),
    ],
)
def test_a_name_that_may_be_a_body_is_not_told(name: str, shown: str) -> None:
    data = f"Matched Data: x found within {name.replace('SECRET', SECRET)}: x"
    record = json.loads(json.dumps(MODSECURITY))
    record["transaction"]["messages"] = [
        {"message": "m", "details": {"ruleId": "942100", "severity": "2", "data": data}}
    ]
    assert SECRET not in told(record)
    [event] = parse(json.dumps(record).encode(), 10)
    assert isinstance(event, WafEvent)
    assert event.describe()["variable"] == shown


def test_who_asks_by_an_absolute_address_gives_no_password_away() -> None:
    assert waf_secrets.uri(f"http://user:{SECRET}@shop.example.com/a?b=c") == "http://shop.example.com/a?b=c"


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ("Matched Data: s&sos found within ARGS:id: 1' OR '1'='1", "s&sos"),
        ("Matched Data: nikto found within REQUEST_HEADERS:User-Agent: Nikto", "nikto"),
        ("Matched Data: x found within REQUEST_COOKIES:id: x", ""),
        ("Matched Data: x found within REQUEST_HEADERS:Authorization: x", ""),
        ("Matched Data: x found within REQUEST_HEADERS:Referer: x", ""),
        ("Matched Data: x found within REQUEST_BODY: x", ""),
        ("Matched Data: x found within XML:/*: x", ""),
        ("Matched Data: x found within ARGS:my password: x", ""),
        ('Matched Data: "password":"x" found within ARGS:q: x', ""),
        ("Matched Data: <password>x</password> found within ARGS:q: x", ""),
        ("Matched Data: eyJhbGciOiJIUzI1NiJ9.e30.x found within ARGS:q: x", ""),
        ('Matched Data: x found within ARGS:{"a":"b"}: x', ""),
        ("Matched Data: x found within ARGS_NAMES:x: x", ""),
        # The client wrote a variable's name into what was found.
        ("Matched Data: x found within ARGS:q: y found within ARGS:password: z", ""),
        ("something else", ""),
        ("", ""),
    ],
)
def test_what_was_found_is_told_where_it_is_no_secret(data: str, shown: str) -> None:
    assert waf_secrets.matched(data) == shown


def test_a_payload_is_shortened() -> None:
    data = f"Matched Data: {'x' * 5000} found within ARGS:q: {'x' * 5000}"
    assert len(waf_secrets.matched(data)) == waf_secrets.MAX_DATA
    assert len(waf_secrets.uri("/" + "a" * 100_000 + "?b=" + "c" * 100_000)) == waf_secrets.MAX_URI
    record = json.loads(json.dumps(MODSECURITY))
    record["transaction"]["request"]["uri"] = "/?q=" + "<" * 100_000
    record["transaction"]["messages"] *= 200
    assert len(told(record)) < 4000

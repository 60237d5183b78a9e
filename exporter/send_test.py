"""`threatboard send-test`: one synthetic alert over the path that Falco's alerts take."""

import argparse
import base64
import http.client
import json
import socket
import ssl
import sys
from contextlib import closing
from datetime import UTC, datetime
from urllib.parse import SplitResult, quote, unquote, urlsplit

from exporter.config.credentials import CredentialError, read_token, readable

RULE = "threatboard test alert"

TIMEOUT = 10.0


def alert(priority: str, namespace: str, now: datetime) -> dict[str, object]:
    """An alert as Falco 0.44 writes it, about a made-up workload."""
    time = now.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")
    fields = {
        "container.id": "0123456789ab",
        "container.name": "probe",
        "k8s.ns.name": namespace,
        "k8s.pod.name": "threatboard-probe-0",
        "proc.cmdline": "true",
        "proc.name": "true",
        "user.name": "nobody",
    }
    return {
        "hostname": socket.gethostname(),
        "output": f"{time}: {priority.capitalize()} A test alert sent by hand, nothing has happened",
        "output_fields": fields,
        "priority": priority.capitalize(),
        "rule": RULE,
        "source": "syscall",
        "tags": ["mitre_discovery"],
        "time": time,
    }


def send_test(options: argparse.Namespace) -> int:
    """Sends the alert, prints what happened and what to check next; 0 if it was accepted."""
    try:
        url = _parsed(options.url)
        headers = _headers(url, options)
        context = _context(options)
    except _UsageError as error:
        print(error, file=sys.stderr)
        return 2
    shown = f"{url.scheme}://{_address(url)}{url.path}"
    body = json.dumps(alert(options.priority, options.namespace, datetime.now(UTC)))
    try:
        with closing(_connection(url, context)) as connection:
            connection.request("POST", url.path + (f"?{url.query}" if url.query else ""), body, headers)
            response = connection.getresponse()
            text = response.read(4096).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        print(f"Not delivered to {shown}: {_explain(error, url.scheme)}", file=sys.stderr)
        return 1
    if response.status != http.HTTPStatus.NO_CONTENT:
        print(f"{shown} answered {response.status} {response.reason}: {text}", file=sys.stderr)
        print(_hint(response.status), file=sys.stderr)
        return 1
    print(f"{shown} accepted one {options.priority} alert of the rule {RULE!r}.")
    _print_next_steps(options.priority)
    return 0


class _UsageError(Exception):
    """What was typed cannot be used; the message does not repeat it, because it may hold a token."""


def _print_next_steps(priority: str) -> None:
    print("Check next:")
    print("  1. the receiver's status page (port 9376, path /) lists it under the newest events;")
    print(f'  2. in Prometheus, threat_falco_alerts_total{{rule="{RULE}"}} is 1 two scrapes from now;')
    if priority in ("emergency", "alert", "critical"):
        print("  3. an alert fires within an evaluation of that, and Alertmanager passes it on.")
    else:
        print("  3. with --priority critical the same alert also pages; try it once before you rely on it.")


def _parsed(text: str) -> SplitResult:
    """The URL with a path and with nothing in it that HTTP cannot send."""
    try:
        url = urlsplit(text)
        printable = text.isprintable() and " " not in text
        if printable and url.scheme in ("http", "https") and url.hostname and url.port != 0:
            url.hostname.encode("idna")
            path, query = (quote(part, safe="/%:@!$&'()*+,;=~?") for part in (url.path or "/", url.query))
            return url._replace(path=path, query=query)
    except ValueError:  # a port that is no number, half an IPv6 address, a host name with an empty label
        pass
    raise _UsageError("not an http:// or https:// URL; give the intake's, such as http://localhost:2801/falco")


def _context(options: argparse.Namespace) -> ssl.SSLContext:
    for file in (options.ca_file, options.cert_file):
        if file is not None and (problem := readable(file)):
            raise _UsageError(problem)
    try:
        context = ssl.create_default_context(cafile=options.ca_file)
    except ssl.SSLError:
        raise _UsageError(f"{options.ca_file} holds no usable PEM certificate") from None
    try:
        if options.cert_file is not None:
            context.load_cert_chain(options.cert_file)
    except ssl.SSLError:
        raise _UsageError(f"{options.cert_file} does not hold a PEM certificate and its private key") from None
    return context


def _connection(url: SplitResult, context: ssl.SSLContext) -> http.client.HTTPConnection:
    assert url.hostname is not None
    if url.scheme == "http":
        return http.client.HTTPConnection(url.hostname, _port(url), timeout=TIMEOUT)
    return http.client.HTTPSConnection(url.hostname, _port(url), timeout=TIMEOUT, context=context)


def _address(url: SplitResult) -> str:
    host = f"[{url.hostname}]" if ":" in str(url.hostname) else url.hostname
    return f"{host}:{_port(url)}"


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _headers(url: SplitResult, options: argparse.Namespace) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "threatboard-send-test"}
    if options.token_file is not None:
        try:
            read_token(options.token_file)  # for its sentences: the exporter reads its own the same way
        except CredentialError as error:
            raise _UsageError(str(error)) from None
        token = options.token_file.read_bytes().rstrip(b"\r\n").decode("latin-1")
        headers["Authorization"] = f"Bearer {token}"
    elif url.password is not None:
        pair = f"{unquote(url.username or '')}:{unquote(url.password)}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return headers


def _explain(error: Exception, scheme: str) -> str:
    match error:
        case ConnectionRefusedError():
            return "nothing listens there; is the receiver running, and is this its intake port (2801)?"
        case socket.gaierror():
            return "the host name is not known here; inside a cluster use SERVICE.NAMESPACE.svc"
        case TimeoutError():
            return f"no answer within {TIMEOUT:g}s; a NetworkPolicy may drop it"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted ({error.verify_message}); give its CA with --ca-file"
        case ssl.SSLError():
            return f"TLS failed ({error.reason}); does it want a client certificate (--cert-file), or plain http?"
        case ConnectionError() if scheme == "https":  # TLS 1.3 tells a client of its missing certificate too late
            return "it cut the connection; does it want a client certificate (--cert-file)?"
        case http.client.HTTPException() | ConnectionError():
            return "it did not answer in HTTP; is TLS on there (https://)?"
        case _:
            return str(error)


def _hint(status: int) -> str:
    match status:
        case 401:
            return "Give the token of intake.auth with --token-file, or in the URL, as Falco does: http://user:TOKEN@host/falco"
        case 404:
            return "The path is wrong, and Falco would lose every alert to it: use /falco."
        case 301 | 302 | 307 | 308:
            return "Falco does not follow redirects: give Falco the address that this one points to."
        case _:
            return "Falco takes every answer for a success, so it would not have told you."

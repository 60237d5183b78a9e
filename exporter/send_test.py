"""`threatboard send-test`: one synthetic alert over the path that Falco's alerts take."""

import argparse
import base64
import http.client
import json
import socket
import ssl
import sys
from datetime import UTC, datetime
from urllib.parse import SplitResult, unquote, urlsplit

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
    url = urlsplit(options.url)
    if url.scheme not in ("http", "https") or not url.hostname:
        print(
            f"{options.url!r} is not an http:// or https:// URL; give the intake's, such as http://localhost:2801/falco"
        )
        return 2
    path = url.path or "/"
    shown = f"{url.scheme}://{url.hostname}:{url.port or _port(url)}{path}"
    try:
        body = json.dumps(alert(options.priority, options.namespace, datetime.now(UTC)))
        connection = _connection(url, options)
        connection.request("POST", path + (f"?{url.query}" if url.query else ""), body, _headers(url, options))
        response = connection.getresponse()
        text = response.read(4096).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        print(f"Not delivered to {shown}: {_explain(error)}", file=sys.stderr)
        return 1
    if response.status != 204:
        print(f"{shown} answered {response.status} {response.reason}: {text}", file=sys.stderr)
        print(_hint(response.status), file=sys.stderr)
        return 1
    print(f"{shown} accepted one {options.priority} alert of the rule {RULE!r}.")
    print("Check next:")
    print("  1. the receiver's status page (port 9376, path /) lists it under the newest events;")
    print(f'  2. in Prometheus, threat_falco_alerts_total{{rule="{RULE}"}} is 1 two scrapes from now;')
    if options.priority in ("emergency", "alert", "critical"):
        print("  3. an alert fires within an evaluation of that, and Alertmanager passes it on.")
    else:
        print("  3. with --priority critical the same alert also pages; try it once before you rely on it.")
    return 0


def _connection(url: SplitResult, options: argparse.Namespace) -> http.client.HTTPConnection:
    assert url.hostname is not None
    if url.scheme == "http":
        return http.client.HTTPConnection(url.hostname, url.port or _port(url), timeout=TIMEOUT)
    context = ssl.create_default_context(cafile=options.ca_file)
    if options.cert_file is not None:
        context.load_cert_chain(options.cert_file)
    return http.client.HTTPSConnection(url.hostname, url.port or _port(url), timeout=TIMEOUT, context=context)


def _port(url: SplitResult) -> int:
    return 443 if url.scheme == "https" else 80


def _headers(url: SplitResult, options: argparse.Namespace) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "threatboard-send-test"}
    if options.token_file is not None:
        headers["Authorization"] = f"Bearer {options.token_file.read_text().strip()}"
    elif url.password is not None:
        pair = f"{unquote(url.username or '')}:{unquote(url.password)}"
        headers["Authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    return headers


def _explain(error: Exception) -> str:
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
        case http.client.HTTPException():
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

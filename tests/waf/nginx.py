"""A real nginx with ModSecurity 3 and the OWASP Core Rule Set, in front of a small application, on free ports.

with Nginx(tool("nginx"), folder, audit_file(folder / "audit.log")) as nginx:
    send(nginx.port, case)
"""

import os
from pathlib import Path
from typing import TypeAlias

from demo.servers import HOST, Server, free_port

RECORDS = (
    "SecAuditEngine RelevantOnly",
    # The application's own errors too, but for those of pages that are not there.
    'SecAuditLogRelevantStatus "^(?:5|40[0-35-9]|4[1-9])"',
    # No request body (C, I), no response body (E), no list of files (J); rules of the set add E, and this takes it out.
    "SecAuditLogParts ABFHZ",
    'SecAction "id:9000001,phase:5,pass,nolog,ctl:auditLogParts=-E"',
    "SecAuditLogFormat JSON",
)
"""Which requests are recorded, and what of them."""

JSON_BODIES = (
    'SecRule REQUEST_HEADERS:Content-Type "^application/json"'
    ' "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"'
)
"""From ModSecurity's recommended configuration."""


Audit: TypeAlias = tuple[str, ...]
"""ModSecurity's directives about audit records."""

NO_AUDIT: Audit = ("SecAuditEngine Off",)


def audit_file(path: Path) -> Audit:
    """Records are appended to a file, one JSON line for each."""
    return (*RECORDS, "SecAuditLogType Serial", f"SecAuditLog {path}")


def audit_url(url: str) -> Audit:
    """Records are posted to an address, within the request that caused each."""
    return (*RECORDS, "SecAuditLogType HTTPS", f"SecAuditLog {url}")


class Nginx(Server):
    """nginx and ModSecurity until the end of the `with`; `engine` is SecRuleEngine.

    `identity`: directives of nginx for what is protected, as modsecurity_transaction_id; `tags`: what the rule
    set's own default action adds to every rule.
    """

    def __init__(
        self,
        program: Path,
        folder: Path,
        audit: Audit,
        engine: str = "On",
        identity: str = "",
        tags: tuple[str, ...] = (),
        workers: int = 1,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tmp").mkdir(exist_ok=True)
        self.application = free_port()
        port = free_port()
        root = program.resolve().parent.parent / "debian"
        setup = (root / "etc/modsecurity/crs/crs-setup.conf").read_text()
        tagged = "".join(f",tag:{tag}" for tag in tags)
        (folder / "crs-setup.conf").write_text(setup.replace('log,auditlog,pass"', f'log,auditlog,pass{tagged}"'))
        (folder / "modsecurity.conf").write_text(_modsecurity(root, folder, audit, engine))
        (folder / "nginx.conf").write_text(_nginx(root, folder, port, self.application, identity, workers))
        command = [str(program), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")]
        super().__init__("nginx", command, folder, port, "/ready")


def _modsecurity(root: Path, folder: Path, audit: Audit, engine: str) -> str:
    crs = root / "etc/modsecurity/crs"
    return "\n".join(
        [
            f"SecRuleEngine {engine}",
            "SecRequestBodyAccess On",
            JSON_BODIES,
            "SecResponseBodyAccess Off",
            f"SecTmpDir {folder / 'tmp'}",
            f"SecDataDir {folder / 'tmp'}",
            f"SecUnicodeMapFile {root / 'etc/nginx/unicode.mapping'} 20127",
            f"Include {folder / 'crs-setup.conf'}",
            f"Include {crs / 'REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf'}",
            f"Include {root / 'usr/share/modsecurity-crs/rules'}/*.conf",
            f"Include {crs / 'RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf'}",
            *audit,
            "",
        ]
    )


def _nginx(root: Path, folder: Path, port: int, application: int, identity: str, workers: int) -> str:
    # Workers of root's would else be another user's, who may not read a test's folder.
    user = "user root;" if os.geteuid() == 0 else ""
    places = "\n".join(
        f"  {kind}_temp_path {folder / 'tmp' / kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""\
load_module {root}/usr/lib/nginx/modules/ngx_http_modsecurity_module.so;
daemon off;
{user}
worker_processes {workers};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
{places}
  modsecurity on;
  modsecurity_rules_file {folder}/modsecurity.conf;
  server {{
    listen {HOST}:{port};
    location = /ready {{ modsecurity off; return 200; }}
    # A location that answers by `return` does so before the firewall has read the body: hence the proxy.
    location / {{ {identity} proxy_pass http://{HOST}:{application}; proxy_set_header Host $host; }}
  }}
  server {{
    listen {HOST}:{application};
    modsecurity off;
    default_type text/plain;
    location / {{ return 200 "ok\\n"; }}
    location /static/nothing-here {{ return 404 "no\\n"; }}
    location /err {{ return 500 "boom\\n"; }}
    location /forbidden {{ return 403 "app says no\\n"; }}
  }}
}}
"""

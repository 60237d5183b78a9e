"""A real log shipper, syslog-ng: reads a file of audit records and posts them in batches; nothing is lost meanwhile."""

import json
import subprocess
from pathlib import Path
from typing import Self

HEADERS = 'headers("Content-Type: application/x-ndjson")'

FORMS = {
    # The line as it is, whatever bytes it holds.
    "ndjson": f'{HEADERS} body("$MSG") delimiter("\\n")',
    "array": 'headers("Content-Type: application/json") body("$MSG") body-prefix("[") delimiter(",") body-suffix("]")',
    # What collectors in Kubernetes put around a line: its text, and the pod that wrote it.
    "kubernetes": HEADERS
    + ' body("$(format-json --scope none stream=stdout log=$MSG kubernetes.namespace_name=edge'
    + ' kubernetes.pod_name=proxy-0 kubernetes.host=node-7)") delimiter("\\n")',
}
"""How a batch looks, by name."""

CONFIG = """\
@version: {version}
options {{ stats-freq(0); log-msg-size(1048576); }};
source audit {{ file({source} flags(no-parse) follow-freq(0.1) read-old-records(yes)); }};
destination exporter {{
  http(
    url({url}) method("POST") {form}
    batch-lines(100) batch-bytes(524288) batch-timeout(100) timeout(10) time-reopen(1) retries(1000000)
    disk-buffer(reliable(yes) disk-buf-size(104857600) mem-buf-size(1048576) dir({folder}))
  );
}};
log {{ source(audit); destination(exporter); flags(flow-control); }};
"""


class SyslogNg:
    """The shipper while it runs; `form` is one of `FORMS`."""

    def __init__(self, program: Path, folder: Path, source: Path, url: str, form: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "syslog-ng.conf"
        config.write_text(
            CONFIG.format(
                version=_version(program),
                source=json.dumps(str(source)),
                url=json.dumps(url),
                folder=json.dumps(str(folder)),
                form=FORMS[form],
            )
        )
        self._log = folder / "syslog-ng.log"
        own = {name: str(folder / name) for name in ("persist-file", "pidfile", "control")}
        self._command = [
            str(program),
            "--foreground",
            "--no-caps",
            f"--cfgfile={config}",
            *(f"--{option}={path}" for option, path in own.items()),
        ]

    def __enter__(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _version(program: Path) -> str:
    """The version that a configuration is written for: `3.38`."""
    said = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=True).stdout
    version = said[said.index("(") + 1 : said.index(")")]
    return ".".join(version.split(".")[:2])

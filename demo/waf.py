"""A WAF's audit record as ModSecurity 3.0.9 wrote it (`sql-injection.json`), sent as if it were of now."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class WafRecord:
    """A record in a file of this folder: nginx with the OWASP Core Rule Set 3.3.4, engine DetectionOnly."""

    file: str

    def body(self, when: datetime) -> bytes:
        """The line of the audit log; its unique id begins with the time in seconds, as ModSecurity makes it."""
        record = self._record()
        record["transaction"]["unique_id"] = f"{int(when.timestamp())}{when.microsecond:06d}.413421"
        return json.dumps(record).encode()

    def line(self) -> str:
        """The request and what the rules said of it, for people."""
        transaction = self._record()["transaction"]
        request, engine = transaction["request"], transaction["producer"]["secrules_engine"]
        rules = ", ".join(message["details"]["ruleId"] for message in transaction["messages"])
        asked = f"{request['method']} {request['headers']['Host']}{unquote(request['uri'])}"
        return f"ModSecurity ({engine}): {asked} -> {transaction['response']['http_code']}, rules {rules}"

    def _record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((HERE / self.file).read_bytes())
        return record

"""A second loader, of other people: wrk, where one is on the PATH. Loaders disagree: what wakes a server differs."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

from bench.load import CONNECTIONS, idle_cpu
from bench.subject import Subject
from demo.servers import HOST

SECONDS = 2
_DONE = re.compile(r"(\d+) requests in ")
_FAILED = re.compile(r"Non-2xx or 3xx responses: (\d+)")

_SCRIPT = """
local bodies = {%s}
local requests, next_one = {}, 0
init = function()
  local headers = {["Content-Type"] = "application/json"}
  for number, body in ipairs(bodies) do requests[number] = wrk.format("POST", "%s", headers, body) end
end
request = function()
  next_one = next_one %% #requests + 1
  return requests[next_one]
end
"""


def has_wrk() -> bool:
    """Is there a wrk to load with? Debian's package is `wrk`."""
    return shutil.which("wrk") is not None


def cost(server: Subject, bodies: Iterable[bytes], folder: Path) -> float:
    """CPU seconds that the server uses for each request of wrk, over kept-open connections for `SECONDS`."""
    script = folder / f"{server.intake}.lua"
    script.write_text(_SCRIPT % (", ".join(f"[==[{body.decode()}]==]" for body in bodies), server.path))
    url = f"http://{HOST}:{server.intake}{server.path}"
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", str(script), url]
    before = idle_cpu(server)
    run = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603
    used = idle_cpu(server) - before
    done = _DONE.search(run.stdout)
    if done is None or _FAILED.search(run.stdout):
        raise ConnectionError(f"wrk says: {run.stdout}")
    return used / int(done[1])

"""Records what a real Coraza writes: `python -m tests.waf.record PROGRAM NAME [ARGUMENT …]`.

PROGRAM is what `tests/waf/coraza` builds (an old Coraza: built with its version in go.mod), NAME the folder below
`tests/samples/waf/coraza/`; the rest goes to the program, as `-engine DetectionOnly -parts ABFHZ`. One file for each
case, the record as it was written; none where nothing was.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.waf.attacks import ATTACKS, BENIGN, OWN_ERRORS, send
from tests.waf.coraza import Coraza

SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "waf" / "coraza"

LONG = {"xss_script", "xss_img", "session_fixation", "other_host", "repeated_header", "invalid_utf8_uri", "sqli_json"}
"""Left out where records have a part K or are OCSF: rules' sources make each 10 to 20 KB, all alike."""


def main(arguments: Sequence[str]) -> int:
    """Sends all cases and writes a file for each record."""
    program, name, *rest = arguments
    folder = SAMPLES / name
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        log = Path(place, "audit.log")
        with Coraza(Path(program), ["-serial", str(log), *rest]) as coraza:
            read = 0
            for case in (*BENIGN, *OWN_ERRORS, *ATTACKS):
                send(coraza.port, case)
                time.sleep(0.05)  # the record may follow the answer
                record = log.read_bytes()[read:]
                read += len(record)
                if record and not (case.name in LONG and name.endswith(("-k", "-ocsf"))):
                    (folder / f"{case.name}.json").write_bytes(record)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

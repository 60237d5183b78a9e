"""A real Coraza with the Core Rule Set posts its records to a real exporter: it counts them exactly.

Runs only when asked for, by `make test-waf`, which builds Coraza.
"""

from pathlib import Path

import pytest

from demo.servers import free_port, wait_for
from tests.support.receiver import PATIENCE, receiver
from tests.support.receiver import Receiver as Exporter
from tests.waf.attacks import ATTACKS, BENIGN, OWN_ERRORS
from tests.waf.coraza import Coraza, build
from tests.waf.counting import CONFIG, LAST, attack, counted, events, wait_for_events
from tests.waf.receivers import NEVER, Receiver

CASES = (*BENIGN, *OWN_ERRORS, *ATTACKS, *BENIGN, LAST)

FORMS = {
    "json": ["-parts", "ABFHZ"],
    "json-k": ["-parts", "ABFHKZ"],
    "ocsf": ["-parts", "ABFHKZ", "-format", "OCSF"],
}


@pytest.fixture(scope="session")
def program() -> Path:
    """The program, built."""
    return build()


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("engine", "mode", "status", "verdict"),
    [("On", "blocking", 403, "blocked"), ("DetectionOnly", "detection_only", 200, "detected")],
)
def test_every_attack_is_one_event_and_nothing_else_is(
    program: Path, exporter: Exporter, form: str, engine: str, mode: str, status: int, verdict: str
) -> None:
    url = f"http://127.0.0.1:{exporter.intake}/waf"
    with Coraza(program, ["-url", url, "-engine", engine, *FORMS[form]]) as coraza:
        attacks = attack(coraza.port, CASES, status)
        wait_for_events(exporter, attacks)
    assert counted(exporter) == events("coraza", verdict, CASES)
    # OCSF does not say what the firewall does with attacks.
    said = "unknown" if form == "ocsf" else mode
    assert exporter.value("threat_waf_records_total") == attacks + len(OWN_ERRORS)
    assert exporter.value("threat_waf_records_total", engine="coraza", mode=said) == attacks + len(OWN_ERRORS)
    assert exporter.value("threat_events_rejected_total", control="waf") == 0
    assert exporter.value("threat_waf_inferred_verdicts_total") == 0


def test_a_file_of_records_may_be_posted_whole(program: Path, exporter: Exporter, tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    with Coraza(program, ["-serial", str(log), "-parts", "ABFHZ"]) as coraza:
        attack(coraza.port, CASES, 403)
        records = sum(bool(case.attack) for case in CASES) + len(OWN_ERRORS)
        assert wait_for(lambda: log.read_bytes().count(b"\n") == records, PATIENCE)
    assert exporter.post(log.read_bytes(), "/waf") == (204, None)
    assert counted(exporter) == events("coraza", "blocked", CASES)


def test_an_exporter_that_hangs_delays_the_attacker_alone(program: Path) -> None:
    """Coraza waits a second for its receiver, within the one request that it recorded."""
    with Receiver(NEVER) as hanging, Coraza(program, ["-url", hanging.url]) as coraza:
        attack(coraza.port, [*ATTACKS[:2], *BENIGN], 403)
        assert hanging.asked.is_set()
        assert not hanging.released.is_set()


def test_an_exporter_that_is_away_delays_nothing(program: Path) -> None:
    with Coraza(program, ["-url", f"http://127.0.0.1:{free_port()}/waf"]) as coraza:
        attack(coraza.port, [*ATTACKS, *BENIGN], 403)


def test_coraza_shows_a_token_that_is_in_the_address(program: Path, tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("s3cr3t-s3cr3t-s3cr3t")
    guarded = {**CONFIG, "intake": {"auth": {"token_file": str(secret)}}}
    with receiver(tmp_path / "exporter", **guarded) as exporter:
        url = f"http://threatboard:{secret.read_text()}@127.0.0.1:{exporter.intake}/waf"
        with Coraza(program, ["-url", url]) as coraza:
            wait_for_events(exporter, attack(coraza.port, CASES, 403))
        assert counted(exporter) == events("coraza", "blocked", CASES)

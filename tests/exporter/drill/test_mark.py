"""A mark is taken if it was made with the key, for its control, and lately; any other text is none."""

from hypothesis import assume, given
from hypothesis import strategies as st

from exporter.catalog.watch import DRILL_CONTROLS
from exporter.config.credentials import Secret
from exporter.drill.mark import AHEAD, VALID, Mark, make, read

NOW = 1_900_000_000.5
KEY = Secret(b"a key that nobody knows")
CONTROLS = st.sampled_from(DRILL_CONTROLS)
AGES = st.floats(-AHEAD + 1, VALID - 1)
KEYS = st.binary(min_size=16, max_size=64)


def test_a_mark_is_as_documented() -> None:
    signature = KEY.sign(b"threatboard-drill-ids-1900000000500")[:32]
    assert make(KEY, "ids", NOW).text == f"threatboard-drill-ids-1900000000500-{signature}"


@given(control=CONTROLS, age=AGES, key=KEYS, folder=st.text())
def test_what_was_made_is_read_with_its_control_and_its_time(control: str, age: float, key: bytes, folder: str) -> None:
    made = make(Secret(key), control, NOW - age)
    assert read(Secret(key), f"{folder}/{made.text}", NOW) == made == Mark(made.text, control, made.at)
    assert 0 <= NOW - age - made.at < 0.002


@given(control=CONTROLS, at=st.integers(0, 200), put=st.characters())
def test_any_changed_character_is_refused(control: str, at: int, put: str) -> None:
    text = make(KEY, control, NOW).text
    at %= len(text)
    assume(put not in (text[at], "/"))
    assert read(KEY, text[:at] + put + text[at + 1 :], NOW) is None


@given(control=CONTROLS, at=st.integers(0, 200), put=st.text(min_size=1, max_size=3))
def test_any_added_or_missing_character_is_refused(control: str, at: int, put: str) -> None:
    text = make(KEY, control, NOW).text
    at %= len(text) + 1
    assert read(KEY, text[:at] + text[at + 1 :], NOW) is None or at == len(text)
    if at or not put.endswith("/"):
        assert read(KEY, text[:at] + put + text[at:], NOW) is None


@given(text=st.text() | st.from_regex(r"threatboard-drill-[a-z]+-[0-9]*-[0-9a-f]*", fullmatch=True))
def test_text_that_nobody_signed_is_refused(text: str) -> None:
    assert read(KEY, text, NOW) is None


@given(control=CONTROLS, key=KEYS, other=KEYS)
def test_another_key_is_refused(control: str, key: bytes, other: bytes) -> None:
    assume(key.rstrip(b"\0") != other.rstrip(b"\0"))  # to HMAC a short key ends in zeros
    assert read(Secret(other), make(Secret(key), control, NOW).text, NOW) is None


@given(control=CONTROLS, other=CONTROLS)
def test_the_control_and_the_time_are_signed(control: str, other: str) -> None:
    text = make(KEY, control, NOW).text
    assume(control != other)
    assert read(KEY, text.replace(control, other), NOW) is None
    assert read(KEY, text.replace("1900000000500", "1900000000501"), NOW) is None


def test_a_mark_ends_after_ten_minutes_and_may_be_a_minute_ahead() -> None:
    text = make(KEY, "ids", NOW).text
    for age, is_taken in ((VALID, True), (VALID + 0.01, False), (-AHEAD, True), (-AHEAD - 0.01, False), (1e9, False)):
        assert (read(KEY, text, NOW + age) is not None) is is_taken, age

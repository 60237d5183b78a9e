"""What a bounded memory keeps, and when it forgets."""

from dataclasses import dataclass

from exporter.sources.falco_known import MAX_KINDS, MAX_SHAPES, KnownAlerts
from exporter.sources.memory import Memory


@dataclass
class Thing:
    used: bool = False


def remember(memory: Memory[int, Thing], key: int) -> None:
    if memory.has_room():
        memory.put(key, Thing())


def test_a_full_memory_takes_nothing_in_until_it_has_refused_ten_times_what_it_holds() -> None:
    memory: Memory[int, Thing] = Memory(3)
    for key in range(3):
        remember(memory, key)
    used = memory.get(1)
    assert used is not None
    used.used = True
    for key in range(100, 129):
        remember(memory, key)
    assert [memory.get(key) is not None for key in (0, 1, 2, 128)] == [True, True, True, False]

    remember(memory, 129)
    assert [memory.get(key) is not None for key in (0, 1, 2)] == [False, True, False]
    assert not used.used, "it must be used again to stay"
    remember(memory, 130)
    assert memory.get(130) is not None


def test_no_sender_can_make_the_memory_of_kinds_grow() -> None:
    known = KnownAlerts()
    for number in range(3 * MAX_KINDS):
        fields = b'{"k8s.ns.name":"n%d","x.y%d":1}' % (number, number % (2 * MAX_SHAPES))
        known.parse(b'{"rule":"r","output_fields":%b}' % fields, 1)
    long = b'{"rule":"r","hostname":"%b","output_fields":{"%b.x":1}}'
    for text in (b"h" * 2000, b"i" * 2000):
        known.parse(long % (b"h", text), 1)
        known.parse(long % (text, b"short"), 1)
    assert len(known._shapes) <= MAX_SHAPES
    assert len(known._kinds) <= MAX_KINDS
    assert sum(len(str(names)) for names in known._shapes._things) < MAX_SHAPES * 100
    assert not any(len(str(kind.hostname)) > 1000 for kind in known._kinds._things.values())

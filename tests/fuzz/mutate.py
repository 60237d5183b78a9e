"""Changes samples at random, as an attacker would who knows the format."""

import gzip
import random

PIECES = (
    b'{"rule":', b'"', b"\\", b"\\u0000", b"\\ud800", b"\xed\xa0\x80", b"\xff", b"\x00", b"\x85", b"\xe2\x80\xae",
    b"[", b"]", b"{", b"}", b",", b":", b"\n", b"\r\n", b"\x1e", b" ", b"null", b"true", b"NaN", b"Infinity", b"-",
    b"1e999", b"9" * 400, b"-0", b'"<NA>"', b'"rule"', b'"time"', b'"priority"', b'"output_fields"', b'"tags"',
    b'"hostname"', b'"k8s.ns.name"', b'"Falco internal: metrics snapshot"', b'"scap.n_evts"', b'"n_drops"',
    b"\xef\xbb\xbf", b"%d", b"%", b"x" * 3000, b"[" * 500, b'{"a":' * 200, b"0000-00-00T99:99:99Z", b"+99:99",
)  # fmt: skip


def mutated(seeds: list[bytes], chance: random.Random) -> bytes:
    """A sample with a few changes, or two spliced, sometimes compressed."""
    data = bytearray(chance.choice(seeds))
    for _ in range(chance.choice((1, 1, 2, 3, 8, 30))):
        start = chance.randrange(1, len(data) + 1)
        end = min(len(data), start + chance.choice((0, 0, 1, 2, 10, 100)))
        other = chance.choice(seeds)
        cut = chance.randrange(len(other))
        data[start:end] = chance.choice(
            (
                chance.choice(PIECES),
                chance.randbytes(chance.randrange(4)),
                other[cut : cut + chance.randrange(200)],
                data[start : start + 50] * chance.randrange(4),
            )
        )
    if chance.random() < 0.1:
        return bytes([4 + data[0] % 4]) + gzip.compress(bytes(data[1:]), 1)[: chance.choice((None, 40))]
    return bytes([data[0] % 4]) + bytes(data[1:]) if chance.random() < 0.9 else bytes(data)

"""Content-Encoding of a body: undone within a limit, so that a small body cannot become a large one in memory."""

import gzip
import io
import zlib

from exporter.sources import Rejected

_PLAIN = ("", "identity")
_GZIP = ("gzip", "x-gzip")


def decompress(body: bytes, encoding: str, limit: int) -> bytes | Rejected:
    """The body as it was before `encoding` (the Content-Encoding header's value, empty where there was none).

    Never holds more than `limit` bytes of output and a buffer. Rejected as `too_large`, `bad_encoding` (not gzip,
    or gzip cut short) or `unknown_encoding`.
    """
    encoding = encoding.strip().lower()
    if encoding in _GZIP:
        try:
            # One byte more than allowed tells "too large" from "just fits"; GzipFile reads several members as one.
            body = gzip.GzipFile(fileobj=io.BytesIO(body)).read(limit + 1)
        except EOFError:
            return Rejected("bad_encoding", "the gzip body ends in the middle")
        except (OSError, zlib.error):
            return Rejected("bad_encoding", "Content-Encoding says gzip, but the body is not gzip")
    elif encoding not in _PLAIN:
        return Rejected("unknown_encoding", "send the body as it is or with Content-Encoding: gzip")
    if len(body) > limit:
        return Rejected(
            "too_large", f"the body is larger than {limit} bytes: send smaller batches or raise intake.max_body"
        )
    return body

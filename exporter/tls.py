"""A TLS context that can be exchanged while its listener runs: certificates, keys and CAs rotate."""

import ssl


class Tls:
    """The TLS side of one listener: `context` is listened with for good, `use` changes what new connections get."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self._current = context
        # Called for every ClientHello, with or without a server name: the one place where a context can be exchanged
        # whole, which a CA that is trusted no longer needs.
        context.sni_callback = self._choose

    def use(self, context: ssl.SSLContext) -> None:
        """Takes another context into use for connections to come."""
        self._current = context

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str, _context: ssl.SSLContext) -> None:
        connection.context = self._current

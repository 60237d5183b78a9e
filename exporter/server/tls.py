"""A TLS context that can be exchanged while its listener runs: certificates, keys and CAs rotate."""

import ssl


class Tls:
    """The TLS side of one listener: `context` is listened with for good, `use` changes what new connections get."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.context = context
        self.use(context)
        # Called for every ClientHello, with or without a server name: the one place where a context can be exchanged
        # whole, which a CA that is trusted no longer needs.
        context.sni_callback = self._choose

    def use(self, context: ssl.SSLContext) -> None:
        """Takes another context into use for connections to come."""
        # A resumed session skips certificates: a client of a CA that is trusted no longer would get in with it. Without
        # tickets TLS 1.3 resumes nothing; what TLS 1.2 caches on this side cannot be turned off from Python.
        context.num_tickets = 0
        if context.verify_mode == ssl.CERT_REQUIRED:
            context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._current = context

    def _choose(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str, _context: ssl.SSLContext) -> None:
        connection.context = self._current

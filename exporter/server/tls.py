"""TLS of a listener: what every context is set to, and what a handshake that failed says about its client."""

import ssl

FAILURES: tuple[tuple[str, str, str], ...] = (
    (
        "HTTP_REQUEST",
        "tls_plain_http",
        "it speaks plain HTTP to a port with TLS; give it a URL that begins with https://",
    ),
    *(
        (
            ending,
            "tls_plain_http",
            "what it sends to a port with TLS is not TLS; a sender of events needs a URL that begins with https://",
        )
        for ending in ("WRONG_VERSION_NUMBER", "HTTPS_PROXY_REQUEST")  # OpenSSL knows four methods of HTTP by name
    ),
    (
        "PEER_DID_NOT_RETURN_A_CERTIFICATE",
        "tls_no_certificate",
        "it sent no client certificate; give it one that is signed by intake.tls.client_ca_file",
    ),
    (
        "CERTIFICATE_VERIFY_FAILED",
        "tls_bad_certificate",
        "its client certificate is not signed by intake.tls.client_ca_file, or not valid now",
    ),
    (
        "ALERT_UNKNOWN_CA",
        "tls_untrusted",
        "it does not trust our certificate; give it the CA that signed the certificate in tls.cert_file",
    ),
    (
        "ALERT_CERTIFICATE_EXPIRED",
        "tls_untrusted",
        "it found our certificate expired; renew the one in tls.cert_file",
    ),
    (
        "ALERT_BAD_CERTIFICATE",
        "tls_untrusted",
        "it refuses our certificate; check the names and the CA of the one in tls.cert_file",
    ),
    (
        "ALERT_CERTIFICATE_UNKNOWN",
        "tls_untrusted",
        "it refuses our certificate; check the names and the CA of the one in tls.cert_file",
    ),
    (
        "ALERT_PROTOCOL_VERSION",
        "tls_failed",
        "it speaks no TLS version that is taken here; TLS 1.2 is the oldest, with client certificates TLS 1.3",
    ),
    (
        "UNSUPPORTED_PROTOCOL",
        "tls_failed",
        "it speaks no TLS version that is taken here; TLS 1.2 is the oldest, with client certificates TLS 1.3",
    ),
)
"""End of OpenSSL's reason, reason to count, sentence about the client."""

NO_REQUEST = (
    "it ended the connection after the TLS handshake, without a request; a sender that does so refuses our certificate:"
    " check the CA, and that the name in its URL is in tls.cert_file (a probe should ask for /healthz)"
)
"""Where the handshake was good: senders compare names after it, and newer ones look for the CA only then."""


def prepare(context: ssl.SSLContext) -> ssl.SSLContext:
    """Sets what a context needs so that certificates and CAs can change while connections come."""
    # A resumed session skips certificates: a client of a CA that is trusted no longer would get in with it. Without
    # tickets TLS 1.3 resumes nothing; what TLS 1.2 caches on this side cannot be turned off from Python.
    context.num_tickets = 0
    if context.verify_mode == ssl.CERT_REQUIRED:
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


def distrusts(new: ssl.SSLContext, old: ssl.SSLContext) -> bool:
    """True if `old` took client certificates of a CA that `new` does not take."""
    return bool(set(old.get_ca_certs(binary_form=True)) - set(new.get_ca_certs(binary_form=True)))


def explain(error: BaseException) -> tuple[str, str]:
    """Why a handshake failed: a reason of the catalog, and a sentence that begins with the client as `it`."""
    if isinstance(error, TimeoutError) or "handshake is taking longer" in str(error):
        return "timeout", "it did not finish the TLS handshake in time"
    reason = getattr(error, "reason", None) or ""
    for ending, counted, sentence in FAILURES:
        if reason.endswith(ending):
            why = getattr(error, "verify_message", "")  # a certificate of the right CA may be one for servers only
            return counted, f"{sentence}: {why}" if why else sentence
    if isinstance(error, ssl.SSLError):
        return "tls_failed", f"the TLS handshake failed: {(reason or 'no reason given').replace('_', ' ').lower()}"
    return "tls_failed", "it closed the connection in the middle of the TLS handshake"

"""threatboard's exporter: takes security events over HTTP, counts them, and shows the counts to Prometheus."""

__version__ = "0.1.0"

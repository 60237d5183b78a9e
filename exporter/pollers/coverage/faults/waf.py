"""Faults of what is known of the WAF's hosts."""

from exporter.pollers.coverage.cluster import Cluster, Settings


def missing(cluster: Cluster, settings: Settings) -> list[str]:
    """Hosts of the cluster that `waf.hosts` does not know."""
    return sorted({one.host for one in cluster.all_hosts() if one.host != "*" and not settings.fits_host(one.host)})


def hosts_missing(cluster: Cluster, settings: Settings) -> bool | None:
    """A WAF is expected, and a host would be `other` in its events."""
    return bool(missing(cluster, settings)) if "waf" in settings.expected else None

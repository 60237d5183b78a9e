"""What `threatboard watch` reads elsewhere: each poller makes snapshots, which the page shows until the next."""

"""The counter store: series that are first shown at zero, bounded, expiring, durable; and who has seen what of them."""

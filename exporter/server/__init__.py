"""HTTP/1.1 for both listeners, with a budget for all that a client can make us hold or do. Knows no event."""

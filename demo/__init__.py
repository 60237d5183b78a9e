"""The attack that `make demo` plays, and the real servers that it and the tests start."""

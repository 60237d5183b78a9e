"""The drill: harmless acts that the security controls must see or stop, and the marks by which they are known."""

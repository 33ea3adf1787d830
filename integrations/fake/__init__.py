"""Forges in memory, for tests and the demo: in this process, or over HTTP for the real clients."""

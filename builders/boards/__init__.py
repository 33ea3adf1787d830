"""Boards as things of the lab: power, serial console, health check. Only the builder's own file counts."""

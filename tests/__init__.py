"""Rigline's tests."""

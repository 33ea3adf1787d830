"""Copies of the whole service in one file, and back again: from any PostgreSQL that Rigline runs on to any other."""

"""The schema's history: run by `rigline db upgrade`."""

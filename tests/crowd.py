"""How much longer things take on a machine that others use as well."""

import os


def crowd() -> float:
    """Give how many want each core, at least one: a promise in seconds is for a machine that is not overloaded."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))

"""How much hypothesis tries here: the same on a busy machine as on a quiet one."""

from hypothesis import HealthCheck, settings

QUIET = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RARE = settings(QUIET, max_examples=10)

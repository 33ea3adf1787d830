"""What one process measures of itself, as Prometheus collects it from web processes at `/metrics`."""

from prometheus_client import Counter, Histogram

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)

WAKE = Histogram(
    "rigline_claim_wake_seconds", "From waking a builder's held claim to its answer with a lease.", buckets=_SECONDS
)
CANCEL = Histogram(
    "rigline_cancel_seconds", "From a wish to cancel to the end of the attempt, its processes dead.", buckets=_SECONDS
)
LOG_BYTES = Counter("rigline_log_bytes", "Bytes of logs that builders have sent.")
REQUESTS = Counter("rigline_requests", "Requests answered.", ["area", "status"])
BUGS = Counter("rigline_bugs", "Answers that were faults of ours; the log has a trace of each.")

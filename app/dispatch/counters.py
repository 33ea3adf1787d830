"""What the operator may want an alarm on."""

from prometheus_client import Counter

DISAGREEMENTS = Counter(
    "rigline_queue_disagreements",
    "Entries of RQ that did not agree with the rows, put right by the sweep; 0 without faults.",
    ["kind"],
)
LEASES_ENDED = Counter("rigline_leases_ended_by_sweep", "Leases that the service itself ended.", ["reason"])
JOBS_GIVEN_UP = Counter("rigline_queued_jobs_given_up", "Jobs that ended without having been handed out.", ["state"])

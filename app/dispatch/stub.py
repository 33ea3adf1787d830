"""What an RQ job of a board queue points to: builders run jobs, the service never does."""


def run_on_a_builder(job_id: int) -> None:
    """Refuse: an ordinary RQ worker has been pointed at a board's queue.

    Raises:
        RuntimeError: always.
    """
    raise RuntimeError(f"job {job_id} runs on a builder; do not listen on board queues with an RQ worker")

"""RQ's worker, for RQ jobs that stand alone: nothing depends on them, they do not repeat and hold no slot.

RQ's own steps around a run are a dozen trips to Redis, as others may depend on it and a fork may lie between. Here
they are two, each of which happens as a whole or not at all.
"""

import redis
from rq import Queue
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.registry import StartedJobRegistry
from rq.utils import now
from rq.worker import BaseWorker, WorkerStatus


class AloneWorker(BaseWorker):
    """Takes RQ's own steps before a run in one trip to Redis, and those after a success in another."""

    def prepare_execution(self, job: Job) -> Execution:
        """Show the job as started by us, and take it out of RQ's safety copy of what was popped."""
        ttl = self.get_heartbeat_ttl(job)
        with self.connection.pipeline() as pipeline:
            execution = Execution.create(job, ttl, pipeline=pipeline, worker_name=self.name)
            self.executions[execution.id] = execution
            self.set_state(WorkerStatus.BUSY, pipeline=pipeline)
            self.heartbeat(ttl, pipeline=pipeline)
            job.heartbeat(now(), ttl, pipeline=pipeline)
            job.prepare_for_execution(self.name, pipeline=pipeline)
            pipeline.persist(job.key)
            pipeline.lrem(Queue(job.origin, connection=self.connection).intermediate_queue_key, 1, job.id)
            pipeline.execute()
        return execution

    def prepare_job_execution(self, job: Job, remove_from_intermediate_queue: bool = False) -> None:
        """Do nothing more: the step before has done it."""

    def handle_job_success(
        self, job: Job, queue: Queue, started_job_registry: StartedJobRegistry, execution: Execution
    ) -> None:
        """Keep the result, count it, and take the job out of the registries."""
        assert job.started_at is not None and job.ended_at is not None
        kept_s = job.get_result_ttl(self.default_result_ttl)
        with self.connection.pipeline() as pipeline:
            self.increment_successful_job_count(pipeline=pipeline)
            self.increment_total_working_time(job.ended_at - job.started_at, pipeline)
            job._handle_success(
                kept_s,
                pipeline=pipeline,
                worker_name=self.name,
                execution_id=execution.id,
                execution_started_at=execution.created_at,
                execution_ended_at=job.ended_at,
            )
            job.cleanup(kept_s, pipeline=pipeline, remove_from_queue=False)
            job._status = JobStatus.FINISHED
            self.cleanup_execution(job, pipeline=pipeline, execution=execution)
            self.rest(pipeline)
            pipeline.execute()

    def rest(self, pipeline: redis.Redis) -> None:
        """Add what else is to be written when a job has ended."""

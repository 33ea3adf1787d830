"""Background work of the service: RQ calls `run` with a task's name and the id of a row."""


def run(name: str, row_id: int = 0) -> None:
    """Run one task to its end; RQ's entry point, by name, so that web never loads the code of tasks."""
    from app.tasks import runtime  # noqa: PLC0415 - `app.task_queue` names this module from the web process

    runtime.current().run(name, row_id)

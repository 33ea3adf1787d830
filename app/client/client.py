"""One client for all of it."""

from app.client.history import History
from app.client.job_files import JobFiles
from app.client.jobs import Jobs
from app.client.lab import Lab
from app.client.pipelines import Pipelines
from app.client.planned import Planned


class Client(Pipelines, Jobs, JobFiles, Planned, Lab, History):
    """One connection to a service: what programs ask most, in types, and any other request by its path.

    Typed methods have the names, the parameters and the answers of the operations in `/docs`. Lists are read page by
    page while one goes through them, at most `most` items. Every call raises `Unreachable` or `Refused`.
    """

"""Run a commit on every board, wait, and print what each job left: python run_everywhere.py COMMIT REMOTE_URL."""

import os
import sys

from app.client import Client, Place, Refused, Unreachable, dispatch_run


def main(commit: str, remote_url: str) -> int:
    place = Place(server=os.environ["RIGLINE_URL"], token=os.environ["RIGLINE_TOKEN"])
    with Client(place) as client:
        ended = dispatch_run(client, commit, remote_url=remote_url, seconds=600)
    for job in ended.jobs:
        print(job.board, job.configuration, job.state, job.reason)
        print(*job.results, sep="\n")
    print(ended.error or ended.url)
    return 0 if ended.passed else 1


if __name__ == "__main__":
    try:
        sys.exit(main(*sys.argv[1:]))
    except (Refused, Unreachable) as problem:
        sys.exit(f"Error: {problem}")

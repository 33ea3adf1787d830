"""Check runs of GitHub: for Apps alone, with a neutral conclusion and re-run buttons."""

from typing import Any

from integrations.forge import Check, CommitStatus, Permanent, StatusState, Transient
from integrations.github.auth import App
from integrations.github.client import Client
from integrations.github.names import address

ANNOTATIONS = 50  # that GitHub takes with one call
MAX_SUMMARY = 65_000  # characters; GitHub takes 65,535
MAX_TITLE = 255
_OPEN = {StatusState.PENDING: "queued", StatusState.RUNNING: "in_progress"}
_CONCLUSIONS = {
    StatusState.SUCCESS: "success",
    StatusState.FAILURE: "failure",
    StatusState.ERROR: "failure",
    StatusState.CANCELLED: "cancelled",
    StatusState.SKIPPED: "neutral",
}


class Checks:
    """Check runs. Raises Transient or Permanent."""

    _client: Client
    _app: App | None

    async def set_check(self, check: Check) -> dict[str, Any]:
        """Make the check run, or change the one that an earlier call made."""
        if self._app is None:
            raise Permanent("GitHub has checks for Apps alone, and no App is configured")
        known = check.status.memory.get("check")
        path = address(check.status.full_name, "check-runs")
        if known is not None:
            made = await self._client.patch(f"{path}/{int(known)}", _data(check))
        else:
            made = await self._client.post(path, {"head_sha": check.status.commit, **_data(check)})
        try:
            return {"check": int(made["id"])}
        except (KeyError, TypeError, ValueError):
            raise Transient("GitHub's answer is no check run") from None


def _data(check: Check) -> dict[str, Any]:
    status: CommitStatus = check.status
    output = {"title": check.title[:MAX_TITLE], "summary": check.summary[:MAX_SUMMARY]}
    if check.annotations:
        output["annotations"] = [dict(each) for each in check.annotations[:ANNOTATIONS]]  # type: ignore[assignment]
    data: dict[str, Any] = {
        "name": status.context,
        "details_url": status.target_url,
        "external_id": check.external_id,
        "output": output,
    }
    if status.state in _OPEN:
        return {**data, "status": _OPEN[status.state]}
    return {**data, "status": "completed", "conclusion": _CONCLUSIONS[status.state]}

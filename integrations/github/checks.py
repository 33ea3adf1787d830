"""Check runs of GitHub: for Apps alone, with a neutral conclusion and re-run buttons."""

from typing import Any
from urllib.parse import quote

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
        """Make the check run, or change the one that an earlier call made, also one whose answer was lost."""
        if self._app is None:
            raise Permanent("GitHub has checks for Apps alone, and no App is configured")
        known = check.status.memory.get("check") or await self._made_before(check)
        path = address(check.status.full_name, "check-runs")
        data = _data(check)
        if known is None:
            made = await self._client.post(path, {"head_sha": check.status.commit, **data})
        else:
            if check.annotations and await self._is_annotated(f"{path}/{int(known)}"):
                del data["output"]["annotations"]
            made = await self._client.patch(f"{path}/{int(known)}", data)
        try:
            return {"check": int(made["id"])}
        except (KeyError, TypeError, ValueError):
            raise Transient("GitHub's answer is no check run") from None

    async def _made_before(self, check: Check) -> int | None:
        """Find the check run that an earlier call made, though we never heard its answer.

        One that has ended is taken up only by an end: what is tried again is a new check beside it.
        """
        name, ended = quote(check.status.context, safe=""), check.status.state not in _OPEN
        path = address(check.status.full_name, "commits", check.status.commit, "check-runs")
        found = await self._client.get(f"{path}?check_name={name}&filter=all&per_page=100")
        for each in found.get("check_runs", ()) if isinstance(found, dict) else ():
            if each.get("external_id") == check.external_id and (ended or each.get("status") != "completed"):
                return int(each["id"])
        return None

    async def _is_annotated(self, path: str) -> bool:
        """Tell whether a check run has its annotations: GitHub adds those of each call to the ones before."""
        shown = await self._client.get(path)
        return bool((shown.get("output") or {}).get("annotations_count")) if isinstance(shown, dict) else False


def _data(check: Check) -> dict[str, Any]:
    status: CommitStatus = check.status
    output: dict[str, Any] = {"title": check.title[:MAX_TITLE], "summary": check.summary[:MAX_SUMMARY]}
    if check.annotations:
        output["annotations"] = [dict(each) for each in check.annotations[:ANNOTATIONS]]
    data: dict[str, Any] = {
        "name": status.context,
        "details_url": status.target_url,
        "external_id": check.external_id,
        "output": output,
    }
    if status.state in _OPEN:
        return {**data, "status": _OPEN[status.state]}
    return {**data, "status": "completed", "conclusion": _CONCLUSIONS[status.state]}

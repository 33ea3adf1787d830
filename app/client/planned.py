"""Work that is asked for by name or by the clock: presets and schedules."""

from collections.abc import Iterator, Mapping
from typing import cast

from app.client.answers import PipelineTold, PresetTold, Ran, ScheduleRow
from app.client.asking import Asking, part
from app.client.place import Json


class Planned(Asking):
    """What one may ask of presets and schedules."""

    def list_presets(self, *, most: int | None = None) -> Iterator[PresetTold]:
        """List presets, those that are built in first."""
        return cast(Iterator[PresetTold], self.items("/presets", most=most))

    def show_preset(self, name: str) -> PresetTold:
        """Read one preset."""
        return cast(PresetTold, self.get(f"/presets/{part(name)}"))

    def dispatch_preset(
        self, name: str, *, arguments: Mapping[str, str | int | float | bool] | None = None, token: str | None = None
    ) -> PipelineTold:
        """Open the pipeline that a preset describes, and do not wait for it.

        Args:
            arguments: what is to be filled in, by name; scripts get each as `RIGLINE_ARG_NAME`.
            token: for a private remote.
        """
        body: Json = {"arguments": dict(arguments or {})}
        if token is not None:
            body["token"] = token
        return cast(PipelineTold, self.post(f"/presets/{part(name)}/dispatch", body))

    def list_schedules(self, *, repository: str | None = None, most: int | None = None) -> Iterator[ScheduleRow]:
        """List the rules of repositories that go by the clock."""
        return cast(Iterator[ScheduleRow], self.items("/schedules", repository=repository, most=most))

    def run_schedule(self, schedule_id: int) -> Ran:
        """Run a rule now, at the newest commits of its branches; its next time stays. Twice in one minute is once."""
        return cast(Ran, self.post(f"/schedules/{schedule_id}/run"))

    def pause_schedule(self, schedule_id: int) -> ScheduleRow:
        """Let a schedule rest until somebody resumes it."""
        return cast(ScheduleRow, self.post(f"/schedules/{schedule_id}/pause"))

    def resume_schedule(self, schedule_id: int) -> ScheduleRow:
        """Let a schedule go on at its next time; what it slept through is passed over."""
        return cast(ScheduleRow, self.post(f"/schedules/{schedule_id}/resume"))

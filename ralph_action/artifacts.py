"""Artifacts as one thing: upload one, list what may hold a checkpoint, fetch it safely, delete what is needless."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from ralph_action.checkpoint.stored import Stored
from ralph_action.errors import GitHubError
from ralph_action.github.context import Context
from ralph_action.ports import ArtifactKind

if TYPE_CHECKING:
    from ralph_action.github.client import Http
    from ralph_action.github.names import ArtifactName
    from ralph_action.github.results import Results


@dataclass(frozen=True, slots=True)
class Listed:
    """An artifact that may hold a checkpoint."""

    name: str
    kind: ArtifactKind
    refusal: str
    download: Callable[[Path], None]

    def fetch(self, into: Path) -> Path:
        """Download and unpack safely; return the folder."""
        from ralph_action.checkpoint.archive import unpack

        shutil.rmtree(into, ignore_errors=True)  # a run that was killed here has left its own
        into.mkdir(parents=True, exist_ok=True)
        zipped = into.with_suffix(".zip")
        try:
            self.download(zipped)
            unpack(zipped, into)
        finally:
            zipped.unlink(missing_ok=True)
        return into


@dataclass(frozen=True, slots=True)
class Place:
    """What names this run's artifacts: its task, the run and the attempt."""

    task: str
    run: str
    attempt: int


class Artifacts(Protocol):
    """Where zips of `.agent/` go and come from."""

    @property
    def gap_s(self) -> float:
        """How far apart uploads must be, but the last."""
        ...

    def upload(
        self, place: Place, kind: ArtifactKind, sequence: int, again: int, zipped: Path
    ) -> tuple[Stored, dict[str, str]]:
        """Store one; return it, and the outputs that name it."""
        ...

    def mine(self, place: Place) -> list[Stored]:
        """Those of this run and attempt."""
        ...

    def delete(self, name: str) -> None:
        """Delete one of those."""
        ...

    def listed(self, task: str) -> list[Listed]:
        """Those of the task, the newest first."""
        ...

    def run_is_over(self, run: str, attempt: int) -> bool:
        """Whether a run is known to have ended."""
        ...

    def close(self) -> None: ...


class RunStore:
    """One run's artifacts: where its artifact home puts them, and the outputs that name the last state or whole."""

    def __init__(self, artifacts: Artifacts, place: Place, outputs: dict[str, str]) -> None:
        self._artifacts = artifacts
        self._place = place
        self._outputs = outputs

    def upload(self, kind: ArtifactKind, sequence: int, again: int, zipped: Path) -> Stored:
        stored, outputs = self._artifacts.upload(self._place, kind, sequence, again, zipped)
        if kind is not ArtifactKind.SEGMENT:
            self._outputs.update(outputs)
        return stored

    def mine(self) -> list[Stored]:
        return self._artifacts.mine(self._place)

    def delete(self, name: str) -> None:
        self._artifacts.delete(name)


class ServiceArtifacts:
    """The job's artifact service for writing and reading, the REST API for earlier runs."""

    gap_s = 120.0
    """A job may make 500 artifacts, and lasts for hours."""

    def __init__(
        self,
        context: Context,
        token: str,
        retention_days: int,
        proxies: Mapping[str, str],
        say: Callable[[str], None],
        *,
        named_run: str = "",
    ) -> None:
        self._named_run = named_run
        """The run whose artifacts are listed; empty: the repository's newest."""
        self._context = context
        self._token = token
        self._retention_days = retention_days
        self._proxies = proxies
        self._say = say
        self._http: Http | None = None
        self._results: Results | None = None
        self.off = ""
        """Why nothing is uploaded; empty when it is."""
        if not context.runtime_token or not context.results_url:
            self.off = "there is no artifact service here (ACTIONS_RUNTIME_TOKEN and ACTIONS_RESULTS_URL are not set)."

    @property
    def can_read(self) -> bool:
        """Whether earlier runs' artifacts can be read all the same."""
        return bool(self._token and self._context.api_url and self._context.repository)

    def upload(
        self, place: Place, kind: ArtifactKind, sequence: int, again: int, zipped: Path
    ) -> tuple[Stored, dict[str, str]]:
        from ralph_action.github.names import artifact_name, parse
        from ralph_action.github.results import Disabled

        if self.off:
            raise GitHubError(self.off)
        name = artifact_name(kind, place.task, place.run, place.attempt, sequence)
        try:
            done = self._service().upload(name, zipped, first=again, retention_days=self._retention_days)
        except Disabled as problem:
            self.off = f"{problem} No further upload is tried in this run."
            raise GitHubError(self.off) from problem
        url = f"{self._context.run_url}/artifacts/{done.id}" if self._context.run_url else ""
        parsed = parse(done.name, place.task)
        stored = Stored(name=done.name, kind=kind, sequence=sequence, again=parsed.again if parsed else again)
        return stored, {"artifact-name": done.name, "artifact-id": done.id, "artifact-url": url}

    def mine(self, place: Place) -> list[Stored]:
        from ralph_action.github.names import parse

        if self.off or not place.run.isdecimal():
            return []
        named = ((entry.name, parse(entry.name, place.task)) for entry in self._service().list())
        return [
            Stored(name=name, kind=parsed.kind, sequence=parsed.sequence, again=parsed.again)
            for name, parsed in named
            if parsed and (parsed.run, parsed.attempt) == (int(place.run), place.attempt)
        ]

    def delete(self, name: str) -> None:
        self._service().delete(name)

    def listed(self, task: str) -> list[Listed]:
        from ralph_action.github.names import parse

        found: list[tuple[ArtifactName, Listed]] = []
        if not self.off:
            service = self._service()
            found += [
                (name, Listed(entry.name, name.kind, "", _later(service.download, entry)))
                for entry in service.list()
                if (name := parse(entry.name, task))
            ]
        if self.can_read:
            self._list_rest(task, found)
        found.sort(key=lambda pair: pair[0], reverse=True)
        return [item for _, item in found]

    def run_is_over(self, run: str, attempt: int) -> bool:
        from ralph_action.github.rest import Rest

        if not self.can_read:
            return False
        try:
            return Rest(self._client(), self._context, self._token).run_is_over(run, attempt)
        except GitHubError as problem:
            self._say(f"Whether run {run} still works on the task cannot be asked: {problem}")
            return False

    def close(self) -> None:
        if self._http is not None:
            self._http.close()

    def _list_rest(self, task: str, found: list[tuple[ArtifactName, Listed]]) -> None:
        from ralph_action.github.names import parse
        from ralph_action.github.rest import Rest, refusal

        known = {item.name for _, item in found}
        rest = Rest(self._client(), self._context, self._token)
        try:
            artifacts = rest.list_artifacts(self._named_run)
        except GitHubError as problem:
            self._say(f"Artifacts of earlier runs cannot be listed: {problem}")
            return
        for artifact in artifacts:
            name = parse(str(artifact.get("name")), task)
            if name is not None and str(artifact.get("name")) not in known:
                why = refusal(artifact, self._context)
                found.append((name, Listed(str(artifact["name"]), name.kind, why, _later(rest.download, artifact))))

    def _client(self) -> Http:
        from ralph_action.github.client import Http  # requests is slow to import

        if self._http is None:
            self._http = Http(self._proxies)
        return self._http

    def _service(self) -> Results:
        from ralph_action.github.results import Results

        if self._results is None:
            self._results = Results(self._client(), self._context.results_url, self._context.runtime_token)
        return self._results


Thing = TypeVar("Thing")


def _later(download: Callable[[Thing, Path], None], thing: Thing) -> Callable[[Path], None]:
    def fetch(into: Path) -> None:
        download(thing, into)

    return fetch

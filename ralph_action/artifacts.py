"""The artifact home as one thing: upload a state, list what may hold a checkpoint, fetch it safely."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from ralph_action.checkpoint.artifact_home import FolderHome
from ralph_action.errors import GitHubError
from ralph_action.github.context import Context
from ralph_action.state import TaskState

if TYPE_CHECKING:
    from ralph_action.github.client import Http
    from ralph_action.github.names import ArtifactName
    from ralph_action.github.results import Results


@dataclass(frozen=True, slots=True)
class Listed:
    """An artifact that may hold a checkpoint."""

    name: str
    refusal: str
    download: Callable[[Path], None]

    def fetch(self, into: Path) -> Path:
        """Download and unpack safely; return the folder."""
        from ralph_action.checkpoint.archive import unpack

        into.mkdir(parents=True, exist_ok=True)
        zipped = into.with_suffix(".zip")
        try:
            self.download(zipped)
            unpack(zipped, into)
        finally:
            zipped.unlink(missing_ok=True)
        return into


class Artifacts(Protocol):
    """Where zipped states go and come from."""

    @property
    def gap_s(self) -> float:
        """How far apart uploads must be, but the last."""
        ...

    def upload(self, state: TaskState, sequence: int, zipped: Path) -> dict[str, str]:
        """Store one; return the outputs that name it."""
        ...

    def listed(self, task: str) -> list[Listed]:
        """Those of the task, the newest first."""
        ...

    def run_is_over(self, run: str, attempt: int) -> bool:
        """Whether a run is known to have ended."""
        ...

    def close(self) -> None: ...


class FolderArtifacts:
    """A folder in place of the artifact service, for runs without one."""

    gap_s = 0.0

    def __init__(self, home: FolderHome) -> None:
        self._home = home

    def upload(self, state: TaskState, sequence: int, zipped: Path) -> dict[str, str]:
        del state
        return {"artifact-name": self._home.upload(sequence, zipped)}

    def listed(self, task: str) -> list[Listed]:
        del task
        found = sorted(self._home.folder.glob("ralph-state-*.zip"), reverse=True)
        return [Listed(path.name, "", _copier(path)) for path in found]

    def run_is_over(self, run: str, attempt: int) -> bool:
        del run, attempt
        return False

    def close(self) -> None:
        pass


def _copier(source: Path) -> Callable[[Path], None]:
    def copy(into: Path) -> None:
        shutil.copyfile(source, into)

    return copy


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

    def upload(self, state: TaskState, sequence: int, zipped: Path) -> dict[str, str]:
        from ralph_action.github.names import artifact_name
        from ralph_action.github.results import Disabled

        if self.off:
            raise GitHubError(self.off)
        name = artifact_name(state.task, state.run_id, state.run_attempt, sequence)
        try:
            done = self._service().upload(name, zipped, retention_days=self._retention_days)
        except Disabled as problem:
            self.off = f"{problem} No further upload is tried in this run."
            raise
        url = f"{self._context.run_url}/artifacts/{done.id}" if self._context.run_url else ""
        return {"artifact-name": done.name, "artifact-id": done.id, "artifact-url": url}

    def listed(self, task: str) -> list[Listed]:
        from ralph_action.github.names import parse

        found: list[tuple[ArtifactName, Listed]] = []
        if not self.off:
            service = self._service()
            found += [
                (name, Listed(entry.name, "", _later(service.download, entry)))
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
                found.append((name, Listed(str(artifact["name"]), why, _later(rest.download, artifact))))

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

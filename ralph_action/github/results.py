"""The artifact service of the running job: create, upload blocks, finalize, list, download, delete.

Source of the protocol: actions/toolkit, packages/artifact (Twirp over JSON), and the Azure block blob
calls of its upload. Version 4 and no mime_type are what every server accepts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ralph_action.durable import step
from ralph_action.errors import GitHubError
from ralph_action.github.client import Http

SERVICE = "twirp/github.actions.results.api.v1.ArtifactService"
CHANGES = frozenset({"CreateArtifact", "FinalizeArtifact", "DeleteArtifact"})
BLOCK_BYTES = 8 * 1024 * 1024
TRIES = 4
"""Uploads tried, each under a name of its own: a name whose finalize failed is burnt."""
MOST_NAMES = 20
"""Names tried, with those that were burnt before."""


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A finalized artifact: visible and downloadable from now on."""

    name: str
    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A listed artifact; the backend ids are its own and may be of another attempt."""

    name: str
    id: str
    run: str
    job: str
    created: str
    digest: str


class Disabled(GitHubError):
    """The service takes no upload for the rest of the run."""


def backend_ids(token: str) -> tuple[str, str]:
    """Read the run's and the job's backend id from the token, unverified. Raises GitHubError."""
    try:
        part = token.split(".")[1]
        payload = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        for scope in str(payload["scp"]).split(" "):
            words = scope.split(":")
            if words[0] == "Actions.Results" and len(words) == len(("scope", "run", "job")):
                return words[1], words[2]
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error) as problem:
        message = "The runtime token cannot be read."
        raise GitHubError(message) from problem
    message = "The runtime token names no artifact service."
    raise GitHubError(message)


class Results:
    """The service, for the job that `token` belongs to."""

    def __init__(self, http: Http, results_url: str, token: str) -> None:
        self._http = http
        scheme, _, rest = results_url.partition("://")
        self._origin = f"{scheme}://{rest.split('/')[0]}"
        self._token = token
        run, job = backend_ids(token)
        self._ids = {"workflow_run_backend_id": run, "workflow_job_run_backend_id": job}

    def upload(
        self, name: str, zipped: Path, *, first: int = 0, retention_days: int = 0, deadline_s: float = 120.0
    ) -> Uploaded:
        """Upload a zip under `name`, or `<name>-r<n>` when the name is taken or burnt; `first` is the first `n`.

        Raises:
            Disabled: not authorised, or the storage is full: do not try again in this run.
            GitHubError: it failed; the next checkpoint may try.

        """
        with zipped.open("rb") as stream:
            digest = "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
        failures, number = 0, first
        while True:
            wanted = f"{name}-r{number}" if number else name
            try:
                url = self._create(wanted, retention_days, deadline_s)
                self._send(url, zipped, deadline_s)
                return Uploaded(wanted, self._finalize(wanted, zipped.stat().st_size, digest, deadline_s), digest)
            except Disabled:
                raise
            except GitHubError as problem:
                number += 1
                failures += problem.status != 409  # noqa: PLR2004  a burnt name costs nothing: the next is tried
                if failures == TRIES or number - first == MOST_NAMES:
                    raise

    def list(self) -> list[Entry]:
        """The run's artifacts, those of earlier attempts too. Gitea answers 404 for an empty list."""
        answer = self._call("ListArtifacts", {}, allow=(200, 404))
        found = answer.get("artifacts") if isinstance(answer, dict) else None
        return [_entry(item) for item in found or [] if isinstance(item, dict)]

    def download(self, entry: Entry, into: Path) -> None:
        """Fetch an artifact's zip and check its digest. Raises GitHubError."""
        ids = {"workflow_run_backend_id": entry.run, "workflow_job_run_backend_id": entry.job}
        answer = self._call("GetSignedArtifactURL", {**ids, "name": entry.name})
        url = str(_get(answer, "signed_url"))
        self._http.retrying(lambda: self._http.request("GET", url, into=into))
        check_digest(into, entry.digest)

    def delete(self, name: str, *, deadline_s: float = 15.0) -> None:
        """Delete an artifact of this job; one that is gone is no error. Raises GitHubError."""
        self._call("DeleteArtifact", {"name": name}, allow=(200, 404), deadline_s=deadline_s)

    def _create(self, name: str, retention_days: int, deadline_s: float) -> str:
        body: dict[str, Any] = {"name": name, "version": 4}
        if retention_days:
            expires = datetime.now(UTC) + timedelta(days=retention_days)
            body["expires_at"] = expires.strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            answer = self._call("CreateArtifact", body, deadline_s=deadline_s)
        except GitHubError as problem:
            if problem.status in {401, 403} or "insufficient usage" in problem.message:
                raise Disabled(problem.message, status=problem.status) from problem
            if problem.status != 400 or not any(word in problem.message for word in ("version", "mime_type")):  # noqa: PLR2004
                raise
            newer = {**body, "version": 7, "mime_type": "application/zip"}
            answer = self._call("CreateArtifact", newer, deadline_s=deadline_s)
        return str(_get(answer, "signed_upload_url"))

    def _send(self, url: str, zipped: Path, deadline_s: float) -> None:
        """Blocks in order over one connection (some servers append them as they come), then their list."""
        blocks: list[str] = []
        with zipped.open("rb") as stream:
            while chunk := stream.read(BLOCK_BYTES):
                block = base64.b64encode(f"ralph-{len(blocks):08d}".encode()).decode()
                blocks.append(block)
                place = f"{url}&comp=block&blockid={block.replace('=', '%3D').replace('+', '%2B').replace('/', '%2F')}"
                headers = {"Content-Type": "application/octet-stream", "Accept": "application/xml"}
                with step("put block"):
                    self._put(place, chunk, headers, deadline_s)
        listed = "".join(f"<Latest>{block}</Latest>" for block in blocks)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{listed}</BlockList>'.encode()
        headers = {"Content-Type": "application/xml; charset=utf-8", "x-ms-blob-content-type": "application/zip"}
        with step("put block list"):
            self._put(f"{url}&comp=blocklist", body, headers, deadline_s)

    def _put(self, url: str, body: bytes, headers: Mapping[str, str], deadline_s: float) -> None:
        self._http.retrying(
            lambda: self._http.request("PUT", url, data=body, headers=headers, allow=(201,)), deadline_s=deadline_s
        )

    def _finalize(self, name: str, size: int, digest: str, deadline_s: float) -> str:
        """A 403 here may pass: in 2026 an intermediary gave it after complete uploads."""
        body = {"name": name, "size": str(size), "hash": digest}
        answer = self._call("FinalizeArtifact", body, deadline_s=deadline_s, retry_403=True)
        return str(_get(answer, "artifact_id"))

    def _call(
        self,
        method: str,
        fields: Mapping[str, object],
        *,
        allow: tuple[int, ...] = (200,),
        deadline_s: float = 60.0,
        retry_403: bool = False,
    ) -> dict[str, Any]:
        with step(method) if method in CHANGES else nullcontext():
            return self._answer(method, fields, allow, deadline_s, retry_403=retry_403)

    def _answer(
        self, method: str, fields: Mapping[str, object], allow: tuple[int, ...], deadline_s: float, *, retry_403: bool
    ) -> dict[str, Any]:
        url = f"{self._origin}/{SERVICE}/{method}"
        body = {**self._ids, **fields}
        answer = self._http.retrying(
            lambda: self._http.request("POST", url, token=self._token, json=body, allow=allow),
            deadline_s=deadline_s,
            also=lambda problem: retry_403 and problem.status == 403,  # noqa: PLR2004
        )
        if answer.status == 404:  # noqa: PLR2004
            return {}
        document = answer.json()
        if not isinstance(document, dict) or document.get("ok") is False:
            message = f"{method} was refused."
            raise GitHubError(message, status=answer.status)
        return document


def check_digest(path: Path, digest: str) -> None:
    """Compare a file with `sha256:<hex>`; an empty digest is not checked. Raises GitHubError."""
    if not digest:
        return
    with path.open("rb") as stream:
        found = "sha256:" + hashlib.file_digest(stream, "sha256").hexdigest()
    if found != digest:
        message = f"The download does not match its digest ({found[:19]}…, expected {digest[:19]}…)."
        raise GitHubError(message)


def _entry(item: Mapping[str, Any]) -> Entry:
    return Entry(
        name=str(_get(item, "name")),
        id=str(_get(item, "database_id")),
        run=str(_get(item, "workflow_run_backend_id")),
        job=str(_get(item, "workflow_job_run_backend_id")),
        created=str(_get(item, "created_at")),
        digest=str(_get(item, "digest")),
    )


def _get(item: Mapping[str, Any], name: str) -> object:
    """A field in either casing: GitHub answers snake_case, act and Gitea lowerCamelCase."""
    first, *rest = name.split("_")
    value = item.get(name, item.get(first + "".join(word.title() for word in rest), ""))
    return "" if value is None else value

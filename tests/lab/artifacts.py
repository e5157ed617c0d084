"""The artifact service and its blob store, as the toolkit's client speaks to them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, dict[str, str], bytes]
KNOWN_FIELDS = {
    "workflow_run_backend_id",
    "workflow_job_run_backend_id",
    "name",
    "expires_at",
    "version",
    "size",
    "hash",
    "name_filter",
    "id_filter",
}


def answer(document: object, status: int = 200, **headers: str) -> Answer:
    return status, {"Content-Type": "application/json", **headers}, json.dumps(document).encode()


def token(run: str, job: str) -> str:
    """A runtime token: never verified, read for its scope."""

    def part(document: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(document).encode()).decode().rstrip("=")

    scopes = f"Actions.ExampleScope Actions.Results:{run}:{job}"
    return f"{part({'alg': 'none'})}.{part({'scp': scopes})}.x"


@dataclass
class Artifact:
    """One artifact, from its creation on."""

    id: int
    run: str
    job: str
    name: str
    run_id: int
    head_repository_id: int
    created: str = field(default_factory=lambda: datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    blocks: dict[str, bytes] = field(default_factory=dict)
    data: bytes | None = None
    digest: str = ""
    finalized: bool = False


class Artifacts:
    """The store; every method answers one call."""

    def __init__(self) -> None:
        self.all: list[Artifact] = []
        self.camel = False
        """Answer in lowerCamelCase, as act and Gitea do."""
        self.strict = False
        """Refuse unknown fields, as act does."""
        self.hidden = False
        """After "Re-run all jobs" the lists show nothing of earlier attempts."""
        self.truncate = False
        self.runs: dict[str, tuple[int, int]] = {}
        """Backend run id → (run id, head repository id)."""
        self._lock = threading.Lock()

    def twirp(self, method: str, headers: dict[str, str], body: bytes, origin: str) -> Answer:
        bearer = headers.get("authorization", "")
        if not bearer.startswith("Bearer "):
            return answer({"code": "unauthenticated", "msg": "no token"}, 401)
        fields = json.loads(body)
        if self.strict and set(fields) - KNOWN_FIELDS:
            return answer({"code": "malformed", "msg": f"unknown field {set(fields) - KNOWN_FIELDS}"}, 500)
        with self._lock:
            status, document = getattr(self, f"_{method}")(fields, origin)
        return answer(self._cased(document), status)

    def blob(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if "authorization" in headers:
            return 400, {}, b"<Error><Code>InvalidAuthenticationInfo</Code></Error>"
        parts = urlsplit(path)
        query = parse_qs(parts.query)
        if query.get("sig") != ["s+g="]:
            return 403, {}, b"<Error><Code>AuthenticationFailed</Code></Error>"
        artifact = self.all[int(parts.path.rsplit("/", 1)[1])]
        if method == "GET":
            data = artifact.data or b""
            return 200, {"Content-Type": "application/zip"}, data[: len(data) // 2] if self.truncate else data
        if query.get("comp") == ["block"]:
            artifact.blocks[query["blockid"][0]] = body
            return 201, {}, b""
        if query.get("comp") == ["blocklist"]:
            wanted = re.findall(r"<Latest>([^<]+)</Latest>", body.decode())
            if any(block not in artifact.blocks for block in wanted):
                return 400, {}, b"<Error><Code>InvalidBlockList</Code></Error>"
            artifact.data = b"".join(artifact.blocks[block] for block in wanted)
            return 201, {}, b""
        return 200, {}, b""  # as act and Gitea: accepted, and stored nowhere

    def visible(self) -> list[Artifact]:
        return [] if self.hidden else [item for item in self.all if item.finalized]

    def _CreateArtifact(self, fields: dict[str, Any], origin: str) -> tuple[int, dict[str, Any]]:
        run, job = fields["workflow_run_backend_id"], fields["workflow_job_run_backend_id"]
        if any(item.run == run and item.name == fields["name"] for item in self.all):
            text = "an artifact with this name already exists on the workflow run"
            return 409, {"code": "already_exists", "msg": text}
        run_id, head = self.runs[run]
        made = Artifact(len(self.all), run, job, fields["name"], run_id, head)
        self.all.append(made)
        return 200, {"ok": True, "signed_upload_url": f"{origin}/blob/{made.id}?sv=2025-01-01&sig=s%2Bg%3D"}

    def _FinalizeArtifact(self, fields: dict[str, Any], _origin: str) -> tuple[int, dict[str, Any]]:
        made = self._find(fields)
        if made is None or made.data is None:
            return 404, {"code": "not_found", "msg": "artifact not found"}
        digest = "sha256:" + hashlib.sha256(made.data).hexdigest()
        if int(fields["size"]) != len(made.data) or fields.get("hash", digest) != digest:
            return 400, {"code": "invalid_argument", "msg": "size or hash does not match"}
        made.digest, made.finalized = digest, True
        return 200, {"ok": True, "artifact_id": str(made.id)}

    def _ListArtifacts(self, fields: dict[str, Any], _origin: str) -> tuple[int, dict[str, Any]]:
        run_id = self.runs[fields["workflow_run_backend_id"]][0]
        found = [item for item in self.visible() if item.run_id == run_id]
        if fields.get("name_filter"):
            found = [item for item in found if item.name == fields["name_filter"]]
        if fields.get("id_filter"):
            found = [item for item in found if str(item.id) == str(fields["id_filter"])]
        return 200, {
            "artifacts": [
                {
                    "workflow_run_backend_id": item.run,
                    "workflow_job_run_backend_id": item.job,
                    "database_id": str(item.id),
                    "name": item.name,
                    "size": str(len(item.data or b"")),
                    "created_at": item.created,
                    "digest": item.digest,
                }
                for item in found
            ]
        }

    def _GetSignedArtifactURL(self, fields: dict[str, Any], origin: str) -> tuple[int, dict[str, Any]]:
        made = self._find(fields)
        if made is None or not made.finalized:
            return 404, {"code": "not_found", "msg": "artifact not found"}
        return 200, {"signed_url": f"{origin}/blob/{made.id}?sig=s%2Bg%3D"}

    def _DeleteArtifact(self, fields: dict[str, Any], _origin: str) -> tuple[int, dict[str, Any]]:
        made = self._find(fields)
        if made is None or not made.finalized:
            return 404, {"code": "not_found", "msg": "artifact not found"}
        made.finalized = False
        return 200, {"ok": True, "artifact_id": str(made.id)}

    def _find(self, fields: dict[str, Any]) -> Artifact | None:
        run, name = fields["workflow_run_backend_id"], fields["name"]
        return next((item for item in self.all if item.run == run and item.name == name), None)

    def _cased(self, document: Any) -> Any:
        if not self.camel:
            return document
        if isinstance(document, list):
            return [self._cased(item) for item in document]
        if isinstance(document, dict):
            return {_camel(key): self._cased(value) for key, value in document.items()}
        return document


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)

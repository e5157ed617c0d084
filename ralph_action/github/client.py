"""The only user of requests: one session, timeouts on every call, bounded retries, no secret in a message."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3.exceptions

from ralph_action import __version__
from ralph_action.errors import GitHubError

TIMEOUT_S = (10.0, 60.0)
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
MAX_BODY = 16 * 1024 * 1024
MAX_DOWNLOAD = 2 * 1024**3
LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, read whole within MAX_BODY."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401  the caller checks what it reads
        """The body as JSON. Raises GitHubError."""
        import json

        try:
            return json.loads(self.body)
        except ValueError as problem:
            message = f"The answer (HTTP {self.status}) is no JSON."
            raise GitHubError(message, transient=True, status=self.status) from problem


class _Bearer(requests.auth.AuthBase):
    """An auth object, not a header: a .netrc in HOME would silently replace a header (requests, trust_env)."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Http:
    """One session for a run."""

    def __init__(
        self, proxies: Mapping[str, str] | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.proxies.update(proxies or {})
        self._session.headers["User-Agent"] = f"ralph-action/{__version__}"
        self.sleep = sleep

    def close(self) -> None:
        self._session.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        token: str = "",
        json: object = None,
        data: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        allow: Iterable[int] = (200,),
        into: Path | None = None,
    ) -> Response:
        """Make one call, without following redirects.

        Args:
            method: the HTTP method.
            url: where to.
            token: sent as a bearer; empty sends none.
            json: a body to send as JSON.
            data: a body to send as it is.
            headers: more headers.
            allow: the statuses that are no error.
            into: stream the body to this file, at most MAX_DOWNLOAD bytes.

        Raises:
            GitHubError: no answer (transient), or a status that is not allowed.

        """
        place = f"{method} {urlsplit(url).hostname}{urlsplit(url).path}"
        try:
            with self._session.request(
                method,
                url,
                auth=_Bearer(token),
                json=json,
                data=data,
                headers=dict(headers or {}),
                timeout=TIMEOUT_S,
                allow_redirects=False,
                stream=True,
            ) as answer:
                if answer.status_code not in set(allow):
                    raise _refused(place, answer)
                if into is not None:
                    _save(answer, into)
                    return Response(answer.status_code, dict(answer.headers), b"")
                body = answer.raw.read(MAX_BODY + 1, decode_content=True)
                return Response(answer.status_code, {key.lower(): value for key, value in answer.headers.items()}, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as problem:
            message = f"{place}: no answer, or one that broke off ({type(problem).__name__})."
            raise GitHubError(message, transient=True) from problem

    def retrying(
        self,
        call: Callable[[], Response],
        *,
        attempts: int = 5,
        deadline_s: float = 120.0,
        also: Callable[[GitHubError], bool] = lambda _problem: False,
    ) -> Response:
        """Repeat a call while its failure may pass: exponential with jitter, Retry-After honoured, a deadline.

        Raises:
            GitHubError: the last failure.

        """

        def wait(state: tenacity.RetryCallState) -> float:
            problem = state.outcome.exception() if state.outcome else None
            asked = problem.retry_after_s if isinstance(problem, GitHubError) else None
            jittered = tenacity.wait_exponential_jitter(initial=1, max=20, jitter=1)(state)
            return min(max(asked or 0.0, jittered), LONGEST_WAIT_S)

        retryer = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(attempts) | tenacity.stop_before_delay(deadline_s),
            wait=wait,
            retry=tenacity.retry_if_exception(
                lambda problem: isinstance(problem, GitHubError) and (problem.transient or also(problem))
            ),
            sleep=self.sleep,
            reraise=True,
        )
        return retryer(call)


def _save(answer: requests.Response, into: Path) -> None:
    size = 0
    with into.open("wb") as stream:
        for chunk in answer.iter_content(1024 * 1024):
            size += len(chunk)
            if size > MAX_DOWNLOAD:
                message = f"The download is larger than {MAX_DOWNLOAD} bytes."
                raise GitHubError(message)
            stream.write(chunk)


def _refused(place: str, answer: requests.Response) -> GitHubError:
    body = answer.raw.read(2000, decode_content=True).decode(errors="replace")
    said = " ".join(body.split())[:300]
    remedy = ""
    limited = answer.status_code in {403, 429} and (
        "retry-after" in answer.headers or answer.headers.get("x-ratelimit-remaining") == "0"
    )
    if answer.status_code in {403, 404} and "/actions/" in place and not limited:
        remedy = "Give the job `permissions: actions: read`."
    return GitHubError(
        f"{place}: HTTP {answer.status_code}: {said}",
        remedy=remedy,
        transient=answer.status_code in TRANSIENT or limited,
        status=answer.status_code,
        retry_after_s=_retry_after_s(answer.headers),
    )


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "")
    if text.isdecimal():
        return float(text)
    reset = headers.get("x-ratelimit-reset", "")
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return max(float(reset) - time.time(), 1.0)
    return None

"""What of ralph's own environment the calls over the network get."""

from __future__ import annotations

from collections.abc import Mapping

from ralph_action.workplace import Workplace


def proxies_of(env: Mapping[str, str]) -> dict[str, str]:
    """The proxies that HTTP goes through, by scheme."""
    return {scheme: env[name] for scheme in ("http", "https") if env.get(name := f"{scheme}_proxy")}


def vault_environment(env: Mapping[str, str], place: Workplace) -> dict[str, str]:
    """What the git calls that have the token get. On a laptop the user's own credential helpers count too."""
    names = ("PATH", "HOME", "SSH_AUTH_SOCK", "GIT_SSL_CAINFO", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "https_proxy")
    kept = {name: env[name] for name in names if env.get(name)}
    return {"PATH": place.environment["PATH"], "HOME": str(place.home)} | kept

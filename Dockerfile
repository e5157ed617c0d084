# A release pins the digest: --build-arg BASE=debian:trixie-slim@sha256:…
ARG BASE=docker.io/library/debian:trixie-slim
FROM ${BASE}

LABEL org.opencontainers.image.title="ralph-action" \
      org.opencontainers.image.description="Put a coding agent in a loop and never lose its work." \
      org.opencontainers.image.licenses="MIT"

# Node and npm install the agents' CLIs when they are asked for; tini reaps orphans.
# The base's digest decides the versions; a pinned one would vanish from the mirrors with the next point release.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates git nodejs npm python3 python3-venv tini \
    && rm -rf /var/lib/apt/lists/*

COPY requirements/run.txt /opt/ralph-action/requirements.txt
RUN python3 -m venv /opt/ralph-action/venv \
    && /opt/ralph-action/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
        --require-hashes -r /opt/ralph-action/requirements.txt

COPY ralph_action /opt/ralph-action/ralph_action
COPY entrypoint.py image/post /opt/ralph-action/
COPY image/ralph /usr/local/bin/ralph
RUN chmod 0755 /opt/ralph-action/post /usr/local/bin/ralph \
    && /opt/ralph-action/venv/bin/python -m compileall -q /opt/ralph-action/ralph_action

# No USER: a container action starts as root, and the agent runs as the workspace's owner. No shell: dash drops
# variables whose names hold a dash, and the inputs' do. By absolute path and isolated: no file of the
# workspace, no PYTHONPATH and no PATH of the job decides what runs.
ENTRYPOINT ["/usr/bin/tini", "--", "/opt/ralph-action/venv/bin/python", "-I", "/opt/ralph-action/entrypoint.py"]

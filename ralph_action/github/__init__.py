"""The runner's protocol, the REST API and the artifact service."""

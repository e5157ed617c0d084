"""One module an agent, and the runner of child processes."""

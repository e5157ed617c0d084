"""Put a coding agent in a loop, in CI or on your own machine, and never lose its work."""

__version__ = "0.1.0"

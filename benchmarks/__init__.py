"""Speed as ratios, each measured against something else in the same run: `python -m benchmarks`."""

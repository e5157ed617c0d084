"""The three homes of a checkpoint: writing them."""

"""`python -m ralph_action`."""

from ralph_action.main import console

if __name__ == "__main__":
    console()

"""`python -m toolkit` is `ocs-elastic`."""

from toolkit.cli.main import run

if __name__ == "__main__":
    run()

"""The command line program: `quantick run my.yaml`, or `python -m quantick run my.yaml`."""
import sys

from quantick._core import run_program


def main() -> int:
    """Runs the program on sys.argv; returns its exit status."""
    return run_program(["quantick", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())

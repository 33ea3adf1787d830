"""What `bin/rigline` of an instance runs: the command, as the instance's account where root calls it."""

import sys

from app import environment
from app.cli import main as rigline
from app.instance import account
from app.instance.place import InstanceError, Place

OF_ROOT = (
    "install",
    "uninstall",
    "upgrade",
    "start",
    "stop",
    "restart",
    "status",
    "ports",
)  # need root's rights


def main() -> None:
    """Become the instance's account unless the command manages the instance; then be `rigline`."""
    folder = environment.prefix()
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    if folder is not None and words[:1] and words[0] not in OF_ROOT:
        try:
            account.turn_into(Place(folder).installed().account)
        except InstanceError as problem:
            sys.exit(f"Error: {problem}")
    sys.argv[0] = "rigline"
    rigline()


if __name__ == "__main__":
    main()

"""Before there is a Python environment: where its wheels are.

    python3 -S -m lab.bundle wheels [FILE]

Prints the folder with the wheels of requirements.lock, taken out of the bundle FILE where that is
given; nothing if there are none. Errors go to standard error, with the exit code 1.
"""

import sys
from pathlib import Path

from lab.bundle import unpack
from lab.terminal.progress import Progress
from provisioning.host import wheels
from provisioning.run import remedy
from services.core.errors import LabError, printable_lines


def main(arguments: list[str]) -> int:
    """Print the folder; return the exit code."""
    if arguments[:1] != ["wheels"] or len(arguments) > 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        if len(arguments) == 2:
            with unpack.alone("make venv"):
                print(unpack.bring_wheels(Path(arguments[1]), Progress()))
        elif wheels.folder(wheels.key()).exists():
            print(wheels.folder(wheels.key()))
    except (LabError, OSError) as error:
        hint = error.hint if isinstance(error, LabError) else remedy(str(error))
        text = f"Error: {error}" + (f"\nHint: {hint}" if hint else "")
        print(printable_lines(text), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

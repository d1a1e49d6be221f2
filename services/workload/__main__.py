"""`python3 -S -E -m services.workload`: run the container that LAB_NAME and LAB_IMAGE name.

SIGTERM ends it at once, by its default action: there is nothing to clean up, and systemd
removes the runtime directory.
"""

import os
import sys

from services.core.catalogue import check_image
from services.core.errors import LabError
from services.workload import demo, nginx
from services.workload.identity import Identity, identify
from services.workload.listen import announce, listen


def main() -> int:
    """Serve until killed; return 1 and say why if that cannot be."""
    try:
        _run(identify(os.environ))
    except LabError as error:
        # One line: whoever started the unit is shown the last line of its journal.
        print(f"{error}; {error.hint}", file=sys.stderr)
        return 1
    return 0


def _run(identity: Identity) -> None:
    check_image(identity.image)
    listener = listen(identity)
    if identity.image == "nginx":
        nginx.serve(identity, listener)
    # Before the answer is built: a client that is quick waits in the backlog meanwhile.
    announce(identity, listener.getsockname()[1])
    demo.Responder(listener, identity.answer()).run()


if __name__ == "__main__":
    sys.exit(main())

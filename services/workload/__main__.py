"""Run the container that LAB_NAME and LAB_IMAGE name. By hand: python3 -m services.workload.

SIGTERM ends it at once, by its default action: there is nothing to clean up, and systemd
removes the runtime directory.
"""

import os
import sys

from services.core.catalogue import check_image
from services.core.errors import LabError
from services.workload.identity import Identity, identify
from services.workload.listen import announce, listen


def main() -> None:
    """Serve until killed; exit with 1 and print the reason if that is impossible."""
    try:
        _run(identify(dict(os.environ)))
    except LabError as error:
        # One line: push shows its user the last line of the container's journal.
        print(f"{error}; {error.hint}", file=sys.stderr)
        sys.exit(1)


def _run(identity: Identity) -> None:
    check_image(identity.image)
    listener, port = listen(identity)
    # Each image imports only its own module.
    if identity.image == "nginx":
        from services.workload import nginx

        nginx.serve(identity, listener.detach(), port)
    else:
        from services.workload import demo

        announce(identity, port)
        demo.Responder(listener, identity.answer()).run()


if __name__ == "__main__":
    main()

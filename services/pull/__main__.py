"""`python -m services.pull --data DIR --listen 127.0.0.1:PORT`: run the state server.

[--node-listen ADDRESS:PORT --tokens FILE]  the node realm, for agents on the lab's network
[--profile NAME]  timing profile; by default LAB_PROFILE, and `seed` without that
[--log text|json]
"""

import sys

from gevent import monkey

if __name__ == "__main__":
    # Before anything else is imported: from here on a lock, an event or a socket that waits lets
    # the other greenlets run.
    monkey.patch_all()
    from services.pull.command import main

    sys.exit(main())

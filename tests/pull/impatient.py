"""`python -m tests.pull.impatient PATIENCE …`: the state server, with other limits on its clients.

PATIENCE: fields of services.web.server.Patience, as JSON. The rest as for services.pull.
"""

import json
import sys

from gevent import monkey

if __name__ == "__main__":
    monkey.patch_all()
    from services.pull.command import main
    from services.web.server import Patience

    sys.exit(main(sys.argv[2:], patience=Patience(**json.loads(sys.argv[1]))))

"""What both APIs share of HTTP: JSON in, JSON errors out, and what an operator may ask.

How it is served is in services.web.server, which only the two programs import.
"""

from services.web.app import BAD_INPUT as BAD_INPUT
from services.web.app import add_document as add_document
from services.web.app import add_metrics as add_metrics
from services.web.app import add_ready as add_ready
from services.web.app import make_bottle as make_bottle
from services.web.body import BODY_LIMIT_BYTES as BODY_LIMIT_BYTES
from services.web.body import REPORT_LIMIT_BYTES as REPORT_LIMIT_BYTES
from services.web.body import note as note
from services.web.body import read_json as read_json
from services.web.body import refusal as refusal
from services.web.body import sent as sent
from services.web.listen import announce as announce
from services.web.listen import listen as listen
from services.web.listen import listen_address as listen_address

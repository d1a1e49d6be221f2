"""The real nginx as a container: in the foreground, without privileges, all its files in
the unit's runtime directory.

nginx cannot speak to systemd, so a helper does: a child that lives in the unit's cgroup
until nginx has answered a request. nginx itself becomes the unit's main process.
"""

import os
import sys
from _socket import socket

from services.core.errors import LabError
from services.lib.sd_notify import wait_until_heard
from services.workload.identity import Identity
from services.workload.listen import announce

PROGRAM = "/usr/sbin/nginx"

# The answer is the same document as the demo's; one worker is enough for that.
_CONFIG = """\
daemon off;
worker_processes 1;
error_log stderr warn;
pid {runtime}/nginx.pid;
lock_file {runtime}/nginx.lock;
events {{ worker_connections 128; }}
http {{
    access_log off;
    server_tokens off;
    default_type application/json;
    client_body_temp_path {runtime}/body;
    proxy_temp_path {runtime}/proxy;
    fastcgi_temp_path {runtime}/fastcgi;
    uwsgi_temp_path {runtime}/uwsgi;
    scgi_temp_path {runtime}/scgi;
    server {{
        listen 0.0.0.0:{port};
        root {runtime}/www;
        location / {{ rewrite ^ /answer.json break; }}
        # nginx answers 405 to a POST of a plain file; the demo answers 200.
        error_page 405 =200 /answer.json;
    }}
}}
"""
_HEARD_WITHIN_S = 30
# `import signal` builds enums of all its names.
_SIGTERM = 15


def configure(identity: Identity, port: int) -> str:
    """Write nginx' configuration and its one document; return the configuration's path."""
    www = f"{identity.runtime}/www"
    os.makedirs(www, exist_ok=True)
    with open(f"{www}/answer.json", "wb") as file:
        file.write(identity.answer())
    path = f"{identity.runtime}/nginx.conf"
    with open(path, "w") as file:
        file.write(_CONFIG.format(runtime=identity.runtime, port=port))
    return path


def serve(identity: Identity, listener: int, port: int) -> None:
    """Become nginx on the socket `listener`; a child announces it once it answers. Never returns.

    nginx inherits the listening socket in the way in which it hands its own to a newer
    binary (the variable NGINX), so the port cannot be lost between choosing and using it,
    and a connection made now waits in the backlog until nginx accepts it.
    """
    if not os.access(PROGRAM, os.X_OK):
        raise LabError(
            f"{PROGRAM} is not installed",
            hint="apt-get install --no-install-recommends nginx-light",
        )
    config = configure(identity, port)
    if os.fork() == 0:
        _help(identity, listener, port)
    os.set_inheritable(listener, True)
    argv = [PROGRAM, "-e", "stderr", "-p", identity.runtime, "-c", config]
    os.execve(PROGRAM, argv, {"NGINX": f"{listener};"})  # noqa: S606 - no shell wanted


def _help(identity: Identity, listener: int, port: int) -> None:
    """In the child: wait for nginx' first answer, announce it, and end. Never returns."""
    code = 1
    try:
        # This copy would keep the connection below waiting after nginx failed to start.
        os.close(listener)
        status = first_answer(port)
        if status.startswith("HTTP/1.1 200 "):
            announce(identity, port)
            # systemd finds a message's unit by the sender's cgroup, so the sender must still live.
            wait_until_heard(_HEARD_WITHIN_S)
            code = 0
        elif status:
            # Without this the unit would wait for its whole start timeout.
            print(f"nginx answers {status!r} instead of 200", file=sys.stderr)
            os.kill(identity.pid, _SIGTERM)
    finally:
        os._exit(code)


def first_answer(port: int) -> str:
    """Wait for an answer on `port`; return its status line, or "" if nothing listens there."""
    try:
        connection = socket()
        connection.connect(("127.0.0.1", port))
        connection.sendall(b"HEAD / HTTP/1.0\r\n\r\n")
        answer = connection.recv(256)
        connection.close()
    except OSError:
        return ""
    return answer.decode("latin-1").partition("\r\n")[0]

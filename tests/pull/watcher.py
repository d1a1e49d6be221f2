"""One client that watches, on a connection of its own; and how many the server knows of."""

import http.client
import select

from tests.waiting import wait_for


class Watcher:
    """One connection that asks and waits. path: of something that can be watched."""

    def __init__(self, address, path, *, token=""):
        host, port = address
        self._connection = http.client.HTTPConnection(host, port, timeout=20)
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._path = path
        self.etag = self.ask()[1]

    def ask(self):
        """Ask, without a condition; return the status and the ETag."""
        self.send(None)
        return self.answer()

    def send(self, wait_s, **headers):
        if wait_s is not None:
            headers = {"If-None-Match": self.etag, **headers}
        mark = "&" if "?" in self._path else "?"
        path = self._path if wait_s is None else f"{self._path}{mark}wait={wait_s}"
        self._connection.request("GET", path, headers={**self._headers, **headers})

    def fileno(self):
        return self._connection.sock.fileno()

    def is_answered(self, within_s=0.0):
        return bool(select.select([self], [], [], within_s)[0])

    def answer(self):
        response = self._connection.getresponse()
        self.body = response.read()
        return response.status, response.getheader("ETag")

    def close(self):
        self._connection.close()


def waiting(client):
    """How many the server says wait."""
    lines = client("GET", "/metrics").text.splitlines()
    return sum(float(line.split()[1]) for line in lines if line.startswith("pull_watchers{"))


def all_wait(client, count):
    wait_for(lambda: waiting(client) == count, f"{count} wait", timeout_s=30)

"""Whether the service of this container is healthy: exit code 0 if its /healthz returns 200. Standard library only."""

import http.client
import os
import sys

DEFAULT_PORT = "9100"


def main() -> int:
    """Request /healthz of the service on this machine."""
    port = int(os.environ.get("MM_SERVICE__METRICS_PORT", DEFAULT_PORT))
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=4)
    try:
        client.request("GET", "/healthz")
        return 0 if client.getresponse().status == http.HTTPStatus.OK else 1
    except OSError as error:
        print(f"error: no answer on port {port}: {error}", file=sys.stderr)  # noqa: T201  # docker shows it
        return 1


if __name__ == "__main__":
    sys.exit(main())

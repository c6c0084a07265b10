"""What a client sends on its WebSocket, and the replies: SUBSCRIBE and the like. Pure."""

from typing import Any
from urllib.parse import parse_qs

import msgspec

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
COMBINED = "combined"
_UNKNOWN_PROPERTY, _NO_BOOLEAN, _INVALID, _NO_JSON = 0, 1, 2, 3
_ID_CHARS_MAX = 36
_NO_ID = "request ID must be an unsigned integer"


class RefusedError(Exception):
    """A request that the venue does not take: its code and its text."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def opened(path: str, query: str, streams_max: int) -> "Subscriptions":
    """What an address subscribes to: /ws, /ws/<a>/<b>, /stream?streams=<a>/<b>. RefusedError for what is not offered.

    `/stream/ws/<n>`, as ccxt connects, is raw; a name that is no stream stays silent, as at the venue.
    """
    options = parse_qs(query, keep_blank_values=True)
    unit = (options.get("timeUnit", []) + options.get("timeunit", []) or ["MILLISECOND"])[0].upper()
    if unit != "MILLISECOND":
        raise RefusedError(_INVALID, f"timeUnit {unit}: the recording is played in its own unit, expected no timeUnit")
    is_combined = path == "/stream"
    names = options.get("streams", [""])[0] if is_combined else path.partition("/ws")[2].strip("/")
    subscriptions = Subscriptions(is_combined=is_combined, streams_max=streams_max)
    subscriptions.add([name for name in names.split("/") if name])
    return subscriptions


class Subscriptions:
    """The streams of one connection, in the order of the requests, and how they are sent."""

    def __init__(self, *, is_combined: bool, streams_max: int) -> None:
        self.streams: dict[str, None] = {}
        self.is_combined = is_combined
        self._streams_max = streams_max

    def add(self, names: list[str]) -> None:
        """Subscribe. RefusedError, and nothing of it, if that is more than a connection may have."""
        streams = self.streams | dict.fromkeys(names)
        if len(streams) > self._streams_max:
            raise RefusedError(_INVALID, f"Invalid request: more than {self._streams_max} streams")
        self.streams = streams

    def answer(self, text: str) -> bytes:
        """Apply a message; the reply to it."""
        request_id = None
        try:
            request = _read(text)
            request_id = _checked_id(request)
            result = self._do(request)
        except RefusedError as error:
            refusal: dict[str, Any] = {"code": error.code, "msg": str(error)}
            return msgspec.json.encode(refusal | ({} if request_id is None else {"id": request_id}))
        return msgspec.json.encode({"result": result, "id": request_id})

    def _do(self, request: dict[str, Any]) -> Any:
        method, params = request["method"], request.get("params") or []
        if method == "LIST_SUBSCRIPTIONS":
            return list(self.streams)
        if not isinstance(params, list):
            raise RefusedError(_INVALID, "Invalid request: params must be a list")
        if method.endswith("PROPERTY"):
            return self._property(method, params)
        if not params or not all(isinstance(name, str) for name in params):
            raise RefusedError(_INVALID, "Invalid request: params must be a list of stream names")
        if method == "SUBSCRIBE":
            self.add(params)
        else:
            self.streams = {name: None for name in self.streams if name not in params}
        return None

    def _property(self, method: str, params: list[Any]) -> Any:
        required = 2 if method == "SET_PROPERTY" else 1
        if not params or not isinstance(params[0], str):
            raise RefusedError(_INVALID, "Invalid request: property name must be a string")
        if len(params) > required:
            raise RefusedError(_INVALID, "Invalid request: too many parameters")
        if params[0] != COMBINED:
            raise RefusedError(_UNKNOWN_PROPERTY, "Unknown property")
        if method == "GET_PROPERTY":
            return self.is_combined
        if len(params) < required or not isinstance(params[1], bool):
            raise RefusedError(_NO_BOOLEAN, "Invalid value type: expected Boolean")
        self.is_combined = params[1]
        return None


def _read(text: str) -> dict[str, Any]:
    try:
        request = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise RefusedError(_NO_JSON, "Invalid JSON: expected value at line 1 column 1") from error
    if not isinstance(request, dict) or "method" not in request:
        raise RefusedError(_INVALID, f"Invalid request: missing field `method` at line 1 column {len(text)}")
    if request["method"] not in METHODS:
        expected = ", ".join(f"`{method}`" for method in METHODS)
        raise RefusedError(
            _INVALID, f"Invalid request: unknown variant `{request['method']}`, expected one of {expected}"
        )
    return request


def _checked_id(request: dict[str, Any]) -> int | str | None:
    """A number of 64 bits, up to 36 letters and digits (a uuid's hyphens too), or null."""
    given = request.get("id")
    if given is None or (isinstance(given, int) and not isinstance(given, bool) and -(1 << 63) <= given < 1 << 63):
        return given
    if isinstance(given, str) and len(given) <= _ID_CHARS_MAX and given.replace("-", "a").isalnum():
        return given
    raise RefusedError(_INVALID, f"Invalid request: {_NO_ID}")

"""Which failure of ClickHouse is whose: the world's, to be tried again, or the user's."""

from collections.abc import Iterator
from contextlib import contextmanager

from clickhouse_connect.driver.exceptions import DatabaseError, Error, OperationalError
from urllib3.exceptions import HTTPError

from mm_core.types import InputError

TRANSIENT_CODES = (
    *(74, 75, 76, 243, 425, 1001),  # files and disks
    *(159, 209, 210, 279, 319),  # time-outs, network, and an insert whose end is unknown
    *(173, 202, 203, 241, 252, 290, 439, 745),  # too much at once
    *(236, 242, 394, 415),  # stopping, or not writable at the moment
)
REFUSED_CODES = (81, 164, 192, 193, 194, 195, 497, 516)  # database, user, password, privileges


class StoreUnavailable(Exception):  # noqa: N818 - it names a state, and it may be transient
    """The store cannot be reached, or cannot take more now. Nothing is lost: the same call may be made again."""


@contextmanager
def reaching(where: str) -> Iterator[None]:
    """Let what fails outside come out as StoreUnavailable and what was given wrong as InputError; a bug stays a bug."""
    try:
        yield
    except (HTTPError, OSError) as error:
        raise StoreUnavailable(f"{where}: {one_line(error)}") from error
    except Error as error:
        if error.code in REFUSED_CODES:
            raise InputError(f"{where}: {one_line(error)}; expected the store's user, password and database") from error
        if is_transient(error):
            raise StoreUnavailable(f"{where}: {one_line(error)}") from error
        raise


def is_transient(error: Error) -> bool:
    """Whether an error is transient: a later try may succeed."""
    nameless = type(error) is DatabaseError and error.code is None  # a proxy's answer, not ClickHouse's
    return nameless or isinstance(error, OperationalError) or error.code in TRANSIENT_CODES


def one_line(error: Exception) -> str:
    """The message of an error in one line, without the engine's version and the address of the request."""
    text = " ".join(str(error).split())
    for tail in (" (for url ", " (version "):
        text = text.partition(tail)[0]
    return text.replace("DB::Exception: ", "")

"""Prints the log of a session that its store holds, a JSON array a record: `python -m mm_session.stored_records`.

Arguments: the section `store` of the configuration as JSON, and the first sequence.
"""

import sys

import msgspec

from mm_service.settings import StoreSettings
from mm_service.store_login import open_as
from mm_store.clickhouse.log_table import read_records
from mm_store.clickhouse.store import open_store


def main() -> None:
    """Read and print."""
    store = msgspec.json.decode(sys.argv[1], type=StoreSettings)
    client = open_as(store, open_store)
    for record in read_records(client, store.session, int(sys.argv[2])):
        sys.stdout.buffer.write(msgspec.json.encode(tuple(record)) + b"\n")


if __name__ == "__main__":
    main()

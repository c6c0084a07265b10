"""How large the store is, and how much room its disk has, as ClickHouse itself reports."""

from clickhouse_connect.driver.client import Client

from mm_store.clickhouse.errors import reaching

_BYTES = "SELECT sum(bytes_on_disk) FROM system.parts WHERE database = currentDatabase() AND active"
# Of several disks the one with the least room counts.
_FREE = "SELECT min(free_space) FROM system.disks"


class Sizes:
    """Bytes of all tables, and room on their disk, when they were last queried."""

    def __init__(self) -> None:
        self.bytes = self.free_bytes = 0.0
        self.is_known = False

    def ask(self, client: Client) -> None:
        """Ask a client of the store. StoreUnavailable while it does not answer."""
        with reaching("sizes"):
            (size,), (free,) = (client.query(statement).result_rows[0] for statement in (_BYTES, _FREE))
        self.bytes, self.free_bytes, self.is_known = float(size or 0), float(free), True

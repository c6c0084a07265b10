"""The section `[bus]` of the configuration: where the log lives, and who logs in to it."""

from typing import Annotated, Literal

from msgspec import Meta

from mm_core.setup.config import Count, Section

Name = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,40}$")]  # part of subjects, streams and paths
Port = Annotated[int, Meta(ge=0, le=65535)]
SyncInterval = Annotated[str, Meta(pattern="^(always|[1-9][0-9]*(ms|s|m))$")]
Positive = Annotated[int, Meta(ge=1, le=10**9)]


class BusSettings(Section, frozen=True, kw_only=True):
    """Where the log lives. Without `url` a private nats-server is started on `port` (0: a free one).

    `url` may name several servers of one cluster, separated by commas; log and states are then stored at `replicas` of
    them. `sync_interval` is how long a server (ours, or the one that `deploy prepare` configures) may let the disk be
    behind what it has confirmed: "2m" is the server's own, "always" (never) is for real money.

    Who logs in is `user`, or without it the service's own name; `password_file` holds its password, or is a folder with
    a file of the user's name. Ticks come with the market's time, or in a silent market with the clock's too.
    """

    url: str = ""
    port: Port = 0
    user: str = ""
    password_file: str = ""
    credentials_file: str = ""
    group: Name = "main"
    replicas: Annotated[int, Meta(ge=1, le=5)] = 1  # 3 or 5 where a server may be lost
    sync_interval: SyncInterval = "2m"
    stream_bytes_max: Annotated[int, Meta(ge=0, le=10**15)] = 4_000_000_000  # the log is trimmed above it; 0: never
    ticks: Literal["market", "clock"] = "market"
    tick_grace_ms: Count = 50  # a live Tick waits this long for roots that are still on their way
    book_top: bool = True  # the venue's own best bid and ask on the log; without, its book is depth alone
    checkpoint_events: Positive = 5_000  # a node's state is stored at least every so many events
    delay_ms_max: Count = 3_000  # a live log takes no market data and no Tick that is older than that; 0: any

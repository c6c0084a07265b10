"""The sections of the configuration that say how the chain runs; what it decides is in `mm_core.setup.config`."""

from typing import Annotated, Literal

from msgspec import Meta

from mm_core.setup.config import Config, Count, Millis, Section

Name = Annotated[str, Meta(pattern="^[A-Za-z0-9_-]{1,40}$")]  # part of subjects, streams and paths
Port = Annotated[int, Meta(ge=0, le=65535)]
SyncInterval = Annotated[str, Meta(pattern="^(always|[1-9][0-9]*(ms|s|m))$")]
Positive = Annotated[int, Meta(ge=1, le=10**9)]


class Bus(Section, frozen=True, kw_only=True):
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
    checkpoint_events: Positive = 5_000  # a node's state is kept at least every so many events
    delay_ms_max: Count = 3_000  # a live log takes no market data and no Tick that is older than that; 0: any


class Venue(Section, frozen=True, kw_only=True):
    """Where the exchange is, and how its client behaves."""

    ws_url: str = "wss://stream.binance.com:9443"
    rest_url: str = "https://api.binance.com"
    snapshot_levels: Annotated[int, Meta(ge=5, le=5000)] = 5000
    silence_s_max: Annotated[int, Meta(ge=1, le=3600)] = 30
    backoff_s_max: Annotated[int, Meta(ge=1, le=3600)] = 60
    rotate_s: Annotated[int, Meta(ge=1, le=86_400)] = 82_800  # a connection is replaced, without a gap, at this age
    definition_s: Annotated[int, Meta(ge=1, le=86_400)] = 300  # the trading rules are asked for again so often
    weight_max: Annotated[int, Meta(ge=1, le=6_000)] = 1_200  # request weight in a minute, of the venue's 6,000


class Service(Section, frozen=True, kw_only=True):
    """What every service has. Metrics and health are served on `metrics_port` (0: a free one) of `metrics_host`.

    A service that has run and then stands still, or whose connection is dead, is ended and started again after
    `silent_s_max`.
    """

    metrics_host: str = "127.0.0.1"
    metrics_port: Port = 0
    log_level: str = "info"
    silent_s_max: Annotated[int, Meta(ge=5, le=86_400)] = 90


class Store(Section, frozen=True, kw_only=True):
    """ClickHouse: `url` of a server, or without one the embedded engine in the folder `path`.

    `session` names the rows of one log. A batch is written when it has so many events, or is so old. The log itself is
    written to `log/` of the folder `log` too, unless that is empty. Rows are deleted `keep_days` after the time of
    their event.
    """

    log: str = ""
    url: str = ""
    path: str = ""
    session: str = "main"
    user: str = "default"
    password_file: str = ""
    database: str = "crypto_mm"
    batch_events: Positive = 20_000
    batch_ms: Millis = 5_000
    keep_days: Annotated[int, Meta(ge=0, le=36_500)] = 0  # 0: for ever


class Settings(Config, frozen=True, kw_only=True):
    """All sections of a service's configuration; every key has a default."""

    bus: Bus = Bus()
    venue: Venue = Venue()
    service: Service = Service()
    store: Store = Store()

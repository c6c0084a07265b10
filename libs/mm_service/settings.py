"""The sections of the configuration for running the services; those for decisions are in `mm_core.setup.config`."""

from typing import Annotated

from msgspec import Meta

from mm_bus.settings import BusSettings, Port, Positive
from mm_core.setup.config import Config, Millis, Section
from mm_venues.settings import VenueSettings


class ServiceSettings(Section, frozen=True, kw_only=True):
    """What every service has. Metrics and health are served on `metrics_port` (0: a free one) of `metrics_host`.

    A service that has run and then stands still, or whose connection is dead, is ended and started again after
    `silent_s_max`.
    """

    metrics_host: str = "127.0.0.1"
    metrics_port: Port = 0
    log_level: str = "info"
    silent_s_max: Annotated[int, Meta(ge=5, le=86_400)] = 90


class StoreSettings(Section, frozen=True, kw_only=True):
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

    bus: BusSettings = BusSettings()
    venue: VenueSettings = VenueSettings()
    service: ServiceSettings = ServiceSettings()
    store: StoreSettings = StoreSettings()

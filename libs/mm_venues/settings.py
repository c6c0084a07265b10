"""The section `[venue]` of the configuration."""

from typing import Annotated

from msgspec import Meta

from mm_core.setup.config import Section


class VenueSettings(Section, frozen=True, kw_only=True):
    """Where the exchange is, and how its client behaves."""

    ws_url: str = "wss://stream.binance.com:9443"
    rest_url: str = "https://api.binance.com"
    snapshot_levels: Annotated[int, Meta(ge=5, le=5000)] = 5000
    snapshot_s_min: Annotated[float, Meta(gt=0, le=3600)] = 1  # between two snapshots, doubled while they are of no use
    silence_s_max: Annotated[float, Meta(gt=0, le=3600)] = 30  # without a frame or pong the connection is dead
    backoff_s_max: Annotated[float, Meta(gt=0, le=3600)] = 60
    rotate_s: Annotated[float, Meta(gt=0, le=86_400)] = 82_800  # a connection is replaced, without a gap, at this age
    definition_s: Annotated[float, Meta(gt=0, le=86_400)] = 300  # the trading rules are requested again so often
    weight_max: Annotated[int, Meta(ge=1, le=6_000)] = 1_200  # request weight in a minute, of the venue's 6,000

"""The profiles: valid overlays for any instrument, and on the sample the conservative one does less than the other."""

import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mm_core.events import InstrumentDefined
from mm_core.setup.config import Config, to_config
from mm_core.setup.core import new_core
from mm_research.paper import Recorded, paper
from mm_store.ws_lines import WsLines
from mm_venues.binance.define import define

PROFILES = ("conservative", "aggressive")
CONFIGS = ("btcusdt", "nexousdt", "paper")
ORDERS_ONLY = {"quoter": {"strategy": "avellaneda_stoikov", "order_qty_base": Decimal("0.1")}}
Sections = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="session")
def folder(pytestconfig: pytest.Config) -> Path:
    """Where the configurations of the repository are."""
    return pytestconfig.rootpath / "deploy" / "config"


def read(path: Path) -> Sections:
    sections: Sections = tomllib.loads(path.read_text(), parse_float=Decimal)
    return sections


def over(profile: Sections, config: Sections) -> dict[str, dict[str, Any]]:
    """A configuration on top of a profile, key by key."""
    return {name: {**profile.get(name, {}), **config.get(name, {})} for name in (*profile, *config)}


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize(("tick", "lot"), [("0.01", "0.00001"), ("0.001", "0.01"), ("0.00000001", "1")])
def test_a_profile_is_valid_alone_and_under_every_configuration(
    folder: Path, profile: str, config: str, tick: str, lot: str
) -> None:
    instrument = InstrumentDefined(
        instrument_id="binance.ANY", ts_ns=0, venue_symbol="ANY", tick_size=tick, lot_size=lot
    )
    alone = read(folder / f"{profile}.toml")
    assert new_core(to_config(alone), instrument).quoter["terms"]["lot_lots"][0] > 0
    chosen: Config = to_config(over(alone, read(folder / f"{config}.toml")))
    assert chosen.risk.fills_per_window_max == alone["risk"]["fills_per_window_max"]


def session(root: Path, sections: Sections) -> Recorded:
    lines = WsLines([root / "samples" / "synth.gz"])
    return paper(lines, define("SYNTH", lines, tick="0.01", lot="0.0001").instrument, to_config(sections))


def halts(result: Recorded) -> list[Any]:
    found: list[Any] = result.summary()["trading"]["halts"]
    return found


@pytest.mark.parametrize("name", [None, "paper"])
def test_the_conservative_one_trades_less_with_a_smaller_inventory(
    folder: Path, pytestconfig: pytest.Config, name: str | None
) -> None:
    config = ORDERS_ONLY if name is None else read(folder / f"{name}.toml")
    calm, keen = (session(pytestconfig.rootpath, over(read(folder / f"{each}.toml"), config)) for each in PROFILES)
    assert 0 < calm.recording.order_count < keen.recording.order_count
    assert 2 * len(calm.recording.fills) < len(keen.recording.fills)  # none may be: it quotes 12 bps away
    inventory = [np.abs(each.recording.samples["position_lots"]) for each in (calm, keen)]
    assert 2 * inventory[0].max() < inventory[1].max()
    assert inventory[0].mean() < inventory[1].mean()
    assert [halts(each) for each in (calm, keen)] == [[], []]

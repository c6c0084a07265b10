"""What containers run before they start: secrets made once, and a session that stays what it is."""

import json
import stat
from pathlib import Path

import pytest

from mm_bus.permissions import users
from mm_cli import deploy
from mm_core.events import InstrumentDefined
from mm_core.types import InputError
from mm_service.config import load_config
from mm_service.volumes import STORE_USERS, WRITERS, prepare
from mm_session import deployed
from mm_session.sessions import Running, running
from mm_venues.defined import Defined

CONFIG = Path(__file__).parents[2] / "deploy" / "config" / "paper.toml"
OFFSET_NS = -1_234_567
MODES = {0o400}


@pytest.fixture
def volumes(tmp_path: Path) -> Path:
    """Empty volumes, as compose mounts them."""
    for name in ("secrets", "clickhouse-users", *WRITERS):
        (tmp_path / name).mkdir()
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    """All files of a folder."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_secrets_are_made_once_for_their_owner_only(volumes: Path) -> None:
    made = prepare(volumes, "main")
    first = contents(volumes)
    names = [f"nats/{name}" for name in users("main")] + [f"clickhouse/{name}" for name in STORE_USERS]
    assert made == [*names, "grafana/admin"]
    assert len({first[f"secrets/{name}"] for name in made}) == len(made)
    assert {stat.S_IMODE(path.stat().st_mode) for path in volumes.rglob("*") if path.is_file()} == MODES
    assert prepare(volumes, "main") == []
    assert contents(volumes) == first


def test_a_secret_that_is_missing_or_empty_is_made_again_and_the_servers_get_it(volumes: Path) -> None:
    prepare(volumes, "main")
    before = contents(volumes)
    (volumes / "secrets" / "nats" / "risk").unlink()
    (volumes / "secrets" / "nats" / "quoter").chmod(0o600)
    (volumes / "secrets" / "nats" / "quoter").write_text("\n")
    assert prepare(volumes, "main") == ["nats/quoter", "nats/risk"]
    after = contents(volumes)
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"secrets/nats/quoter", "secrets/nats/risk", "secrets/nats/nats-server.conf"}
    assert after["secrets/nats/risk"] in after["secrets/nats/nats-server.conf"]


def test_no_password_of_the_store_stands_in_its_configuration(volumes: Path) -> None:
    prepare(volumes, "main")
    files = contents(volumes)
    for name in STORE_USERS:
        assert files[f"secrets/clickhouse/{name}"] not in files["clickhouse-users/crypto-mm.xml"]


def test_a_volume_that_is_not_mounted_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no secrets, clickhouse-users, .*; expected the volumes of docker-compose"):
        prepare(tmp_path, "main")


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An exchange that answers; what was requested of it."""
    symbols: list[str] = []

    def defined(_venue: object, symbol: str, _settings: object) -> Defined:
        symbols.append(symbol)
        instrument = InstrumentDefined(
            instrument_id=f"binance.{symbol}", ts_ns=0, venue_symbol=symbol, tick_size="0.01", lot_size="0.001"
        )
        return Defined(instrument=instrument, tick_source="exchangeInfo", lot_source="exchangeInfo")

    monkeypatch.setattr(deployed, "defined_live", defined)
    monkeypatch.setattr(deployed, "measured_offset_ns", lambda _venue, _settings: OFFSET_NS)
    monkeypatch.setenv("MM_VENUE__WS_URL", "ws://venue:1")
    return symbols


def test_a_session_is_written_once_and_found_by_the_operator(
    requested: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy.session("SYNTH", CONFIG, tmp_path)
    files = contents(tmp_path)
    deploy.session("SYNTH", CONFIG, tmp_path)
    deploy.confirm(tmp_path)
    assert contents(tmp_path) == files
    assert requested == ["SYNTH"]
    settings = load_config([tmp_path / "config.toml", tmp_path / "session.toml"], environment={})
    assert (settings.clock.offset_ns, settings.venue.ws_url) == (OFFSET_NS, "ws://venue:1")
    assert settings.store.session.startswith("binance.SYNTH-")
    monkeypatch.setenv("MM_STATE_DIR", str(tmp_path / "state"))
    (found,) = running()
    assert isinstance(found, Running)
    assert (found.instrument_id, found.pid, found.config["clock"]["offset_ns"]) == ("binance.SYNTH", 0, OFFSET_NS)


@pytest.mark.usefixtures("requested")
def test_two_sessions_never_share_a_log(tmp_path: Path) -> None:
    deploy.session("SYNTH", CONFIG, tmp_path)
    before = {name: text for name, text in contents(tmp_path).items() if name != deployed.REQUESTED}
    other = CONFIG.with_name("aggressive.toml")
    for symbol, config, what in (
        ("BTCUSDT", CONFIG, "symbol SYNTH, not BTCUSDT"),
        ("SYNTH", other, "config paper.toml"),
    ):
        with pytest.raises(InputError, match=what):
            deploy.session(symbol, config, tmp_path)
        with pytest.raises(InputError, match="two sessions cannot share a log; expected the same again"):
            deploy.confirm(tmp_path)
    assert {name: text for name, text in contents(tmp_path).items() if name != deployed.REQUESTED} == before
    deploy.session("SYNTH", CONFIG, tmp_path)
    deploy.confirm(tmp_path)


def test_no_session_lets_no_service_start(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no session; expected the one that session-live or session-replay begins"):
        deploy.confirm(tmp_path)


@pytest.mark.usefixtures("requested")
def test_a_clock_offset_of_the_configuration_stays(tmp_path: Path) -> None:
    config = tmp_path / "own.toml"
    config.write_text("[clock]\noffset_ns = 5\n")
    deploy.session("SYNTH", config, tmp_path / "session")
    written = [tmp_path / "session" / name for name in ("config.toml", "session.toml")]
    assert load_config(written, environment={}).clock.offset_ns == 5
    assert json.loads((tmp_path / "session" / "begun.json").read_text())["config"] == "own.toml"

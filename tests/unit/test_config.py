"""Configuration: sections and keys, what is refused and how, and which source wins."""

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from mm_cli.options import decimal_option
from mm_core.setup.config import Config, section_keys, to_config
from mm_core.types import InputError
from mm_service.config import load_config
from mm_service.settings import Settings

EXAMPLES = sorted((Path(__file__).parents[2] / "deploy" / "config").glob("*.toml"))


def written(folder: Path, text: str) -> Path:
    """A file with this TOML."""
    path = folder / "mm.toml"
    path.write_text(text)
    return path


def test_nothing_given_is_the_default() -> None:
    assert load_config(None, (), {}) == Settings()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_a_configuration(path: Path) -> None:
    config = load_config(path, (), {})
    for section, keys in tomllib.loads(path.read_text(), parse_float=Decimal).items():
        for key in keys:
            assert key in section_keys(Config)[section]
    assert config != Config()


def test_the_file_yields_to_the_environment_and_that_to_the_command_line(tmp_path: Path) -> None:
    path = written(tmp_path, "[quoter]\nlevels = 2\nlevel_step_ticks = 2\njoin_only = true\n")
    environment = {"MM_QUOTER__LEVELS": "3", "MM_QUOTER__LEVEL_STEP_TICKS": "3", "MM_BIN": "x", "HOME": "y"}
    quoter = load_config(path, ["quoter.levels=4"], environment).quoter
    assert (quoter.levels, quoter.level_step_ticks, quoter.join_only) == (4, 3, True)


def test_decimals_keep_what_was_written(tmp_path: Path) -> None:
    path = written(tmp_path, '[exchange]\nmaker_fee = 0.00010000000000000001\ntaker_fee = "0.1"\n')
    exchange = load_config(path, ["exchange.entry_ms=0.3", "risk.order_max_base=5"], {}).exchange
    assert (str(exchange.maker_fee), exchange.taker_fee) == ("0.00010000000000000001", Decimal("0.1"))
    assert exchange.entry_ms == Decimal("0.3")


def test_what_is_no_toml_is_text() -> None:
    config = load_config(None, ["exchange.queue=power_prob:3", "quoter.strategy='avellaneda_stoikov'"], {})
    assert (config.exchange.queue, config.quoter.strategy) == ("power_prob:3", "avellaneda_stoikov")


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ({"quoter": {"levles": 1}}, "[quoter] levles: unknown key; did you mean [quoter] levels?"),
        ({"quotes": {}}, "[quotes]: unknown section; did you mean [quoter]?"),
        ({"risk": {"levels": 1}}, "[risk] levels: unknown key; expected it in [quoter]"),
        ({"clock": {"zzz": 1}}, "[clock] zzz: unknown key; expected one of tick_period_ms, offset_ns"),
        ({"risk": 3}, "risk: expected a section [risk] with keys"),
        ({"quoter": {"levels": 17}}, "[quoter] levels: expected int <= 16"),
        ({"risk": {"orders_per_window_max": 256}}, "[risk] orders_per_window_max: expected int <= 255"),
        ({"risk": {"order_max_base": "ten"}}, "[risk] order_max_base: expected a decimal number"),
        ({"signals": {"executable_sizes_base": ["x"]}}, "[signals] executable_sizes_base: expected a decimal number"),
        ({"book": {"decide_on": "trade"}}, "[book] decide_on: 'trade'; expected one of tick, touch, top"),
        (
            {"quoter": {"strategy": "grid"}},
            "[quoter] strategy: 'grid'; expected one of fixed_spread, avellaneda_stoikov",
        ),
        ({"quoter": {"levels": {"x": 1}}}, "[quoter.levels]: a section inside of [quoter]; expected keys with values"),
        (
            {"exchange": {"position_max_base": 1}},
            "[exchange] position_max_base: unknown key; expected it in [quoter] or [risk]",
        ),
        (
            {"risk": {"levles": 1}},
            f"[risk] levles: unknown key; expected one of {', '.join(section_keys(Config)['risk'])}",
        ),
        ({"avellaneda_stoikov": {"k_per_tick": 0}}, "[avellaneda_stoikov] k_per_tick: expected float > 0.0"),
    ],
)
def test_bad_keys_and_values_are_named(sections: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as error:
        to_config(sections)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "settings", "environment", "message"),
    [
        ("[quoter]\nlevles = 1", [], {}, "mm.toml: [quoter] levles: unknown key; did you mean [quoter] levels?"),
        ("quoter = [", [], {}, "mm.toml: "),
        ("", ["levels=1"], {}, "--set levels=1: expected section.key=value, such as quoter.levels=2"),
        ("", ["quoter.levels"], {}, "--set quoter.levels: expected section.key=value"),
        ("", ["quoter.levels=x"], {}, "--set quoter.levels=x: [quoter] levels: expected int, got str"),
        ("", [], {"MM_QUOTER__LEVELS": "0"}, "MM_QUOTER__LEVELS: [quoter] levels: expected int >= 1"),
        ("", [], {"MM_QUOTES__X": "0"}, "MM_QUOTES__X: [quotes]: unknown section"),
        (
            "[quoter.x]\nlevels = 1",
            [],
            {},
            "mm.toml: [quoter.x]: a section inside of [quoter]; expected keys with values",
        ),
        ("", ["quoter.x.levels=1"], {}, "--set quoter.x.levels=1: [quoter] x.levels: unknown key"),
        ("", ["quoter.levels="], {}, "--set quoter.levels=: [quoter] levels: expected int, got str"),
        ("x = 1\n" + "#" * (1 << 20), [], {}, "mm.toml: more than 1 MiB; expected a TOML file"),
    ],
    ids=range(11),
)
def test_an_error_names_the_section_of_the_key(
    tmp_path: Path, text: str, settings: list[str], environment: dict[str, str], message: str
) -> None:
    path = written(tmp_path, text)
    with pytest.raises(InputError) as error:
        load_config(path, settings, environment)
    assert str(error.value).removeprefix(f"{tmp_path}/").startswith(message)


def test_a_missing_file_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: No such file or directory; expected a TOML file"):
        load_config(tmp_path / "none.toml", (), {})


def test_a_folder_is_no_configuration(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        load_config(tmp_path, (), {})
    assert str(error.value) == f"{tmp_path}: Is a directory; expected a TOML file"


@pytest.mark.parametrize("text", ["x", "", "nan", "inf", "1,5"])
def test_an_option_that_is_no_number_is_named(text: str) -> None:
    with pytest.raises(InputError, match="--qty"):
        decimal_option("--qty", text)

"""`crypto-mm deploy`: what the containers of docker-compose.yml run before the services start."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mm_cli.options import VenueOption, check_symbol, venue_option
from mm_cli.summary import print_notes
from mm_venues.registry import DEFAULT

if TYPE_CHECKING:
    from mm_venues.defined import Defined

app = typer.Typer(help="What containers need before they start.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def prepare(
    folder: Annotated[Path, typer.Option(help="Where the volumes are mounted.")] = Path("volumes"),
    group: Annotated[str, typer.Option(help="Group whose log the bus holds.")] = "main",
) -> None:
    """Make the secrets that are missing, and the configuration of the servers from them."""
    from mm_service.config import load_config
    from mm_service.volumes import prepare

    made = prepare(folder, group, load_config(None).bus.sync_interval)
    typer.echo(f"prepare: new secrets: {', '.join(made)}" if made else "prepare: every secret is there")


@app.command(name="step-down")
def step_down(
    group: Annotated[str, typer.Option(help="Group whose log has another leader then.")] = "",
) -> None:
    """Let the server that leads a replicated log hand over, before it is maintained; [bus] has its address."""
    from mm_session.hand_over import stepped_down

    before, after, seconds = stepped_down(group)
    typer.echo(f"step-down: {before} handed over to {after} in {1_000 * seconds:.0f} ms")


@app.command()
def session(
    symbol: Annotated[str, typer.Option(help="Venue symbol, such as BTCUSDT.")],
    config: Annotated[Path, typer.Option(help="TOML file with what is decided.")],
    folder: Annotated[Path, typer.Option(help="Where the session's files are stored.")],
    venue: VenueOption = DEFAULT,
) -> None:
    """Ask the venue for the instrument and its clock, and write the session's configuration.

    A session that is there stays: its log was decided with that configuration. InputError if it is another one.
    """
    check_symbol("--symbol", symbol)
    from mm_core.setup.notes import start_notes
    from mm_service.config import load_config, naming_origin
    from mm_session.deployed import begin

    chosen = load_config(config)

    def on_new(defined: "Defined") -> None:
        with naming_origin(config):
            print_notes(start_notes(chosen, defined.instrument))

    begun = begin(folder, venue_option("--venue", venue), symbol, config, chosen, on_new)
    what = f"{begun}, {config.name}" if begun else f"{symbol} of {chosen.venue.ws_url} continues"
    typer.echo(f"session: {what}")


@app.command()
def confirm(folder: Annotated[Path, typer.Option(help="Where the session's files are stored.")]) -> None:
    """Let services start only if the session that is there is the one that was requested."""
    from mm_session.deployed import check_same

    check_same(folder)

"""`crypto-mm serve-replay`: recorded frames behind the protocol of their venue, on loopback."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mm_cli.options import VenueOption, check_port, check_symbol, source_files, speed_option, venue_option
from mm_cli.summary import print_notes, size_notes
from mm_venues.registry import DEFAULT

FORM = "<file>[,<file>...], such as samples/synth.gz"


def run(
    symbol: Annotated[list[str], typer.Option(help="Venue symbol of the --source at the same place; repeatable.")],
    source: Annotated[list[str], typer.Option(help="<file>[,<file>...] of recorded lines, one recording; repeatable.")],
    venue: VenueOption = DEFAULT,
    speed: Annotated[str, typer.Option(help="max, or a multiple of real time such as 10.")] = "1",
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port of ws:// and http://; 0: a free one.")] = 18080,
    tls_port: Annotated[int | None, typer.Option(help="Port of wss:// and https:// besides; 0: a free one.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM for --tls-port; without it one is made.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM of the key of --tls-cert.")] = None,
    tick: Annotated[str, typer.Option(help="Tick size; without it exchangeInfo or the data decides.")] = "",
    lot: Annotated[str, typer.Option(help="Lot size; without it exchangeInfo or the data decides.")] = "",
    exchange_info: Annotated[Path | None, typer.Option(help="File with the venue's exchangeInfo.")] = None,
    exit_at_end: Annotated[bool, typer.Option("--exit-at-end", help="End behind the last frame.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Serve recorded frames as their venue would: streams, depth snapshots, trading rules.

    The market begins with the first subscriber, and stands still where the depth snapshot was recorded until a
    client has fetched it. Who comes later joins the running market. Behind the last frame the connections stay open.
    Ctrl-C ends it. /healthz shows how far it is.
    """
    _check(symbol, {"--port": port, "--tls-port": tls_port}, size_notes(tick, lot, exchange_info))
    from mm_services.replay_venue.serve import ServeOptions, serve

    sizes: dict[str, Any] = {"tick": tick, "lot": lot, "exchange_info": exchange_info}
    tls: dict[str, Any] = {"tls_port": tls_port, "tls_cert": tls_cert, "tls_key": tls_key}
    options = ServeOptions(
        venue=venue_option("--venue", venue).name,
        symbols=symbol,
        sources=[source_files(f"--source {files}", files, FORM) for files in source],
        speed=speed_option("--speed", speed),
        host=host,
        port=port,
        exit_at_end=exit_at_end,
        **sizes,
        **tls,
    )
    status = serve(options, lambda line: typer.echo(line, err=True))
    _print_status(status, as_json=as_json)


def _check(symbols: list[str], ports: dict[str, int | None], notes: list[str]) -> None:
    for symbol in symbols:
        check_symbol("--symbol", symbol)
    for option, port in ports.items():
        check_port(option, port)
    print_notes(notes)


def _print_status(status: dict[str, Any], *, as_json: bool) -> None:
    import msgspec

    if as_json:
        typer.echo(msgspec.json.encode(status).decode())
        return
    for symbol, each in status["symbols"].items():
        typer.echo(f"{symbol}: {each['frames_published']:,} frames published, {each['frames_sent']:,} sent to clients")

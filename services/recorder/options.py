"""What a recorder is to take its frames from, and where it puts them."""

import argparse
from pathlib import Path

from mm_core.events import InstrumentDefined


def add_options(parser: argparse.ArgumentParser) -> None:
    """What a recorder needs besides the configuration."""
    parser.add_argument("--instrument", type=Path, required=True, help="JSON of the InstrumentDefined")
    parser.add_argument("--source", required=True, help="live, replay:<file>[,<file>...] or paced:<file>[,<file>...]")
    parser.add_argument("--frames", type=Path, help="folder to record the frames to")
    parser.add_argument("--data", type=Path, help="as --frames, in <data>/<venue>/<SYMBOL>")
    parser.add_argument("--state", type=Path, help="folder for what outlives this process; that of --instrument")
    parser.add_argument("--speed", type=float, default=0.0, help="multiple of real time; 0: as fast as possible")
    parser.add_argument("--salvage", action="store_true", help="leave out bad lines of a recording, and count them")
    parser.add_argument("--duration-ns", type=int, default=0, help="receive time after which it ends; 0: its end")


def frames_folder(options: argparse.Namespace, instrument: InstrumentDefined) -> Path | None:
    """Where frames are recorded to."""
    if options.data:
        return Path(options.data).joinpath(*instrument.instrument_id.split("."))
    return options.frames and Path(options.frames)

"""`crypto-mm serve-replay` as its user meets it: plain and TLS, its end, and its reply to bad input."""

import json
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from tests.session import SAMPLE
from tests.venue.served import served
from websockets.sync.client import connect

from mm_cli.app import main

OF_SAMPLE = ["--source", str(SAMPLE), "--symbol", "SYNTH"]
SIZES = ["--tick", "0.01", "--lot", "0.0001"]


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *options: str) -> str:
    """What the command prints for bad input, in this process, as its last line."""
    monkeypatch.setattr(sys, "argv", ["crypto-mm", "serve-replay", *options])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def fetched(url: str, trusted: ssl.SSLContext | None = None) -> bytes:
    with urllib.request.urlopen(url, context=trusted, timeout=10) as response:  # noqa: S310
        body: bytes = response.read()
        return body


def get(url: str, trusted: ssl.SSLContext | None = None) -> Any:
    return json.loads(fetched(url, trusted))


def test_a_market_is_followed_over_tls_to_its_end(tmp_path: Path) -> None:
    with served(tmp_path, *OF_SAMPLE, *SIZES, "--speed", "max", "--exit-at-end") as venue:
        trusted = ssl.create_default_context(cafile=venue.certificate)
        received = []
        with connect(f"wss://{venue.tls}/ws/synth@trade/synth@depth", ssl=trusted) as socket:
            while (event := json.loads(socket.recv()))["e"] == "trade":
                received.append(event["t"])
            assert get(f"https://{venue.tls}/healthz", trusted)["state"] == "held"
            assert len(get(f"https://{venue.tls}/api/v3/depth?symbol=SYNTH&limit=5", trusted)["bids"]) == 5
            received += [event["t"] for event in map(json.loads, socket) if event["e"] == "trade"]
            assert socket.close_code == 1001
        assert received == list(range(1, 678))


def test_the_end_of_the_recording_is_a_quiet_market(tmp_path: Path) -> None:
    with served(tmp_path, *OF_SAMPLE, *SIZES, "--speed", "max") as venue:
        url = f"http://{venue.plain}"
        with connect(f"ws://{venue.plain}/ws/synth@trade") as socket:
            while json.loads(socket.recv())["t"] < 677:
                pass
            while (status := get(f"{url}/healthz"))["state"] != "ended":
                pass
            assert status["symbols"]["SYNTH"]["frames_sent"] == 677
            socket.ping().wait(10)
            assert get(f"{url}/api/v3/depth?symbol=SYNTH")["lastUpdateId"] == 1004454
            assert get(f"{url}/api/v3/trades?symbol=SYNTH&limit=1")[0]["id"] == 677
        assert b'mm_replay_venue_frames_sent_total{symbol="SYNTH"} 677.0' in fetched(f"{url}/metrics")


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--source", "no.gz", "--symbol", "SYNTH"], "no.gz: No such file or directory; expected"),
        (["--source", "a.gz,", "--symbol", "SYNTH"], "--source a.gz,: expected <file>[,<file>...], such as"),
        ([*OF_SAMPLE, "--symbol", "BTCUSDT"], "--source: 1 for 2 --symbol; expected one --source for each --symbol"),
        ([*OF_SAMPLE, *OF_SAMPLE], "--symbol SYNTH, SYNTH: expected each symbol once"),
        ([*OF_SAMPLE, "--speed", "0"], "--speed 0: expected max, or a number above 0 such as 10"),
        ([*OF_SAMPLE, "--tls-cert", "a.pem"], "--tls-cert, --tls-key: expected both, or neither"),
        (
            [*OF_SAMPLE, *SIZES, "--port", "0", "--tls-port", "0", "--tls-cert", "no.pem", "--tls-key", "no.pem"],
            "--tls-cert no.pem, --tls-key no.pem: No such file or directory; expected PEM",
        ),
        ([*OF_SAMPLE, *SIZES, "--port", "1", "--host", "192.0.2.1"], "192.0.2.1:1: Cannot assign requested address"),
        (
            ["--source", str(SAMPLE), "--symbol", "BTCUSDT"],
            "stream synth@depth@100ms: wrong symbol SYNTH, expected BTCUSDT",
        ),
    ],
)
def test_bad_input_is_one_line_with_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str], text: str
) -> None:
    error = refused(monkeypatch, capsys, *options)
    assert error.startswith("error: ")
    assert text in error


def test_two_symbols_share_the_venue(tmp_path: Path) -> None:
    other = tmp_path / "other.gz"
    made = ["synth", "--out", str(other), "--symbol", "OTHER", "--seed", "2", "--duration", "20s"]
    subprocess.run([sys.executable, "-m", "mm_cli", *made], check=True, capture_output=True)
    both = [*OF_SAMPLE, "--source", str(other), "--symbol", "OTHER", "--speed", "max"]
    with served(tmp_path, *both) as venue:
        url = f"http://{venue.plain}"
        assert [each["symbol"] for each in get(f"{url}/api/v3/exchangeInfo")["symbols"]] == ["SYNTH", "OTHER"]
        with connect(f"ws://{venue.plain}/stream?streams=synth@trade/other@trade") as socket:
            while (status := get(f"{url}/healthz"))["state"] != "ended":
                pass
            first = [json.loads(socket.recv())["data"] for _ in range(30)]
        assert {event["s"] for event in first} == {"SYNTH", "OTHER"}
        assert min(each["frames_sent"] for each in status["symbols"].values()) > 20

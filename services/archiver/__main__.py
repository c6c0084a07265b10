"""The archiver on the bus: assembly only."""

import logging
import os
from pathlib import Path

from mm_service.figures.disk import LOG, add_clickhouse, add_folder
from mm_service.service import Service, run_service
from mm_services.archiver.archiver import Archiver
from mm_services.archiver.figures import add_archive

NICE = 10  # on a busy machine the nodes come first; the store may lag


async def start(service: Service) -> None:
    """Begin to store the log."""
    logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # what fails is logged once, by us
    if service.settings.store.path:  # an insert that is killed leaves its temporary file
        os.environ["TMPDIR"] = os.path.dirname(service.settings.store.path)  # noqa: PTH120
    os.nice(NICE)
    archiver = Archiver(service)
    service.status = archiver.status
    add_archive(service.metrics, archiver)
    add_clickhouse(service.metrics, archiver.sizes)
    if service.settings.store.log:
        add_folder(service.metrics, LOG, Path(service.settings.store.log) / LOG)
    service.on_stop(archiver.stop)
    archiver.begin()


if __name__ == "__main__":
    run_service("archiver", start)

"""One session of all services: its specification, processes, supervision, operator. See README.md."""

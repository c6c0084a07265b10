"""`python -m mm_cli` is `crypto-mm`."""

from mm_cli.app import main

main()

"""`python -m mm_cli` is `crypto-mm`: while its modules are loaded, Ctrl-C ends it without a traceback."""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

from mm_cli.app import main

if __name__ == "__main__":
    main()

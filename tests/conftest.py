"""What all tests need: an interruption can be heard, even where they were started in the background, deaf to it."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a process ignores its children ignore too

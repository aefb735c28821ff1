"""`gram`: the command. Exit codes: 0 good, 1 checked and false, 2 could not check or bad usage.

What a command needs is imported when it runs, so that `gram --help` is quick.
"""

import io
import os
import sys

from api.cli import EXIT_FALSE, EXIT_NOT_CHECKED, EXIT_READER_GONE, app, err
from api.commands import (  # noqa: F401  (they register themselves)
    account,
    aside,
    batch,
    bench,
    call,
    chain,
    check,
    decide,
    demo,
    finding,
    fsck,
    lists,
    log,
    methodology,
    monitor,
    opinion,
    policy,
    quarantine,
    recompute,
    recover,
    roles,
    run,
    source,
    submission,
    support,
    trace,
    trust,
    witness,
    worklist,
)


def main() -> None:
    """Run the command; an error is one sentence on stderr."""
    from anchoring.errors import AnchoringError, Refuted
    from registry.errors import RegistryError

    _print_whatever_comes()
    try:
        app(prog_name="gram")
    except SystemExit as leaving:
        # The libraries below turn a reader who went away into 1, which here would say "checked and false".
        if isinstance(leaving.__context__, BrokenPipeError):
            sys.exit(EXIT_READER_GONE)
        raise
    except Refuted as error:
        _leave(error, EXIT_FALSE)
    except (AnchoringError, RegistryError) as error:
        _leave(error, EXIT_NOT_CHECKED)
    except OSError as error:
        _leave(f"{error.filename or 'The system'}: {error.strerror or error}.", EXIT_NOT_CHECKED)
    except KeyboardInterrupt:
        _leave("Stopped.", 130)
    except Exception as error:
        if os.environ.get("GRAMLEDGER_TRACEBACK"):
            raise
        said = f"A defect of ours: {type(error).__name__}. Set GRAMLEDGER_TRACEBACK=1 and run it again to see where."
        _leave(said, EXIT_NOT_CHECKED)


def _print_whatever_comes() -> None:
    """Write what an output's encoding does not have, as a tick in GBK, as its number: it must not end the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _leave(said: object, code: int) -> None:
    err.lines([f"gram: {said}"])
    sys.exit(code)

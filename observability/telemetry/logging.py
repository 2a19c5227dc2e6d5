"""Logs as JSON lines on stdout (stderr for commands), or readable ones in a console; never a secret in them."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import structlog
from structlog.typing import Processor

_MASKED = "***"
# Each with what a line that matches holds somewhere, in lower case: most lines hold none of it.
_SECRETS = (
    # user:password@ in a URL
    (("://",), re.compile(r"(://[^\s:/@\"]*:)[^\s@/\"]+@"), rf"\1{_MASKED}@"),
    # an API key: its prefix may be shown
    (("op_",), re.compile(r"\b(op_[A-Za-z0-9]{8})_[A-Za-z0-9_-]{16,}"), rf"\1_{_MASKED}"),
    (
        ("bearer", "basic"),
        re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"),
        rf"\1 {_MASKED}",
    ),
    (("hooks.slack.com/",), re.compile(r"(hooks\.slack\.com/)[^\s\"']+"), rf"\1{_MASKED}"),
    (
        ("=",),
        re.compile(r"(?i)([?&](?:token|key|api_key|secret|password|sig|signature)=)[^&\s\"']+"),
        rf"\1{_MASKED}",
    ),
)
# Beat sends several ticks a second; each would be four lines that say that nothing happened.
_CHATTY_LOGGERS = ("celery.beat", "celery.worker.strategy", "celery.app.trace")


def mask_secrets(line: str) -> str:
    """Return a log line with passwords, keys and tokens replaced by asterisks."""
    lowered = line.lower()
    for hints, pattern, replacement in _SECRETS:
        if any(hint in lowered for hint in hints):
            line = pattern.sub(replacement, line)
    return line


def _tells_an_exception(record: logging.LogRecord) -> bool:
    return record.exc_info is not None


class _MaskedFormatter(structlog.stdlib.ProcessorFormatter):
    def format(self, record: logging.LogRecord) -> str:
        return mask_secrets(super().format(record))


def configure(options: Mapping[str, bool]) -> None:
    """Send all logs of the process to one stream; Django calls this first of all, for LOGGING_CONFIG.

    Args:
        options: `console` chooses readable lines with colours instead of JSON.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    renderers: list[Processor] = (
        [structlog.dev.ConsoleRenderer()]
        if options["console"]
        else [
            structlog.processors.format_exc_info,
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    # What a management command prints is its result, so its logs keep out of the way.
    is_command = Path(sys.argv[0]).name == "manage.py"
    handler = logging.StreamHandler(sys.stderr if is_command else sys.stdout)
    handler.setFormatter(
        _MaskedFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # Each request has its own line already; what is left to say is why one failed.
    logging.getLogger("django.request").addFilter(_tells_an_exception)
    for name in _CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)

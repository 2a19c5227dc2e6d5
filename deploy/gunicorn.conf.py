"""How gunicorn serves the portal, under `make run` and in containers alike."""

import gc
from pathlib import Path
from typing import Any

from observability.environment import Environment

_environment = Environment()
_host = _environment.text("BIND", "127.0.0.1")
_port = _environment.integer("PORT", 8000, minimum=1, maximum=65535)

bind = f"[{_host}]:{_port}" if ":" in _host else f"{_host}:{_port}"
workers = _environment.integer("WEB_CONCURRENCY", 2, minimum=1, maximum=64)
worker_class = "observability.web_worker.WebWorker"
threads = 8
timeout = 60
graceful_timeout = 10
keepalive = 30
# Each worker loads the application itself: metrics files and the threads of telemetry belong to
# one process and would not survive a fork.
preload_app = False
accesslog = None  # the application logs requests, with what it knows about them
errorlog = "-"
control_socket_disable = True
# The worker's heartbeat file; on a slow disk it would block the worker.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def post_worker_init(worker: Any) -> None:
    """Get ready for requests, once the settings are loaded."""
    from observability.metrics.compiled_code import warm_up  # noqa: PLC0415 - needs them
    from observability.telemetry.process import start_reporter  # noqa: PLC0415 - needs them

    # Reports this process's own figures from now on.
    start_reporter("web")
    warm_up()
    # What is there now stays: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()

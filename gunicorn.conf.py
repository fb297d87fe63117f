"""gunicorn's configuration for the site.

`gunicorn turing.wsgi` in this folder reads it; command-line options override it.
"""

import ctypes
import os
import shutil
import signal
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from turing import environment, places

workers = environment.whole_number("WEB_CONCURRENCY", 1)
threads = environment.whole_number("WEB_THREADS", 1)
worker_class = "turing.serving.server.BufferingWorker"
worker_connections = 2000  # while one of two workers is replaced, the other one has the connections of both

# Commands get no pool. A pool opens connections by itself, and `restore` must be alone with the database.
os.environ["DATABASE_POOL"] = os.environ.get("DATABASE_POOL") or "8"

# Threads of OpenBLAS wait for each other. On busy cores, an analysis took 20 times as long with two as with one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

timeout = 30  # a worker whose event loop stands still this long is replaced
graceful_timeout = 30
keepalive = 65  # longer than the proxy's 60 s (deploy/Caddyfile), so that it never reuses a connection that is closing

limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

# A new process now and then frees memory that figures and exports have fragmented.
max_requests = 20_000
max_requests_jitter = 5_000

control_socket_disable = True
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # a heartbeat on a busy disk can stand still


def post_fork(server, worker):
    """Use two memory arenas instead of eight a core.

    With threads, glibc's default keeps far more memory than it uses.
    """
    if sys.platform.startswith("linux") and hasattr(ctypes.CDLL(None), "mallopt"):  # missing in musl
        ctypes.CDLL(None).mallopt(-8, 2)  # M_ARENA_MAX of malloc.h


def on_starting(server):
    _refuse_unsafe_start()
    if environment.flag("METRICS"):
        folder = os.environ["PROMETHEUS_MULTIPROC_DIR"]
        shutil.rmtree(folder, ignore_errors=True)
        Path(folder).mkdir(parents=True)


def when_ready(server):
    """The site is listening, so start the worker that does long work in the background."""
    if environment.flag("BACKGROUND_WORKER"):
        from turing.jobs import keeper

        server.keeper = keeper.start(places.HOME)


def on_reload(server):
    """There is new code: the worker ends after its current job, and a new one starts."""
    if process := getattr(server, "keeper", None):
        process.send_signal(signal.SIGHUP)


def on_exit(server):
    if process := getattr(server, "keeper", None):
        from turing.jobs import keeper

        keeper.stop(process)


def _refuse_unsafe_start():
    """Say once why the site does not start, before any worker finds out.

    A separate process loads the settings, because workers that take up new code must not inherit the old settings from
    here.
    """
    child = os.fork()
    if child:
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
            sys.exit(4)
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "turing.settings")
    try:
        from turing.serving.production import refuse_unsafe_start

        refuse_unsafe_start()
    except ImproperlyConfigured as error:
        os.write(2, f"The site does not start. {error}\n".encode())
        os._exit(1)
    os._exit(0)


if environment.flag("METRICS"):
    # Each worker writes its counts into this folder, and whichever is asked for metrics adds them all up.
    _folder = (places.HOME / environment.text("DATA_DIR")).resolve() / "metrics"
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", str(_folder))

    def child_exit(server, worker):
        from prometheus_client import multiprocess

        multiprocess.mark_process_dead(worker.pid)

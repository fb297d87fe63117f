"""If gunicorn's master is killed, its workers end, and the site starts again on the same port."""

import os
import select

from tests.server.test_slow_clients import slow_clients


def test_the_port_is_free_again_although_slow_clients_hang(serve):
    server = serve(REQUEST_SECONDS="600")
    with slow_clients(server, 6):
        workers = server.workers()
        assert len(workers) == 2
        ends = [os.pidfd_open(pid) for pid in workers]
        server.process.kill()
        server.process.wait()
        for end in ends:  # until then they answer on the port, and would be taken for the new site
            assert select.select([end], [], [], 60)[0], "a worker lives on without its master"
            os.close(end)
        again = serve(port=server.port)  # gunicorn itself tries for five seconds to bind
        assert again.get("/healthz") == 200
        assert set(workers).isdisjoint(again.workers())


def test_the_workers_end(serve):
    server = serve()
    workers = [os.pidfd_open(pid) for pid in server.workers()]
    assert len(workers) == 2
    server.process.kill()
    server.process.wait()
    for worker in workers:
        assert select.select([worker], [], [], 60)[0], "a worker lives on without its master"
        os.close(worker)

"""A store of images in a separate process: moto's server, which speaks S3 over HTTP."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import boto3

from tests.servers import free_port
from turing.jobs import processes

BUCKET = "lesion-images"
KEY, SECRET = "test-key", "test-secret"


@contextmanager
def s3_store() -> Iterator[str]:
    """The address of an S3 store with one private, empty bucket."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = processes.start(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/moto-api/", server)
        client_of(f"http://127.0.0.1:{port}").create_bucket(Bucket=BUCKET)
        yield f"http://127.0.0.1:{port}"
    finally:
        processes.stop(server)


def client_of(endpoint: str):
    """A direct client of the store, to see its content."""
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET
    )


def environment_of(endpoint: str) -> dict[str, str]:
    """The settings with which the site keeps its images there."""
    return {
        "MEDIA_STORE": "s3",
        "S3_BUCKET": BUCKET,
        "S3_ENDPOINT": endpoint,
        "S3_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


def _wait_for(url: str, server: subprocess.Popen) -> None:
    for _ in range(600):
        assert server.poll() is None, "the store ended at its start"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            with suppress(subprocess.TimeoutExpired):
                server.wait(timeout=0.1)
    raise AssertionError("the store did not answer")

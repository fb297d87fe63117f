"""A store of images as a process of its own: moto's server, which speaks S3 over HTTP."""

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import boto3

BUCKET = "lesion-images"
KEY, SECRET = "test-key", "test-secret"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextmanager
def s3_store() -> Iterator[str]:
    """The address of an S3 store with one private, empty bucket."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(f"http://127.0.0.1:{port}/moto-api/", server)
        client_of(f"http://127.0.0.1:{port}").create_bucket(Bucket=BUCKET)
        yield f"http://127.0.0.1:{port}"
    finally:
        end(server)


def client_of(endpoint: str):
    """A client of the store's own, to see what lies there."""
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET
    )


def environment_of(endpoint: str) -> dict[str, str]:
    """The settings by which the site keeps its images there."""
    return {
        "MEDIA_STORE": "s3",
        "S3_BUCKET": BUCKET,
        "S3_ENDPOINT": endpoint,
        "S3_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }


def wait_for(url: str, server: subprocess.Popen, seconds: float = 60) -> None:
    """Until the server answers. Raises AssertionError when it ends or does not within `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert server.poll() is None, f"the server for {url} ended at its start"
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            try:
                server.wait(timeout=0.1)
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError(f"{url} did not answer")


def end(server: subprocess.Popen) -> None:
    """Ask the server to end, and make it where it does not."""
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(timeout=20)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()

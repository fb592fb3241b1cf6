"""A bucket of the OCI stand-in, with and without the SDK's retries."""

import oci
import pytest
from oci.object_storage import ObjectStorageClient

from epimetheus.oci_client.clients import make_client, sign_in
from epimetheus.state.object_storage import ObjectStore
from epimetheus.testing.oci import World, mock_oci, serve

KEY = "epimetheus/us-ashburn-1.state"


@pytest.fixture
def world(api_key):
    world = World(api_key=api_key)
    world.bucket("b")
    return world


@pytest.fixture
def object_store(world, tmp_path):
    """Makes an `ObjectStore`. ``url``: that of a served world; ``retries``: whether the SDK retries."""
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")

    def make(url=None, *, retries=True):
        client = make_client(ObjectStorageClient, credentials, region=world.region, endpoint=url, seconds=3)
        if not retries:
            client.retry_strategy = oci.retry.NoneRetryStrategy()
        return ObjectStore(client, world.namespace, "b", KEY)

    return make


@pytest.fixture
def bucket(world, object_store):
    with mock_oci(world):
        yield object_store()


@pytest.fixture
def bucket_without_retries(world, object_store):
    """A bucket without the SDK's retries: one lost response fails a write."""
    with mock_oci(world):
        yield object_store(retries=False)


@pytest.fixture(params=["in process", "http"])
def any_bucket(request, world, object_store):
    """A bucket without retries, in the same process and over HTTP."""
    if request.param == "http":
        with serve(world) as served:
            yield object_store(served.url, retries=False)
    else:
        with mock_oci(world):
            yield object_store(retries=False)

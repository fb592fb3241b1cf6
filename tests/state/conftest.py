"""A bucket in the stand-in, with and without the SDK's own retries."""

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
    """Makes an `ObjectStore`: ``url`` of a served world, and whether the SDK tries again."""
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
def impatient(world, object_store):
    """The same without retries: one answer that is lost is the end of a write."""
    with mock_oci(world):
        yield object_store(retries=False)


@pytest.fixture(params=["in process", "http"])
def far_bucket(request, world, object_store):
    """Without retries, through either door."""
    if request.param == "http":
        with serve(world) as served:
            yield object_store(served.url, retries=False)
    else:
        with mock_oci(world):
            yield object_store(retries=False)

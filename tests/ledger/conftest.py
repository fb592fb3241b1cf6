"""A ledger in a bucket of the OCI stand-in, with and without the SDK's retries."""

import oci
import pytest
from oci.object_storage import ObjectStorageClient

from epimetheus.ledger.object_storage import ObjectEntryStore
from epimetheus.oci_client.clients import make_client, sign_in
from epimetheus.testing.oci import World, mock_oci, serve

PREFIX = "epimetheus/ledger/us-ashburn-1/"


@pytest.fixture
def world(api_key):
    world = World(api_key=api_key)
    world.bucket("b")
    return world


@pytest.fixture
def object_store(world, tmp_path):
    """Makes an `ObjectEntryStore`. ``url``: that of a served world; ``retries``: whether the SDK retries."""
    credentials = sign_in("config_file", str(world.credentials(tmp_path)), "DEFAULT")

    def make(url=None, *, retries=True, bucket="b"):
        client = make_client(ObjectStorageClient, credentials, region=world.region, endpoint=url, seconds=3)
        if not retries:
            client.retry_strategy = oci.retry.NoneRetryStrategy()
        return ObjectEntryStore(client, client, world.namespace, bucket, PREFIX)

    return make


@pytest.fixture
def bucket(world, object_store):
    with mock_oci(world):
        yield object_store()


@pytest.fixture(params=["in process", "http"])
def any_bucket(request, world, object_store):
    """A bucket without retries, in the same process and over HTTP."""
    if request.param == "http":
        with serve(world) as served:
            yield object_store(served.url, retries=False)
    else:
        with mock_oci(world):
            yield object_store(retries=False)

"""Clients of services whose SDK client is not needed: requests with the SDK's signing, retries and limits, and responses as plain JSON.

The SDK's own client of a service costs the function's image several megabytes, and its models drop members that they do not know.
"""

import json
from collections.abc import Mapping
from typing import Any

import oci
from oci.base_client import BaseClient


class JsonClient:
    """A client that `epimetheus.oci_client.clients.make_client` makes.

    ``service``: its name in counts. ``template``: of its endpoint, with ``{region}`` and ``{secondLevelDomain}``. ``base_path``: its API
    version.
    """

    def __init__(
        self, config: Mapping[str, Any], *, service: str, template: str, base_path: str, signer: Any, retry_strategy: Any, **options: Any
    ) -> None:
        options = {"service_endpoint_template": template, "service_endpoint_template_per_realm": {}, "base_path": base_path, **options}
        self.base_client = BaseClient(service, config, signer, {}, **options)
        self.retry_strategy = retry_strategy

    def get(self, path: str, query: Mapping[str, object] | None = None, **parts: str) -> tuple[Any, str | None]:
        """The JSON value of a GET request, and the token of the next page. ``parts``: of the path, by their names in it.

        Raises the SDK's errors, and ValueError if the response is not JSON.
        """
        response = self.retry_strategy.make_retrying_call(
            self.base_client.call_api,
            resource_path=path,
            method="GET",
            path_params=dict(parts),
            query_params=dict(query or {}),
            header_params={"accept": "application/json", "content-type": "application/json"},
            response_type="bytes",
            enable_strict_url_encoding=True,
            operation_name=path,
            api_reference_link="",
            required_arguments=[],
        )
        try:
            return json.loads(response.data, strict=False), response.headers.get(oci.constants.HEADER_NEXT_PAGE) or None
        except RecursionError as error:
            raise ValueError("nested too deeply") from error

"""The SDK's generic client: its signing, retries and limits, without the models of a service.

The SDK's own client of a service imports all of its models, which costs the function's image and its cold start several megabytes.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

import oci
from oci.base_client import BaseClient


class JsonClient:
    """A client of one service, for `epimetheus.oci_client.clients.make_client`.

    ``service``: its name in counts. ``template``: of its endpoint, with ``{region}`` and ``{secondLevelDomain}``. ``base_path``: its API
    version.
    """

    def __init__(
        self, config: Mapping[str, Any], *, service: str, template: str, base_path: str, signer: Any, retry_strategy: Any, **options: Any
    ) -> None:
        endpoint = options.pop("service_endpoint", None)
        self.base_client = BaseClient(
            service, config, signer, {}, base_path=base_path, service_endpoint=endpoint, service_endpoint_template=template, **options
        )
        self._retry_strategy = retry_strategy

    def request(
        self, path: str, query: Mapping[str, object], parts: Mapping[str, str], operation: str, kind: Literal["object", "bytes"] = "object"
    ) -> Any:
        """A GET request. ``parts``: of the path, by their names in it. The SDK's response, with JSON values or bytes. Raises its errors."""
        headers = {"accept": "application/json", "content-type": "application/json"}
        self.base_client.add_opc_client_retries_header(headers)
        return self._retry_strategy.make_retrying_call(
            self.base_client.call_api,
            resource_path=path,
            method="GET",
            path_params=dict(parts),
            query_params=dict(query),
            header_params=headers,
            response_type=kind,
            enable_strict_url_encoding=True,
            operation_name=operation,
        )

    def get(self, path: str, query: Mapping[str, object] | None = None, **parts: str) -> tuple[Any, str | None]:
        """The JSON value that a GET request returns, which may have control characters in its texts, and the token of the next page.

        Raises the SDK's errors, and ValueError if the response is not JSON.
        """
        response = self.request(path, query or {}, parts, path, "bytes")
        try:
            return json.loads(response.data, strict=False), response.headers.get(oci.constants.HEADER_NEXT_PAGE) or None
        except RecursionError as error:
            raise ValueError("nested too deeply") from error

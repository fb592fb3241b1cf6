"""Errors of OCI services: status, code and message; ``{"code": …, "message": …}`` in the body."""


class ServiceError(Exception):
    """Base class of the errors in a response."""

    status = 500
    code = "InternalServerError"

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = self.status if status is None else status
        self.code = self.code if code is None else code


class NotAuthenticated(ServiceError):
    """The signature is missing, invalid or expired, or its key is unknown."""

    status, code = 401, "NotAuthenticated"

    def __init__(self, cause: str) -> None:
        super().__init__(f"The required information to complete authentication was not provided or was incorrect. [{cause}]")


class NotAuthorizedOrNotFound(ServiceError):
    """The resource does not exist, or the caller has no permission for it."""

    status, code = 404, "NotAuthorizedOrNotFound"

    def __init__(self) -> None:
        super().__init__("Authorization failed or requested resource not found.")


class InvalidParameter(ServiceError):
    """A parameter has an invalid value."""

    status, code = 400, "InvalidParameter"


class MissingParameter(ServiceError):
    """A required parameter is absent."""

    status, code = 400, "MissingParameter"

    def __init__(self, name: str) -> None:
        super().__init__(f"Missing required parameter: {name}")


class NamespaceNotFound(ServiceError):
    """The Object Storage namespace does not belong to this tenancy."""

    status, code = 404, "NamespaceNotFound"

    def __init__(self, namespace: str) -> None:
        super().__init__(f"You do not have authorization to perform this request, or namespace '{namespace}' could not be found.")


class BucketNotFound(ServiceError):
    """The bucket does not exist in this region."""

    status, code = 404, "BucketNotFound"

    def __init__(self, bucket: str, namespace: str) -> None:
        absent = f"does not exist in the namespace '{namespace}'"
        super().__init__(f"Either the bucket named '{bucket}' {absent} or you are not authorized to access it")


class ObjectNotFound(ServiceError):
    """The object does not exist in the bucket."""

    status, code = 404, "ObjectNotFound"

    def __init__(self, name: str, bucket: str) -> None:
        super().__init__(f"The object '{name}' was not found in the bucket '{bucket}'")


class IfMatchFailed(ServiceError):
    """The object has a different ETag, or does not exist."""

    status, code = 412, "IfMatchFailed"

    def __init__(self) -> None:
        super().__init__("The If-Match header is set but the ETag of the resource does not match")


class IfNoneMatchFailed(ServiceError):
    """The object already exists."""

    status, code = 412, "IfNoneMatchFailed"

    def __init__(self) -> None:
        super().__init__("The If-None-Match header is set but the resource already exists")


class UnmatchedContent(ServiceError):
    """The body does not match the checksum in the request."""

    status = 400

    def __init__(self, algorithm: str) -> None:
        super().__init__(f"The {algorithm} checksum of the body does not match the header", code=f"UnmatchedContent{algorithm}")


class UnknownRequest(ServiceError):
    """The stand-in does not implement the request. OCI has no such error; `World.unknown_requests` lists these requests."""

    status, code = 501, "UnsupportedByStandIn"

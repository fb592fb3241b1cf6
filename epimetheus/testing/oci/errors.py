"""Errors as OCI words them: a status, a code and a message, ``{"code": …, "message": …}`` on the wire."""


class ServiceError(Exception):
    """An error that a service answers with."""

    status = 500
    code = "InternalServerError"

    def __init__(self, message: str, *, status: int | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = self.status if status is None else status
        self.code = self.code if code is None else code


class NotAuthenticated(ServiceError):
    """The signature is missing, wrong, too old, or by a key nobody registered."""

    status, code = 401, "NotAuthenticated"

    def __init__(self, why: str) -> None:
        super().__init__(f"The required information to complete authentication was not provided or was incorrect. [{why}]")


class NotAuthorizedOrNotFound(ServiceError):
    """It does not exist, or the caller may not know that it does."""

    status, code = 404, "NotAuthorizedOrNotFound"

    def __init__(self) -> None:
        super().__init__("Authorization failed or requested resource not found.")


class InvalidParameter(ServiceError):
    """A parameter has a value that is not allowed."""

    status, code = 400, "InvalidParameter"


class MissingParameter(ServiceError):
    """A required parameter is absent."""

    status, code = 400, "MissingParameter"

    def __init__(self, name: str) -> None:
        super().__init__(f"Missing required parameter: {name}")


class NamespaceNotFound(ServiceError):
    """The Object Storage namespace is not this tenancy's."""

    status, code = 404, "NamespaceNotFound"

    def __init__(self, namespace: str) -> None:
        super().__init__(f"You do not have authorization to perform this request, or namespace '{namespace}' could not be found.")


class BucketNotFound(ServiceError):
    """No such bucket in this region."""

    status, code = 404, "BucketNotFound"

    def __init__(self, bucket: str, namespace: str) -> None:
        there = f"does not exist in the namespace '{namespace}'"
        super().__init__(f"Either the bucket named '{bucket}' {there} or you are not authorized to access it")


class ObjectNotFound(ServiceError):
    """No such object in the bucket."""

    status, code = 404, "ObjectNotFound"

    def __init__(self, name: str, bucket: str) -> None:
        super().__init__(f"The object '{name}' was not found in the bucket '{bucket}'")


class IfMatchFailed(ServiceError):
    """The object's ETag is another one, or there is no object."""

    status, code = 412, "IfMatchFailed"

    def __init__(self) -> None:
        super().__init__("The If-Match header is set but the ETag of the resource does not match")


class IfNoneMatchFailed(ServiceError):
    """There is an object already."""

    status, code = 412, "IfNoneMatchFailed"

    def __init__(self) -> None:
        super().__init__("The If-None-Match header is set but the resource already exists")


class UnmatchedContent(ServiceError):
    """The body is not what the checksum sent along says."""

    status = 400

    def __init__(self, algorithm: str) -> None:
        super().__init__(f"The {algorithm} checksum of the body is not the one in the header", code=f"UnmatchedContent{algorithm}")


class UnknownRequest(ServiceError):
    """Nothing OCI would say: the stand-in was asked for what it does not know, and says so loudly."""

    status, code = 501, "StandInDoesNotKnow"

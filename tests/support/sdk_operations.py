"""Lists the operations of the installed OCI SDK whose severity is that of an unknown operation.

``python -m tests.support.sdk_operations``
"""

from epimetheus.cli.sdk_operations import sdk_operations as installed_operations

__all__ = ["installed_operations"]

if __name__ == "__main__":
    from epimetheus.render.severity import operation_severity
    from epimetheus.render.severity_table import OTHER

    print("\n".join(name for name in installed_operations() if operation_severity(name) == OTHER))

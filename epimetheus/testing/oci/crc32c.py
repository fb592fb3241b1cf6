"""CRC-32C (Castagnoli, RFC 9260 appendix A), a checksum of Object Storage. Pure Python, for small bodies."""


def _entry(index: int) -> int:
    for _ in range(8):
        index = (index >> 1) ^ 0x82F63B78 if index & 1 else index >> 1
    return index


_TABLE = tuple(_entry(index) for index in range(256))


def crc32c(data: bytes) -> int:
    """Returns the checksum of the data."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF

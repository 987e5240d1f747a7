"""ML Metadata in SQLite."""

from pathlib import Path

from ml_metadata.proto import metadata_store_pb2


def connection_config(file: Path) -> metadata_store_pb2.ConnectionConfig:
    """The connection to a store that is made when it is first opened; TFX's own helper makes folders at once."""
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = str(file)
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
    return config

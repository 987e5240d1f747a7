"""The configuration files of tensorflow_model_server, in protobuf's text form."""

from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.server.errors import invalid

_INT, _BOOL, _STRING = "TYPE_INT64", "TYPE_BOOL", "TYPE_STRING"

# Messages that tensorflow-serving-api does not come with: their fields, which is all that the text form knows.
_MESSAGES: dict[str, dict[str, str]] = {
    "Int64Value": {"value": _INT},
    "BoolValue": {"value": _BOOL},
    "StringValue": {"value": _STRING},
    "BatchingParameters": {
        "max_batch_size": "Int64Value",
        "batch_timeout_micros": "Int64Value",
        "max_enqueued_batches": "Int64Value",
        "num_batch_threads": "Int64Value",
        "thread_pool_name": "StringValue",
        "allowed_batch_sizes": f"repeated {_INT}",
        "pad_variable_length_inputs": _BOOL,
        "enable_large_batch_splitting": "BoolValue",
        "max_execution_batch_size": "Int64Value",
    },
    "SSLConfig": {"server_key": _STRING, "server_cert": _STRING, "custom_ca": _STRING, "client_verify": _BOOL},
    "PrometheusConfig": {"enable": _BOOL, "path": _STRING},
    "MonitoringConfig": {"prometheus_config": "PrometheusConfig"},
}


def model_server(file: str | Path) -> model_server_config_pb2.ModelServerConfig:
    """A ModelServerConfig.

    Raises:
        ServingError: the file cannot be read, is no such message, or a model lacks name or base_path.
    """
    config = _read(file, model_server_config_pb2.ModelServerConfig())
    for model in config.model_config_list.config:
        if not model.name or not model.base_path:
            raise invalid(f"{file}: every config needs a name and a base_path; this one has name {model.name!r}")
    return config


def batching(file: str | Path | None) -> Any:
    """BatchingParameters; the defaults of TensorFlow Serving where there is no file."""
    return _read(file, _message("BatchingParameters")) if file else _message("BatchingParameters")


def ssl(file: str | Path) -> Any:
    """SSLConfig: PEM texts."""
    return _read(file, _message("SSLConfig"))


def monitoring(file: str | Path) -> Any:
    """MonitoringConfig.

    Raises:
        ServingError: the file cannot be read, is no such message, or its path is none that can be served.
    """
    config = _read(file, _message("MonitoringConfig"))
    path = config.prometheus_config.path
    if config.prometheus_config.enable and path and (not path.startswith("/") or set(path) & set("{}")):
        raise invalid(f"{file}: the path of prometheus_config must begin with '/' and have no braces; it is {path!r}")
    return config


def _read(file: str | Path, message: Any) -> Any:
    try:
        text_format.Parse(Path(file).read_text(encoding="utf-8"), message)
    except OSError as error:
        raise invalid(f"{file}: cannot be read ({error.strerror})") from error
    except (text_format.ParseError, UnicodeDecodeError) as error:
        raise invalid(f"{file}: {error}") from error
    return message


def _message(name: str) -> Any:
    return _class_of(_POOL.FindMessageTypeByName(f"marquee.serving.{name}"))()


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="marquee/serving.proto", package="marquee.serving", syntax="proto3")
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind) in enumerate(fields.items(), start=1):
            repeated, kind = kind.startswith("repeated "), kind.removeprefix("repeated ")
            added = message.field.add(name=field, number=number)
            added.label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
            if kind.startswith("TYPE_"):
                added.type = kinds.Type.Value(kind)
            else:
                added.type, added.type_name = kinds.TYPE_MESSAGE, f".marquee.serving.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _pool()
# Protobuf 3 has the one, later ones have the other.
_class_of = getattr(message_factory, "GetMessageClass", None) or message_factory.MessageFactory(_POOL).GetPrototype

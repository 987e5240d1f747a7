"""Errors with a status code, as clients of TensorFlow Serving know them."""

import re

import grpc
import tensorflow as tf

CODES = {code.value[0]: code for code in grpc.StatusCode}

# "{{node x}}" and "{{function_node x}}" wherever they stand; "[[{{node x}}]]", "[[node x (defined at ...)]]" and
# "[Op:X]" with all that follows them.
_NODES = re.compile(r"\{\{(?:function_)?node [^{}]*\}\}\s*|\s*\[\[(?:\{\{|node ).*|\s*\[Op:\w+\].*")
_QUOTED_INPUT = re.compile(r"(?<=Could not parse example input), value: .*", re.DOTALL)
# Characters: gRPC carries a message in the trailers, of which a client takes 8 KiB.
_LONGEST = 500
_ROOM = 6000  # bytes of a message in the trailers, where all but printable ASCII is three for each


class ServingError(Exception):
    """What a client is answered instead of a result.

    Attributes:
        code: gRPC's status code; REST makes an HTTP status of it.
        message: for the client.
    """

    def __init__(self, code: grpc.StatusCode, message: str):
        super().__init__(message)
        self.code = code
        self.message = message


def _reason(message: str) -> str:
    """What TensorFlow says is wrong, without the nodes of the graph, where they were defined, and the input itself."""
    lines = [_NODES.sub("", line).strip() for line in _QUOTED_INPUT.sub("", message).splitlines()]
    noise = ("Graph execution error", "Detected at", "<stack traces", "[[", "File ")
    said = [line for line in lines if line and not line.startswith(noise)]
    reason = said[0] if said else message.strip()
    asserted = re.fullmatch(r"assertion failed: \[(.*)\]", reason)
    return (asserted[1] if asserted else reason)[:_LONGEST]


def fitting(message: str) -> str:
    """As much of a message as gRPC's clients take of it: where trailers are longer, they see another code."""
    room = _ROOM
    for place, character in enumerate(message):
        room -= 1 if " " <= character <= "~" and character != "%" else 3 * len(character.encode(errors="replace"))
        if room < 0:
            return f"{message[:place]}..."
    return message


def invalid(message: str) -> ServingError:
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> ServingError:
    return ServingError(grpc.StatusCode.NOT_FOUND, message)


def unavailable(message: str) -> ServingError:
    return ServingError(grpc.StatusCode.UNAVAILABLE, message)


def of(error: Exception) -> ServingError:
    """What TensorFlow raised, under the same code; anything else is INTERNAL."""
    if isinstance(error, ServingError):
        return error
    if isinstance(error, tf.errors.OpError):
        return ServingError(CODES[error.error_code], _reason(error.message))
    if isinstance(error, UnicodeDecodeError):
        # TensorFlow's message quotes an input that is no text, so Python cannot raise what it was to raise.
        return invalid(_reason(error.object.decode(errors="replace")))
    if isinstance(error, (ValueError, TypeError)):
        return invalid(str(error))
    return ServingError(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}")


def failed(message: str) -> ServingError:
    return ServingError(grpc.StatusCode.FAILED_PRECONDITION, message)

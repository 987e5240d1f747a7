"""What TensorFlow raises, as a client is told it."""

import grpc
import pytest
import tensorflow as tf

from serving.server import errors

PARSING = "Could not parse example input"


def told(message: str) -> str:
    error = errors.of(tf.errors.InvalidArgumentError(None, None, message))
    assert error.code is grpc.StatusCode.INVALID_ARGUMENT
    return error.message


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (f"{PARSING}, value: 'none'\n\t [[{{{{function_node __f_<lambda>_5}}}}{{{{node Parse}}}}]]", PARSING),
        (f"{PARSING}, value: '{{{{a\nb\n{'x' * 100_000}'\n\t [[{{{{node ParseExample}}}}]]", PARSING),
        (
            "{{function_node __f}} {{function_node __f}} jpeg::Uncompress failed. Invalid JPEG data.\n"
            "\t [[{{node DecodeJpeg}}]]\n\t [[StatefulPartitionedCall/transform]]",
            "jpeg::Uncompress failed. Invalid JPEG data.",
        ),
        (
            "{{function_node __wrapped__Parse}} Key: x.  Can't parse. [Op:ParseExampleV2] name: ",
            "Key: x.  Can't parse.",
        ),
        ("Graph execution error:\n\nDetected at node Assert\n  File a.py\nbad [[node Assert (at b)]]", "bad"),
        ("Graph execution error:\n\nDetected at node Assert\n<stack traces unavailable>\nbad\n\t [[a]]", "bad"),
        ("assertion failed: [poster in row 0 is neither]\n\t [[{{node Assert/Assert}}]]", "poster in row 0 is neither"),
        ("indices[[0]] = 7 is not in [0, 3)", "indices[[0]] = 7 is not in [0, 3)"),
        ("[[{{node alone}}]]", "[[{{node alone}}]]"),
    ],
)
def test_nodes_of_the_graph_and_the_input_are_left_out(message, words):
    assert told(message) == words


def test_a_message_fits_into_trailers():
    assert len(told("x" * 100_000)) == 500


def test_a_message_that_quotes_bytes_which_are_no_text():
    with pytest.raises(UnicodeDecodeError) as raised:
        (PARSING.encode() + b", value: '\xff\xd8\xff").decode()
    error = errors.of(raised.value)
    assert (error.code, error.message) == (grpc.StatusCode.INVALID_ARGUMENT, PARSING)


def test_what_is_raised_otherwise():
    assert errors.of(ValueError("why")).code is grpc.StatusCode.INVALID_ARGUMENT
    assert errors.of(KeyError("why")).code is grpc.StatusCode.INTERNAL
    assert errors.of(tf.errors.ResourceExhaustedError(None, None, "OOM")).code is grpc.StatusCode.RESOURCE_EXHAUSTED

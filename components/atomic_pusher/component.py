"""The AtomicPusher component: TFX's Pusher with another executor."""

from tfx.components.pusher import component as pusher
from tfx.dsl.components.base import executor_spec

from components.atomic_pusher import executor


class AtomicPusher(pusher.Pusher):
    """Pushes a blessed model to `push_destination.filesystem.base_directory`/<version>, whole or not at all.

    Arguments and outputs are those of TFX's Pusher.
    """

    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

"""Gives executors their engine's Beam arguments as they start, which is after TFX has looked into its cache."""

import contextlib
from collections.abc import Iterator, Sequence

from tfx.orchestration.portable import data_types, launcher
from tfx.orchestration.portable.beam_executor_operator import BeamExecutorOperator
from tfx.proto.orchestration import executable_spec_pb2, execution_result_pb2, placeholder_pb2

from pipeline.worker_watch import watched_workers


@contextlib.contextmanager
def executors_get(beam_args: Sequence[str]) -> Iterator[None]:
    """Within it, components that are launched run their Beam jobs with `beam_args` after the DAG's own, so these win.

    A Launcher takes operators of its user's, but LocalDagRunner makes its Launchers without: hence the table that
    they all begin with.
    """

    class Operator(BeamExecutorOperator):
        def run_executor(
            self, execution_info: data_types.ExecutionInfo, *args, **kwargs
        ) -> execution_result_pb2.ExecutorOutput:
            for argument in beam_args:
                expression = placeholder_pb2.PlaceholderExpression()
                expression.value.string_value = argument
                self.beam_pipeline_args.append(expression)
            return super().run_executor(execution_info, *args, **kwargs)

    operators = launcher.DEFAULT_EXECUTOR_OPERATORS
    known = operators[executable_spec_pb2.BeamExecutableSpec]
    operators[executable_spec_pb2.BeamExecutableSpec] = Operator
    try:
        with watched_workers():
            yield
    finally:
        operators[executable_spec_pb2.BeamExecutableSpec] = known

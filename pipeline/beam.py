"""Beam's arguments for each engine."""


def pipeline_args() -> list[str]:
    """Arguments for the DirectRunner on one machine.

    One process, in memory: starting worker processes costs more than they save below some 60,000 films.
    Beam arguments are part of every component's cache key, so nothing that varies between runs belongs here.
    """
    return ["--runner=DirectRunner", "--direct_running_mode=in_memory"]

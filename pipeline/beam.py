"""Beam's arguments for each engine."""

from pipeline.paths import ROOT


def pipeline_args() -> list[str]:
    """Arguments for the DirectRunner on one machine.

    One process, in memory: starting worker processes costs more than they save below some 60,000 films.
    The set-up file is how workers elsewhere would get our code. Named, it also keeps TFX from copying and packing its
    whole installation for every component, which takes a second and leaves 42 MB in the folder for temporary files.
    Beam arguments are part of every component's cache key, so nothing that varies between runs belongs here.
    """
    return ["--runner=DirectRunner", "--direct_running_mode=in_memory", f"--setup_file={ROOT / 'setup.py'}"]

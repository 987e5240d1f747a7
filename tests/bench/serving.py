"""`make bench-serving`: what the model server costs beside calling the same SavedModel in a process of one's own.

Floor and server take turns within each round, since the machine's speed drifts; the figures to quote are medians of the
rounds' ratios. The floor calls the model as the server does, through a Session: one film at a time in one thread, and
32 at a time in as many threads as there are cores, each time the films that the clients send then: a long overview
takes four times as long as a short one. Clients (tests/bench/load.py) have the same cores as the server; requests are
single films, up to eight different ones at a time, others in each round; one client sends eight in turn, each for a
while. CPU time, of all threads of server and floor, is told as well: other work on the machine changes it less than the
time that passes.
"""

import argparse
import collections
import concurrent.futures
import itertools
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench import load
from tests.bench.load import Answers, Load

CLIENTS = (1, 8, 32)
SECONDS = 3.0
ROUNDS = 5
RELOADS = 10
RELOAD_CLIENTS = 8
QUIET_SECONDS = 3.0  # before each new version
LONGEST_RELOADS = 600.0  # seconds that all of them may take
BATCH = 32
FILMS = 256
INPUTS = {"cnn": "poster", "lstm": "overview"}
OUTPUTS = ("genres", "predicted", "scores")
TARGETS = {"p50": 1.5, "cnn": 0.85, "lstm": 0.5, "reload": 2.0}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("work"), help="of a run that pushed models")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="of each measurement")
    parser.add_argument("--reloads", type=int, default=RELOADS, help="new versions under load")
    parser.add_argument("--models", nargs="+", choices=INPUTS, default=list(INPUTS))
    parser.add_argument("--floor", nargs=3, metavar=("MODEL", "VERSION", "FILMS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.floor:
        _floor(*options.floor)
        return
    print("Load: h2load." if load.generator() else f"Load: {load.MISSING}", flush=True)
    missed = []
    for model in options.models:
        with tempfile.TemporaryDirectory(prefix="marquee-bench-") as folder:
            missed += _bench(model, options.work, Path(folder), options.rounds, options.seconds, options.reloads)
    if missed:
        sys.exit("Missed: " + "; ".join(missed))


def _bench(model: str, work: Path, folder: Path, rounds: int, seconds: float, reloads: int) -> list[str]:
    """Prints what it finds; gives the targets that are missed."""
    pushed = sorted((work / "serving_model" / model).glob("[0-9]*"))
    if not pushed:
        sys.exit(f"{work}: no version of {model} has been pushed to it; `make run` first.")
    base = folder / model
    shutil.copytree(pushed[-1], base / "1")
    given = films_of(work, model)
    films = folder / "films.json"
    films.write_text(json.dumps(given))
    (folder / "batching.config").write_text(f"max_batch_size {{ value: {BATCH} }} batch_timeout_micros {{ value: 0 }}")
    (folder / "monitoring.config").write_text("prometheus_config { enable: true }")
    flags = ["--port=0", "--rest_api_port=-1", f"--model_name={model}", f"--model_base_path={base}",
             "--enable_batching", f"--batching_parameters_file={folder / 'batching.config'}",
             f"--monitoring_config_file={folder / 'monitoring.config'}",
             "--file_system_poll_wait_seconds=0.2"]  # fmt: skip
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen([sys.executable, "-m", "serving.server", *flags], stdout=subprocess.PIPE, stderr=log)
        try:
            line = server.stdout.readline().decode()  # Serving cnn: gRPC at HOST:PORT, REST at http://HOST:PORT
            if " REST at " not in line:
                sys.exit(f"The server did not start:\n{(folder / 'log').read_text()}")
            endpoint, rest = line.split(" gRPC at ")[1].strip().split(", REST at ")
            clients = _Clients(endpoint, f"{rest}/monitoring/prometheus/metrics", model, given, folder)
            with _Floor(model, str(base / "1"), str(films)) as floor:
                missed = _rounds(model, floor, clients, server.pid, rounds, seconds)
            return missed + _reloads(model, base, clients, reloads)
        finally:
            server.terminate()
            server.wait()


class _Clients:
    """Makes loads of the films that it has turned to."""

    def __init__(self, endpoint: str, metrics: str, model: str, films: Sequence[str], folder: Path):
        self.endpoint = endpoint
        self._metrics = metrics
        self._folder = folder
        self.requests = [_request(model, film.encode("latin-1")) for film in films]
        self._bodies = [folder / f"body-{number}" for number in range(len(films))]
        for file, request in zip(self._bodies, self.requests, strict=True):
            file.write_bytes(load.body(request))
        self._films = collections.deque(range(len(films)))
        self._turned: list[int] = []

    def turn(self, clients: int) -> list[int]:
        """Has the next films sent, one for each client up to load.PROCESSES; their numbers."""
        self._turned = [self._films[number] for number in range(min(clients, load.PROCESSES))]
        self._films.rotate(-len(self._turned))
        return self._turned

    def start(self, clients: int, seconds: float) -> Load:
        bodies = [self._bodies[number] for number in self._turned]
        return Load(self.endpoint, self._metrics, bodies, clients, seconds, self._folder)

    def ask(self, clients: int, seconds: float) -> Answers:
        with self.start(clients, seconds) as running:
            return running.answers()


def _request(model: str, film: bytes) -> bytes:
    import tensorflow as tf
    from tensorflow_serving.apis import predict_pb2

    message = predict_pb2.PredictRequest(output_filter=OUTPUTS)
    message.model_spec.name = model
    message.inputs[INPUTS[model]].CopyFrom(tf.make_tensor_proto([film]))
    return message.SerializeToString()


def _rounds(model: str, floor: "_Floor", clients: _Clients, server: int, rounds: int, seconds: float) -> list[str]:
    served: dict[int, list[dict[str, float]]] = {count: [] for count in CLIENTS}
    floors: dict[int, list[dict[str, float]]] = {count: [] for count in CLIENTS}
    for count in CLIENTS:
        clients.turn(count)
        clients.ask(count, 1.0)  # sizes of batches not met before take longer
    for count in [count for _ in range(rounds) for count in CLIENTS]:
        batch, threads = (1, 1) if count == 1 else (BATCH, os.cpu_count() or 1)
        parts = load.PROCESSES if count == 1 else 1  # one client sends one film
        for _ in range(parts):
            films = clients.turn(count)
            floors[count].append(floor.ask(films=films, batch=batch, threads=threads, seconds=seconds / 2 / parts))
            before = _cpu(server)
            answers = clients.ask(count, seconds / parts)
            asked = len(answers.seconds)
            served[count].append(
                {"rate": answers.rate, "failed": answers.failed, **_quantiles(answers.seconds)}
                | {"cpu": 1000 * (_cpu(server) - before) / asked, "client_cpu": 1000 * answers.cpu / asked}
            )
    print(f"\n{model}: requests/s and latency of the server, beside the model called in process; medians")
    print(f"{'':12}{'requests/s':>11}{'p50 ms':>8}{'p99 ms':>8}{'floor films/s':>15}{'floor p50 ms':>14}"
          f"{'CPU ms: server':>16}{'floor':>7}{'load':>7}  ratio")  # fmt: skip
    missed = []
    for count, answers in served.items():
        beside = {key: statistics.median(answer[key] for answer in floors[count]) for key in floors[count][0]}
        middle = {key: statistics.median(answer[key] for answer in answers) for key in answers[0]}
        ratios = {
            key: [there[key] / here[key] for there, here in zip(answers, floors[count], strict=True)]
            for key in ("rate", "p50", "p99")
        }
        told = [f"throughput {_spread(ratios['rate'])}"]
        if count == 1:  # with more clients, the floor's time is that of a batch
            told = [f"p50 {_spread(ratios['p50'])}, at most {TARGETS['p50']}", f"p99 {_spread(ratios['p99'])}"]
            late = statistics.median(ratios["p50"]) > TARGETS["p50"]
        else:
            late = count == 32 and statistics.median(ratios["rate"]) < TARGETS[model]
            told[0] += f", at least {TARGETS[model]}" if count == 32 else ""
        failed = sum(answer["failed"] for answer in answers)
        name = f"{count} client{'s' if count > 1 else ''}"
        missed += [f"{model}, {name}, {told[0]}"] * late + [f"{model}, {name}, {failed:.0f} failed"] * bool(failed)
        figures = f"{middle['rate']:11.0f}{middle['p50']:8.2f}{middle['p99']:8.2f}"
        figures += f"{beside['rate']:15.0f}{beside['p50']:14.2f}"
        figures += f"{middle['cpu']:16.2f}{beside['cpu']:7.2f}{middle['client_cpu']:7.2f}"
        print(f"{name:12}{figures}  {'; '.join(told)}; failed {failed:.0f}", flush=True)
    return missed


def _reloads(model: str, base: Path, clients: _Clients, reloads: int) -> list[str]:
    """New versions under load, each made once the one before it is served and its predecessor unloaded."""
    quiet, loading, seen = [], [], 0
    clients.turn(RELOAD_CLIENTS)
    with clients.start(RELOAD_CLIENTS, LONGEST_RELOADS) as running:
        for version in range(2, reloads + 2):
            scratch = base / f".{version}"
            shutil.copytree(base / "1", scratch)
            begun = time.time()
            time.sleep(QUIET_SECONDS)
            quiet.append((begun, time.time()))
            scratch.rename(base / str(version))
            loading.append((quiet[-1][1], _switched(clients.endpoint, model, version)))
            seen += _version_that_answers(clients) == version
        answers = running.answers(now=True)
    ends = answers.starts + answers.seconds

    def p99(windows: Sequence[tuple[float, float]]) -> tuple[float, int]:
        """Of the requests that were under way in one of them."""
        inside = np.any([(answers.starts < end) & (ends > start) for start, end in windows], axis=0)
        return 1000 * float(np.percentile(answers.seconds[inside], 99)), int(inside.sum())

    (slow, asked), (normal, _) = p99(loading), p99(quiet)
    took = statistics.median(end - start for start, end in loading)
    print(
        f"{reloads} new versions under {RELOAD_CLIENTS} clients, each in {took:.1f} s: p99 {slow:.2f} ms while one "
        f"loads ({asked} requests), {normal:.2f} ms when quiet: {slow / normal:.2f} times (at most "
        f"{TARGETS['reload']}); versions seen {seen} of {reloads}; of {len(ends)} requests failed {answers.failed}",
        flush=True,
    )
    missed = []
    if slow > TARGETS["reload"] * normal:
        missed.append(
            f"{model}, p99 while one loads {slow / normal:.2f} times the quiet one, at most {TARGETS['reload']}"
        )
    if answers.failed or seen < reloads:
        missed.append(f"{model}, {answers.failed} failed over the versions, {reloads - seen} of which were not seen")
    return missed


def _switched(endpoint: str, model: str, version: int) -> float:
    """Waits until a version is served, and every other one unloaded; the moment, in seconds of the epoch."""
    import grpc
    from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

    status = get_model_status_pb2.ModelVersionStatus
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = model
    with grpc.insecure_channel(endpoint) as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        for _ in range(round(LONGEST_RELOADS / 0.1)):
            answer = stub.GetModelStatus(request, timeout=30)
            states = {one.version: one.state for one in answer.model_version_status}
            if states.pop(version, status.START) == status.AVAILABLE and set(states.values()) == {status.END}:
                return time.time()
            time.sleep(0.1)
    raise RuntimeError(f"version {version} of {model} was not served in {LONGEST_RELOADS:.0f} s")


def _version_that_answers(clients: _Clients) -> int:
    import grpc
    from tensorflow_serving.apis import predict_pb2

    with grpc.insecure_channel(clients.endpoint) as channel:
        answer = channel.unary_unary(load.PREDICT)(clients.requests[0], timeout=30)
    return predict_pb2.PredictResponse.FromString(answer).model_spec.version.value


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} (from {min(values):.2f} to {max(values):.2f})"


def _cpu(process: int) -> float:
    """Seconds of CPU of a process and all its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def films_of(work: Path, model: str) -> list[str]:
    """Inputs of films of the run, as text that JSON can hold."""
    import tensorflow as tf

    examples = sorted(
        (work / "artifacts" / "FilmExampleGen" / "examples").iterdir(), key=lambda folder: int(folder.name)
    )
    files = sorted(str(file) for file in (examples[-1] / "Split-train").iterdir())
    found = []
    for record in tf.data.TFRecordDataset(files, "GZIP").as_numpy_iterator():
        values = tf.train.Example.FromString(record).features.feature[INPUTS[model]].bytes_list.value
        if values:
            found.append(values[0].decode("latin-1"))
    return found[:FILMS]


class _Floor:
    """A process of this module that calls the model when asked to, one line of JSON each."""

    def __init__(self, *arguments: str):
        command = [sys.executable, "-W", "ignore", "-m", "tests.bench.serving", "--floor", *arguments]
        env = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env)

    def __enter__(self) -> "_Floor":
        self._answer()  # that it is ready
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        self._process.wait()

    def ask(self, **question: float | list[int]) -> dict[str, float]:
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, float]:
        return json.loads(self._process.stdout.readline())


def _questions() -> Iterator[Any]:
    """Says that this process is ready, then gives each question."""
    print("{}", flush=True)
    return (json.loads(line) for line in sys.stdin)


def _say(answer: Mapping[str, float]) -> None:
    print(json.dumps(answer), flush=True)


def _floor(model: str, version: str, films: str) -> None:
    from serving.server import servable

    logging.getLogger("tensorflow").setLevel(logging.ERROR)  # it deprecates how the server loads models
    threads = os.cpu_count() or 1
    loaded = servable.load(model, 1, Path(version), servable.Parallelism(intra_op=1, inter_op=threads))
    given = np.array([film.encode("latin-1") for film in json.loads(Path(films).read_text())], object)
    for question in _questions():
        inputs = {INPUTS[model]: np.resize(given[question["films"]], question["batch"])}
        loaded.run("serving_default", inputs, OUTPUTS)
        end = time.perf_counter() + question["seconds"]

        def work(_: int, inputs: Mapping[str, np.ndarray] = inputs, end: float = end) -> list[float]:
            seconds = []
            while True:
                start = time.perf_counter()
                loaded.run("serving_default", inputs, OUTPUTS)
                seconds.append(time.perf_counter() - start)
                if start > end:
                    return seconds

        begun, cpu = time.perf_counter(), time.process_time()
        with concurrent.futures.ThreadPoolExecutor(question["threads"]) as pool:
            seconds = list(itertools.chain.from_iterable(pool.map(work, range(question["threads"]))))
        films_done, took = len(seconds) * question["batch"], time.perf_counter() - begun
        spent = 1000 * (time.process_time() - cpu) / films_done
        _say({"rate": films_done / took, "cpu": spent, **_quantiles(seconds)})


def _quantiles(seconds: Sequence[float] | np.ndarray) -> dict[str, float]:
    return {f"p{q}": 1000 * float(np.percentile(seconds, q)) for q in (50, 99)}


if __name__ == "__main__":
    main()

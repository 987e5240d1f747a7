"""`make soak`: does the model server stay right, and its memory bounded, under good and bad requests for a while?

Both pushed models are served with serving/deploy's batching, over gRPC and REST. A second process sends good requests,
whose scores must be those that the same film got at the start, and bad ones, which must get the code that is theirs.
What comes in the warm-up, a minute or a fifth of the time where that is less, is checked but not measured.

After each minute of traffic the clients rest until the server has given back what is free in its heaps: what it then
holds is what requests leave behind. Under load RSS goes up and down by tens of MiB with the requests at hand.

Exits with 1 where an answer was lost or wrong, or what the server held at rest still grew by more than RSS_SLOPE in
the second half of at least JUDGED minutes.
"""

import argparse
import asyncio
import base64
import collections
import contextlib
import functools
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import numpy as np
import tensorflow as tf
from grpc_health.v1 import health_pb2, health_pb2_grpc
from scipy import stats
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.server import heaps
from tests.bench.serving import INPUTS, films_of

DEPLOY = Path(__file__).parents[2] / "serving" / "deploy"
MINUTES = 10.0
# MiB a minute of traffic, over the second half of it: 250 bytes of each request that are never given back. Shorter runs
# are not judged by it: oneDNN's cache, which has an entry for each shape of a batch, fills up meanwhile.
RSS_SLOPE = 3.0
JUDGED = 5.0  # minutes
ROUND = 60.0  # seconds of traffic between two rests
REST = heaps.TRIM_SECONDS + 2
RESTED = "rested"
FILMS = 64
MOST_ROWS = 8
CLIENTS = 6  # of good requests
BAD_CLIENTS = 2
PAUSE = 0.05  # seconds between two bad requests of a client
TIMEOUT = 30.0
LIMIT = 8 << 20  # bytes of a message
# Rows run in batches of another size are added up in another order.
TOLERANCE = 1e-4
CHANNELS = 4
IDLE = 20  # connections at a time, to each port
FAULTS = 3  # of a kind that are told in words
HOPELESS = 1000  # requests lost, after which the clients stop
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
TEXT = b"A poster, they said."
ODD = {"1 MB": b"A sheriff laughs at nothing. " * 36_158, "not UTF-8": b"\xff\xfe\x00", "empty": b""}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("work"), help="of a run that pushed models")
    parser.add_argument("--minutes", type=float, default=MINUTES)
    parser.add_argument("--load", nargs=4, metavar=("GRPC", "REST", "FILMS", "SECONDS"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        endpoint, rest, films, seconds = options.load
        asyncio.run(_load(endpoint, rest, json.loads(Path(films).read_text()), float(seconds)))
        return
    with tempfile.TemporaryDirectory(prefix="marquee-soak-") as folder:
        sys.exit(_soak(options.work, Path(folder), 60 * options.minutes))


def _soak(work: Path, folder: Path, seconds: float) -> int:
    for model in INPUTS:
        pushed = sorted((work / "serving_model" / model).glob("[0-9]*"))
        if not pushed:
            sys.exit(f"{work}: no version of {model} has been pushed to it; `make run` first.")
        shutil.copytree(pushed[-1], folder / model / "1")  # a copy, since a push would change the scores
    configs = " ".join(f'config {{ name: "{model}" base_path: "{folder / model}" }}' for model in INPUTS)
    (folder / "models.config").write_text(f"model_config_list {{ {configs} }}")
    films = {model: films_of(work, model)[:FILMS] for model in INPUTS}
    (folder / "films.json").write_text(json.dumps(films))
    flags = ["--port=0", "--rest_api_port=-1", f"--model_config_file={folder / 'models.config'}",
             "--enable_batching", f"--batching_parameters_file={DEPLOY / 'batching.config'}",
             f"--monitoring_config_file={DEPLOY / 'monitoring.config'}", f"--max_message_bytes={LIMIT}",
             "--enable_grpc_healthcheck_service"]  # fmt: skip
    env = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}
    with open(folder / "log", "wb") as log:
        command = [sys.executable, "-m", "serving.server", *flags]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=env)
        line = server.stdout.readline().decode()  # Serving cnn, lstm: gRPC at HOST:PORT, REST at http://HOST:PORT
        if " REST at " not in line:
            sys.exit(f"The server did not start:\n{(folder / 'log').read_text()}")
        endpoint, rest = line.split(" gRPC at ")[1].strip().split(", REST at ")
        command = [sys.executable, "-W", "ignore", "-m", "tests.bench.soak", "--load", endpoint, rest,
                   str(folder / "films.json"), str(seconds)]  # fmt: skip
        load = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)
        rested: list[tuple[float, float]] = []  # (minutes of traffic, MiB)
        samples: list[float] = []  # MiB
        try:
            load.stdout.readline()  # that it begins
            ended = threading.Event()
            watch = threading.Thread(target=_watch, args=(server.pid, samples, ended))
            watch.start()
            answer = ""
            for line in load.stdout:
                word, _, minutes = line.partition(" ")
                if word != RESTED:
                    answer = line
                    continue
                with contextlib.suppress(OSError, IndexError):  # the server is gone
                    rested.append((float(minutes), _rss(server.pid)))
                    print(f"{rested[-1][0]:5.1f} min: {rested[-1][1]:.1f} MiB at rest", file=sys.stderr, flush=True)
            ended.set()
            watch.join()
            died = server.poll()
            server.terminate()
            code = server.wait(60) if died is None else died
        finally:
            load.kill()
            server.kill()
    faults = [] if code == 0 else [f"the server exited with {code}:\n{(folder / 'log').read_text()[-2000:]}"]
    if not answer.strip():
        faults.append("the clients' process died")
        answer = "{}"
    tallies = {kind: Tally(**tally) for kind, tally in json.loads(answer).items()}
    return _report(tallies, rested, samples, seconds, faults)


def _watch(pid: int, samples: list[float], ended: threading.Event) -> None:
    """Appends the MiB resident every second."""
    while not ended.wait(1):
        with contextlib.suppress(OSError, IndexError):  # the server is gone
            samples.append(_rss(pid))


def _rss(pid: int) -> float:
    """MiB resident."""
    return int(Path(f"/proc/{pid}/status").read_text().split("VmRSS:")[1].split()[0]) / 1024


def _warm_up(seconds: float) -> float:
    return min(60.0, seconds / 5)


def _report(
    tallies: "Mapping[str, Tally]",
    rested: Sequence[tuple[float, float]],
    samples: Sequence[float],
    seconds: float,
    faults: Sequence[str],
) -> int:
    """Prints the table; the exit code."""
    measured = seconds - _warm_up(seconds)
    print(f"{seconds / 60:g} min, the last {measured / 60:.1f} measured; "
          f"{CLIENTS} clients of good requests, {BAD_CLIENTS} of bad ones\n")  # fmt: skip
    print(f"{'':36}{'requests':>9}{'per s':>8}{'p50 ms':>8}{'p99 ms':>8}{'lost':>6}{'wrong':>6}  answers")
    for good in (True, False):
        for kind, tally in sorted(tallies.items()):
            if tally.good is good:
                print(_line(kind, tally, measured))
        print(_line("all good" if good else "all bad", _sum(tallies, good), measured), "\n", sep="")
    faults = [*faults, *(f"{kind}: {first}" for kind, tally in tallies.items() for first in tally.faults)]
    half = [(at, rss) for at, rss in rested if at >= seconds / 120]
    judged = seconds / 60 >= JUDGED
    if len(half) > 1:
        line = stats.linregress(*zip(*half, strict=True))
        slope = float(line.slope)
        print(
            f"RSS of the server: {max(samples):.0f} MiB at most; at rest after each minute of traffic "
            f"{', '.join(f'{rss:.0f}' for _, rss in rested)} MiB;\n"
            f"its slope over the second half {slope:+.2f} MiB a minute, standard error {line.stderr:.2f} "
            + (f"(at most {RSS_SLOPE})" if judged else f"(not judged: under {JUDGED:g} minutes)")
        )
        if judged and slope > RSS_SLOPE:
            faults.append(f"RSS at rest grows by {slope:.2f} MiB a minute")
    elif judged:
        faults.append("RSS could not be read")
    for fault in faults:
        print(f"FAULT {fault}")
    print("failed" if faults else "passed")
    return int(bool(faults))


def _line(kind: str, tally: "Tally", seconds: float) -> str:
    p50, p99 = np.percentile(tally.ms, [50, 99]) if tally.good and tally.ms else (None, None)
    times = "".join(f"{'' if value is None else f'{value:.1f}':>8}" for value in (p50, p99))
    codes = ", ".join(f"{code} {count}" for code, count in sorted(tally.codes.items()))
    count = sum(tally.codes.values())
    return f"{kind:36}{count:9}{count / seconds:8.1f}{times}{tally.lost:6}{tally.wrong:6}  {codes}"


def _sum(tallies: "Mapping[str, Tally]", good: bool) -> "Tally":
    total = Tally(good)
    codes: collections.Counter[str] = collections.Counter()
    for tally in tallies.values():
        if tally.good is good:
            codes.update(tally.codes)
            total.lost += tally.lost
            total.wrong += tally.wrong
            total.ms += tally.ms
    total.codes = dict(codes)
    return total


@dataclass
class Tally:
    """What became of the requests of one kind.

    Attributes:
        good: it must be answered OK; else it is refused, given up, or unusually heavy.
        codes: answers by gRPC's or HTTP's code, after the warm-up.
        ms: latencies, after the warm-up.
        lost: had no answer, or a good one a refusal; from the start.
        wrong: had other scores than at the start, or another code than is right; from the start.
        faults: the first few of both, in words.
    """

    good: bool
    codes: dict[str, int] = field(default_factory=dict)
    ms: list[float] = field(default_factory=list)
    lost: int = 0
    wrong: int = 0
    faults: list[str] = field(default_factory=list)


class Wrong(Exception):
    """An answer that says something else than it should."""


@dataclass(frozen=True)
class Kind:
    """Requests of one kind.

    Attributes:
        good: as in Tally.
        send: sends one and returns the code that it was answered; raises Wrong, or whatever came instead of an answer.
        codes: those that are right.
    """

    good: bool
    send: Callable[[], Awaitable[str]]
    codes: frozenset[str]


async def _load(endpoint: str, rest: str, films: Mapping[str, Sequence[str]], seconds: float) -> None:
    """Sends requests for `seconds`, with a rest after each ROUND of them.

    Prints a line when it begins, one at the end of each rest, with the minutes of traffic before it, and the tallies.
    """
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(TIMEOUT)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        clients = Clients(
            endpoint, rest, session, {model: [film.encode("latin-1") for film in films[model]] for model in INPUTS}
        )
        await clients.learn()
        kinds = clients.kinds()
        tallies = {name: Tally(kind.good) for name, kind in kinds.items()}
        print(flush=True)
        begun = time.monotonic()
        end = begun + seconds
        all_lost = under_way = 0
        may_send = asyncio.Event()
        may_send.set()

        async def one(name: str) -> None:
            nonlocal all_lost
            kind, tally, start = kinds[name], tallies[name], time.monotonic()
            fault, lost = "", False
            try:
                code = await asyncio.wait_for(kind.send(), 2 * TIMEOUT)
                if code not in kind.codes:
                    fault, lost = f"{code} instead of {' or '.join(sorted(kind.codes))}", kind.good
            except Wrong as error:
                code, fault = "wrong", str(error)
            except Exception as error:
                code, fault, lost = type(error).__name__, f"{type(error).__name__}: {error}", True
            now = time.monotonic()
            if start - begun >= _warm_up(seconds):
                tally.codes[code] = tally.codes.get(code, 0) + 1
                tally.ms.append(1000 * (now - start))
            if fault:
                all_lost += lost
                tally.lost += lost
                tally.wrong += not lost
                if len(tally.faults) < FAULTS:
                    tally.faults.append(f"after {now - begun:.1f} s: {fault}"[:500])

        async def client(names: Sequence[str], pause: float, seed: int) -> None:
            chance = random.Random(seed)
            nonlocal under_way
            while True:
                for name in chance.sample(names, len(names)):
                    await may_send.wait()
                    if time.monotonic() > end or all_lost > HOPELESS:
                        return
                    under_way += 1
                    await one(name)
                    under_way -= 1
                    await asyncio.sleep(chance.uniform(0, 2 * pause))

        async def rests() -> None:
            nonlocal end
            for number in range(1, int(seconds / ROUND) + 1):
                await asyncio.sleep(ROUND)
                if all_lost > HOPELESS:
                    return
                started = time.monotonic()
                may_send.clear()
                while under_way:
                    await asyncio.sleep(0.1)
                await asyncio.sleep(REST)
                print(RESTED, number * ROUND / 60, flush=True)
                await asyncio.sleep(1)  # in which RSS is read
                end += time.monotonic() - started
                may_send.set()

        good, bad = ([name for name, kind in kinds.items() if kind.good is want] for want in (True, False))
        await asyncio.gather(
            *(client(good, 0, number) for number in range(CLIENTS)),
            *(client(bad, PAUSE, CLIENTS + number) for number in range(BAD_CLIENTS)),
            rests(),
        )
        await clients.close()
    print(json.dumps({name: asdict(tally) for name, tally in tallies.items()}))


class Clients:
    """Requests of every kind, and what is known of their answers."""

    def __init__(self, endpoint: str, rest: str, session: aiohttp.ClientSession, films: Mapping[str, Sequence[bytes]]):
        """Makes clients of a server that serves the models of INPUTS.

        Args:
            endpoint: host:port of gRPC.
            rest: http://host:port.
            session: for REST.
            films: posters or overviews by model.
        """
        self._addresses = [endpoint, rest.removeprefix("http://")]
        self._rest = rest
        self._session = session
        self._films = films
        self._chance = random.Random(7)
        self._scores: dict[tuple[str, bytes], np.ndarray] = {}
        self._classes: dict[tuple[str, str], Any] = {}  # of one film, by model and classify signature
        # One that differs in its arguments has a connection of its own.
        self._channels = [grpc.aio.insecure_channel(endpoint, [("client", number)]) for number in range(CHANNELS)]

    async def learn(self) -> None:
        """Asks about every film once, alone: all later answers must say the same."""
        odd = {"lstm": list(ODD.values())}
        for model, films in self._films.items():
            for film in [*films, *odd.get(model, [])]:
                response = await self._predictions().Predict(self._request(model, [film]), timeout=TIMEOUT)
                self._scores[model, film] = _scores(response)[0]
            if len({self._scores[model, film].tobytes() for film in films}) < 2:
                raise ValueError(f"{model} answers every film the same: nothing could be told from that")
            _, metadata = await self._call(self._predictions().GetModelMetadata, _metadata(model))
            signatures = get_model_metadata_pb2.SignatureDefMap()
            metadata.metadata["signature_def"].Unpack(signatures)
            for name, signature in signatures.signature_def.items():
                if signature.method_name == "tensorflow/serving/classify":
                    request = self._classify_request(model, name)
                    response = await self._predictions().Classify(request, timeout=TIMEOUT)
                    self._classes[model, name] = response.result

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()

    def kinds(self) -> dict[str, Kind]:
        """All kinds by name."""
        kinds: dict[str, Kind] = {}

        def add(name: str, codes: str, send: Callable[..., Awaitable[str]], *given: Any, good: bool = False) -> None:
            kinds[name] = Kind(good, functools.partial(send, *given), frozenset(codes.split()))

        for model in INPUTS:
            add(f"gRPC predict {model}", "OK", self._predict, model, good=True)
            add(f"gRPC predict {model}, tf.Examples", "OK", self._predict_examples, model, good=True)
            add(f"gRPC metadata {model}", "OK", self._ask_metadata, model, good=True)
            add(f"gRPC status {model}", "OK", self._ask_status, model, good=True)
            add(f"REST predict {model}", "200", self._rest_predict, model, good=True)
            add(f"REST metadata {model}", "200", self._get, f"/v1/models/{model}/metadata", good=True)
            add(f"REST status {model}", "200", self._get, f"/v1/models/{model}", good=True)
        for model, name in self._classes:
            add(f"gRPC classify {model} {name}", "OK", self._classify, model, name, good=True)
        add("gRPC health", "OK", self._ask_health, good=True)
        add("REST metrics", "200", self._get, "/monitoring/prometheus/metrics", good=True)

        cnn, lstm = self._films["cnn"][0], self._films["lstm"][0]
        for name, film in ODD.items():
            add(f"overview: {name}", "OK", self._predict, "lstm", [lstm, film])
        add("no rows", "OK", self._predict, "lstm", [])
        for name, poster in {"truncated": cnn[: len(cnn) // 2], "a GIF": GIF, "a text": TEXT}.items():
            add(f"poster: {name}", "INVALID_ARGUMENT", self._refused, self._request("cnn", [cnn, poster]))
        add("poster over the limit", "RESOURCE_EXHAUSTED", self._refused, self._request("cnn", [bytes(LIMIT + 1)]))
        add("unknown model", "NOT_FOUND", self._refused, self._request("nope", [lstm], "overview"))
        unknown = self._request("lstm", [lstm])
        unknown.model_spec.version.value = 9
        add("unknown version", "NOT_FOUND", self._refused, unknown)
        unknown = self._request("lstm", [lstm])
        unknown.model_spec.version_label = "nope"
        add("unknown label", "INVALID_ARGUMENT", self._refused, unknown)
        unknown = self._request("lstm", [lstm])
        unknown.model_spec.signature_name = "nope"
        add("unknown signature", "FAILED_PRECONDITION", self._refused, unknown)
        add("unknown input", "INVALID_ARGUMENT", self._refused, self._request("lstm", [lstm], "nope"))
        numbers = self._request("lstm", [lstm])
        numbers.inputs["overview"].CopyFrom(tf.make_tensor_proto(np.float32([1, 2])))
        add("wrong dtype", "INVALID_ARGUMENT", self._refused, numbers)
        no_example = self._request("lstm", [b"\xff none"], "examples", "serving_examples")
        add("no tf.Example", "INVALID_ARGUMENT", self._refused, no_example)
        add("classify, not a signature of that", "INVALID_ARGUMENT", self._classify, "lstm", "serving_examples")
        add("deadline of 1 ms", "DEADLINE_EXCEEDED OK", self._refused, self._request("cnn", [cnn] * MOST_ROWS), 0.001)
        add("gRPC client hangs up", "CANCELLED OK", self._hang_up)
        add("REST client hangs up", "closed", self._rest_hang_up)
        add("idle connections", "closed", self._idle)

        path = "/v1/models/lstm:predict"
        deep = b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        wide = b'{"instances": [' + b"[]," * 100_000 + b"0]}"
        add("REST JSON bomb, deep", "400", self._post, path, deep)
        add("REST JSON bomb, wide", "400", self._post, path, wide)
        add("REST over the limit", "413", self._post, path, bytes(LIMIT + 1))
        add("REST no JSON", "400", self._post, path, b"\xff\xfe")
        add("REST unknown model", "404", self._post, "/v1/models/nope:predict", b'{"instances": ["a"]}')
        add("REST unknown signature", "400", self._post, path, b'{"instances": ["a"], "signature_name": "nope"}')
        add("REST wrong dtype", "400", self._post, path, b'{"instances": [1]}')
        return kinds

    async def _predict(self, model: str, films: Sequence[bytes] | None = None) -> str:
        films = self._some(model) if films is None else films
        code, response = await self._call(self._predictions().Predict, self._request(model, films))
        if response is not None:
            self._check(model, films, _scores(response))
        return code

    async def _predict_examples(self, model: str) -> str:
        films = self._some(model)
        examples = [_example(model, film).SerializeToString() for film in films]
        request = self._request(model, examples, "examples", "serving_examples")
        code, response = await self._call(self._predictions().Predict, request)
        if response is not None:
            self._check(model, films, _scores(response))
        return code

    async def _classify(self, model: str, signature: str) -> str:
        request = self._classify_request(model, signature)
        code, response = await self._call(self._predictions().Classify, request)
        if response is not None:
            expected = self._classes[model, signature].classifications
            for row, known in zip(response.result.classifications, expected, strict=True):
                for one, other in zip(row.classes, known.classes, strict=True):
                    if one.label != other.label or abs(one.score - other.score) > TOLERANCE:
                        raise Wrong(f"{one} instead of {other}")
        return code

    async def _ask_metadata(self, model: str) -> str:
        code, response = await self._call(self._predictions().GetModelMetadata, _metadata(model))
        if response is not None and response.model_spec.name != model:
            raise Wrong(f"metadata of {response.model_spec.name!r}")
        return code

    async def _ask_status(self, model: str) -> str:
        stub = model_service_pb2_grpc.ModelServiceStub(self._channel())
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=model_pb2.ModelSpec(name=model))
        code, response = await self._call(stub.GetModelStatus, request)
        if response is not None:
            states = [status.state for status in response.model_version_status]
            if states != [get_model_status_pb2.ModelVersionStatus.AVAILABLE]:
                raise Wrong(f"states {states}")
        return code

    async def _ask_health(self) -> str:
        stub = health_pb2_grpc.HealthStub(self._channel())
        code, response = await self._call(stub.Check, health_pb2.HealthCheckRequest())
        if response is not None and response.status != health_pb2.HealthCheckResponse.SERVING:
            raise Wrong(f"status {response.status}")
        return code

    async def _refused(self, request: predict_pb2.PredictRequest, timeout: float = TIMEOUT) -> str:
        return (await self._call(self._predictions().Predict, request, timeout))[0]

    async def _hang_up(self) -> str:
        model = self._chance.choice(list(INPUTS))
        call = self._predictions().Predict(self._request(model, self._some(model)), timeout=TIMEOUT)
        await asyncio.sleep(self._chance.uniform(0, 0.02))
        call.cancel()
        try:
            await call
        except asyncio.CancelledError:
            return "CANCELLED"
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return "OK"

    async def _rest_predict(self, model: str) -> str:
        films = self._some(model)
        rows = [{"b64": base64.b64encode(film).decode()} if model == "cnn" else film.decode() for film in films]
        body = json.dumps({"instances": rows})
        async with self._session.post(f"{self._rest}/v1/models/{model}:predict", data=body) as answer:
            if answer.status == 200:
                predictions = (await answer.json())["predictions"]
                self._check(model, films, np.array([prediction["scores"] for prediction in predictions]))
            return str(answer.status)

    async def _get(self, path: str) -> str:
        async with self._session.get(f"{self._rest}{path}") as answer:
            if not await answer.read():
                raise Wrong("an empty answer")
            return str(answer.status)

    async def _post(self, path: str, body: bytes) -> str:
        async with self._session.post(f"{self._rest}{path}", data=io.BytesIO(body)) as answer:
            if "error" not in await answer.json():
                raise Wrong(f"{answer.status} without an error")
            return str(answer.status)

    async def _rest_hang_up(self) -> str:
        host, port = self._addresses[1].rsplit(":", 1)
        body = json.dumps({"instances": [self._films["lstm"][0].decode()] * MOST_ROWS}).encode()
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"POST /v1/models/lstm:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        writer.write(body[: self._chance.choice([len(body) // 2, len(body)])])
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        return "closed"

    async def _idle(self) -> str:
        writers = []
        try:
            for address in self._addresses * IDLE:
                host, port = address.rsplit(":", 1)
                writers.append((await asyncio.open_connection(host, int(port)))[1])
            await asyncio.sleep(0.5)
        finally:
            for writer in writers:
                writer.close()
        return "closed"

    def _channel(self) -> grpc.aio.Channel:
        return self._chance.choice(self._channels)

    def _predictions(self) -> Any:
        return prediction_service_pb2_grpc.PredictionServiceStub(self._channel())

    async def _call(self, method: Any, request: Any, timeout: float = TIMEOUT) -> tuple[str, Any]:
        """The code, and the answer where it is OK."""
        try:
            return "OK", await method(request, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            return error.code().name, None

    def _some(self, model: str) -> list[bytes]:
        return self._chance.choices(self._films[model], k=self._chance.randint(1, MOST_ROWS))

    def _request(
        self, model: str, values: Sequence[bytes], key: str = "", signature: str = ""
    ) -> predict_pb2.PredictRequest:
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = model, signature
        proto = tf.make_tensor_proto(np.array(values, object), dtype=tf.string, shape=[len(values)])
        request.inputs[key or INPUTS[model]].CopyFrom(proto)
        return request

    def _classify_request(self, model: str, signature: str) -> classification_pb2.ClassificationRequest:
        request = classification_pb2.ClassificationRequest()
        request.model_spec.name, request.model_spec.signature_name = model, signature
        request.input.example_list.examples.append(_example(model, self._films[model][0]))
        return request

    def _check(self, model: str, films: Sequence[bytes], scores: np.ndarray) -> None:
        """Raises Wrong where scores, float [N, G], are not those that the films got at the start."""
        if len(scores) != len(films):
            raise Wrong(f"{len(scores)} rows for {len(films)} films")
        for row, film in enumerate(films):
            furthest = np.abs(scores[row] - self._scores[model, film]).max()
            if not furthest <= TOLERANCE:  # NaN is not
                raise Wrong(f"scores of row {row} of {len(films)} are off by {furthest}")


def _scores(response: predict_pb2.PredictResponse) -> np.ndarray:
    return tf.make_ndarray(response.outputs["scores"])


def _example(model: str, film: bytes) -> tf.train.Example:
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[film]))
    return tf.train.Example(features=tf.train.Features(feature={INPUTS[model]: feature}))


def _metadata(model: str) -> get_model_metadata_pb2.GetModelMetadataRequest:
    spec = model_pb2.ModelSpec(name=model)
    return get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec, metadata_field=["signature_def"])


if __name__ == "__main__":
    main()

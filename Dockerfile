# The image that `marquee compile --to kubeflow` names: Marquee with its locked stack.
#   docker build -t IMAGE .                                             TFX 1.16
#   docker build -t IMAGE --build-arg BASE=python:3.13-slim-trixie .    TFX 1.21
# Compile with the stack that the image has.
ARG BASE=python:3.10-slim-bookworm
FROM ${BASE}

RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates g++ libgomp1 make \
 && rm -rf /var/lib/apt/lists/*

# Where the compiled pipeline looks for files of its own: pipeline/kubeflow_dag.py.
WORKDIR /opt/marquee
COPY . .
RUN make setup

ENV PATH=/opt/marquee/.venv/bin:$PATH TF_CPP_MIN_LOG_LEVEL=2

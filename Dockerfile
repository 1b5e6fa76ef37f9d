# CUDA: docker build -t i2vda .      torch's default build brings its CUDA; the host has NVIDIA's driver and container toolkit.
#       --build-arg BASE=nvidia/cuda:12.8.1-cudnn-runtime-ubuntu24.04 builds on NVIDIA's base instead.
# CPU:  docker build -t i2vda --build-arg PIP_ARGS='--extra-index-url URL' .      an index of torch's CPU builds spares gigabytes.
# Run:  docker run --rm --user "$(id -u):$(id -g)" -v "$PWD":/work i2vda demo --smoke
#       with a GPU: --gpus all; for data workers: --shm-size 8g
ARG BASE=python:3.12-slim-bookworm
FROM ${BASE}

# OpenCV's libraries, and Python itself where the base has none
RUN apt-get update && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
        $(python3 -c 'import ensurepip' 2>/dev/null || echo python3-venv) && \
    rm -rf /var/lib/apt/lists/*

# More arguments for pip, such as the index of torch's CPU builds
ARG PIP_ARGS=
COPY . /src
RUN python3 -m venv /opt/i2vda && \
    /opt/i2vda/bin/pip install --no-cache-dir ${PIP_ARGS} -r /src/requirements.txt /src -c /src/requirements/constraints.txt && \
    rm -rf /src

# Any user may run it, with or without a name: files in /work then belong to whoever called docker
ENV PATH=/opt/i2vda/bin:$PATH HOME=/home/i2vda USER=i2vda
RUN useradd --create-home --uid 1001 i2vda && mkdir /work && chmod 1777 /work /home/i2vda
USER i2vda
WORKDIR /work
ENTRYPOINT ["i2vda"]
CMD ["--help"]

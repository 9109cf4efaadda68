# The modern stack on a CPU:
#   docker build -t object-detection-pruning .
#   docker run --rm -v "$PWD/output:/output" object-detection-pruning
FROM python:3.11-slim-bookworm

# The sparse ops are compiled for the machine that builds the image.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends g++ util-linux \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /odp
COPY . .
RUN STACK=modern bash scripts/setup.sh
CMD ["bash", "scripts/quickstart.sh", "/output"]

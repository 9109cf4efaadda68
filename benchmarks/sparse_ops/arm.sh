#!/usr/bin/env bash
# Runs random cases of every sparse op on an emulated ARM processor, against
# TensorFlow 2.15 for it. Takes Debian, root, and the packages
# g++-aarch64-linux-gnu and qemu-user-static. A run takes some minutes.
#   bash benchmarks/sparse_ops/arm.sh FOLDER [ARGUMENTS OF random_cases.py...]
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
folder=$(mkdir -p "$1" && cd "$1" && pwd)
shift
[ $# -gt 0 ] || set -- --seed=1 --count=8 --threads=1

# The modern environment has the packages that are only Python.
STACK=modern VENV="$folder/venv" bash "$repository/scripts/setup.sh"
packages=$(echo "$folder"/venv/lib/python3.11/site-packages)

# A Python for ARM, with the libraries that it and the wheels need.
if [ ! -d "$folder/arm64" ]; then
  dpkg --add-architecture arm64
  apt-get update --quiet
  mkdir -p "$folder/debs"
  (
    cd "$folder/debs"
    apt-get download python3.11-minimal:arm64 libpython3.11-minimal:arm64 \
      libpython3.11-stdlib:arm64 python3-distutils libc6:arm64 \
      libstdc++6:arm64 libgcc-s1:arm64 zlib1g:arm64 libexpat1:arm64 \
      libffi8:arm64 libssl3:arm64 libbz2-1.0:arm64 liblzma5:arm64
  )
  for package in "$folder"/debs/*.deb; do
    dpkg -x "$package" "$folder/arm64"
  done
fi

# The packages that are not only Python, at the versions of the lock file.
if [ ! -d "$folder/site" ]; then
  wanted=$(grep -iE '^(numpy|wrapt|ml-dtypes|protobuf|grpcio|h5py|pillow)==' \
    "$repository/requirements-modern-py311.lock" | cut -d' ' -f1)
  for package in $wanted tensorflow-cpu-aws==2.15.1; do
    "$folder/venv/bin/python" -m pip install --quiet --no-deps \
      --target "$folder/site" --upgrade --only-binary=:all: \
      --python-version 311 --platform manylinux_2_28_aarch64 \
      --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64 \
      "$package"
  done
fi

libraries=$folder/arm64/lib/aarch64-linux-gnu
libraries=$libraries:$folder/arm64/usr/lib/aarch64-linux-gnu
export PYTHONHOME=$folder/arm64/usr CXX=aarch64-linux-gnu-g++
export PYTHONPATH=$repository:$folder/site:$packages TF_CPP_MIN_LOG_LEVEL=1
exec qemu-aarch64-static -L "$folder/arm64" -E LD_LIBRARY_PATH="$libraries" \
  "$folder/arm64/usr/bin/python3.11" \
  "$repository/tests/sparse_ops/random_cases.py" "$@"

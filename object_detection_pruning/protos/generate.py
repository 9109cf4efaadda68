"""Generates pruning_pb2.py; run it after a change of pruning.proto.

Needs grpcio-tools 1.48.2, the last one whose output protobuf 3.19 reads (that
of Python 3.6). OD API's descriptors come from its installed modules.
"""

import os
import tempfile

import grpc_tools
from google.protobuf import descriptor_pb2
from grpc_tools import protoc
from object_detection.protos import pipeline_pb2

_PROTO = 'object_detection_pruning/protos/pruning.proto'


def main() -> None:
  root = os.path.dirname(os.path.dirname(os.path.dirname(__file__))) or '.'
  descriptors = descriptor_pb2.FileDescriptorSet()
  _add_with_dependencies(pipeline_pb2.DESCRIPTOR, descriptors, set())
  with tempfile.NamedTemporaryFile(suffix='.pb') as descriptor_set:
    descriptor_set.write(descriptors.SerializeToString())
    descriptor_set.flush()
    os.chdir(root)
    status = protoc.main(
      [
        'protoc',
        f'--descriptor_set_in={descriptor_set.name}',
        '-I.',
        '--python_out=.',
        _PROTO,
      ]
    )
  if status:
    raise SystemExit(f'protoc of {grpc_tools.__name__} failed on {_PROTO}')


def _add_with_dependencies(file, descriptors, seen) -> None:
  if file.name in seen:
    return
  seen.add(file.name)
  for dependency in file.dependencies:
    _add_with_dependencies(dependency, descriptors, seen)
  file.CopyToProto(descriptors.file.add())


if __name__ == '__main__':
  main()

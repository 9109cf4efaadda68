"""Ops that reach out of a graph: files, other machines, Python, the process.

A graph from a stranger could read or write with them whatever the person who
runs it may. Detectors need none of them.
"""

import re
from typing import Optional

from object_detection_pruning.graphs.graph_index import NodeDef, attribute

CHECKPOINTS = 'checkpoints'
_KINDS = (
  (
    'files',
    r'ReadFile|WriteFile|MatchingFiles|.*Reader(V2)?|.*FileDataset(V\d)?|'
    r'(Experimental)?(TextLine|TFRecord|FixedLengthRecord|CSV|Sql|LMDB|Cache|'
    r'Snapshot|Save|Load|MatchingFiles|AssertCardinality.*File)Dataset(V\d)?|'
    r'DatasetToTFRecord|ExperimentalDatasetToTFRecord|DistributedSave|'
    r'InitializeTableFromTextFile(V2)?|.*Summary(File|Db)Writer|'
    r'Write(Audio|Graph|Histogram|Image|RawProto|Scalar)?Summary|ImportEvent|'
    r'LoadAndRemapMatrix|GenerateVocabRemapping|Debug.*|DumpTensor.*|'
    r'Bigtable.*|GcsConfigure.*|CheckpointExists',
  ),
  (
    CHECKPOINTS,
    r'Save(V2|Slices)?|Restore(V2|Slice)?|MergeV2Checkpoints|ShardedFilename|'
    r'ShardedFilespec',
  ),
  (
    'other machines',
    r'_(Host)?(Send|Recv)|RemoteCall|RemoteFusedGraphExecute|Rpc|TryRpc|'
    r'Collective.*|DataService.*|RegisterDataset(V\d)?|Kafka.*|PubSub.*|Grpc.*|'
    r'Nccl.*',
  ),
  ('Python', r'PyFunc|PyFuncStateless|EagerPyFunc|NumpyFunction.*'),
  ('the process', r'Abort'),
)
_PATTERNS = [(kind, re.compile(f'(?:{each})$')) for kind, each in _KINDS]


def reached_by(node: NodeDef) -> Optional[str]:
  """What a node reaches outside of its graph, in words; None for nothing."""
  if node.op == 'PrintV2':
    stream = attribute(node, 'output_stream').s
    return 'files' if stream.startswith(b'file:') else None
  for kind, pattern in _PATTERNS:
    if pattern.match(node.op):
      return kind
  return None

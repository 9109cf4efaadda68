"""A detector and photos for `prune_weights`, and its arguments."""

import re

import detectors
import small_detector
from PIL import Image

MODULE = 'object_detection_pruning.prune_weights'


def write(folder):
  """Writes all that flags name into a folder, and gives the folder."""
  graph = small_detector.graph_def(detects=True)
  (folder / 'dense.pb').write_bytes(graph.SerializeToString())
  small_detector.write_labels(graph, folder)
  (folder / 'photos').mkdir()
  for number, image in enumerate(small_detector.photos(6)):
    Image.fromarray(image).save(str(folder / 'photos' / f'{number}.png'))
  (folder / 'photos' / 'notes.txt').write_text('no picture')
  (folder / 'empty').mkdir()
  (folder / 'texts').mkdir()
  (folder / 'texts' / 'a').write_text('a')
  (folder / 'texts' / 'b.jpg').write_text('b')
  # A graph of one node.
  (folder / 'lame.pb').write_bytes(b'\x0a\x09\x0a\x01a\x12\x04NoOp')
  thin = small_detector.graph_def(width=4)
  (folder / 'thin.pb').write_bytes(thin.SerializeToString())
  detectors.write(detectors.config(detectors.ssd()), folder / 'config')
  return folder


def filled(text, folder):
  paths = {
    'EMPTY': f'{folder}/empty',
    'TEXTS': f'{folder}/texts',
    'LAME': f'{folder}/lame.pb',
    'THIN': f'{folder}/thin.pb',
    'RECORD': f'{folder}/val.record',
    'LABELS': f'{folder}/map.pbtxt',
    'CONFIG': f'{folder}/config/pipeline.config',
    'HERE': str(folder),
  }
  return re.sub('|'.join(paths), lambda found: paths[found.group()], text)


def arguments(folder, out, *more):
  return [
    f'--model={folder}/dense.pb',
    f'--images={folder}/photos',
    f'--output_dir={out}',
    *(filled(each, folder) for each in more),
  ]

"""Converts a frozen graph with a runtime's own converter.

Started by peers.py with the interpreter of that runtime's environment. An
.onnx is made by tf2onnx, an .mnn by MNN with its sparse kernels (see
make_mnn.py), an .xml by OpenVINO, and with --images one whose convolutions
NNCF has quantized to 8 bits.
"""

import argparse
import subprocess
import sys


def main() -> None:
  parser = argparse.ArgumentParser(description=__doc__)
  parser.add_argument('--graph', required=True)
  parser.add_argument('--input', required=True)
  parser.add_argument('--outputs', required=True, help='separated by commas')
  parser.add_argument('--output_path', required=True)
  parser.add_argument('--images', help='.npy of calibration images')
  arguments = parser.parse_args()
  outputs = [f'{name}:0' for name in arguments.outputs.split(',')]
  if arguments.output_path.endswith('.onnx'):
    command = [sys.executable, '-m', 'tf2onnx.convert', '--opset=13']
    command += [
      '--graphdef',
      arguments.graph,
      '--output',
      arguments.output_path,
    ]
    command += ['--inputs', f'{arguments.input}:0']
    subprocess.run(command + ['--outputs', ','.join(outputs)], check=True)
  else:
    _openvino(arguments, outputs)


def _openvino(arguments: argparse.Namespace, outputs: list) -> None:
  import openvino

  model = openvino.convert_model(arguments.graph, output=outputs)
  if arguments.images:
    import nncf
    import numpy as np

    images = np.load(arguments.images)[:, np.newaxis]
    if arguments.input != 'image_tensor':
      images = (images * np.float32(2 / 255) - 1).astype(np.float32)
    # Only the network: the loops after it hold no convolution, and boxes are
    # decoded from what 8 bits would round too far.
    kept = nncf.IgnoredScope(
      patterns=['.*Postprocessor.*', '.*Preprocessor.*'], validate=False
    )
    model = nncf.quantize(
      model,
      nncf.Dataset(list(images)),
      subset_size=len(images),
      ignored_scope=kept,
    )
  openvino.save_model(model, arguments.output_path, compress_to_fp16=False)


if __name__ == '__main__':
  main()

import detectors
import tensorflow.compat.v1 as tf
from object_detection.builders import model_builder

from object_detection_pruning.builders import training_graph


def test_model_is_built_beside_the_global_step(data, monkeypatch):
  found = []
  original = model_builder.build

  def build(*args, **kwargs):
    found.append(tf.train.get_global_step())
    return original(*args, **kwargs)

  monkeypatch.setattr(model_builder, 'build', build)
  training_graph.build(detectors.config(detectors.ssd(), data))
  assert [step.op.name for step in found] == ['global_step']

from object_detection_pruning.inspection.model_cost import LayerCost, ModelCost


def test_table_has_a_line_for_each_layer_and_the_sums():
  cost = ModelCost(
    [
      LayerCost('first', 'Conv2D', (3, 3, 3, 100), 700, 1000),
      LayerCost('second', 'MatMul', (100, 10), 1000, None),
    ],
    110,
    100,
  )
  lines = [line.split() for line in cost.as_table().splitlines()]
  assert lines[1] == (
    ['first', 'Conv2D', '3x3x3x100', '2,700', '700', '0.741']
    + ['2,700,000', '700,000']
  )
  assert lines[2][-3:] == ['0.000', '-', '-']
  assert lines[-1] == ['all', '3,810', '1,800', '0.541', '-', '-']


def test_model_without_layers_has_no_sparsity():
  assert ModelCost([], 0, 0).sparsity == 0

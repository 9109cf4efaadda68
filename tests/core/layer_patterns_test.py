import pytest

from object_detection_pruning.common import errors
from object_detection_pruning.core import layer_patterns


def test_patterns_are_looked_for_anywhere_in_a_name():
  assert layer_patterns.found(['b/c'], 'a/b/c/d')
  assert layer_patterns.found(['x', '^a'], 'a/b')
  assert layer_patterns.found([''], 'anything')
  assert not layer_patterns.found(['^b', 'c$x'], 'a/b/c')
  assert not layer_patterns.found([], 'anything')


def test_lists_patterns_that_are_found_nowhere():
  layers = iter(['net/conv', 'net/head'])
  assert layer_patterns.unmatched(['head$', 'rpn', 'conv', 'x'], layers) == [
    'rpn',
    'x',
  ]


def test_broken_pattern_is_told_with_its_field():
  layer_patterns.check('include', ['a', '(b)'])
  with pytest.raises(errors.InputError, match=r"^include must be .* got '\(b'"):
    layer_patterns.check('include', ['a', '(b'])


def test_exclude_wins_and_no_include_means_everything():
  layers = ['net/conv', 'net/head']
  assert layer_patterns.is_chosen([], [], layers)
  assert layer_patterns.is_chosen(['rpn', 'head'], ['rpn'], layers)
  assert not layer_patterns.is_chosen(['rpn'], [], layers)
  assert not layer_patterns.is_chosen(['conv'], ['head'], layers)


def test_pattern_that_is_found_nowhere_is_told_with_all_layers():
  layers = ['net/conv', 'net/head']
  layer_patterns.check_each_found(['conv'], ['head'], layers)
  for kind, words in (
    ('', 'no layer; layers are: net/conv, net/head'),
    ('output', 'no output; these are: net/conv, net/head'),
  ):
    with pytest.raises(errors.InputError) as error:
      layer_patterns.check_each_found(['conv'], ['conv', 'rpn'], layers, kind)
    assert str(error.value) == f"exclude pattern 'rpn' is found in {words}"


def test_message_names_a_few_layers_and_counts_the_rest():
  layers = [f'layer_{index}' for index in range(60)]
  assert layer_patterns.listed(layers[:5]) == (
    'layer_0, layer_1, layer_2, layer_3, layer_4'
  )
  assert layer_patterns.listed(layers) == (
    'layer_0, layer_1, layer_2, layer_3, layer_4 and 55 more '
    '(odp inspect_model lists all)'
  )


def test_text_in_place_of_a_list_is_told_and_not_read_letter_by_letter():
  assert layer_patterns.check('include', iter(['a', 'b'])) == ('a', 'b')
  for check in (
    lambda: layer_patterns.check('exclude', 'head'),
    lambda: layer_patterns.check_each_found([], 'head', ['net/head']),
  ):
    with pytest.raises(errors.InputError) as error:
      check()
    assert str(error.value) == (
      "exclude must be a list of regular expressions, got the text 'head'"
    )

import glob

import tensorflow.compat.v1 as tf

from object_detection_pruning.hooks import stock_names_hook


def tags(folder):
  (path,) = glob.glob(f'{folder}/events*')
  return [
    value.tag
    for event in tf.train.summary_iterator(path)
    for value in event.summary.value
  ]


def test_scalars_of_training_have_the_names_of_evaluation(tmp_path):
  """With the names that the stock model has for its ops."""
  step = tf.train.get_or_create_global_step()
  rate = tf.constant(0.1, name='learning_rate')
  weights = tf.get_variable('weights', initializer=2.0)
  with tf.name_scope('Loss'):
    part = tf.identity(weights**2, name='localization_loss')
  regularization = tf.identity(weights * 0.1, name='regularization_loss')
  total = tf.add_n([part, regularization], name='total_loss')
  tf.identity(total, name='loss')
  tf.summary.scalar('learning_rate', rate)
  tf.summary.scalar('loss', total)
  tf.summary.scalar('loss', total)
  tf.summary.scalar('other', part)
  train_op = tf.train.GradientDescentOptimizer(rate).minimize(total, step)
  scaffold = tf.train.Scaffold()
  hooks = [
    stock_names_hook.StockNamesHook(total),
    tf.train.SummarySaverHook(1, output_dir=str(tmp_path), scaffold=scaffold),
  ]
  with tf.train.MonitoredSession(
    tf.train.ChiefSessionCreator(scaffold), hooks
  ) as session:
    session.run(train_op)
  assert sorted(tags(tmp_path)) == [
    'Loss/localization_loss',
    'Loss/regularization_loss',
    'Loss/total_loss',
    'learning_rate',
    'loss',
    'other',
  ]

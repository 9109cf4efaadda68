import os
import signal

import pytest

from object_detection_pruning.common import stopping


@pytest.fixture(autouse=True)
def listening():
  before = {
    number: signal.getsignal(number)
    for number in (signal.SIGINT, signal.SIGTERM)
  }
  # A shell starts what runs in its background with Ctrl-C switched off.
  signal.signal(signal.SIGINT, signal.default_int_handler)
  stopping.listen()
  yield
  stopping.take()
  stopping.wait(False)
  for number, handler in before.items():
    signal.signal(number, handler)


def send(number):
  os.kill(os.getpid(), number)


@pytest.mark.parametrize(
  'number, status, words',
  [
    (signal.SIGINT, 130, 'stopped by Ctrl-C'),
    (signal.SIGTERM, 143, 'stopped by SIGTERM'),
  ],
)
def test_a_signal_is_raised_with_its_status(number, status, words):
  with pytest.raises(KeyboardInterrupt) as raised:
    send(number)
  assert raised.value.status == status
  assert str(raised.value) == words


def test_a_signal_waits_where_it_is_told_to_and_only_once():
  stopping.wait(True)
  send(signal.SIGTERM)
  assert stopping.take() == signal.SIGTERM
  assert stopping.take() is None
  send(signal.SIGTERM)
  with pytest.raises(stopping.Stopped):
    send(signal.SIGINT)


def test_a_signal_that_nobody_took_is_raised_in_the_end():
  stopping.wait(True)
  send(signal.SIGINT)
  with pytest.raises(stopping.Stopped):
    stopping.wait(False)


def test_a_signal_that_is_switched_off_stays_off():
  signal.signal(signal.SIGINT, signal.SIG_IGN)
  stopping.listen()
  send(signal.SIGINT)


def test_where_nobody_hears_it_a_signal_ends_the_process():
  stopping.end_at_once()
  for number in (signal.SIGINT, signal.SIGTERM):
    assert signal.getsignal(number) == signal.SIG_DFL

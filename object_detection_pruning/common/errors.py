"""The error of a person, as against the error of this program."""


class InputError(ValueError):
  """Something that was given cannot be used; the message is one line.

  The message names what is wrong, the value, and what is allowed. Commands
  print it and exit with status 2, without a traceback.
  """

"""What every room may use and what knows nothing of networks.

Errors and checks of values, paths, files written whole, checkpoints as arrays,
progress bars, log lines, sessions with a number of threads and a process of its
own for them, all times that are measured, and how a command starts and fails.
Nothing here imports another room.
"""

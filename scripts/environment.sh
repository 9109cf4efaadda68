# To be sourced: `python` is that of the environment that setup.sh makes below
# `root`, or where VENV says.
venv=${VENV:-.venv}
[ "${venv#/}" != "$venv" ] || venv=$root/$venv
python=$venv/bin/python

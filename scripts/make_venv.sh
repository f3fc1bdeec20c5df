#!/bin/sh
# make_venv.sh PYTHON FOLDER: a virtual environment, or one sentence that says what is missing.
set -eu
python=$1 folder=$2

if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=/path/to/python3.11." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    sh "$(dirname "$0")/system_packages.sh" "$python" venv
fi
# Under another name first would not do: a virtual environment knows its own path.
"$python" -m venv "$folder"

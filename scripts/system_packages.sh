#!/bin/sh
# system_packages.sh PYTHON venv|run|test: what Python packages cannot bring.
#   venv  Debian's half of `python3 -m venv`
#   run   Pango and a Chinese font (PDF files)
#   test  also Chromium, gettext and poppler
# Installs what is missing through apt as root or with a sudo that asks nothing; otherwise says in
# one sentence what to install, and fails. Instant when nothing is missing.
set -eu
python=$1 purpose=$2

has_library() {
    "$python" - "$1" <<'PY'
import sys
from ctypes.util import find_library
sys.exit(find_library(sys.argv[1]) is None)
PY
}

has_chinese_font() {
    if command -v fc-list >/dev/null; then
        fc-list :lang=zh family | grep -q 'Noto Sans CJK'
    else
        find /usr/share/fonts /usr/local/share/fonts -name 'NotoSansCJK*' 2>/dev/null | grep -q .
    fi
}

missing=
need() { missing="$missing $1"; }

case $purpose in
venv) need python3-venv ;;
run | test)
    has_library pango-1.0 || need libpango-1.0-0
    has_library pangoft2-1.0 || need libpangoft2-1.0-0
    has_library harfbuzz-subset || need libharfbuzz-subset0
    has_chinese_font || need "fontconfig fonts-noto-cjk"
    ;;
*)
    echo "usage: system_packages.sh PYTHON venv|run|test" >&2
    exit 2
    ;;
esac
if [ "$purpose" = test ]; then
    command -v chromium >/dev/null || need chromium
    command -v xgettext >/dev/null || need gettext
    command -v pdftotext >/dev/null || need poppler-utils
fi
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
    as_root=none
elif [ "$(id -u)" = 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root=sudo
else
    as_root=none
fi
if [ "$as_root" = none ]; then
    echo "Please install these system packages (Debian's names) and try again:$missing." >&2
    exit 1
fi

echo "Installing system packages (once):$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! { $as_root apt-get update && $as_root apt-get install -y --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "apt could not install:$missing. Install them by hand and try again." >&2
    exit 1
fi

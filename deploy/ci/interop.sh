#!/bin/sh
# Installs real peers (Prometheus and others, Chromium) from Debian's packages.
# Prints the reason and exits with 3 where that cannot be done.
set -eu

if ! grep -qs '^ID=debian$' /etc/os-release || [ "$(id -u)" -ne 0 ]; then
    echo "skipped: not Debian or not root"
    exit 3
fi

missing=""
for package in prometheus prometheus-alertmanager prometheus-node-exporter redis-server chromium; do
    dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0

# The tests start these programs themselves; as services they would only take up ports.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
echo "Installing$missing ..."
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 (a list of words)
apt-get install -y -qq --no-install-recommends $missing >/dev/null
if command -v systemctl >/dev/null; then
    for package in $missing; do
        systemctl disable --quiet "$package" 2>/dev/null || true # not at the next boot either
    done
fi

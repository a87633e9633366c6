#!/usr/bin/env bash
# Installs Debian's packages: those named, or else the real servers and tools that the tests talk to.
# Idempotent; needs root or sudo only where something is missing.
set -euo pipefail
packages=("$@")
((${#packages[@]})) || packages=(postfix swaks dovecot-core dovecot-imapd dovecot-lmtpd postgresql-15 opendkim opendkim-tools
  chromium libatomic1 strace systemd fonts-dejavu-core prometheus
  spamassassin tidy)  # libatomic1: for the node that drives Chromium
missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing+=("$package")
done
((${#missing[@]})) || exit 0
as_root=(); ((EUID == 0)) || as_root=(sudo)
# The tests start their own private servers; the packages' services must not start.
if [[ ! -e /usr/sbin/policy-rc.d ]]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee /usr/sbin/policy-rc.d >/dev/null
  "${as_root[@]}" chmod 755 /usr/sbin/policy-rc.d
  trap '"${as_root[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"

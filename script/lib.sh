# Shared by the scripts beside it; sourced, not run. Sets `root`, the repository's directory.
set -eu
root=$(cd -- "$(dirname -- "$0")/.." && pwd)

# A registry that falls silent is asked again after a minute, not after five.
patient='--fetch-timeout=60000 --fetch-retries=5'

die() {
  echo "$0: $*" >&2
  exit 1
}

# need COMMAND=PACKAGE…: installs the Debian packages of the commands that are missing.
need() {
  missing=
  for pair in "$@"; do
    command -v "${pair%%=*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${pair%%=*}" ] || missing="$missing ${pair#*=}"
  done
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] || die "these packages are missing; install them as root: apt-get install$missing"
  echo "Installing$missing"
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086 # one word per package
  apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 ||
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $missing >/dev/null; }
}

# Node packages as the lock file says, and the program in dist/.
build() {
  command -v node >/dev/null || die "Node.js 20.19 or later is needed"
  node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
    die "Node.js 20.19 or later is needed; this is $(node --version)"
  cd "$root"
  if ! cmp -s package-lock.json node_modules/.coreup-lock; then
    npm ci $patient --no-audit --no-fund --loglevel=error
    cp package-lock.json node_modules/.coreup-lock
  fi
  npm run --silent build
}

need_hosts() {
  [ "$(uname -s)" = Linux ] || die "real hosts need Linux"
  [ "$(id -u)" = 0 ] || die "real hosts need root: sudo $0"
  need systemd-nspawn=systemd-container debootstrap=debootstrap ip=iproute2 nsenter=util-linux
}

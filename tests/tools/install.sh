# shellcheck shell=bash
# Installs the pinned servers into the user's cache. Sourced by tests/run.
#
# Each part goes to $TOOLS/<name>-<version>/. It is built under a temporary name and renamed when it is whole, so that an
# interrupted build is never taken as good. What is there is skipped; what is on the PATH at the pinned version is used.

TOOLS="${XDG_CACHE_HOME:-$HOME/.cache}/signalbox/tools"
TOOLS_SOURCE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=versions.env
source "$TOOLS_SOURCE/versions.env"

# The folder of a part.
tool_dir() { # name version
  echo "$TOOLS/$1-$2"
}

# Whether a part is there already.
tool_there() { # name version
  if [ -x "$(tool_dir "$1" "$2")/$1" ]; then return 0; fi
  local found
  found=$(command -v "$1" 2>/dev/null) || return 1
  # `argocd`, `kine` and the rest say their version on one of these.
  { "$found" --version || "$found" version; } 2>/dev/null </dev/null | grep -qF "$2" || return 1
  say "$1 $2 is on the PATH: $found"
}

need_go() { # for what
  command -v go >/dev/null || die "Go is not installed: it builds $1. Install Go $GO or newer (https://go.dev/dl), or use \`tests/run --quick\` with nats-server on the PATH"
  local have
  have=$(go env GOVERSION | sed 's/^go//')
  [ "$(printf '%s\n%s\n' "$GO" "$have" | sort -V | head -1)" = "$GO" ] \
    || die "Go $have is too old for $1: Go $GO or newer is needed"
}

# Builds into a temporary folder and renames it.
build_tool() { # name version command…
  local name=$1 version=$2 dir temporary
  shift 2
  tool_there "$name" "$version" && return 0
  need_go "$name $version"
  dir=$(tool_dir "$name" "$version")
  temporary="$dir.building.$$"
  mkdir -p "$temporary"
  step "build $name $version"
  if ! OUT="$temporary" "$@" >"$temporary/build.log" 2>&1; then
    tail -n 30 "$temporary/build.log" >&2
    rm -rf "$temporary"
    die "cannot build $name $version (see above). Is the Go module proxy reachable (go env GOPROXY)?"
  fi
  rm -f "$temporary/build.log"
  rm -rf "$dir"
  mv "$temporary" "$dir"
  done_step
}

go_install() { # package@version
  GOFLAGS=-mod=mod GOBIN="$OUT" go install "$1"
}

build_kubernetes() {
  local symbols="k8s.io/component-base/version"
  # Clients cannot parse the version of a server that has none.
  (cd "$TOOLS_SOURCE/kubernetes" && go build -trimpath -o "$OUT/kubernetes" \
    -ldflags "-s -w -X $symbols.gitVersion=v$KUBERNETES -X $symbols.gitMajor=1 -X $symbols.gitMinor=${KUBERNETES#1.}" .) || return 1
  # The program picks its role by its name.
  local role
  for role in kube-apiserver kube-controller-manager kube-scheduler; do ln -sf kubernetes "$OUT/$role"; done
}

build_kwok() {
  go_install "sigs.k8s.io/kwok/cmd/kwok@v$KWOK" || return 1
  local source
  source=$(GOFLAGS=-mod=mod go mod download -json "sigs.k8s.io/kwok@v$KWOK" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  mkdir -p "$OUT/stages"
  cp "$source"/kustomize/stage/node/fast/*.yaml "$source"/kustomize/stage/pod/fast/*.yaml "$OUT/stages/"
  cp "$source"/kustomize/stage/node/heartbeat/*.yaml "$OUT/stages/"
  rm -f "$OUT/stages/kustomization.yaml"
  chmod -R u+w "$OUT/stages"
}

build_argocd() {
  # This build alone needs a newer Go, which the module proxy serves.
  export GOTOOLCHAIN="go$ARGOCD_GO"
  (cd "$TOOLS_SOURCE/argocd" && go build -trimpath -ldflags "-s -w" -o "$OUT/argocd" github.com/argoproj/argo-cd/v3/cmd) || return 1
  local source role
  source=$(cd "$TOOLS_SOURCE/argocd" && go list -m -f '{{.Dir}}' github.com/argoproj/argo-cd/v3)
  for role in argocd-repo-server argocd-application-controller; do ln -sf argocd "$OUT/$role"; done
  mkdir -p "$OUT/crds" "$OUT/hack"
  cp "$source"/manifests/crds/*-crd.yaml "$OUT/crds/"
  cp "$source"/hack/git-verify-wrapper.sh "$source"/hack/gpg-wrapper.sh "$OUT/hack/"
  chmod -R u+w "$OUT/crds" "$OUT/hack"
  chmod +x "$OUT"/hack/*.sh
}

need_gcc() {
  command -v gcc >/dev/null || die "gcc is not installed: kine (the datastore of the test cluster) needs cgo. On Debian: apt-get install gcc libc6-dev"
}

# The bus: all that the flows need.
install_quick() {
  build_tool nats-server "$NATS_SERVER" go_install "github.com/nats-io/nats-server/v2@v$NATS_SERVER"
}

# What the cluster tests need beside it.
install_cluster() {
  build_tool kwok "$KWOK" build_kwok
  if ! tool_there kine "$KINE"; then need_gcc; fi
  CGO_ENABLED=1 build_tool kine "$KINE" go_install "github.com/k3s-io/kine@v$KINE"
  build_tool helm "$HELM" go_install "helm.sh/helm/v4/cmd/helm@v$HELM"
  build_tool kubernetes "$KUBERNETES" build_kubernetes
  build_tool argocd "$ARGOCD" build_argocd
  install_debian
}

# Servers that come as Debian packages: only their programs are used, no service is left running.
install_debian() {
  local package program missing=()
  for package in redis-server:redis-server prometheus-alertmanager:prometheus-alertmanager; do
    program=${package#*:}
    command -v "$program" >/dev/null || missing+=("${package%%:*}")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    for program in "${missing[@]}"; do skip_without "$program"; done
    return 0
  fi
  step "install ${missing[*]}"
  local log policy=/usr/sbin/policy-rc.d made=
  log=$(mktemp)
  # Without this, the packages would start their services.
  if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=1; fi
  local ok=1
  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 || ok=
  [ -n "$made" ] && rm -f $policy
  if [ -z "$ok" ]; then tail -n 20 "$log" >&2; rm -f "$log"; die "apt-get cannot install ${missing[*]} (see above)"; fi
  rm -f "$log"
  done_step
}

# Says loudly what will not be tested, and tells the tests.
skip_without() { # program
  local what
  case $1 in
    redis-server) what="every test that needs Argo CD" ;;
    prometheus-alertmanager) what="the test with a real Alertmanager" ;;
    *) what="the tests that need $1" ;;
  esac
  warn "SKIPPED: $what, because $1 is not installed and this user cannot install it (as root: apt-get install $1)"
  export SIGNALBOX_TEST_WITHOUT="${SIGNALBOX_TEST_WITHOUT:+$SIGNALBOX_TEST_WITHOUT,}$1"
}

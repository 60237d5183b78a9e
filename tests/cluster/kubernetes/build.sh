#!/usr/bin/env bash
# usage: build.sh FOLDER
#
# Puts into FOLDER, unless they are there, what the chart is tried with: a Kubernetes control plane (API server,
# controllers and scheduler in one program), kwok, which plays the nodes, both Helms, and kubeconform. All are built from
# Go modules; the first time takes about 30 minutes of CPU time and 4 GB in Go's caches. Needs Go 1.26 or newer, and
# Debian's etcd-server, which is unpacked here.
set -euo pipefail

mkdir -p "${1:?usage: build.sh FOLDER}"
folder=$(realpath "$1")
cd "$(dirname "$0")"
export CGO_ENABLED=0

go version >/dev/null 2>&1 || { echo "The control plane is built with Go 1.26 or newer, which is not on the PATH" >&2; exit 1; }
if ! command -v etcd >/dev/null && ! [ -x "$folder/etcd" ]; then
  command -v apt-get >/dev/null || { echo "Put etcd 3.4 or newer on the PATH" >&2; exit 1; }
  # Unpacked, not installed: the package would start a server of its own.
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  (cd "$work" && apt-get update -qq && apt-get download -qq etcd-server && dpkg -x etcd-server_*.deb . && cp usr/bin/etcd "$folder/")
fi

kubernetes=$(sed -n 's|^\tk8s.io/kubernetes v||p' go.mod)
minor=${kubernetes#1.} && minor=${minor%%.*}
version=k8s.io/component-base/version
if ! [ -x "$folder/control-plane" ]; then
  echo "Building the Kubernetes $kubernetes control plane; this takes some minutes"
  flags="-s -w -X $version.gitVersion=v$kubernetes -X $version.gitMajor=1 -X $version.gitMinor=$minor"
  go build -trimpath -ldflags "$flags" -o "$folder/control-plane" .
fi

# What `go install` makes is called after the package, and both Helms' is helm.
module() {  # NAME PACKAGE@VERSION
  [ -x "$folder/$1" ] && return
  echo "Building $2"
  made=$(mktemp -d)
  GOBIN=$made go install -trimpath -ldflags "-s -w" "$2"
  mv "$made"/* "$folder/$1" && rmdir "$made"
}
module kwok sigs.k8s.io/kwok/cmd/kwok@v0.8.0
module helm4 helm.sh/helm/v4/cmd/helm@v4.3.1
module helm3 helm.sh/helm/v3/cmd/helm@v3.22.0
module kubeconform github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0

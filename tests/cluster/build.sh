#!/usr/bin/env bash
# usage: build.sh FOLDER
#
# Puts kube-apiserver, kube-controller-manager and kube-scheduler 1.20 into FOLDER, unless they are there: built from
# Debian bookworm's source package with Debian's Go, because no package has them ready. Needs root on Debian (or the
# packages below installed), about 5 minutes on two cores, and 3 GB in TMPDIR until it is done.
set -euo pipefail

programs="kube-apiserver kube-controller-manager kube-scheduler"
mkdir -p "${1:?usage: build.sh FOLDER}"
folder=$(realpath "$1")
missing=$(for program in $programs; do [ -x "$folder/$program" ] || echo "$program"; done)
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null; then
  echo "The control plane is built from Debian's source package, and this is not Debian: put $programs into $folder" >&2
  exit 1
fi
needed="golang-1.19-go rsync jq dpkg-dev etcd-server"
if ! dpkg -s $needed >/dev/null 2>&1; then
  apt-get update -qq && apt-get install -y -qq --no-install-recommends $needed >/dev/null
fi

work=$(mktemp -d)
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
cd "$work"

# An apt state of our own, which knows of bookworm's sources whatever this machine runs.
archive=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Component: main' 'Origin: Debian' \
  | grep -v security | sort -u | head -n 1)
key=/usr/share/keyrings/debian-archive-keyring.gpg
mkdir -p state/lists/partial cache/archives/partial parts home
for kind in deb deb-src; do echo "$kind [signed-by=$key] $archive bookworm main"; done >sources.list
cat >apt.conf <<CONF
Dir::Etc::sourcelist "$work/sources.list";
Dir::Etc::sourceparts "$work/parts";
Dir::State::lists "$work/state/lists";
Dir::Cache "$work/cache";
APT::Sandbox::User "root";
CONF
export APT_CONFIG=$work/apt.conf
apt-get update -qq
apt-get source -qq --download-only kubernetes
apt-get download -qq golang-github-modern-go-reflect2-dev

mkdir source
tar -xzf kubernetes_*.orig.tar.gz -C source --strip-components=1
# The vendored reflect2 reads Go's maps in a way that crashes from Go 1.18 on; Debian's newer one does not.
dpkg -x golang-github-modern-go-reflect2-dev_*.deb reflect2
vendored=source/vendor/github.com/modern-go/reflect2
rm -f $vendored/*.go $vendored/*.s
cp reflect2/usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} $vendored/
rm -f $vendored/*_test.go

cd source
mkdir -p .go/src/k8s.io
ln -s ../../.. .go/src/k8s.io/kubernetes
export PATH=/usr/lib/go-1.19/bin:$PATH GOPATH=$PWD/.go CGO_ENABLED=0 GOPROXY=off GOLDFLAGS="-s -w" HOME=$work/home
export KUBE_GIT_VERSION=v1.20.2 KUBE_GIT_MAJOR=1 KUBE_GIT_MINOR=20 KUBE_GIT_TREE_STATE=archive KUBE_GIT_COMMIT=debian
echo "Building $(echo $missing) from Debian's source package; this takes some minutes"
make WHAT="$(for program in $programs; do printf 'cmd/%s ' "$program"; done)" >build.log 2>&1 || { tail -n 30 build.log >&2; exit 1; }
for program in $programs; do cp -L "_output/bin/$program" "$folder/"; done

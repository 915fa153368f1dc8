#!/bin/sh
# Builds what the tests and the demo run against, in the versions that the modules here say: etcd, kube-apiserver, kubectl,
# OpenTofu, and Istio's CRDs beside them, from this folder's module; istioctl from a module of its own, because Istio pins
# other versions of Kubernetes' packages. Nothing of a module is done again while its go.mod and go.sum are what they were.
#
#   tests/tools/build.sh FOLDER servers|istioctl
#
# KUBEBUILDER_ASSETS, where set, names a folder whose etcd, kube-apiserver and kubectl are used instead.
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
    [ "$1" != . ] || echo "$assets"
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
# In the module of this directory: build NAME PACKAGE LDFLAGS
build() {
    rm -f "$out/$1"
    echo "building $1" >&2
    go build -trimpath -ldflags "-s -w $3" -o "$out/$1" "$2"
}

servers() {
    need_go 'etcd, kube-apiserver, kubectl and OpenTofu'
    # Built from modules, kube-apiserver would say v0.0.0-master+$Format, which clients can't parse, and OpenTofu that it is a development version.
    kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
    ldflags="-X k8s.io/component-base/version.gitVersion=$kubernetes -X github.com/opentofu/opentofu/version.dev=no"
    for server in etcd=go.etcd.io/etcd/server/v3 kube-apiserver=k8s.io/kubernetes/cmd/kube-apiserver kubectl=k8s.io/kubernetes/cmd/kubectl; do
        name=${server%%=*}
        if [ -n "$assets" ] && [ -x "$assets/$name" ]; then
            ln -sf "$assets/$name" "$out/$name"
        else
            build "$name" "${server#*=}" "$ldflags"
        fi
    done
    build tofu github.com/opentofu/opentofu/cmd/tofu "$ldflags"

    go mod download istio.io/api
    rm -f "$out/istio-crds.yaml"
    cp "$(go list -m -f '{{.Dir}}' istio.io/api)/kubernetes/customresourcedefinitions.gen.yaml" "$out/istio-crds.yaml"
    chmod u+w "$out/istio-crds.yaml"
    wanted . >"$out/stamp"
}

istioctl() (
    need_go istioctl
    cd istio
    # Read here, because Istio's own module has no version that `go list` could name.
    version=$(sed -n 's/^.*istio.io\/api => istio.io\/api v//p' go.mod)
    revision=$(sed -n 's/^require istio.io\/istio v0.0.0-[0-9]*-\([0-9a-f]*\).*/\1/p' go.mod)
    of=istio.io/istio/pkg/version
    build istioctl istio.io/istio/istioctl/cmd/istioctl "-X $of.buildVersion=$version -X $of.buildTag=$version -X $of.buildGitRevision=$revision -X $of.buildStatus=Clean -X $of.buildHub=none"
    wanted istio >"$out/istio.stamp"
)

case $what in
servers) built . stamp etcd kube-apiserver kubectl tofu istio-crds.yaml || servers ;;
istioctl) built istio istio.stamp istioctl || istioctl ;;
*) echo "tests/tools/build.sh builds servers or istioctl, not $what" >&2; exit 1 ;;
esac

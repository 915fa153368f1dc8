#!/bin/sh
# Builds what the tests and the demo run against, in the versions that go.mod says: etcd, kube-apiserver, kubectl, OpenTofu,
# and Istio's CRDs beside them. Nothing is done again while go.mod and go.sum are what they were.
#
#   tests/tools/build.sh FOLDER
#
# KUBEBUILDER_ASSETS, where set, names a folder whose etcd, kube-apiserver and kubectl are used instead.
set -eu

mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"
assets=${KUBEBUILDER_ASSETS:-}
export CGO_ENABLED=0

wanted() { cat go.mod go.sum build.sh; echo "$assets"; }
complete() {
    for file in etcd kube-apiserver kubectl tofu istio-crds.yaml; do [ -s "$out/$file" ] || return 1; done
    wanted | cmp -s - "$out/stamp"
}
complete && exit 0
command -v go >/dev/null || { echo "make tools needs go (https://go.dev/dl), to build etcd, kube-apiserver, kubectl and OpenTofu" >&2; exit 1; }

# Built from modules, kube-apiserver would say v0.0.0-master+$Format, which clients can't parse, and OpenTofu that it is a development version.
kubernetes=$(go list -m -f '{{.Version}}' k8s.io/kubernetes)
ldflags="-s -w -X k8s.io/component-base/version.gitVersion=$kubernetes -X github.com/opentofu/opentofu/version.dev=no"

# build NAME PACKAGE
build() {
    rm -f "$out/$1"
    if [ -n "$assets" ] && [ -x "$assets/$1" ]; then
        ln -s "$assets/$1" "$out/$1"
    else
        echo "building $1" >&2
        go build -trimpath -ldflags "$ldflags" -o "$out/$1" "$2"
    fi
}
build etcd go.etcd.io/etcd/server/v3
build kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
build kubectl k8s.io/kubernetes/cmd/kubectl
build tofu github.com/opentofu/opentofu/cmd/tofu

go mod download istio.io/api
cp "$(go list -m -f '{{.Dir}}' istio.io/api)/kubernetes/customresourcedefinitions.gen.yaml" "$out/istio-crds.yaml"
chmod u+w "$out/istio-crds.yaml"
wanted >"$out/stamp"

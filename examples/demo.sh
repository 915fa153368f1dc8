#!/bin/sh
# The photo application, from nothing to nothing: plan, apply, a change, destroy. `make demo` builds what this needs.
#
#   examples/demo.sh MIRROR
#
# MIRROR is a folder that `make install MIRROR=…` filled. Runs on a throwaway control plane, or on the cluster of
# KUBE_CONFIG_PATH where that is set. TERRAFORM names another program, such as tofu.
set -eu
mirror=$(cd "$1" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
program=${TERRAFORM:-terraform}
case $program in */*) program=$(cd "$(dirname "$program")" && pwd)/$(basename "$program") ;; esac

folder=$(mktemp -d "${TMPDIR:-/tmp}/mesh-demo.XXXXXX")
cp -R "$root/examples/scenarios/photo-app" "$folder/photo-app"
cd "$folder/photo-app"

[ -t 1 ] || export TF_CLI_ARGS=-no-color
say() { printf '\n=== %s\n\n' "$*"; }
terraform() { printf '$ terraform %s\n' "$*" && command "$program" "$@"; }
kubectl() { KUBECACHEDIR="$folder/cache" "$root/target/tools/kubectl" --kubeconfig "$KUBE_CONFIG_PATH" "$@"; }

plane='' applied='' made=''
finish() {
    code=$?
    trap - EXIT
    if [ -n "$applied" ]; then terraform destroy -auto-approve -input=false || code=1; fi
    for namespace in $made; do kubectl delete namespace "$namespace" --wait=false || code=1; done
    if [ -n "$plane" ]; then exec 9>&- && wait "$plane" || :; fi
    cd / && rm -rf "$folder"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

if [ -n "${KUBE_CONFIG_PATH:-}" ]; then
    say "On the cluster of $KUBE_CONFIG_PATH"
    kubectl get crd authorizationpolicies.security.istio.io >/dev/null || { echo "Istio's CRDs are not there" >&2; exit 1; }
    # For as long as it runs, the demo closes the whole mesh: strict mutual TLS, and no call that no policy allows.
    if [ -n "$(kubectl get pods --all-namespaces -l security.istio.io/tlsMode=istio -o name)" ]; then
        echo "this cluster has workloads in a mesh, which the demo's mesh-wide defaults would cut off: choose another" >&2
        exit 1
    fi
else
    say "A throwaway control plane: etcd and kube-apiserver"
    # Its stdin is this script's file descriptor 9: it ends when that closes, however this script ends.
    mkfifo "$folder/hold"
    "$root/tests/tools/control-plane.sh" <"$folder/hold" >"$folder/kubeconfig" &
    plane=$!
    exec 9>"$folder/hold"
    until [ -s "$folder/kubeconfig" ]; do
        kill -0 $plane 2>/dev/null || exit 1
        sleep 0.1
    done
    # The provider shall see this cluster, whatever the environment says of another.
    for name in $(env | sed -n 's/^\(KUBE_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
    KUBE_CONFIG_PATH=$(cat "$folder/kubeconfig")
    export KUBE_CONFIG_PATH
fi
for namespace in photo datastore istio-system; do
    kubectl get namespace "$namespace" >/dev/null 2>&1 && continue
    kubectl create namespace "$namespace"
    [ -n "$plane" ] || made="$made $namespace"
done

# From the mirror alone: what `terraform init` installs is what was just built.
export TF_CLI_CONFIG_FILE="$folder/cli.tfrc"
cat >"$TF_CLI_CONFIG_FILE" <<CONFIG
provider_installation {
  filesystem_mirror {
    path = "$mirror"
  }
}
CONFIG

# Every kind that the provider writes, every object that it made.
kinds=serviceaccounts,services,serviceentries,destinationrules,virtualservices,sidecars,authorizationpolicies,peerauthentications,envoyfilters
ours() { kubectl get "$kinds" --all-namespaces --selector terraform-provider-mesh/managed --ignore-not-found "$@"; }

say "What will be made"
terraform init -input=false
terraform plan -input=false -out=plan
applied=yes
terraform apply -input=false plan

say "The objects, as the API server has them"
ours
say "Who may call whom"
kubectl get authorizationpolicies --all-namespaces --output yaml

say "Planned again, nothing changes"
terraform plan -input=false -detailed-exitcode

say "One change: failures of photo-backend are to be met with more effort"
export TF_VAR_backend_resiliency=high
terraform plan -input=false -out=plan
terraform apply -input=false plan

say "And away with it"
terraform plan -destroy -input=false -out=plan >/dev/null
terraform apply -input=false plan
applied=''
left=$(ours --output name)
[ -z "$left" ] || { echo "left behind: $left" >&2; exit 1; }
say "Nothing is left"

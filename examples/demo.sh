#!/bin/sh
# The photo application, from nothing to nothing: plan, apply, one service after the other, its objects, a change, destroy.
# `make demo` builds what this needs.
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

# `make demo` builds no kubectl where one is installed.
kubectl=$root/target/tools/kubectl
[ -x "$kubectl" ] || kubectl=$(command -v kubectl) || { echo "kubectl is neither in $root/target/tools nor on the PATH" >&2; exit 1; }

say() { printf '\n=== %s\n\n' "$*"; }
kubectl() { KUBECACHEDIR="$folder/cache" "$kubectl" --kubeconfig "$KUBE_CONFIG_PATH" "$@"; }
# Runs Terraform, and shows the lines of its output that match a pattern; all of them if it fails: terraform PATTERN ARGUMENT...
terraform() {
    pattern=$1
    shift
    printf '$ %s %s\n' "${program##*/}" "$*"
    command "$program" "$@" -no-color >"$folder/output" 2>&1 || { cat "$folder/output" && return 1; }
    grep -E "$pattern" "$folder/output" || :
}

plane='' applied='' made=''
finish() {
    code=$?
    trap - EXIT
    if [ -n "$applied" ]; then terraform '^Destroy complete' destroy -auto-approve -input=false || code=1; fi
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
# A line for each of them: the resource of the configuration, kind, namespace and name.
list_objects() {
    ours --output go-template='{{range .items}}{{index .metadata.annotations "terraform-provider-mesh/resource"}} {{.kind}} {{.metadata.namespace}} {{.metadata.name}}{{"\n"}}{{end}}'
}
# The block of a resource in the configuration: block TYPE NAME
block() { awk -v first="resource \"$1\" \"$2\" {" '$0 == first { shown = 1 } shown { print } shown && /^}/ { exit }' main.tf; }

say "The photo application: init, plan and apply of examples/scenarios/photo-app"
terraform 'successfully initialized' init -input=false
terraform '^Plan:' plan -input=false -out=plan
applied=yes
terraform 'Creation complete|^Apply complete' apply -input=false plan
list_objects >"$folder/objects"

for service in photo_frontend=photo/photo-frontend photo_backend=photo/photo-backend datastore=datastore/datastore; do
    say "What the team writes for ${service#*=}"
    block mesh_service "${service%%=*}"
    printf '\n... and the objects that the provider makes of it:\n\n'
    awk -v resource="mesh_service/${service#*=}" '$1 == resource { printf "  %-22s %s/%s\n", $2, $3, $4 }' "$folder/objects"
done
printf '\nThe other %s belong to the external service and to the defaults of the mesh.\n' "$(grep -cv '^mesh_service/' "$folder/objects")"

say "The objects of photo/photo-backend, as the API server has them"
while read -r resource kind namespace name; do
    case $resource/$kind in
    */Service | */ServiceAccount) ;;
    mesh_service/photo/photo-backend/*)
        printf '%s %s/%s\n' "$kind" "$namespace" "$name"
        kubectl get "$kind" "$name" --namespace "$namespace" --output yaml | awk '/^[a-z]/ { shown = /^spec:/; next } shown'
        ;;
    esac
done <"$folder/objects"

say "Planned again, nothing changes"
terraform '^No changes' plan -input=false -detailed-exitcode

say "One change: resiliency of photo-backend from \"medium\" to \"high\""
export TF_VAR_backend_resiliency=high
terraform '^$' plan -input=false -out=plan
awk '/^  # / { shown = 1 } shown { print } /^Plan:/ { exit }' "$folder/output"
terraform 'Modifications complete|^Apply complete' apply -input=false plan

say "And away with it"
terraform '^Plan:' plan -destroy -input=false -out=plan
terraform 'Destruction complete|^Apply complete' apply -input=false plan
applied=''
left=$(ours --output name)
[ -z "$left" ] || { echo "left behind: $left" >&2; exit 1; }
say "Nothing is left"
echo 'To go on by hand: `make cluster` holds such a control plane open, and `make install` installs the provider.'

#!/bin/sh
# Runs a throwaway control plane: etcd and kube-apiserver with Istio's kinds, on a free loopback port, in a temporary folder.
# Prints the path of an administrator's kubeconfig when everything is served, and runs until its stdin is closed or a signal
# arrives. Then it ends the servers and removes the folder. So the servers end even if the process that holds stdin is killed.
#
#   tests/tools/control-plane.sh
#
# CLIENT_CA is an optional PEM file. Certificates that it signed authenticate users (CN is the name, O are the groups).
# MESH_TOOLS is an optional folder, whose servers and kinds of Istio are used instead of those in target/tools.
# AUDIT_LOG is an optional file, to which the API server writes the metadata of each request.
set -eu
umask 077

tools=${MESH_TOOLS:-$(cd "$(dirname "$0")/../.." && pwd)/target/tools}
[ -s "$tools/stamp" ] || { echo "etcd and kube-apiserver are not in $tools: run \`make servers\`" >&2; exit 1; }
# `make demo` builds no kubectl where one is installed.
kubectl=$tools/kubectl
[ -x "$kubectl" ] || kubectl=$(command -v kubectl) || { echo "kubectl is neither in $tools nor on the PATH" >&2; exit 1; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/control-plane.XXXXXX")
etcd='' apiserver='' holder=''
# SIGKILL, because no data must be saved, and an orderly end of the API server takes seconds.
end() {
    trap - EXIT
    for id in $etcd $apiserver $holder; do kill -9 "$id" 2>/dev/null || :; done
    wait
    rm -rf "$folder"
}
trap end EXIT
# PIPE: the reader of the kubeconfig's path has ended.
trap 'exit 0' INT TERM HUP PIPE
fail() {
    echo "the control plane did not come up: $1" >&2
    tail -n 5 "$folder"/*.log >&2
    exit 1
}
cd "$folder"

# This process ends when stdin is closed.
exec 3<&0
cat <&3 >/dev/null &
holder=$!

# etcd listens on a socket in the folder, so that it needs no free TCP port. It requires the form host:port for the name.
"$tools/etcd" --name demo --data-dir data --unsafe-no-fsync --log-level error \
    --listen-client-urls unix://etcd:0 --advertise-client-urls unix://etcd:0 \
    --listen-peer-urls unix://peer:0 --initial-advertise-peer-urls unix://peer:0 --initial-cluster demo=unix://peer:0 >etcd.log 2>&1 &
etcd=$!

token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "$token,admin,admin,system:masters" >tokens.csv
echo '{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],"rules":[{"level":"Metadata"}]}' >audit.json

# The server generates its serving certificate. The key of that also signs ServiceAccount tokens, so openssl isn't needed.
start_apiserver() {
    "$tools/kube-apiserver" --etcd-servers=unix://etcd:0 --bind-address=127.0.0.1 --secure-port="$1" --cert-dir=certs \
        --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=certs/apiserver.key \
        --service-account-signing-key-file=certs/apiserver.key --token-auth-file=tokens.csv ${CLIENT_CA:+"--client-ca-file=$CLIENT_CA"} \
        ${AUDIT_LOG:+--audit-policy-file=audit.json "--audit-log-path=$AUDIT_LOG"} --authorization-mode=RBAC --service-cluster-ip-range=10.0.0.0/16 --disable-admission-plugins=ServiceAccount >apiserver.log 2>&1 &
    apiserver=$!
    cat >kubeconfig <<CONFIG
apiVersion: v1
kind: Config
current-context: admin
clusters: [{name: throwaway, cluster: {server: "https://127.0.0.1:$1", certificate-authority: $folder/certs/apiserver.crt}}]
users: [{name: admin, user: {token: $token}}]
contexts: [{name: admin, context: {cluster: throwaway, user: admin}}]
CONFIG
}
kubectl() { KUBECACHEDIR="$folder/cache" "$kubectl" --kubeconfig kubeconfig "$@"; }

# A port below the ephemeral ones. If it is in use, the server ends, and the next port is tried.
port=$((20000 + $$ % 10000))
start_apiserver $port
tries=0
until kubectl get --raw /readyz >/dev/null 2>&1; do
    kill -0 $holder 2>/dev/null || exit 0
    tries=$((tries + 1))
    [ $tries -lt 600 ] || fail "not ready after a minute"
    if ! kill -0 $apiserver 2>/dev/null; then
        grep -q 'address already in use' apiserver.log || fail "kube-apiserver ended"
        port=$((port + 7))
        start_apiserver $port
    fi
    sleep 0.1
done

kubectl apply --server-side --validate=false -f "$tools/istio-crds.yaml" >crds.log 2>&1 || fail "Istio's CRDs are refused"
# `kubectl wait` fails at once for a kind that has no conditions yet, so it is tried again within a minute.
deadline=$(($(date +%s) + 60))
until kubectl wait --for=condition=Established --timeout=60s crd --all >>crds.log 2>&1; do
    [ "$(date +%s)" -lt $deadline ] || fail "Istio's CRDs are not served"
    sleep 0.1
done
# Established kinds may not be served yet, so the first lists may fail.
kinds=$(kubectl get crd --output jsonpath='{.items[*].metadata.name}' | tr ' ' ,)
until kubectl get "$kinds" --all-namespaces >>crds.log 2>&1; do
    [ "$(date +%s)" -lt $deadline ] || fail "Istio's kinds can't be listed"
    sleep 0.1
done
echo "$folder/kubeconfig"
# The script waits with `wait`, because a trap interrupts that at once, unlike a foreground process.
wait $holder || :

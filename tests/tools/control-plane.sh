#!/bin/sh
# A throwaway control plane: etcd and kube-apiserver with Istio's kinds, on one free loopback port, in a folder of its own.
# Prints the path of an administrator's kubeconfig when all is served, and holds until its stdin ends or a signal comes; then
# the servers are ended, by id, and the folder goes. Whoever holds the other end of stdin may thus die in any way.
#
#   tests/tools/control-plane.sh
#
# CLIENT_CA, where set, is a PEM file: certificates that it signed are users (CN the name, O the groups).
set -eu
umask 077

tools=$(cd "$(dirname "$0")/../.." && pwd)/target/tools
[ -s "$tools/stamp" ] || { echo "etcd, kube-apiserver and kubectl are not in $tools: run \`make tools\`" >&2; exit 1; }

folder=$(mktemp -d "${TMPDIR:-/tmp}/control-plane.XXXXXX")
etcd='' apiserver='' holder=''
# SIGKILL, because nothing in here is worth an orderly end, which takes the API server seconds.
end() {
    trap - EXIT
    for id in $etcd $apiserver $holder; do kill -9 "$id" 2>/dev/null || :; done
    wait
    rm -rf "$folder"
}
trap end EXIT
# PIPE: whoever asked has gone before the answer.
trap 'exit 0' INT TERM HUP PIPE
fail() {
    echo "the control plane did not come up: $1" >&2
    tail -n 5 "$folder"/*.log >&2
    exit 1
}
cd "$folder"

# Ends with stdin.
exec 3<&0
cat <&3 >/dev/null &
holder=$!

# etcd speaks over a socket in the folder, named the way it wants host and port: no TCP port to lose a race for.
"$tools/etcd" --name demo --data-dir data --unsafe-no-fsync --log-level error \
    --listen-client-urls unix://etcd:0 --advertise-client-urls unix://etcd:0 \
    --listen-peer-urls unix://peer:0 --initial-advertise-peer-urls unix://peer:0 --initial-cluster demo=unix://peer:0 >etcd.log 2>&1 &
etcd=$!

token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
echo "$token,admin,admin,system:masters" >tokens.csv

# The key of the serving certificate, which the server makes for itself, signs ServiceAccounts' tokens too: no openssl needed.
start_apiserver() {
    "$tools/kube-apiserver" --etcd-servers=unix://etcd:0 --bind-address=127.0.0.1 --secure-port="$1" --cert-dir=certs \
        --service-account-issuer=https://kubernetes.default.svc --service-account-key-file=certs/apiserver.key \
        --service-account-signing-key-file=certs/apiserver.key --token-auth-file=tokens.csv ${CLIENT_CA:+"--client-ca-file=$CLIENT_CA"} \
        --authorization-mode=RBAC --service-cluster-ip-range=10.0.0.0/16 --disable-admission-plugins=ServiceAccount >apiserver.log 2>&1 &
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
kubectl() { KUBECACHEDIR="$folder/cache" "$tools/kubectl" --kubeconfig kubeconfig "$@"; }

# Below the ephemeral ports, and only the server's own bind decides: a port that is taken ends it, and the next one is tried.
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
kubectl wait --for=condition=Established --timeout=60s crd --all >>crds.log 2>&1 || fail "Istio's CRDs are not served"
# Established is not yet served: the first lists are told to come again, which kubectl does.
kinds=$(kubectl get crd --output jsonpath='{.items[*].metadata.name}' | tr ' ' ,)
kubectl get "$kinds" --all-namespaces >>crds.log 2>&1 || fail "Istio's kinds can't be listed"
echo "$folder/kubeconfig"
# Not in the foreground: `wait` is what a trap interrupts at once.
wait $holder || :

#!/bin/sh
# Checks docs/ by the rules of the Terraform Registry: layout, front matter, sizes, and a page for each schema.
#
#   tests/tools/registry.sh MIRROR TOOLS
#
# MIRROR is a folder that `make mirror MIRROR=…` filled. Into TOOLS goes tfplugindocs, HashiCorp's tool for documentation.
set -eu
version=v0.25.0
root=$(cd "$(dirname "$0")/../.." && pwd)
mirror=$(cd "$1" && pwd)
mkdir -p "$2"
tools=$(cd "$2" && pwd)
if ! go version -m "$tools/tfplugindocs" 2>/dev/null | grep -q "terraform-plugin-docs[[:space:]]*$version"; then
    echo 'building tfplugindocs, about a minute the first time' >&2
    CGO_ENABLED=0 GOBIN=$tools go install "github.com/hashicorp/terraform-plugin-docs/cmd/tfplugindocs@$version"
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/registry.XXXXXX")
trap 'rm -rf "$folder"' EXIT
cd "$folder"
export TF_CLI_CONFIG_FILE="$folder/cli.tfrc"
cat >"$TF_CLI_CONFIG_FILE" <<CONFIG
provider_installation {
  filesystem_mirror {
    path = "$mirror"
  }
}
CONFIG
cat >main.tf <<CONFIG
terraform {
  required_providers {
    mesh = {
      source = "mesh-provider/mesh"
    }
  }
}
CONFIG
terraform init -input=false -no-color >init.log || { cat init.log >&2 && exit 1; }
# The tool looks a provider up by its name, or as one of HashiCorp's.
terraform providers schema -json | sed 's#"registry.terraform.io/mesh-provider/mesh"#"mesh"#' >schema.json
"$tools/tfplugindocs" validate --provider-name mesh --providers-schema schema.json --provider-dir "$root" >validate.log 2>&1 || {
    sed -n '/^Error/,$p' validate.log >&2
    exit 1
}
echo 'tfplugindocs finds nothing wrong with docs/'

# namespace/name
terraform import mesh_gateway.public istio-system/public

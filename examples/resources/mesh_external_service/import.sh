# namespace/name: the name is the host with dashes, and `*` is `wildcard`
terraform import mesh_external_service.billing istio-system/api-example-com

//! Bindings of the protocol, from the .proto files of proto/ and without protoc. Nothing generated is committed.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let files = protox::compile(["proto/tfplugin5.proto", "proto/go_plugin.proto", "proto/health.proto"], ["proto"])?;
    // The client is the test host's; it needs no transport of its own. What a provider doesn't offer is answered as
    // unimplemented by the default stubs.
    tonic_prost_build::configure()
        .build_client(true)
        .build_transport(false)
        // Equal answers are equal bytes.
        .btree_map(".")
        .generate_default_stubs(true)
        .compile_fds(files)?;
    Ok(())
}

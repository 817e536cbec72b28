// Generates the client's stubs from the protos; needs protoc (Debian's protobuf-compiler).
fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-env-changed=ELDR_PROTOS");
    let protos = std::env::var("ELDR_PROTOS").unwrap_or("../../../proto".into());
    println!("cargo:rerun-if-changed={protos}");
    tonic_prost_build::configure()
        .build_server(false)
        .compile_protos(&[format!("{protos}/eldr/v1/placement.proto")], &[protos])
}

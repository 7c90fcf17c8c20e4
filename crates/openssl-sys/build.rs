//! Compiles AWS-LC's libssl from the sources of `aws-lc-sys`, which compiles only libcrypto: its own `ssl`
//! feature does both, but also generates bindings, for which it needs CMake and libclang.
#![expect(clippy::disallowed_methods, reason = "Cargo tells a build script everything by its environment")]

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    let (version, include) = aws_lc();
    let ssl = manifest_folder(&version).join("aws-lc/ssl");
    let mut build = cc::Build::new();
    build
        .cpp(true)
        .std("c++11")
        // Without them the objects refer to the C++ runtime, which the binary is not linked with.
        .flag_if_supported("-fno-exceptions")
        .flag_if_supported("-fno-rtti")
        .cpp_link_stdlib(None)
        .define("BORINGSSL_IMPLEMENTATION", None)
        .include(&include)
        .warnings(false)
        .files(sources(&ssl))
        .compile("aws_lc_ssl");
    // Libpq's build script reads this as `DEP_OPENSSL_INCLUDE`. The headers there rename libcrypto's symbols.
    println!("cargo::metadata=include={}", include.display());
    println!("cargo::rerun-if-changed=build.rs");
}

/// The version and the headers of the one `aws-lc-sys`, which names its exports after its version.
fn aws_lc() -> (String, PathBuf) {
    let exported = env::vars().find_map(|(name, value)| {
        let version = name.strip_prefix("DEP_AWS_LC_")?.strip_suffix("_INCLUDE")?;
        Some((version.to_owned(), PathBuf::from(value)))
    });
    let (version, include) = exported.expect("aws-lc-sys exports its headers");
    // Otherwise it links an AWS-LC of this machine, and libssl is compiled for the internals of another one.
    let libcrypto = env::var(format!("DEP_AWS_LC_{version}_LIBCRYPTO")).unwrap_or_default();
    assert!(libcrypto.contains(&version), "set AWS_LC_SYS_USE_SYSTEM=0; libcrypto is {libcrypto:?}");
    (version.replace('_', "."), include)
}

/// Where Cargo keeps the sources of `aws-lc-sys`: in its registry, or where `cargo vendor` put them. A build
/// script is not told where its dependencies are.
fn manifest_folder(version: &str) -> PathBuf {
    let cargo = env::var_os("CARGO").expect("Cargo names itself");
    let target = env::var("TARGET").expect("Cargo names the target");
    let output = Command::new(cargo)
        .args(["metadata", "--locked", "--format-version=1", "--filter-platform", &target])
        .output()
        .expect("Cargo starts");
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata = String::from_utf8(output.stdout).expect("JSON is UTF-8");
    // A search instead of a parser: a JSON crate for build scripts would cost more than libssl.
    let package = format!(r#""name":"aws-lc-sys","version":"{version}""#);
    let manifest = metadata
        .split_once(&package)
        .and_then(|(_, package)| package.split_once(r#""manifest_path":""#))
        .and_then(|(_, path)| path.split_once('"'))
        .map(|(path, _)| PathBuf::from(path.replace(r"\\", r"\")))
        .expect("aws-lc-sys is among the packages");
    manifest.parent().map(Path::to_path_buf).expect("a manifest is in a folder")
}

/// All of libssl, without its tests.
fn sources(ssl: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(ssl).unwrap_or_else(|error| panic!("{}: {error}", ssl.display()));
    let mut sources: Vec<PathBuf> = entries
        .map(|entry| entry.expect("the folder is readable").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == OsStr::new("cc")))
        .filter(|path| !path.to_string_lossy().contains("_test"))
        .collect();
    // The same archive each time.
    sources.sort();
    sources
}

//! Nothing but a place in the order of linking: libpq, then the libssl that the build script compiles, then
//! AWS-LC's libcrypto. No Rust code calls libssl; TLS in Rust is `rustls`.

use aws_lc_sys as _;

//! Connecting to a provider, up to the moment when a request can be sent. After a failure here it is
//! certain that nothing was sent; later, the same broken connection leaves a doubt.

use std::fmt;
use std::io::ErrorKind;

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, NextTimeout};
use ureq::{Agent, Error};

/// An agent that tells failures to reach a host apart from all others.
pub(super) fn agent(config: Config) -> Agent {
    Agent::with_parts(config, Connect(DefaultConnector::new()), Resolve(DefaultResolver::default()))
}

/// Why nothing was sent, if `error` says so.
pub(super) fn unsent(error: &Error) -> Option<&'static str> {
    match error {
        Error::Other(inner) => inner.downcast_ref::<Unsent>().map(|unsent| unsent.0),
        _ => None,
    }
}

/// Nothing was sent, for this reason.
#[derive(Debug)]
struct Unsent(&'static str);

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Unsent {}

#[derive(Debug)]
struct Resolve(DefaultResolver);

impl Resolver for Resolve {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        self.0.resolve(uri, config, timeout).map_err(|_| Error::Other(Box::new(Unsent("host_not_found"))))
    }
}

#[derive(Debug)]
struct Connect(DefaultConnector);

impl Connector<()> for Connect {
    type Out = <DefaultConnector as Connector<()>>::Out;

    fn connect(&self, details: &ConnectionDetails, chained: Option<()>) -> Result<Option<Self::Out>, Error> {
        self.0.connect(details, chained).map_err(|error| Error::Other(Box::new(Unsent(reason(&error)))))
    }
}

fn reason(error: &Error) -> &'static str {
    match error {
        Error::Timeout(_) => "connect_timeout",
        Error::Tls(_) | Error::Rustls(_) => "tls_failed",
        // A certificate error of rustls, wrapped in an I/O error.
        Error::Io(io) if io.kind() == ErrorKind::InvalidData => "tls_failed",
        _ => "unreachable",
    }
}

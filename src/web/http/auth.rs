//! Authenticates a request, once, inside the transaction of the rule that it calls. No rule sees a raw token.

use actix_web::HttpResponse;

use super::{Problem, Reply, RequestContext, idempotent};
use crate::domain::accounts::{self, Scope};
use crate::domain::staff::{self, Permission};
use crate::kit::Secret;
use crate::platform::{Service, Tx};

/// Holds the credential of a request: a bearer token, or the secret of a browser's cookie.
pub trait Caller {
    fn token(&self) -> Option<&Secret>;
}

impl Caller for RequestContext {
    fn token(&self) -> Option<&Secret> {
        self.bearer.as_ref()
    }
}

/// Runs a rule for the caller of a request. `read_…` runs it in a read transaction, `write_…` in a write
/// transaction, and `idempotent_…` in a write transaction that replays the reply to a repeated
/// `Idempotency-Key`; `canonical` is the request's body in canonical form. A `scope` is the least that a
/// patient's session must have: [`Scope::Restricted`] accepts every session.
impl Service {
    pub async fn read_as_staff<T, E, F>(
        &self,
        caller: &impl Caller,
        permission: Permission,
        rule: F,
    ) -> Result<T, Problem>
    where
        F: FnOnce(&mut Tx<'_>, &staff::Staff) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Into<Problem> + 'static,
    {
        let rule = as_staff(caller.token().cloned(), permission, rule);
        self.read(rule).await
    }

    pub async fn write_as_staff<T, E, F>(
        &self,
        caller: &impl Caller,
        permission: Permission,
        rule: F,
    ) -> Result<T, Problem>
    where
        F: FnOnce(&mut Tx<'_>, &staff::Staff) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Into<Problem> + 'static,
    {
        let rule = as_staff(caller.token().cloned(), permission, rule);
        self.write(rule).await
    }

    pub async fn idempotent_as_staff<E, F>(
        &self,
        call: &RequestContext,
        canonical: &[u8],
        permission: Permission,
        rule: F,
    ) -> Result<HttpResponse, Problem>
    where
        F: FnOnce(&mut Tx<'_>, &staff::Staff) -> Result<Reply, E> + Send + 'static,
        E: Into<Problem> + 'static,
    {
        idempotent(self, call, canonical, as_staff(call.bearer.clone(), permission, rule)).await
    }

    pub async fn read_as_patient<T, E, F>(
        &self,
        caller: &impl Caller,
        scope: Scope,
        rule: F,
    ) -> Result<T, Problem>
    where
        F: FnOnce(&mut Tx<'_>, &accounts::Principal) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Into<Problem> + 'static,
    {
        self.read(as_patient(accounts::authenticate, caller.token().cloned(), scope, rule)).await
    }

    pub async fn write_as_patient<T, E, F>(
        &self,
        caller: &impl Caller,
        scope: Scope,
        rule: F,
    ) -> Result<T, Problem>
    where
        F: FnOnce(&mut Tx<'_>, &accounts::Principal) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Into<Problem> + 'static,
    {
        let authenticate = accounts::authenticate_to_change;
        self.write(as_patient(authenticate, caller.token().cloned(), scope, rule)).await
    }

    pub async fn idempotent_as_patient<E, F>(
        &self,
        call: &RequestContext,
        canonical: &[u8],
        scope: Scope,
        rule: F,
    ) -> Result<HttpResponse, Problem>
    where
        F: FnOnce(&mut Tx<'_>, &accounts::Principal) -> Result<Reply, E> + Send + 'static,
        E: Into<Problem> + 'static,
    {
        let authenticate = accounts::authenticate_to_change;
        idempotent(self, call, canonical, as_patient(authenticate, call.bearer.clone(), scope, rule)).await
    }
}

fn as_staff<T, E: Into<Problem>>(
    token: Option<Secret>,
    permission: Permission,
    rule: impl FnOnce(&mut Tx<'_>, &staff::Staff) -> Result<T, E>,
) -> impl FnOnce(&mut Tx<'_>) -> Result<T, Problem> {
    move |tx| {
        let staff = staff::authorize(tx, token.as_ref(), permission)?;
        rule(tx, &staff).map_err(Into::into)
    }
}

type Authenticate = fn(&mut Tx<'_>, Option<&Secret>) -> Result<accounts::Principal, accounts::Error>;

fn as_patient<T, E: Into<Problem>>(
    authenticate: Authenticate,
    token: Option<Secret>,
    scope: Scope,
    rule: impl FnOnce(&mut Tx<'_>, &accounts::Principal) -> Result<T, E>,
) -> impl FnOnce(&mut Tx<'_>) -> Result<T, Problem> {
    move |tx| {
        let patient = authenticate(tx, token.as_ref())?;
        if scope == Scope::Full && patient.scope == Scope::Restricted {
            return Err(accounts::Error::Restricted.into());
        }
        rule(tx, &patient).map_err(Into::into)
    }
}

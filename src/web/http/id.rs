//! The `{id}` in a path.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::{IntoParams, ToSchema};

use crate::kit::Id;

/// An id as the client wrote it. Text that cannot be one of our ids becomes the empty id, which nothing
/// has, so a path with a byte that a database would reject is answered like any unknown id.
pub struct PathId<T>(pub T);

impl<T: Id> PathId<T> {
    /// The path parameter called `name`, for paths with more than one.
    pub fn named(request: &HttpRequest, name: &str) -> Self {
        let written = request.match_info().get(name).unwrap_or_default();
        let is_possible =
            written.len() <= 64 && written.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        Self(T::from(if is_possible { written.to_owned() } else { String::new() }))
    }
}

impl<T: Id> FromRequest for PathId<T> {
    type Error = std::convert::Infallible;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::named(request, "id")))
    }
}

impl<T: Id + ToSchema> IntoParams for PathId<T> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let id = ParameterBuilder::new().name("id").parameter_in(ParameterIn::Path).required(Required::True);
        vec![
            id.description(Some(T::DESCRIPTION))
                .schema(Some(T::schema()))
                .example(Some(T::example()))
                .build(),
        ]
    }
}

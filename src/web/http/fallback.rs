//! The default service for requests that match no route: 404, or 405 with `Allow`. Routes made by attribute
//! fall through to here on a wrong method, so the methods are looked up in a list
//! made of what the handlers say about themselves.

use actix_web::dev::ResourceDef;
use actix_web::{HttpRequest, HttpResponse, web};
use utoipa::openapi::path::{PathItem, Paths};

use super::{Code, Problem};

/// The path of each route, with its methods.
#[derive(Default)]
pub struct KnownRoutes(Vec<(ResourceDef, Vec<&'static str>)>);

impl KnownRoutes {
    pub fn add(&mut self, paths: &Paths) {
        let routes = paths.paths.iter();
        self.0.extend(routes.map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))));
    }

    fn allowed(&self, path: &str) -> Vec<&'static str> {
        let matching = self.0.iter().filter(|(pattern, _)| pattern.is_match(path));
        let mut methods: Vec<_> = matching.flat_map(|(_, methods)| methods.iter().copied()).collect();
        methods.sort_unstable();
        methods.dedup();
        methods
    }
}

fn methods(item: &PathItem) -> Vec<&'static str> {
    let operations = [
        (item.get.is_some(), &["GET", "HEAD"][..]),
        (item.post.is_some(), &["POST"]),
        (item.put.is_some(), &["PUT"]),
        (item.patch.is_some(), &["PATCH"]),
        (item.delete.is_some(), &["DELETE"]),
    ];
    operations.iter().filter(|(exists, _)| *exists).flat_map(|(_, names)| names.iter().copied()).collect()
}

pub async fn no_route(request: HttpRequest, known: web::Data<KnownRoutes>) -> Result<HttpResponse, Problem> {
    let allowed = known.allowed(request.path());
    // A guard rejected a documented method, so this path does not exist for the caller.
    if allowed.is_empty() || allowed.contains(&request.method().as_str()) {
        return Err(Problem::new(Code::NotFound, "Check the address."));
    }
    Err(Problem::new(Code::MethodNotAllowed, "Use one of the methods in `Allow`.").allow(allowed.join(", ")))
}

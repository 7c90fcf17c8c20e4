//! Lists: `limit` and an opaque `cursor` in, `items` and `next_cursor` out.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Code, FieldError, Problem};

const DEFAULT_LIMIT: i64 = 50;
const MOST: i64 = 200;

/// The query parameters of every list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The largest number of items to return, 1 to 200; 50 by default.
    #[param(value_type = Option<i64>, minimum = 1, maximum = 200, example = 50)]
    limit: Option<String>,
    /// The `next_cursor` of the previous page; leave it out for the first page.
    #[param(example = "MQ")]
    cursor: Option<String>,
}

impl PageQuery {
    /// The limit, 1 to 200.
    pub fn limit(&self) -> Result<i64, Problem> {
        let Some(text) = &self.limit else { return Ok(DEFAULT_LIMIT) };
        match text.parse() {
            Ok(limit) if (1..=MOST).contains(&limit) => Ok(limit),
            _ => Err(wrong("/limit", "Ask for 1 to 200 items.")),
        }
    }

    /// The decoded cursor: the key of the last item of the previous page; empty for the first page.
    pub fn after(&self) -> Result<String, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(String::new()) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
        bytes
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|key| !key.contains('\0'))
            .ok_or_else(foreign)
    }

    /// The same for a numeric key; 0 for the first page.
    pub fn after_number(&self) -> Result<i32, Problem> {
        match self.after()?.as_str() {
            "" => Ok(0),
            key => key.parse().map_err(|_| foreign()),
        }
    }
}

fn foreign() -> Problem {
    wrong("/cursor", "Invalid cursor.")
}

fn wrong(pointer: &str, detail: &str) -> Problem {
    Problem::fields(vec![FieldError {
        pointer: pointer.to_owned(),
        code: Code::InvalidRequest.as_str().to_owned(),
        detail: detail.to_owned(),
    }])
}

/// One page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// The cursor of the next page; `null` on the last page.
    #[schema(required = true, example = "MQ")]
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// A page of at most `limit` items. `items` holds one more where there is a next page; `key` gives the
    /// cursor's key of an item.
    pub fn of<K: AsRef<str>>(mut items: Vec<T>, limit: i64, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let goes_on = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| goes_on);
        let next_cursor = last.map(|item| URL_SAFE_NO_PAD.encode(key(item).as_ref()));
        Self { items, next_cursor }
    }
}

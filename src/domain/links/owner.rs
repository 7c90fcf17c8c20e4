//! Who owns a link and the conversations that it brings.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};
use diesel::sql_types::Text;

use crate::kit::{Id as _, StaffId, TeamId};

/// The text of [`Owner::Practice`]; teams and staff members are stored by their ids.
const PRACTICE: &str = "practice";

/// Owner of a link and its conversations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = Text)]
pub enum Owner {
    /// The practice as a whole.
    Practice,
    Team(TeamId),
    Staff(StaffId),
}

impl Owner {
    /// The text in the database: `practice`, or an id.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Practice => PRACTICE,
            Self::Team(id) => id.as_str(),
            Self::Staff(id) => id.as_str(),
        }
    }
}

impl From<&str> for Owner {
    fn from(text: &str) -> Self {
        let is_team = text.strip_prefix(TeamId::PREFIX).is_some_and(|rest| rest.starts_with('_'));
        match text {
            PRACTICE => Self::Practice,
            _ if is_team => Self::Team(text.into()),
            _ => Self::Staff(text.into()),
        }
    }
}

/// Never fails: an id that does not exist is not found.
impl FromStr for Owner {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self::from(text))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl<DB: Backend> ToSql<Text, DB> for Owner
where
    str: ToSql<Text, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.as_str().to_sql(out)
    }
}

impl<DB: Backend> FromSql<Text, DB> for Owner
where
    String: FromSql<Text, DB>,
{
    fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::from(String::from_sql(bytes)?.as_str()))
    }
}

//! Closed sets that are stored and sent as text.

use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// The schema of a set: its texts, and what its documentation says. A variant that is never sent is left out.
pub(crate) fn schema<T: Serialize>(variants: &[T], docs: &[&str]) -> RefOr<Schema> {
    let texts = variants.iter().filter_map(|variant| serde_json::to_value(variant).ok());
    let docs: Vec<&str> = docs.iter().map(|line| line.trim()).collect();
    let schema = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(texts));
    schema.description(Some(docs.join("\n"))).build().into()
}

/// Declares enums whose variants have a text, in API and database alike; `#[schema(as = …)]` names the
/// schema. Text that is not in the set is an error when it is read, never a default: most columns have a
/// CHECK that lets none in, and the others are only written from these enums.
#[macro_export]
macro_rules! text_enum {
    ($(
        $(#[doc = $doc:literal])*
        $(#[schema(as = $schema:ident)])?
        $vis:vis enum $name:ident $((default $default:ident))? {
            $(
                $(#[doc = $variant_doc:literal])* $(#[serde($serde:ident)])?
                $variant:ident = $text:literal
            ),+ $(,)?
        }
    )+) => {$(
        $(#[doc = $doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            strum::EnumString, strum::IntoStaticStr, strum::VariantArray,
            serde::Serialize, serde::Deserialize,
            diesel::expression::AsExpression, diesel::deserialize::FromSqlRow,
        )]
        #[diesel(sql_type = diesel::sql_types::Text)]
        $vis enum $name {
            $(
                $(#[doc = $variant_doc])* $(#[serde($serde)])?
                #[strum(serialize = $text)] #[serde(rename = $text)]
                $variant
            ),+
        }

        // By hand: the derive of utoipa does not see a text that comes through a macro.
        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::kit::text_enum::schema(<Self as strum::VariantArray>::VARIANTS, &[$($doc),*])
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                [$(stringify!($schema),)? stringify!($name)][0].into()
            }
        }

        $(
            impl Default for $name {
                fn default() -> Self {
                    Self::$default
                }
            }
        )?

        $crate::text_column!($name);
    )+};
}

/// Maps a type to a Text column that converts into and from its text.
#[macro_export]
macro_rules! text_column {
    ($name:ident) => {
        impl $name {
            /// The text in the API and the database.
            pub fn as_str(self) -> &'static str {
                self.into()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<DB: diesel::backend::Backend> diesel::serialize::ToSql<diesel::sql_types::Text, DB> for $name
        where
            str: diesel::serialize::ToSql<diesel::sql_types::Text, DB>,
        {
            fn to_sql<'b>(
                &'b self,
                out: &mut diesel::serialize::Output<'b, '_, DB>,
            ) -> diesel::serialize::Result {
                self.as_str().to_sql(out)
            }
        }

        impl<DB: diesel::backend::Backend> diesel::deserialize::FromSql<diesel::sql_types::Text, DB> for $name
        where
            String: diesel::deserialize::FromSql<diesel::sql_types::Text, DB>,
        {
            fn from_sql(bytes: DB::RawValue<'_>) -> diesel::deserialize::Result<Self> {
                Ok(String::from_sql(bytes)?.parse()?)
            }
        }
    };
}

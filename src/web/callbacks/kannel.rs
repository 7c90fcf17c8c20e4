//! Delivery receipts and inbound texts of Kannel: GETs whose URL carries our own token. Both are answered
//! with an empty 200, because Kannel texts back whatever body it gets.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse, get};

use super::invalid_signature;
use crate::delivery::delivery_reports;
use crate::delivery::kannel::callback;
use crate::domain::consent::{self, Inbound};
use crate::kit::DeliveryId;
use crate::platform::Service;
use crate::platform::outbox::{Channel, Topics};
use crate::platform::settings::SmsProviderName;
use crate::problems;
use crate::web::http::{PathId, Problem};

problems!(KannelProblems: plain, SignatureInvalid);

/// Receive an inbound SMS from Kannel
#[utoipa::path(
    tag = "callbacks",
    params(
        (
            "token" = Option<String>,
            Query,
            description = "Token of the URL that `practice-links admin kannel urls` prints",
            example = "c29tZXRoaW5n",
        ),
        (
            "id" = Option<String>,
            Query,
            description = "Kannel's id of the SMS (`%I`)",
            example = "0198c1f2-a4c0-7d3e-8a51-b2c3d4e5f607",
        ),
        (
            "from" = Option<String>,
            Query,
            description = "Sender's phone number (`%p`)",
            example = "+14155552671",
        ),
        (
            "to" = Option<String>,
            Query,
            description = "Our number that received it (`%P`)",
            example = "+15005550006",
        ),
        ("text" = Option<String>, Query, description = "Text of the SMS (`%a`)", example = "STOP"),
    ),
    responses(
        (
            status = 200,
            description = "Empty; a reply, if one is due, is sent as a separate message",
            content_type = "text/plain",
            body = String,
        ),
        KannelProblems,
    ),
)]
#[get("/v1/callbacks/kannel/inbound")]
pub(crate) async fn receive_kannel_sms(
    service: Data<Service>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let query = Parameters::of(&request);
    if !callback::is_inbound(&service, query.get("token")) {
        return Err(invalid_signature());
    }
    let text = Inbound {
        provider: SmsProviderName::Kannel.as_str(),
        provider_ref: query.get("id").to_owned(),
        from: query.get("from").to_owned(),
        to: query.get("to").trim().to_owned(),
        text: query.get("text").to_owned(),
        is_answered: false,
    };
    service.write(move |tx| consent::receive(tx, &text)).await?;
    Ok(empty())
}

/// Receive a delivery receipt from Kannel
#[utoipa::path(
    tag = "callbacks",
    params(
        PathId<DeliveryId>,
        (
            "token" = Option<String>,
            Query,
            description = "Token of the send attempt",
            example = "c29tZXRoaW5n",
        ),
        ("status" = Option<String>, Query, description = "Kannel's status bits (`%d`)", example = "1"),
    ),
    responses(
        (
            status = 200,
            description = "Accepted; a receipt that says nothing new changes nothing",
            content_type = "text/plain",
            body = String,
        ),
        KannelProblems,
    ),
)]
#[get("/v1/callbacks/kannel/{id}")]
pub(crate) async fn receive_kannel_receipt(
    service: Data<Service>,
    topics: Data<Topics>,
    request: HttpRequest,
    id: PathId<DeliveryId>,
) -> Result<HttpResponse, Problem> {
    let query = Parameters::of(&request);
    if !callback::is_receipt(&service, &id.0, query.get("token")) {
        return Err(invalid_signature());
    }
    if let Some(report) = query.get("status").parse().ok().and_then(callback::report) {
        let from = (SmsProviderName::Kannel, Channel::Sms);
        service.write(move |tx| delivery_reports::record(tx, &topics, from, &id.0, &report)).await?;
    }
    Ok(empty())
}

/// Query parameters; a query that cannot be read has none.
struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn of(request: &HttpRequest) -> Self {
        let query = Query::<Vec<(String, String)>>::from_query(request.query_string());
        Self(query.map(Query::into_inner).unwrap_or_default())
    }

    fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value)
    }
}

fn empty() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("")
}

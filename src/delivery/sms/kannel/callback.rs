//! Delivery receipts and inbound texts of Kannel: GETs whose URL carries our own token. Both are answered
//! with an empty 200, because Kannel texts back whatever body it gets.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse, get};

use super::send::NAME;
use super::urls;
use crate::delivery::Delivery;
use crate::delivery::sms::{delivery_reports, invalid_signature};
use crate::domain::consent::{self, Inbound};
use crate::kit::DeliveryId;
use crate::platform::outbox::{Channel, Outcome, Report, Topics};
use crate::platform::{Service, Tx};
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
    delivery: Data<Delivery>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let query = Parameters::of(&request);
    if !urls::is_inbound(&service, query.get("token")) {
        return Err(invalid_signature());
    }
    let text = Inbound {
        provider: NAME,
        provider_ref: query.get("id").to_owned(),
        from: query.get("from").to_owned(),
        to: query.get("to").trim().to_owned(),
        text: query.get("text").to_owned(),
        is_answered: false,
    };
    let senders = delivery.senders();
    service.write(move |tx| consent::receive(tx, &text, &senders)).await?;
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
    delivery: Data<Delivery>,
    topics: Data<Topics>,
    request: HttpRequest,
    id: PathId<DeliveryId>,
) -> Result<HttpResponse, Problem> {
    let query = Parameters::of(&request);
    if !urls::is_receipt(&service, &id.0, query.get("token")) {
        return Err(invalid_signature());
    }
    if let Some(report) = query.get("status").parse().ok().and_then(report) {
        let from = (NAME, Channel::Sms);
        let record =
            move |tx: &mut Tx| delivery_reports::record(tx, (&delivery, &topics), from, &id.0, &report);
        service.write(record).await?;
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

/// Maps the status bits of a receipt: 1 delivered, 2 not delivered (34 expired and 66 unknown carry it
/// too), 4 buffered at the carrier, 8 accepted by the carrier, 16 rejected by the carrier.
fn report(status: u32) -> Option<Report> {
    let has = |bit: u32| status & bit != 0;
    if has(1) {
        Some(Report::Delivered)
    } else if has(32) {
        Some(Report::Undelivered(Outcome::TransportRejected("expired")))
    } else if has(2) {
        Some(Report::Undelivered(Outcome::TransportRejected("undelivered")))
    } else if has(16) {
        Some(Report::Undelivered(Outcome::Rejected("carrier_refused")))
    } else if has(8) {
        Some(Report::Sent)
    } else {
        has(4).then_some(Report::Accepted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_status_bits_win() {
        let word = |status| report(status).map(|report| report.receipt().as_str());
        assert_eq!(word(1), Some("delivered"));
        for lost in [2, 16, 32, 34, 66] {
            assert_eq!(word(lost), Some("undelivered"), "{lost}");
        }
        assert_eq!(word(8), Some("sent"));
        assert_eq!(word(4), Some("accepted"));
        assert_eq!(word(0), None);
        assert_eq!(word(64), None);
    }
}

//! The patient's stream, and how far they have read.

use actix_web::web::Data;
use actix_web::{HttpResponse, get, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use validator::Validate;

use super::super::Refusal;
use crate::accounts;
use crate::app::App;
use crate::http::{Answer, Body, Call, Draining, Id, Problem, once};
use crate::live::Audience;
use crate::live::stream::{self, Halt, LastEventId};
use crate::refusals;

impl From<Refusal> for Halt {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Account(accounts::Refusal::Unauthorized) => Self::Over,
            _ => Self::Later,
        }
    }
}

refusals!(MyEventsRefusals: plain, Unauthorized);

/// Tells at once what happens in my conversations
#[utoipa::path(tag = "me", security(("access_token" = [])), params(("Last-Event-ID" = Option<String>, Header, description = "The last event that was seen: the stream goes on behind it, up to a day later", example = "evt_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "Server-sent events: `conversation.created`, `entry.created`, `conversation.changed`, `read`, with ids as JSON; what this sign-in sees. The stream ends with the access token: open it again with a fresh one", body = String, content_type = "text/event-stream", example = "id: evt_0198c1f2a4c07d3e8a51b2c3d4e5f607\nevent: read\ndata: {\"conversation_id\":\"cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607\",\"by\":\"practice\",\"position\":3}\n\n"), MyEventsRefusals))]
#[get("/v1/me/events")]
pub async fn my_events(
    app: Data<App>,
    call: Call,
    last: LastEventId,
    draining: Data<Draining>,
) -> Result<HttpResponse, Problem> {
    let (token, last_seen) = (call.bearer.clone(), last.id.clone());
    let start =
        app.read(move |ctx, conn| super::super::listen(ctx, conn, token.as_ref(), last_seen.as_deref()));
    let (who, place) = start.await?;
    if last.is_head {
        return Ok(stream::head());
    }
    let seat = app.live.join(&who.account_id, Audience::Account(who.account_id.clone()))?;
    Ok(stream::answer(seat, draining.as_ref().clone(), place, move |place| {
        let (app, token) = (app.clone(), call.bearer.clone());
        async move {
            let events = app.read(move |ctx, conn| super::super::events(ctx, conn, token.as_ref(), &place));
            events.await.map_err(Halt::from)
        }
    }))
}

/// How far I have read.
#[derive(Deserialize, Validate, ToSchema)]
pub struct MarkMineRead {
    /// The last entry that was read.
    #[validate(range(min = 1, message = "Entries are counted from 1."))]
    #[schema(example = 2, minimum = 1)]
    position: i32,
}

/// What I have read.
#[derive(Serialize, ToSchema)]
pub struct MineReadAnswer {
    /// Up to which entry; it never goes back.
    #[schema(example = 2)]
    read_position: i32,
}

refusals!(MarkMineReadRefusals: keyed, Unauthorized, ConversationNotFound);

/// Says how far I have read
#[utoipa::path(tag = "me", request_body = MarkMineRead, security(("access_token" = [])), params(("id" = String, Path, description = "The conversation", example = "cnv_0198c1f2a4c07d3e8a51b2c3d4e5f607")),
    responses((status = 200, description = "How far by now; the practice is told", body = MineReadAnswer), MarkMineReadRefusals))]
#[post("/v1/me/conversations/{id}/read")]
pub async fn read_mine(
    app: Data<App>,
    call: Call,
    id: Id,
    body: Body<MarkMineRead>,
) -> Result<HttpResponse, Problem> {
    let Body { value: input, canonical } = body;
    let bearer = call.bearer.clone();
    once(&app, &call, &canonical, move |ctx, conn| {
        let who = accounts::authenticate_to_change(ctx, conn, bearer.as_ref())?;
        let read_position = super::super::read(ctx, conn, &who, &id.0, input.position)?;
        Ok::<_, Refusal>(Answer::ok(&MineReadAnswer { read_position }))
    })
    .await
}

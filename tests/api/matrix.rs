//! The permission matrix: every route of the OpenAPI document × every role, checked against one table. A
//! route that is missing from the table fails the test: a new route needs a row that says who may use it.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::RunQueryDsl as _;
use practice_links::db::{self, Conn};
use practice_links::openapi;
use practice_links::practices::Practice;
use practice_links::staff::Role;
use serde_json::{Value, json};
use ureq::http::HeaderMap;

use super::profile::png;
use crate::harness::{Builder, Call, DEMO, Reply, SignedUp, StaffClient, TestApp, as_staff, phone};

/// The callers, in the order of the table's columns.
const ROLES: [Caller; 8] = [
    Caller::Anonymous,
    Caller::Patient,
    Caller::Member,
    // A member who does not see the link in the path.
    Caller::MemberWithoutLink,
    Caller::Admin,
    Caller::Support,
    // An admin of another practice, who uses the ids of this one.
    Caller::OtherPracticeAdmin,
    // A disabled member, with a token from before.
    Caller::Disabled,
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Anonymous,
    Patient,
    Member,
    MemberWithoutLink,
    Admin,
    Support,
    OtherPracticeAdmin,
    Disabled,
}

/// Stands for any status from 200 to 399.
const OK: u16 = 0;

/// A file with the practice's records.
const CSV: &str = "MRN,First name,Last name\n1,Alex,Rivera\n";

type Answers = [u16; 8];

/// The route has no roles: every caller gets the same status, whatever token they show.
const fn all(status: u16) -> Answers {
    [status; 8]
}

/// All staff, each in their own practice.
const STAFF: Answers = [401, 401, OK, OK, OK, OK, OK, 401];
/// Staff who may configure the practice.
const CONFIGURES: Answers = [401, 401, 403, 403, OK, OK, OK, 401];
/// Only the practice's admins; not the operator's support.
const ADMIN: Answers = [401, 401, 403, 403, OK, 403, OK, 401];
/// Like [`ADMIN`], with an id in the path: ids of another practice are not found.
const ADMIN_ID: Answers = [401, 401, 403, 403, OK, 403, 404, 401];
/// Staff who see the link in the path.
const SEES_LINK: Answers = [401, 401, OK, 404, OK, OK, 404, 401];
/// Staff who see the link in the path and may configure the practice.
const CONFIGURES_LINK: Answers = [401, 401, 403, 404, OK, OK, 404, 401];
/// Staff who may see patients and who see the link in the path; never the operator's support.
const SEES_PATIENT: Answers = [401, 401, OK, 404, OK, 403, 404, 401];
/// Staff who may see the practice's patients; never the operator's support.
const PATIENT_DATA: Answers = [401, 401, OK, OK, OK, 403, OK, 401];
/// Like [`PATIENT_DATA`], with an id in the path.
const PATIENT_DATA_ID: Answers = [401, 401, OK, OK, OK, 403, 404, 401];
/// Staff who may see patients. The other practice gets 422, since it has no link for the invite.
const INVITES: Answers = [401, 401, OK, OK, OK, 403, 422, 401];
/// Like [`INVITES`], with an invite in the path: it is visible only to staff who see its link.
const INVITES_ID: Answers = [401, 401, OK, 404, OK, 403, 404, 401];
/// Only the patient.
const PATIENT: Answers = [401, OK, 401, 401, 401, 401, 401, 401];

/// Method and path, the expected statuses in the order of [`ROLES`], and the request's body.
type Row = (&'static str, Answers, fn(&World) -> Value);

const NOTHING: fn(&World) -> Value = |_| Value::Null;

const ROWS: &[Row] = &[
    ("GET /.well-known/apple-app-site-association", all(OK), NOTHING),
    ("GET /.well-known/assetlinks.json", all(OK), NOTHING),
    ("GET /.well-known/jwks.json", all(OK), NOTHING),
    ("GET /Q/{code}", all(OK), NOTHING),
    ("GET /Q/{code}/", all(OK), NOTHING),
    ("GET /q/{code}", all(OK), NOTHING),
    ("GET /{code}", all(OK), NOTHING),
    ("GET /{code}/", all(OK), NOTHING),
    ("GET /{code}/logo.png", all(OK), NOTHING),
    ("GET /{code}/share.png", all(OK), NOTHING),
    ("GET /{code}/seen.gif", all(OK), NOTHING),
    ("POST /{code}/seen", all(OK), NOTHING),
    ("POST /{code}/tap", all(OK), NOTHING),
    ("GET /{code}/text", all(OK), NOTHING),
    ("POST /{code}/text", all(422), NOTHING),
    ("GET /{code}/texted", all(OK), NOTHING),
    ("POST /challenge", all(429), NOTHING),
    ("GET /i/{token}", all(404), NOTHING),
    ("GET /i/{token}/email", all(404), NOTHING),
    ("POST /i/{token}/email", all(404), NOTHING),
    ("POST /v1/invites/opened", all(409), |_| json!({ "invite_token": "none" })),
    ("GET /dev", all(OK), NOTHING),
    ("GET /dev/messages", all(OK), NOTHING),
    ("GET /healthz", all(OK), NOTHING),
    ("GET /readyz", all(OK), NOTHING),
    ("GET /metrics", all(OK), NOTHING),
    ("GET /openapi.json", all(OK), NOTHING),
    ("GET /unsubscribe/{token}", all(404), NOTHING),
    ("POST /unsubscribe/{token}", all(404), NOTHING),
    ("GET /v1/callbacks/kannel/inbound", all(403), NOTHING),
    ("GET /v1/callbacks/kannel/{id}", all(403), NOTHING),
    ("POST /v1/callbacks/mail-events", all(403), |_| json!({})),
    ("POST /v1/callbacks/twilio/inbound", all(403), NOTHING),
    ("POST /v1/callbacks/twilio/{id}", all(403), NOTHING),
    ("POST /v1/link-tokens", all(OK), |_| json!({ "code": DEMO, "source": "typed" })),
    ("POST /v1/verifications", all(OK), |world| json!({ "phone": world.phone() })),
    // Only for the holder of the client secret; not found for everybody else.
    ("GET /v1/verifications/{id}", all(404), NOTHING),
    ("POST /v1/verifications/{id}/sends", all(404), |_| json!({ "channel": "sms" })),
    ("POST /v1/verifications/{id}/checks", all(404), |_| json!({ "code": "123456" })),
    // The credentials are in the body, which is empty here.
    ("POST /v1/accounts", all(422), |_| json!({})),
    ("POST /v1/sessions", all(422), |_| json!({})),
    ("POST /v1/sessions/refresh", all(401), |_| json!({ "refresh_token": "none" })),
    ("DELETE /v1/sessions/current", PATIENT, NOTHING),
    // Only for restricted sessions, and this one is not restricted.
    ("POST /v1/sessions/current/email-code", [401, 409, 401, 401, 401, 401, 401, 401], |_| json!({})),
    (
        "POST /v1/sessions/current/email-code/checks",
        [401, 409, 401, 401, 401, 401, 401, 401],
        |_| json!({ "code": "123456" }),
    ),
    ("GET /v1/me", PATIENT, NOTHING),
    ("DELETE /v1/me", PATIENT, NOTHING),
    ("POST /v1/me/email", PATIENT, |world| json!({ "email": world.address() })),
    // No code was requested.
    ("POST /v1/me/email/checks", [401, 410, 401, 401, 401, 401, 401, 401], |_| json!({ "code": "123456" })),
    ("GET /v1/me/pairings", PATIENT, NOTHING),
    ("DELETE /v1/me/pairings/{id}", PATIENT, NOTHING),
    (
        "POST /v1/me/pairings/{id}/desk-code",
        [401, 422, 401, 401, 401, 401, 401, 401],
        |_| json!({ "code": "1" }),
    ),
    ("POST /v1/me/phone", [401, 422, 401, 401, 401, 401, 401, 401], |_| json!({ "phone_proof": "none" })),
    ("POST /v1/me/patients", PATIENT, |_| json!({ "given_name": "Sam", "family_name": "Rivera" })),
    ("PATCH /v1/me/patients/{id}", PATIENT, |_| json!({ "given_name": "Samuel" })),
    ("GET /v1/me/conversations/{id}/entries", PATIENT, NOTHING),
    ("POST /v1/me/conversations/{id}/entries", PATIENT, |_| json!({ "body": "Hello" })),
    ("POST /v1/pairings", PATIENT, |world| json!({ "link_token": world.app.link_token(DEMO) })),
    ("POST /v1/me/conversations/{id}/read", PATIENT, |_| json!({ "position": 1 })),
    ("GET /v1/me/events", PATIENT, NOTHING),
    // The credentials of staff are in the body too.
    ("POST /v1/staff/sessions", all(422), |_| json!({})),
    ("POST /v1/staff/sessions/totp", all(422), |_| json!({})),
    ("POST /v1/staff/sessions/refresh", all(401), |_| json!({ "refresh_token": "none" })),
    ("POST /v1/staff/password-resets", all(422), |_| json!({})),
    ("POST /v1/staff/passwords", all(422), |_| json!({})),
    ("GET /v1/staff/me", STAFF, NOTHING),
    ("PATCH /v1/staff/me", STAFF, |_| json!({ "name": "Ana" })),
    // These staff have neither a password nor an authenticator app.
    (
        "POST /v1/staff/me/password",
        [401, 401, 422, 422, 422, 422, 422, 401],
        |_| json!({ "current_password": "none", "new_password": "none" }),
    ),
    ("POST /v1/staff/me/recovery-codes", all(401), |_| json!({ "code": "000000" })),
    ("GET /v1/staff/sessions", STAFF, NOTHING),
    ("DELETE /v1/staff/sessions/{id}", [401, 401, 404, 404, 404, 404, 404, 401], NOTHING),
    ("DELETE /v1/staff/sessions", STAFF, NOTHING),
    ("DELETE /v1/staff/sessions/current", STAFF, NOTHING),
    ("GET /v1/practice/staff", STAFF, NOTHING),
    (
        "POST /v1/practice/staff",
        ADMIN,
        |world| json!({ "email": world.address(), "name": "Fay", "role": "member" }),
    ),
    ("PATCH /v1/practice/staff/{id}", ADMIN_ID, |_| json!({ "name": "Bo" })),
    ("GET /v1/practice/teams", STAFF, NOTHING),
    ("POST /v1/practice/teams", CONFIGURES, |world| json!({ "name": world.address(), "members": [] })),
    (
        "PATCH /v1/practice/teams/{id}",
        [401, 401, 403, 403, OK, OK, 404, 401],
        |world| json!({ "name": world.address() }),
    ),
    ("GET /v1/practice/events", PATIENT_DATA, NOTHING),
    ("GET /v1/practice/conversations", PATIENT_DATA, NOTHING),
    ("GET /v1/practice/conversations/{id}", SEES_PATIENT, NOTHING),
    ("PATCH /v1/practice/conversations/{id}", SEES_PATIENT, |_| json!({ "unread": true })),
    ("GET /v1/practice/conversations/{id}/entries", SEES_PATIENT, NOTHING),
    (
        "POST /v1/practice/conversations/{id}/entries",
        SEES_PATIENT,
        |_| json!({ "body": "Hello", "acknowledge_unverified": true }),
    ),
    ("POST /v1/practice/conversations/{id}/read", SEES_PATIENT, |_| json!({ "position": 1 })),
    ("GET /v1/practice/identity", PATIENT_DATA, NOTHING),
    ("GET /v1/practice/conversations/{id}/identity", SEES_PATIENT, NOTHING),
    ("GET /v1/practice/conversations/{id}/proof.pdf", SEES_PATIENT, NOTHING),
    ("GET /v1/practice/desk-code", [401, 401, OK, OK, OK, 403, OK, 401], NOTHING),
    // There is no decision to undo.
    (
        "POST /v1/practice/conversations/{id}/identity/decisions",
        [401, 401, 403, 404, 409, 403, 404, 401],
        |_| json!({ "decision": "undo" }),
    ),
    ("GET /v1/practice/links", STAFF, NOTHING),
    ("POST /v1/practice/links", CONFIGURES, |_| json!({ "label": "Card" })),
    ("GET /v1/practice/links/{id}", SEES_LINK, NOTHING),
    ("PATCH /v1/practice/links/{id}", CONFIGURES_LINK, |_| json!({ "label": "Poster" })),
    ("GET /v1/practice/links/{id}/qr.svg", SEES_LINK, NOTHING),
    ("GET /v1/practice/links/{id}/qr.png", SEES_LINK, NOTHING),
    ("GET /v1/practice/links/{id}/poster.pdf", SEES_LINK, NOTHING),
    ("GET /v1/practice/links/{id}/cards.pdf", SEES_LINK, NOTHING),
    ("GET /v1/practice/links/{id}/tent.pdf", SEES_LINK, NOTHING),
    ("GET /v1/practice/links/{id}/funnel", SEES_LINK, NOTHING),
    ("GET /v1/practice/links/{id}/funnel.csv", SEES_LINK, NOTHING),
    ("GET /v1/practice/invites", PATIENT_DATA, NOTHING),
    ("POST /v1/practice/invites", INVITES, |world| world.invitee()),
    ("GET /v1/practice/invites/{id}", SEES_PATIENT, NOTHING),
    ("POST /v1/practice/invites/{id}/resend", INVITES_ID, NOTHING),
    ("DELETE /v1/practice/invites/{id}", INVITES_ID, NOTHING),
    ("POST /v1/practice/invites/import", INVITES, NOTHING),
    ("GET /v1/practice/invites/imports/{id}", SEES_PATIENT, NOTHING),
    ("GET /v1/practice/invites/imports/{id}/rows", SEES_PATIENT, NOTHING),
    ("GET /v1/practice/notifications", STAFF, NOTHING),
    // The body names the staff member; another practice does not know them.
    (
        "PATCH /v1/practice/notifications",
        [401, 401, 403, 403, OK, OK, 422, 401],
        |world| json!({ "person": world.admin.staff_id, "frequency": "daily" }),
    ),
    ("GET /v1/practice/profile", STAFF, NOTHING),
    ("PATCH /v1/practice/profile", CONFIGURES, |_| json!({ "accent": "#7a1f5c" })),
    ("GET /v1/practice/logo", STAFF, NOTHING),
    ("PUT /v1/practice/logo", CONFIGURES, NOTHING),
    ("DELETE /v1/practice/logo", CONFIGURES, NOTHING),
    ("GET /v1/practice/records", PATIENT_DATA, NOTHING),
    ("GET /v1/practice/records/{id}", PATIENT_DATA_ID, NOTHING),
    ("POST /v1/practice/records/import", ADMIN, NOTHING),
    ("GET /v1/practice/records/imports", ADMIN, NOTHING),
    ("GET /v1/practice/records/imports/{id}", ADMIN_ID, NOTHING),
    ("GET /v1/practice/records/imports/{id}/results.csv", ADMIN_ID, NOTHING),
    // The import has ended by then.
    ("DELETE /v1/practice/records/imports/{id}", [401, 401, 403, 403, 409, 403, 404, 401], NOTHING),
    ("GET /v1/practice/audit", CONFIGURES, NOTHING),
    ("GET /v1/practice/audit.csv", ADMIN, NOTHING),
    ("GET /v1/practice/webhooks", ADMIN, NOTHING),
    (
        "POST /v1/practice/webhooks",
        ADMIN,
        |_| json!({ "url": "https://hooks.elm.com/in", "events": ["link.changed"] }),
    ),
    ("GET /v1/practice/webhooks/{id}", ADMIN_ID, NOTHING),
    ("PATCH /v1/practice/webhooks/{id}", ADMIN_ID, |_| json!({ "url": "https://hooks.elm.com/other" })),
    ("DELETE /v1/practice/webhooks/{id}", ADMIN_ID, NOTHING),
    ("GET /v1/practice/webhooks/{id}/deliveries", ADMIN_ID, NOTHING),
    ("POST /v1/practice/webhooks/{id}/deliveries/{delivery}/replay", ADMIN_ID, NOTHING),
    ("POST /v1/practice/webhooks/{id}/rotate", ADMIN_ID, NOTHING),
];

/// A practice with staff in each role, another practice with an admin, and patients on demand.
struct World {
    app: TestApp,
    practice: Practice,
    admin: StaffClient,
    member: StaffClient,
    member_without_link: StaffClient,
    support: StaffClient,
    other_practice_admin: StaffClient,
    disabled: StaffClient,
    /// A link of the whole practice, and one that only the admin sees.
    links: [String; 2],
    team: String,
    conversations: OnceLock<[String; 2]>,
    numbers: AtomicU32,
    patient: OnceLock<String>,
}

impl World {
    fn new(on: Builder) -> Self {
        // So many calls would exceed the rate limits.
        let app = on.config(|config| config.limits.scale = 1_000.0).start();
        let practice = app.write(|_, conn| practice_links::practices::list(conn)).remove(0);
        let other = app.practice("Oak Eyes", None);
        let admin = app.staff_client(&practice, "admin", Role::Admin);
        let own = json!({ "label": "Own", "owner": { "kind": "staff", "id": admin.staff_id } });
        let links = [json!({ "label": "All", "notify": [admin.staff_id] }), own];
        let links = links.map(|link| app.make_link(&admin, link)["id"].as_str().unwrap().to_owned());
        let staff_of_role = |name, role| app.staff_client(&practice, name, role);
        Self {
            member: staff_of_role("member", Role::Member),
            member_without_link: staff_of_role("colleague", Role::Member),
            support: staff_of_role("support", Role::Support),
            disabled: disabled(&app, staff_of_role("disabled", Role::Member)),
            other_practice_admin: app.staff_client(&other, "other", Role::Admin),
            team: app.team(&practice, "Hygienists", &[&admin]),
            conversations: OnceLock::new(),
            numbers: AtomicU32::new(0),
            patient: OnceLock::new(),
            app,
            practice,
            admin,
            links,
        }
    }

    fn phone(&self) -> String {
        phone(self.numbers.fetch_add(1, Ordering::SeqCst))
    }

    /// The token of `caller`, and the patient it belongs to.
    fn token(&self, caller: Caller, route: &str) -> (Option<String>, Option<SignedUp>) {
        let staff = match caller {
            Caller::Anonymous => return (None, None),
            // A call may delete what the next one needs, so each call gets its own patient.
            Caller::Patient if is_for_patients(route) => {
                let patient = self.app.sign_up(&self.phone());
                return (Some(patient.access_token.clone()), Some(patient));
            }
            Caller::Patient => return (Some(self.patient()), None),
            Caller::Member => &self.member,
            Caller::MemberWithoutLink => &self.member_without_link,
            Caller::Admin => &self.admin,
            Caller::Support => &self.support,
            Caller::OtherPracticeAdmin => &self.other_practice_admin,
            Caller::Disabled => &self.disabled,
        };
        (Some(staff.token.clone()), None)
    }

    /// One patient for all routes that are not for patients. The clock does not move, so the token stays
    /// valid.
    fn patient(&self) -> String {
        self.patient.get_or_init(|| self.app.sign_up(&self.phone()).access_token).clone()
    }

    /// The path with ids filled in: the practice's, or the calling patient's.
    fn path(&self, route: &str, caller: Caller, patient: Option<&SignedUp>) -> String {
        let of_patient = |id: fn(&SignedUp) -> &String| patient.map_or("none_1".into(), |p| id(p).clone());
        let path = route.split_once(' ').unwrap().1.replace("{code}", DEMO).replace("{token}", "none");
        let own = usize::from(caller == Caller::MemberWithoutLink);
        let id = match path.split("/{id}").next().unwrap() {
            "/v1/practice/invites" if path.contains('{') => self.invite(own),
            "/v1/practice/invites/imports" => self.invite_list(own),
            "/v1/practice/links" => self.links[usize::from(caller == Caller::MemberWithoutLink)].clone(),
            "/v1/practice/conversations" if path.contains('{') => {
                self.conversations()[usize::from(caller == Caller::MemberWithoutLink)].clone()
            }
            "/v1/practice/staff" if path.contains('{') => self.member.staff_id.clone(),
            "/v1/practice/teams" if path.contains('{') => self.team.clone(),
            "/v1/practice/webhooks" if path.contains('{') => self.webhook(),
            "/v1/practice/records" if path.contains('{') => self.import("records"),
            "/v1/practice/records/imports" if path.contains('{') => self.import("records/imports"),
            "/v1/me/pairings" => of_patient(|patient| &patient.pairing_id),
            "/v1/me/patients" => of_patient(|patient| &patient.patient_id),
            "/v1/me/conversations" => of_patient(|patient| &patient.conversation_id),
            _ => "none_1".into(),
        };
        let path = path.replace("{id}", &id);
        if path.contains("{delivery}") { path.replace("{delivery}", &self.delivery(&id)) } else { path }
    }

    /// An unused e-mail, also used as a unique name.
    fn address(&self) -> String {
        format!("new{}@elm.example", self.numbers.fetch_add(1, Ordering::SeqCst))
    }

    /// The body for inviting a new patient.
    fn invitee(&self) -> Value {
        json!({ "name": "Alex Rivera", "phone": self.phone(), "email": self.address(), "send": false })
    }

    /// Creates a draft invite for one of the links.
    fn invite(&self, link: usize) -> String {
        let mut body = self.invitee();
        body["link_id"] = json!(self.links[link]);
        let made = as_staff(&self.admin, self.app.post("/v1/practice/invites", body)).send().expect(201);
        made.str("/invite/id")
    }

    /// Imports a list of invites for one of the links.
    fn invite_list(&self, link: usize) -> String {
        let path = format!("/v1/practice/invites/import?link_id={}", self.links[link]);
        let call = self.app.call("POST", &path).raw("text/csv", self.list());
        as_staff(&self.admin, call).send().expect(202).str("/import/id")
    }

    fn list(&self) -> String {
        format!("name,mobile,email\nAlex Rivera,{},{}\n", self.phone(), self.address())
    }

    /// One conversation through the practice's link, and one through the admin's own link.
    fn conversations(&self) -> &[String; 2] {
        self.conversations.get_or_init(|| {
            let own = format!("/v1/practice/links/{}", self.links[1]);
            let own = as_staff(&self.admin, self.app.get(&own)).send().expect(200).str("/link/code");
            [DEMO, &own].map(|code| self.app.sign_up_at(&self.phone(), code).conversation_id)
        })
    }

    /// Reads only the status: an open event stream never ends.
    fn status(&self, path: &str, token: Option<&String>) -> Reply {
        let mut stream = TcpStream::connect(self.app.address).unwrap();
        let bearer = token.map(|token| format!("authorization: Bearer {token}\r\n")).unwrap_or_default();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: x\r\n{bearer}connection: close\r\n\r\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        let status = line.split(' ').nth(1).unwrap().parse().unwrap();
        Reply { status, headers: HeaderMap::default(), body: Vec::new() }
    }

    /// A webhook of the practice; created if there is none.
    fn webhook(&self) -> String {
        let known = as_staff(&self.admin, self.app.get("/v1/practice/webhooks")).send().expect(200);
        if let Some(id) = known.at("/items/0/id").as_str() {
            return id.to_owned();
        }
        let body = json!({ "url": "https://hooks.elm.com/in", "events": ["link.changed"] });
        let made = as_staff(&self.admin, self.app.post("/v1/practice/webhooks", body)).send().expect(201);
        made.str("/webhook/id")
    }

    /// A record of the practice, or its import.
    fn import(&self, which: &str) -> String {
        let path = format!("/v1/practice/{which}");
        let known = || as_staff(&self.admin, self.app.get(&path)).send().expect(200);
        if let Some(id) = known().at("/items/0/id").as_str() {
            return id.to_owned();
        }
        let call = self.app.call("POST", "/v1/practice/records/import").raw("text/csv", CSV);
        as_staff(&self.admin, call).send().expect(202);
        self.app.deliver_all();
        known().str("/items/0/id")
    }

    /// A delivery to the webhook.
    fn delivery(&self, webhook: &str) -> String {
        let change = json!({ "label": format!("Poster {}", self.numbers.fetch_add(1, Ordering::SeqCst)) });
        let path = format!("/v1/practice/links/{}", self.links[0]);
        as_staff(&self.admin, self.app.patch(&path, change)).send().expect(200);
        self.app.deliver_all();
        let path = format!("/v1/practice/webhooks/{webhook}/deliveries");
        as_staff(&self.admin, self.app.get(&path)).send().expect(200).str("/items/0/id")
    }

    /// Gives both practices a logo, so that it can be read, replaced and deleted.
    fn upload_logos(&self) {
        for staff in [&self.admin, &self.other_practice_admin] {
            let call = self.app.call("PUT", "/v1/practice/logo").raw("image/png", png(8, 8, [1, 2, 3]));
            as_staff(staff, call).send().expect(204);
        }
    }

    fn call(&self, row: &Row, caller: Caller) -> Reply {
        let (route, _, body) = row;
        let (token, patient) = self.token(caller, route);
        let (method, path) = (route.split(' ').next().unwrap(), self.path(route, caller, patient.as_ref()));
        if route.contains("logo") {
            self.upload_logos();
        }
        if route.ends_with("/import") {
            // Only one import runs at a time, so the previous one must be finished.
            self.app.deliver_all();
        }
        if route.ends_with("/events") {
            return self.status(&path, token.as_ref());
        }
        let call = self.app.call(method, &path);
        let call = token.iter().fold(call, |call, token| call.bearer(token));
        if route.ends_with("/invites/import") {
            return call.raw("text/csv", self.list()).send();
        }
        with_body(call, route, body(self)).send()
    }
}

fn with_body(call: Call, route: &str, body: Value) -> Call {
    let form = "application/x-www-form-urlencoded";
    match route {
        "PUT /v1/practice/logo" => call.raw("image/png", png(8, 8, [4, 5, 6])),
        "POST /v1/practice/records/import" => call.raw("text/csv", CSV),
        "POST /{code}/text" => call.raw(form, "phone=&visit=none"),
        "POST /challenge" => call.raw(form, "ticket=none&code=123456"),
        "POST /unsubscribe/{token}" => call.raw(form, "List-Unsubscribe=One-Click"),
        _ if route.starts_with("POST /v1/callbacks/twilio") => call.raw(form, "MessageSid=SM1"),
        _ if body.is_null() => call,
        _ => call.json(body),
    }
}

fn is_for_patients(route: &str) -> bool {
    ["/v1/me", "/v1/pairings", "/v1/sessions/current"].iter().any(|path| route.contains(path))
}

/// Disables the member in the database.
fn disabled(app: &TestApp, staff: StaffClient) -> StaffClient {
    let statement = format!("UPDATE staff SET state = 'disabled' WHERE id = '{}'", staff.staff_id);
    let run = |conn: &mut Conn| Ok(diesel::sql_query(statement).execute(conn)?);
    assert_eq!(app.inner.db.write_blocking::<_, db::Error>(run).unwrap(), 1);
    staff
}

/// Every operation of the document, e.g. `GET /v1/me`.
fn routes() -> BTreeSet<String> {
    let document = serde_json::to_value(openapi::document()).unwrap();
    let paths = document["paths"].as_object().unwrap();
    let methods = ["get", "post", "put", "patch", "delete", "head", "options"];
    let each = paths.iter().flat_map(|(path, item)| {
        let has = methods.iter().filter(|method| item.get(**method).is_some());
        has.map(move |method| format!("{} {path}", method.to_uppercase()))
    });
    each.collect()
}

#[test]
fn every_route_has_exactly_one_row() {
    let (routes, rows): (_, BTreeSet<String>) = (routes(), ROWS.iter().map(|row| row.0.to_owned()).collect());
    assert_eq!(rows.len(), ROWS.len(), "a route has two rows");
    let missing: Vec<_> = routes.difference(&rows).collect();
    assert!(missing.is_empty(), "who may use these? Add a row to ROWS in tests/api/matrix.rs: {missing:#?}");
    let stale: Vec<_> = rows.difference(&routes).collect();
    assert!(stale.is_empty(), "these routes no longer exist: {stale:#?}");
}

both! {
    fn every_route_answers_every_role_as_the_table_says(on: Builder) {
        let world = World::new(on);
        world.app.leave_outbox();
        let (mut cells, mut wrong) = (0, Vec::new());
        for row in ROWS {
            for (caller, wanted) in ROLES.into_iter().zip(row.1) {
                let reply = world.call(row, caller);
                cells += 1;
                let fits = if wanted == OK { (200..400).contains(&reply.status) } else { reply.status == wanted };
                if !fits {
                    let wanted = if wanted == OK { "2xx".into() } else { wanted.to_string() };
                    wrong.push(format!("{} as {caller:?}: {} for {wanted}: {}", row.0, reply.status, reply.text()));
                }
                // No reply to another practice's admin may contain ids of this practice.
                let ids = [&world.practice.id, &world.links[0], &world.links[1], &world.admin.staff_id];
                if caller == Caller::OtherPracticeAdmin && row.0.contains("/v1/practice") {
                    assert!(!ids.iter().any(|id| reply.text().contains(*id)), "{}: {}", row.0, reply.text());
                }
            }
        }
        assert!(wrong.is_empty(), "{} of {cells} cells:\n{}", wrong.len(), wrong.join("\n"));
        let _ = writeln!(std::io::stderr(), "{cells} cells: {} routes by {} roles, all as the table says", ROWS.len(), ROLES.len());
    }

    /// Unknown ids and ids of another practice get the same reply, except for the request's own id.
    fn id_of_another_practice_looks_like_an_unknown_id(on: Builder) {
        let world = World::new(on);
        world.app.leave_outbox();
        for row in ROWS.iter().filter(|row| row.1[6] == 404) {
            let told = |path: &str| {
                let call = as_staff(&world.other_practice_admin, world.app.call(row.0.split(' ').next().unwrap(), path));
                let reply = with_body(call, row.0, row.2(&world)).send();
                (reply.status, reply.at("/code"), reply.at("/title"), reply.at("/detail"))
            };
            if !row.0.contains("/v1/practice") {
                continue;
            }
            let path = world.path(row.0, Caller::OtherPracticeAdmin, None);
            let unknown = path.replace(&world.links[0], "lnk_none");
            let webhook = if path.contains("webhooks") { world.webhook() } else { "none".into() };
            assert_eq!(told(&path), told(&unknown.replace(&webhook, "whk_none")), "{}", row.0);
        }
    }
}

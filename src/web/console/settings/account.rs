//! The member's own account: name, password, recovery codes and sessions.

use actix_web::HttpResponse;
use actix_web::web::Data;
use askama::Template;

use super::{bad_field, verdict};
use crate::domain::practices;
use crate::domain::staff::account::{self, PasswordChange};
use crate::domain::staff::session::{self, Kind};
use crate::domain::staff::{self, Error, PasswordHasher, Permission, sign_in};
use crate::kit::{Secret, StaffSessionId, Timestamp};
use crate::platform::Service;
use crate::web::console::errors::Errors;
use crate::web::console::inbox::frame;
use crate::web::console::layout::{Frame, Section, Session, SessionForm, stale_form};
use crate::web::console::viewer::Viewer;
use crate::web::console::{cookie, labels, on};
use crate::web::http::{Code, PathId, Problem, RequestContext};
use crate::web::staff_api::me::{check, wrong_code, wrong_password};

const ACCOUNT: &str = "/console/settings/account";

/// A session in the list.
struct SignIn {
    id: StaffSessionId,
    label: String,
    is_app: bool,
    is_current: bool,
    created_at: Timestamp,
    last_seen_at: Timestamp,
}

#[derive(Template)]
#[template(path = "web/console/pages/settings/account.html")]
struct Account<'a> {
    f: &'a Frame,
    email: String,
    name: String,
    codes_left: i64,
    sign_ins: Vec<SignIn>,
    errors: Errors,
}

#[derive(Template)]
#[template(path = "web/console/pages/settings/recovery_codes.html")]
struct RecoveryCodes<'a> {
    f: &'a Frame,
    codes: Vec<String>,
}

/// `GET /console/settings/account`: the member's own account.
pub(super) async fn show(service: Data<Service>, session: Session) -> Result<HttpResponse, Problem> {
    page(&service, &session, None, None).await
}

/// The page, with errors beside their fields.
async fn page(
    service: &Data<Service>,
    session: &Session,
    name: Option<String>,
    problem: Option<Problem>,
) -> Result<HttpResponse, Problem> {
    let found = service.read_as_staff(session, Permission::ViewPractice, |tx, staff| -> Result<_, Error> {
        let codes_left = sign_in::recovery_codes_left(tx, &staff.staff_id)?;
        let sign_ins = session::list(tx, staff)?;
        let member = staff::member(tx, staff)?;
        Ok((Viewer::of(tx, staff)?, member, codes_left, sign_ins, staff.session_id.clone()))
    });
    let (who, member, codes_left, sign_ins, current) = found.await?;
    let f = session.frame(service, who, Section::Settings);
    let sign_ins = sign_ins.into_iter().map(|session| SignIn {
        is_app: session.kind == Kind::Api,
        is_current: current.as_ref() == Some(&session.id),
        id: session.id,
        label: session.label,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
    });
    let sign_ins = sign_ins.collect();
    let (status, errors) = verdict(&f, problem.as_ref());
    let (name, email) = (name.unwrap_or(member.name), member.email);
    f.page_with(service, status, Account { f: &f, email, name, codes_left, sign_ins, errors }.render())
}

/// `POST /console/settings/account`: changes the member's own name.
pub(super) async fn rename(service: Data<Service>, sent: SessionForm) -> Result<HttpResponse, Problem> {
    let input = sent.form.field("name");
    match practices::line("/name", &input) {
        Ok(name) => {
            let renamed =
                service.write_as_staff(&sent.session, Permission::ViewPractice, move |tx, staff| {
                    account::rename(tx, staff, &name)
                });
            renamed.await?;
            Ok(on(&format!("{ACCOUNT}?done=told")))
        }
        Err(bad) => {
            let problem = Problem::fields(vec![bad_field(bad)]);
            page(&service, &sent.session, Some(input), Some(problem)).await
        }
    }
}

/// `POST /console/settings/account/password`: changes the password.
pub(super) async fn password(
    service: Data<Service>,
    hasher: Data<PasswordHasher>,
    call: RequestContext,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let secret = |name: &str| Secret::from_client(&sent.form.field(name));
    let (current, new) = (secret("current_password"), secret("new_password"));
    let change = PasswordChange { current, new, network: call.network };
    let changed = match check(&service, &hasher, &sent.session, change).await {
        Ok(checked) => {
            let change = service.write_as_staff(&sent.session, Permission::ViewPractice, move |tx, staff| {
                account::change_password(tx, staff, &checked)
            });
            change.await
        }
        Err(problem) => Err(problem),
    };
    match changed {
        Ok(true) => Ok(on(&format!("{ACCOUNT}?done=password"))),
        Ok(false) => page(&service, &sent.session, None, Some(wrong_password())).await,
        Err(problem) => refused(&service, &sent.session, problem, "/current_password").await,
    }
}

/// Errors that the form can fix are shown beside their field; a rate limit says how long to wait.
async fn refused(
    service: &Data<Service>,
    session: &Session,
    problem: Problem,
    field: &str,
) -> Result<HttpResponse, Problem> {
    let problem = match problem.wait() {
        Some(wait) if problem.code == Code::SignInLimited => {
            let f = frame(service, session, Section::Settings).await?;
            Problem::field(Code::SignInLimited, field, labels::wait(f.language, wait))
        }
        _ => problem,
    };
    match problem.code {
        Code::SignInLimited | Code::PasswordRefused => page(service, session, None, Some(problem)).await,
        _ => Err(problem),
    }
}

/// `POST /console/settings/account/recovery-codes`: creates new codes and shows them, only this once.
pub(super) async fn recovery_codes(
    service: Data<Service>,
    call: RequestContext,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let (code, network) = (sent.form.field("code"), call.network);
    let renewed = service.write_as_staff(&sent.session, Permission::ViewPractice, move |tx, staff| {
        account::renew_recovery_codes(tx, staff, code.trim(), &network)
    });
    match renewed.await {
        Ok(Some(codes)) => {
            let f = frame(&service, &sent.session, Section::Settings).await?;
            f.page(&service, RecoveryCodes { f: &f, codes }.render())
        }
        Ok(None) => page(&service, &sent.session, None, Some(wrong_code())).await,
        Err(problem) => refused(&service, &sent.session, problem, "/code").await,
    }
}

/// `POST /console/settings/account/sessions/{id}/end`: ends another session.
pub(super) async fn end_session(
    service: Data<Service>,
    id: PathId<StaffSessionId>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let ended = service.write_as_staff(&sent.session, Permission::ViewPractice, move |tx, staff| {
        session::end(tx, staff, &id.0)
    });
    ended.await?;
    Ok(on(&format!("{ACCOUNT}?done=session")))
}

/// `POST /console/settings/account/sign-out-everywhere`: ends all sessions.
pub(super) async fn sign_out_everywhere(
    service: Data<Service>,
    sent: SessionForm,
) -> Result<HttpResponse, Problem> {
    let permission = Permission::ViewPractice;
    service.write_as_staff(&sent.session, permission, session::sign_out_everywhere).await?;
    let mut answer = on("/console/sign-in");
    answer.add_cookie(&cookie::removal(&service)).map_err(|_| stale_form())?;
    Ok(answer)
}

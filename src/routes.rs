//! Every route, on one page.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    accounts, callbacks, console, desk, dev, invites, landing, links, me, notices, ops, staff, verification,
    webhooks,
};

/// Registers them all. The landing page stands first: it is asked for most, each route before it would be tried
/// on every request, and its guard lets through what is no code. The other pages stand last, since their first
/// segment is a code.
pub fn all(config: &mut ServiceConfig<'_>) {
    config.service(landing::http::pages::landing).service(landing::http::pages::scanned);
    of_operators(config);
    of_patients(config);
    of_staff(config);
    of_practices(config);
    of_providers(config);
    // Before the pages whose first segment may be anything; not in the document, since it is for people.
    config.map(|config| config.service(console::http::pages()));
    of_pages(config);
}

/// Health, the document, and the development page.
fn of_operators(config: &mut ServiceConfig<'_>) {
    config
        .service(ops::http::healthz)
        .service(ops::http::readyz)
        .service(ops::http::metrics)
        .service(ops::http::openapi)
        .service(dev::http::dev_page)
        .service(dev::http::dev_messages)
        .service(landing::http::files::apple_app_site_association)
        .service(landing::http::files::assetlinks);
}

/// The patient's phone.
fn of_patients(config: &mut ServiceConfig<'_>) {
    config
        .service(accounts::http::jwks)
        .service(links::http::create_link_token)
        .service(invites::http::open_invite)
        .service(verification::http::create_verification)
        .service(verification::http::get_verification)
        .service(verification::http::create_send)
        .service(verification::http::create_check)
        .service(accounts::http::create_account)
        .service(accounts::http::create_session)
        .service(accounts::http::refresh_session)
        .service(accounts::http::delete_current_session)
        .service(me::http::create_pairing)
        .service(me::http::get_me)
        .service(me::http::delete_me)
        .service(me::http::number::change_number)
        .service(accounts::email::http::prove_email)
        .service(accounts::email::http::check_email)
        .service(accounts::email::http::ask_email_code)
        .service(accounts::email::http::check_email_code)
        .service(me::http::create_patient)
        .service(me::http::change_patient)
        .service(me::http::list_pairings)
        .service(me::http::delete_pairing)
        .service(me::http::desk_code::show_desk_code)
        .service(me::http::events::my_events)
        .service(me::http::events::read_mine)
        .service(me::http::list_entries)
        .service(me::http::create_entry);
}

/// Staff: signing in, colleagues, teams.
fn of_staff(config: &mut ServiceConfig<'_>) {
    config
        .service(staff::http::sessions::begin_staff_session)
        .service(staff::http::sessions::finish_staff_session)
        .service(staff::http::sessions::refresh_staff_session)
        .service(staff::http::sessions::list_staff_sessions)
        .service(staff::http::sessions::delete_current_staff_session)
        .service(staff::http::account::delete_staff_session)
        .service(staff::http::sessions::delete_staff_sessions)
        .service(staff::http::sessions::ask_password_reset)
        .service(staff::http::sessions::set_password)
        .service(staff::http::people::get_staff_me)
        .service(staff::http::account::change_staff_me)
        .service(staff::http::account::change_password)
        .service(staff::http::account::renew_recovery_codes)
        .service(staff::http::people::invite_staff)
        .service(staff::http::people::list_staff)
        .service(staff::http::people::change_staff)
        .service(staff::http::teams::list_teams)
        .service(staff::http::teams::create_team)
        .service(staff::http::teams::change_team);
}

/// The practice's own view.
fn of_practices(config: &mut ServiceConfig<'_>) {
    config
        .service(desk::http::links::list_links)
        .service(desk::http::links::create_link)
        .service(desk::http::print::qr_svg)
        .service(desk::http::print::qr_png)
        .service(desk::http::print::poster)
        .service(desk::http::print::cards)
        .service(desk::http::print::tent)
        .service(desk::http::links::get_funnel)
        .service(desk::http::links::export_funnel)
        .service(desk::http::links::get_link)
        .service(desk::http::links::change_link)
        .service(webhooks::http::list_webhooks)
        .service(webhooks::http::create_webhook)
        .service(webhooks::http::rotate_webhook)
        .service(webhooks::http::list_deliveries)
        .service(webhooks::http::replay_delivery)
        .service(webhooks::http::get_webhook)
        .service(webhooks::http::change_webhook)
        .service(webhooks::http::delete_webhook)
        .service(desk::http::events::practice_events)
        .service(desk::http::conversations::list_conversations)
        .service(desk::http::conversations::get_conversation)
        .service(desk::http::conversations::change_conversation)
        .service(desk::http::conversations::list_conversation_entries)
        .service(desk::http::conversations::write_to_patient)
        .service(desk::http::conversations::read_conversation)
        .service(desk::http::identity::list_waiting)
        .service(desk::http::identity::get_identity)
        .service(desk::http::identity::decide_identity)
        .service(desk::http::identity::get_proof)
        .service(desk::http::desk_code::get_desk_code)
        .service(desk::http::records::list_records)
        .service(desk::http::records::import_records)
        .service(desk::http::records::list_imports)
        .service(desk::http::records::import_results)
        .service(desk::http::records::get_import)
        .service(desk::http::records::cancel_import)
        .service(desk::http::records::get_record)
        .service(desk::http::invites::list_invites)
        .service(desk::http::invites::create_invite)
        .service(desk::http::invite_lists::import_invites)
        .service(desk::http::invite_lists::get_invite_import)
        .service(desk::http::invite_lists::list_import_rows)
        .service(desk::http::invites::get_invite)
        .service(desk::http::invites::resend_invite)
        .service(desk::http::invites::revoke_invite)
        .service(desk::http::notifications::list_notifications)
        .service(desk::http::notifications::change_notifications)
        .service(desk::http::profile::get_profile)
        .service(desk::http::profile::change_profile)
        .service(desk::http::profile::get_logo)
        .service(desk::http::profile::set_logo)
        .service(desk::http::profile::delete_logo)
        .service(desk::http::audit::list_audit)
        .service(desk::http::audit::export_audit);
}

/// What providers tell us afterwards.
fn of_providers(config: &mut ServiceConfig<'_>) {
    config
        .service(notices::http::mail_events)
        .service(callbacks::http::twilio::twilio_inbound)
        .service(callbacks::http::twilio::twilio_status)
        .service(callbacks::http::kannel::kannel_inbound)
        .service(callbacks::http::kannel::kannel_receipt);
}

/// The rest of a link's pages, and the end of a notice.
fn of_pages(config: &mut ServiceConfig<'_>) {
    config
        .service(notices::http::ask_unsubscribe)
        .service(notices::http::unsubscribe)
        .service(landing::http::files::share_image)
        .service(landing::http::files::logo)
        .service(landing::http::counting::seen)
        .service(landing::http::counting::seen_gif)
        .service(landing::http::counting::tap)
        .service(landing::http::invite::show_invite)
        .service(landing::http::invite::ask_email)
        .service(landing::http::invite::prove_invite_email)
        .service(landing::http::pages::pass_challenge)
        .service(landing::http::text::text_link)
        .service(landing::http::text::text_form)
        .service(landing::http::text::texted)
        .service(landing::http::moved::with_slash)
        .service(landing::http::moved::scanned_small)
        .service(landing::http::moved::scanned_with_slash);
}

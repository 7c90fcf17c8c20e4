//! Registers every route of the service.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    accounts, callbacks, console, desk, dev, invites, landing, links, me, notices, ops, staff, verification,
    webhooks,
};

/// Registers all routes. The landing page comes first: it gets the most requests, and each would try every route
/// registered before it. Its guard passes on anything that is not a code. The other pages come last, since their
/// first segment is a code.
pub fn all(config: &mut ServiceConfig<'_>) {
    config
        .service(landing::http::pages::get_landing_page)
        .service(landing::http::pages::get_scanned_landing_page);
    of_operators(config);
    of_patients(config);
    of_staff(config);
    of_practices(config);
    of_providers(config);
    // Before the pages whose first segment may be anything. Not in the OpenAPI document: it is for people.
    config.map(|config| config.service(console::http::pages()));
    of_pages(config);
}

/// Health, metrics, the OpenAPI document and the development page.
fn of_operators(config: &mut ServiceConfig<'_>) {
    config
        .service(ops::http::check_liveness)
        .service(ops::http::check_readiness)
        .service(ops::http::get_metrics)
        .service(ops::http::get_openapi_document)
        .service(dev::http::get_dev_page)
        .service(dev::http::list_dev_messages)
        .service(landing::http::files::get_apple_app_site_association)
        .service(landing::http::files::get_android_asset_links);
}

/// The API of the patient's app.
fn of_patients(config: &mut ServiceConfig<'_>) {
    config
        .service(accounts::http::get_jwks)
        .service(links::http::create_link_token)
        .service(invites::http::open_invite)
        .service(verification::http::create_verification)
        .service(verification::http::get_verification)
        .service(verification::http::send_verification_code)
        .service(verification::http::check_verification_code)
        .service(accounts::http::create_account)
        .service(accounts::http::create_session)
        .service(accounts::http::refresh_session)
        .service(accounts::http::delete_current_session)
        .service(me::http::create_pairing)
        .service(me::http::get_me)
        .service(me::http::delete_me)
        .service(me::http::number::change_phone_number)
        .service(accounts::email::http::request_email_code)
        .service(accounts::email::http::verify_email_code)
        .service(accounts::email::http::request_session_email_code)
        .service(accounts::email::http::verify_session_email_code)
        .service(me::http::create_patient)
        .service(me::http::change_patient)
        .service(me::http::list_pairings)
        .service(me::http::delete_pairing)
        .service(me::http::desk_code::verify_check_in_code)
        .service(me::http::events::stream_patient_events)
        .service(me::http::events::mark_conversation_read)
        .service(me::http::list_entries)
        .service(me::http::create_entry);
}

/// Staff: sign-in, own account, colleagues and teams.
fn of_staff(config: &mut ServiceConfig<'_>) {
    config
        .service(staff::http::sessions::begin_staff_session)
        .service(staff::http::sessions::finish_staff_session)
        .service(staff::http::sessions::refresh_staff_session)
        .service(staff::http::sessions::list_staff_sessions)
        .service(staff::http::sessions::delete_current_staff_session)
        .service(staff::http::account::delete_staff_session)
        .service(staff::http::sessions::delete_staff_sessions)
        .service(staff::http::sessions::request_password_reset)
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

/// The practice API under `/v1/practice`.
fn of_practices(config: &mut ServiceConfig<'_>) {
    config
        .service(desk::http::links::list_links)
        .service(desk::http::links::create_link)
        .service(desk::http::print::get_link_qr_svg)
        .service(desk::http::print::get_link_qr_png)
        .service(desk::http::print::get_link_poster)
        .service(desk::http::print::get_link_cards)
        .service(desk::http::print::get_link_table_tent)
        .service(desk::http::links::get_link_funnel)
        .service(desk::http::links::export_link_funnel)
        .service(desk::http::links::get_link)
        .service(desk::http::links::change_link)
        .service(webhooks::http::list_webhooks)
        .service(webhooks::http::create_webhook)
        .service(webhooks::http::rotate_webhook_secret)
        .service(webhooks::http::list_webhook_deliveries)
        .service(webhooks::http::replay_webhook_delivery)
        .service(webhooks::http::get_webhook)
        .service(webhooks::http::change_webhook)
        .service(webhooks::http::delete_webhook)
        .service(desk::http::events::stream_practice_events)
        .service(desk::http::conversations::list_conversations)
        .service(desk::http::conversations::get_conversation)
        .service(desk::http::conversations::change_conversation)
        .service(desk::http::conversations::list_conversation_entries)
        .service(desk::http::conversations::write_to_patient)
        .service(desk::http::conversations::mark_conversation_read_by_practice)
        .service(desk::http::identity::list_identity_tasks)
        .service(desk::http::identity::get_identity)
        .service(desk::http::identity::decide_identity)
        .service(desk::http::identity::get_identity_proof)
        .service(desk::http::desk_code::get_check_in_code)
        .service(desk::http::records::list_records)
        .service(desk::http::records::import_records)
        .service(desk::http::records::list_record_imports)
        .service(desk::http::records::export_import_results)
        .service(desk::http::records::get_record_import)
        .service(desk::http::records::cancel_record_import)
        .service(desk::http::records::get_record)
        .service(desk::http::invites::list_invites)
        .service(desk::http::invites::create_invite)
        .service(desk::http::invite_lists::import_invites)
        .service(desk::http::invite_lists::get_invite_import)
        .service(desk::http::invite_lists::list_invite_import_rows)
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
        .service(desk::http::audit::list_audit_events)
        .service(desk::http::audit::export_audit_events);
}

/// Callbacks of SMS and mail providers.
fn of_providers(config: &mut ServiceConfig<'_>) {
    config
        .service(notices::http::receive_mail_events)
        .service(callbacks::http::twilio::receive_twilio_sms)
        .service(callbacks::http::twilio::receive_twilio_status)
        .service(callbacks::http::kannel::receive_kannel_sms)
        .service(callbacks::http::kannel::receive_kannel_receipt);
}

/// The remaining pages of links and invites, and unsubscribing from notices.
fn of_pages(config: &mut ServiceConfig<'_>) {
    config
        .service(notices::http::get_unsubscribe_page)
        .service(notices::http::unsubscribe_from_link)
        .service(landing::http::files::get_link_preview_image)
        .service(landing::http::files::get_link_logo)
        .service(landing::http::counting::record_page_view)
        .service(landing::http::counting::record_page_view_by_image)
        .service(landing::http::counting::record_store_tap)
        .service(landing::http::invite::get_invite_page)
        .service(landing::http::invite::get_invite_email_page)
        .service(landing::http::invite::verify_invite_email)
        .service(landing::http::pages::pass_challenge)
        .service(landing::http::text::text_link)
        .service(landing::http::text::redirect_to_text_form)
        .service(landing::http::text::get_link_texted_page)
        .service(landing::http::moved::redirect_trailing_slash)
        .service(landing::http::moved::redirect_lowercase_qr_path)
        .service(landing::http::moved::redirect_qr_trailing_slash);
}

//! Registers every route of the service.

use actix_web::dev::HttpServiceFactory;
use actix_web::web::ServiceConfig;
use utoipa_actix_web::OpenApiFactory;

use crate::delivery::sms::{kannel, twilio};
use crate::web::http::fallback::KnownRoutes;
use crate::web::{callbacks, console, dev, landing, operator, patient_api, practice_api, staff_api};

/// What routes are registered with.
///
/// Only the OpenAPI document needs what the handlers say about themselves. While it is made it takes tens of
/// megabytes, since each handler brings the schemas of everything that it mentions, and an allocator does not
/// return all of them. So a server's workers register the handlers alone.
pub(super) trait Registry {
    fn service<F>(&mut self, handler: F) -> &mut Self
    where
        F: HttpServiceFactory + OpenApiFactory + 'static;

    /// Registers pages for people.
    fn undocumented<F>(&mut self, pages: impl FnOnce() -> F) -> &mut Self
    where
        F: HttpServiceFactory + 'static;
}

/// A worker.
impl Registry for ServiceConfig {
    fn service<F: HttpServiceFactory + 'static>(&mut self, handler: F) -> &mut Self {
        Self::service(self, handler)
    }

    fn undocumented<F: HttpServiceFactory + 'static>(&mut self, pages: impl FnOnce() -> F) -> &mut Self {
        Self::service(self, pages())
    }
}

/// Paths and methods.
impl Registry for KnownRoutes {
    fn service<F: OpenApiFactory>(&mut self, handler: F) -> &mut Self {
        self.add(&handler.paths());
        self
    }

    fn undocumented<F>(&mut self, _: impl FnOnce() -> F) -> &mut Self {
        self
    }
}

/// Registers all routes. The landing page comes first: it gets the most requests, and each would try every
/// route registered before it. Its guard passes on anything that is not a code. The other pages come last,
/// since their first segment is a code.
pub(super) fn all(config: &mut impl Registry) {
    config
        .service(landing::landing_page::get_landing_page)
        .service(landing::landing_page::get_scanned_landing_page);
    operator_routes(config);
    patient_routes(config);
    staff_routes(config);
    practice_routes(config);
    callback_routes(config);
    // Before the pages whose first segment may be anything. Not in the OpenAPI document: it is for people.
    config.undocumented(console::pages);
    page_routes(config);
}

/// Health, metrics, the OpenAPI document and the development page.
fn operator_routes(config: &mut impl Registry) {
    config
        .service(operator::check_liveness)
        .service(operator::check_readiness)
        .service(operator::get_metrics)
        .service(operator::get_openapi_document)
        .service(dev::get_dev_page)
        .service(dev::list_dev_messages)
        .service(landing::files::get_apple_app_site_association)
        .service(landing::files::get_android_asset_links);
}

/// The API of the patient's app.
fn patient_routes(config: &mut impl Registry) {
    config
        .service(patient_api::jwks::get_jwks)
        .service(patient_api::link_tokens::create_link_token)
        .service(patient_api::invites::open_invite)
        .service(patient_api::verifications::create_verification)
        .service(patient_api::verifications::get_verification)
        .service(patient_api::verifications::send_verification_code)
        .service(patient_api::verifications::check_verification_code)
        .service(patient_api::accounts::create_account)
        .service(patient_api::sessions::create_session)
        .service(patient_api::sessions::refresh_session)
        .service(patient_api::sessions::delete_current_session)
        .service(patient_api::pairings::create_pairing)
        .service(patient_api::me::get_me)
        .service(patient_api::me::delete_me)
        .service(patient_api::me::phone::change_phone_number)
        .service(patient_api::me::email::request_email_code)
        .service(patient_api::me::email::verify_email_code)
        .service(patient_api::sessions::request_session_email_code)
        .service(patient_api::sessions::verify_session_email_code)
        .service(patient_api::me::patients::create_patient)
        .service(patient_api::me::patients::change_patient)
        .service(patient_api::me::pairings::list_pairings)
        .service(patient_api::me::pairings::delete_pairing)
        .service(patient_api::me::pairings::verify_check_in_code)
        .service(patient_api::me::events::stream_patient_events)
        .service(patient_api::me::conversations::mark_conversation_read)
        .service(patient_api::me::conversations::list_entries)
        .service(patient_api::me::conversations::create_entry);
}

/// Staff: sign-in, own account, colleagues and teams.
fn staff_routes(config: &mut impl Registry) {
    config
        .service(staff_api::sessions::begin_staff_session)
        .service(staff_api::sessions::finish_staff_session)
        .service(staff_api::sessions::refresh_staff_session)
        .service(staff_api::sessions::list_staff_sessions)
        .service(staff_api::sessions::delete_current_staff_session)
        .service(staff_api::sessions::delete_staff_session)
        .service(staff_api::sessions::delete_staff_sessions)
        .service(staff_api::passwords::request_password_reset)
        .service(staff_api::passwords::set_password)
        .service(staff_api::me::get_staff_me)
        .service(staff_api::me::change_staff_me)
        .service(staff_api::me::change_password)
        .service(staff_api::me::renew_recovery_codes)
        .service(practice_api::staff::invite_staff)
        .service(practice_api::staff::list_staff)
        .service(practice_api::staff::change_staff)
        .service(practice_api::teams::list_teams)
        .service(practice_api::teams::create_team)
        .service(practice_api::teams::change_team);
}

/// The practice API under `/v1/practice`.
fn practice_routes(config: &mut impl Registry) {
    config
        .service(practice_api::links::list_links)
        .service(practice_api::links::create_link)
        .service(practice_api::print_kit::get_link_qr_svg)
        .service(practice_api::print_kit::get_link_qr_png)
        .service(practice_api::print_kit::get_link_poster)
        .service(practice_api::print_kit::get_link_cards)
        .service(practice_api::print_kit::get_link_table_tent)
        .service(practice_api::links::get_link_funnel)
        .service(practice_api::links::export_link_funnel)
        .service(practice_api::links::get_link)
        .service(practice_api::links::change_link)
        .service(practice_api::webhooks::list_webhooks)
        .service(practice_api::webhooks::create_webhook)
        .service(practice_api::webhooks::rotate_webhook_secret)
        .service(practice_api::webhooks::list_webhook_deliveries)
        .service(practice_api::webhooks::replay_webhook_delivery)
        .service(practice_api::webhooks::get_webhook)
        .service(practice_api::webhooks::change_webhook)
        .service(practice_api::webhooks::delete_webhook)
        .service(practice_api::events::stream_practice_events)
        .service(practice_api::conversations::list_conversations)
        .service(practice_api::conversations::get_conversation)
        .service(practice_api::conversations::change_conversation)
        .service(practice_api::conversations::list_conversation_entries)
        .service(practice_api::conversations::write_to_patient)
        .service(practice_api::conversations::mark_conversation_read_by_practice)
        .service(practice_api::identity::list_identity_tasks)
        .service(practice_api::identity::get_identity)
        .service(practice_api::identity::decide_identity)
        .service(practice_api::identity::get_identity_proof)
        .service(practice_api::check_in_code::get_check_in_code)
        .service(practice_api::records::list_records)
        .service(practice_api::record_imports::import_records)
        .service(practice_api::record_imports::list_record_imports)
        .service(practice_api::record_imports::export_import_results)
        .service(practice_api::record_imports::get_record_import)
        .service(practice_api::record_imports::cancel_record_import)
        .service(practice_api::records::get_record)
        .service(practice_api::invites::list_invites)
        .service(practice_api::invites::create_invite)
        .service(practice_api::invite_imports::import_invites)
        .service(practice_api::invite_imports::get_invite_import)
        .service(practice_api::invite_imports::list_invite_import_rows)
        .service(practice_api::invites::get_invite)
        .service(practice_api::invites::resend_invite)
        .service(practice_api::invites::revoke_invite)
        .service(practice_api::notifications::list_notifications)
        .service(practice_api::notifications::change_notifications)
        .service(practice_api::profile::get_profile)
        .service(practice_api::profile::change_profile)
        .service(practice_api::profile::get_logo)
        .service(practice_api::profile::set_logo)
        .service(practice_api::profile::delete_logo)
        .service(practice_api::audit::list_audit_events)
        .service(practice_api::audit::export_audit_events);
}

/// Callbacks of SMS and mail providers.
fn callback_routes(config: &mut impl Registry) {
    config
        .service(callbacks::mail_events::receive_mail_events)
        .service(twilio::callback::receive_twilio_sms)
        .service(twilio::callback::receive_twilio_status)
        .service(kannel::callback::receive_kannel_sms)
        .service(kannel::callback::receive_kannel_receipt);
}

/// The remaining pages of links and invites, and unsubscribing from notices.
fn page_routes(config: &mut impl Registry) {
    config
        .service(landing::unsubscribe::get_unsubscribe_page)
        .service(landing::unsubscribe::unsubscribe_from_link)
        .service(landing::files::get_link_preview_image)
        .service(landing::files::get_link_logo)
        .service(landing::beacons::record_page_view)
        .service(landing::beacons::record_page_view_by_image)
        .service(landing::beacons::record_store_tap)
        .service(landing::invite::get_invite_page)
        .service(landing::invite::get_invite_email_page)
        .service(landing::invite::verify_invite_email)
        .service(landing::challenge::pass_challenge)
        .service(landing::text_link::text_link)
        .service(landing::text_link::redirect_to_text_form)
        .service(landing::text_link::get_link_texted_page)
        .service(landing::redirects::redirect_trailing_slash)
        .service(landing::redirects::redirect_lowercase_qr_path)
        .service(landing::redirects::redirect_qr_trailing_slash);
}

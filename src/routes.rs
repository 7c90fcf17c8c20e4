//! Every route, on one page.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::{accounts, callbacks, desk, dev, landing, links, me, ops, verification};

/// Registers them all. The landing page stands first: it is asked for most, each route before it would be tried
/// on every request, and its guard lets through what is no code.
pub fn all(config: &mut ServiceConfig<'_>) {
    config
        .service(landing::http::pages::landing)
        .service(landing::http::pages::scanned)
        .service(ops::http::healthz)
        .service(ops::http::readyz)
        .service(ops::http::metrics)
        .service(ops::http::openapi)
        .service(dev::http::dev_page)
        .service(dev::http::dev_messages)
        .service(landing::http::files::apple_app_site_association)
        .service(landing::http::files::assetlinks)
        .service(accounts::http::jwks)
        .service(links::http::create_link_token)
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
        .service(me::http::create_patient)
        .service(me::http::change_patient)
        .service(me::http::list_pairings)
        .service(me::http::delete_pairing)
        .service(me::http::list_entries)
        .service(me::http::create_entry)
        .service(desk::http::links::list_links)
        .service(desk::http::links::create_link)
        .service(desk::http::print::qr_svg)
        .service(desk::http::print::qr_png)
        .service(desk::http::print::poster)
        .service(desk::http::print::cards)
        .service(desk::http::print::tent)
        .service(desk::http::links::get_funnel)
        .service(desk::http::links::get_link)
        .service(desk::http::links::change_link)
        .service(callbacks::http::twilio::twilio_inbound)
        .service(callbacks::http::twilio::twilio_status)
        .service(callbacks::http::kannel::kannel_inbound)
        .service(callbacks::http::kannel::kannel_receipt)
        .service(landing::http::files::share_image)
        .service(landing::http::counting::seen)
        .service(landing::http::counting::seen_gif)
        .service(landing::http::counting::tap)
        .service(landing::http::pages::pass_challenge)
        .service(landing::http::pages::text_link);
}

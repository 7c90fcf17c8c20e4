//! Every route, on one page.

use utoipa_actix_web::service_config::ServiceConfig;

use crate::{accounts, dev, links, me, ops, verification};

/// Registers them all. The landing page stands last: `/{code}` matches every one-segment path.
pub fn all(config: &mut ServiceConfig<'_>) {
    config
        .service(ops::http::healthz)
        .service(ops::http::readyz)
        .service(ops::http::metrics)
        .service(ops::http::openapi)
        .service(dev::http::dev_page)
        .service(dev::http::dev_messages)
        .service(links::http::apple_app_site_association)
        .service(links::http::assetlinks)
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
        .service(links::http::scanned)
        .service(links::http::landing);
}

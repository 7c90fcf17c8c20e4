//! The two files that let phones verify that a link belongs to the app.

use serde_json::{Value, json};

use crate::domain::links;
use crate::platform::settings::Settings;

/// `apple-app-site-association`: codes of every allowed length, plain and scanned, and invites.
pub(super) fn apple(settings: &Settings) -> Value {
    let digit = |count: usize| "$(digit)".repeat(count);
    let components: Vec<Value> = ["/v1/*", "/docs*", "/dev*"]
        .iter()
        .map(|path| json!({ "/": path, "exclude": true }))
        .chain(
            links::CODE_LENGTHS
                .flat_map(|n| [format!("/{}", digit(n)), format!("/Q/{}", digit(n))])
                .map(|path| json!({ "/": path })),
        )
        .chain([json!({ "/": "/i/*" })])
        .collect();
    let apps = &settings.app.apple_app_ids;
    if apps.is_empty() {
        // No app yet: the file says so, since phones request it and remember the answer.
        return json!({ "applinks": { "details": [] } });
    }
    let mut file = json!({
        "applinks": { "details": [{ "appIDs": apps, "components": components }] },
        "webcredentials": { "apps": apps },
    });
    if let Some(file) = file.as_object_mut()
        && !settings.app.app_clips.is_empty()
    {
        file.insert("appclips".into(), json!({ "apps": settings.app.app_clips }));
    }
    file
}

/// `assetlinks.json`: the Android package, and the certificates that sign it.
pub(super) fn android(settings: &Settings) -> Value {
    if settings.app.android_fingerprints.is_empty() {
        return json!([]);
    }
    json!([{
        "relation": ["delegate_permission/common.handle_all_urls"],
        "target": {
            "namespace": "android_app",
            "package_name": settings.app.play_package,
            "sha256_cert_fingerprints": settings.app.android_fingerprints,
        },
    }])
}

//! The two files by which phones decide that a link belongs to the app.

use serde_json::{Value, json};

use crate::config::Config;

/// `apple-app-site-association`: six- and eight-digit codes, plain and scanned, and invites.
pub fn apple(config: &Config) -> Value {
    let digit = |count: usize| "$(digit)".repeat(count);
    let components: Vec<Value> = ["/v1/*", "/docs*", "/dev*"]
        .iter()
        .map(|path| json!({ "/": path, "exclude": true }))
        .chain(
            [6, 8]
                .iter()
                .flat_map(|n| [format!("/{}", digit(*n)), format!("/Q/{}", digit(*n))])
                .map(|path| json!({ "/": path })),
        )
        .chain([json!({ "/": "/i/*" })])
        .collect();
    let apps = &config.app.apple_app_ids;
    if apps.is_empty() {
        // No app yet: a file that says so, since phones ask for it and remember.
        return json!({ "applinks": { "details": [] } });
    }
    let clips: Vec<String> = apps.iter().map(|id| format!("{id}.Clip")).collect();
    json!({
        "applinks": { "details": [{ "appIDs": apps, "components": components }] },
        "appclips": { "apps": clips },
        "webcredentials": { "apps": apps },
    })
}

/// `assetlinks.json`: the Android package and the certificates that sign it.
pub fn android(config: &Config) -> Value {
    if config.app.android_fingerprints.is_empty() {
        return json!([]);
    }
    json!([{
        "relation": ["delegate_permission/common.handle_all_urls"],
        "target": {
            "namespace": "android_app",
            "package_name": config.app.play_package,
            "sha256_cert_fingerprints": config.app.android_fingerprints,
        },
    }])
}

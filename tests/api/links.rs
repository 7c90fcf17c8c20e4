//! Practice links: their codes, their landing page, and the association files that tie links to the app.

use std::collections::HashSet;

use diesel::RunQueryDsl as _;
use practice_links::domain::links::{self, NewLink};
use practice_links::kit::PracticeId;
use serde_json::{Value, json};

use crate::harness::{Backend, Builder, DEMO, Reply, TestApp, together};

/// Damm's quasigroup, written down again so that the test does not depend on the code under test.
const DAMM: [&[u8; 10]; 10] = [
    b"0317598642",
    b"7092154863",
    b"4206871359",
    b"1750983426",
    b"6123045978",
    b"3674209581",
    b"5869720134",
    b"8945362017",
    b"9438617205",
    b"2581436790",
];

fn has_valid_check_digit(code: &str) -> bool {
    code.bytes().fold(b'0', |row, digit| DAMM[usize::from(row - b'0')][usize::from(digit - b'0')]) == b'0'
}

/// A code with a valid check digit that no link has.
fn unused(app: &TestApp) -> String {
    let codes = (100_000..).map(|n: u32| n.to_string()).filter(|code| has_valid_check_digit(code));
    codes.take(50).find(|code| page(app, code).status == 404).unwrap()
}

fn create(app: &TestApp, practice_id: &PracticeId) -> String {
    app.write(|tx| links::create_with_random_code(tx, practice_id, &NewLink::plain("Flyer")))
        .expect("a code")
        .code
}

fn page(app: &TestApp, code: &str) -> Reply {
    app.get(&format!("/{code}")).send()
}

fn token(app: &TestApp, code: &str) -> Reply {
    app.post("/v1/link-tokens", json!({ "code": code, "source": "typed" })).send()
}

/// Staff and operators cannot close a practice or a link yet, so the test updates the row itself.
fn update_row(app: &TestApp, update: &str) {
    let rows = app.write(|tx| Ok(diesel::sql_query(update).execute(tx.conn)?));
    assert_eq!(rows, 1, "{update}");
    // The service clears its cache after such a change, too.
    app.state.service.signals.landing.notify();
}

/// Every code that differs from `code` by one wrong digit or by two swapped neighbors.
fn typos(code: &str) -> Vec<String> {
    let digits = code.as_bytes();
    let mut typos = Vec::new();
    for place in 0..digits.len() {
        for wrong in b'0'..=b'9' {
            let mut typo = digits.to_vec();
            typo[place] = wrong;
            typos.push(typo);
        }
        if place + 1 < digits.len() {
            let mut swap = digits.to_vec();
            swap.swap(place, place + 1);
            typos.push(swap);
        }
    }
    typos.into_iter().map(|typo| String::from_utf8(typo).unwrap()).filter(|typo| typo != code).collect()
}

both! {
    // Case 1.
    fn thousand_concurrent_links_get_distinct_codes(on: Builder) {
        // These threads bypass the request queue, so on SQLite they poll for the write lock.
        let threads = if on.backend() == Backend::Postgres { 32 } else { 4 };
        let app = on.pool(40).start();
        let practice = app.practice("Elm Dental", None);
        let codes: Vec<Vec<String>> = together(threads, |thread| {
            (thread..1000).step_by(threads).map(|_| create(&app, &practice.id)).collect()
        });
        let codes = codes.concat();
        assert_eq!(codes.iter().collect::<HashSet<_>>().len(), 1000);
        for code in &codes {
            assert!(code.len() == 6 && code.starts_with(|c: char| ('1'..='9').contains(&c)), "{code}");
            assert!(has_valid_check_digit(code), "{code}");
        }
        let numbers: Vec<i64> = codes.iter().map(|code| code.parse().unwrap()).collect();
        let steps: Vec<i64> = numbers.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(steps.iter().collect::<HashSet<_>>().len() > 950, "the distances between codes repeat");
        assert!(steps.iter().filter(|step| step.abs() < 100).count() < 5, "too many codes are close to each other");
        let up = steps.iter().filter(|step| **step > 0).count();
        assert!((400..600).contains(&up), "{up} of 999 steps go up");
        for code in codes.iter().step_by(100) {
            assert_eq!(token(&app, code).expect(201).at("/practice/name"), "Elm Dental");
        }
    }

    // Case 2.
    fn single_typo_never_reaches_another_practice(on: Builder) {
        // The limits are raised: so many typos from one address would be rate limited.
        let app = on.config(|config| config.limits.scale = 1_000.0).start();
        let codes: Vec<String> = (0..100)
            .map(|n| create(&app, &app.practice(&format!("Practice {n}"), None).id))
            .collect();
        let all: HashSet<&String> = codes.iter().collect();
        for code in &codes {
            assert!(typos(code).iter().all(|typo| !all.contains(typo)), "{code}");
        }
        for typo in codes.iter().step_by(10).flat_map(|code| typos(code)).filter(|typo| typo != DEMO) {
            token(&app, &typo).problem(422, "code_mistyped");
        }
        assert!(page(&app, &typos(&codes[0])[0]).expect(404).text().contains("looks mistyped"));
    }

    fn link_token_shows_only_the_practices_name_and_city(app: TestApp) {
        for source in ["universal_link", "play_referrer", "app_clip", "pasteboard", "typed", "scanned"] {
            let made = app.post("/v1/link-tokens", json!({ "code": DEMO, "source": source })).send().expect(201);
            assert_eq!(made.at("/practice/name"), "Oak Street Family Medicine");
            assert_eq!(made.at("/practice/city"), "Springfield");
            assert_eq!(made.at("/expires_at"), "2026-12-22T15:00:00.000Z");
            assert!(!made.text().contains("frontdesk"), "{}", made.text());
        }
        let guess = unused(&app);
        assert_eq!(token(&app, &guess).problem(404, "link_not_found").at("/errors/0/pointer"), "/code");
    }

    fn landing_page_names_the_practice_code_and_stores(app: TestApp) {
        for path in ["/123456", "/Q/123456"] {
            let page = app.get(path).language("en-US,en;q=0.9").send().expect(200);
            assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
            let html = page.text();
            for text in [
                "Oak Street Family Medicine", "Springfield", "123456",
                "https://apps.apple.com/", "https://play.google.com/store/apps/details?id=",
                "referrer=plink%3D123456", "911", "lang=\"en\"", "og:title",
            ] {
                assert!(html.contains(text), "{text} is not on the page");
            }
            assert!(!html.contains("frontdesk@"), "the page shows the notice address");
            assert!(page.body.len() <= 50 * 1024, "{} bytes", page.body.len());
        }
    }

    fn landing_page_policy_allows_only_its_own_resources(app: TestApp) {
        let page = page(&app, DEMO).expect(200);
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe") && !policy.contains('*'), "{policy}");
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("x-robots-tag"), Some("noindex"));
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert_eq!(page.header("set-cookie"), None);
        let html = page.text();
        let stores = ["https://apps.apple.com/", "https://play.google.com/"];
        let own = "http://links.example.test/";
        for attribute in ["src=\"", "href=\"", "action=\"", "url("] {
            for target in html.split(attribute).skip(1) {
                let elsewhere = target.starts_with("http") || target.starts_with("//");
                let known = stores.iter().any(|store| target.starts_with(store)) || target.starts_with(own);
                assert!(!elsewhere || known, "{}", target.chars().take(60).collect::<String>());
            }
        }
        // A store's page is a link to tap; nothing is loaded from it.
        assert!(!html.contains("src=\"http") && !html.contains("@import") && !html.contains("<script src"));
        assert!(!html.contains(" style=\"") && !html.contains(" onclick="), "the policy blocks inline styles and event handlers");
        assert!(policy.contains("style-src 'sha256-") && policy.contains("script-src 'sha256-"), "{policy}");
    }

    fn landing_page_uses_the_readers_language(app: TestApp) {
        let lang = |tags: &str| {
            let html = app.get("/123456").language(tags).send().expect(200).text();
            html.split("<html lang=\"").nth(1).unwrap()[..2].to_owned()
        };
        assert_eq!(lang("es-MX,es;q=0.9,en;q=0.5"), "es");
        assert_eq!(lang("en-US,es;q=0.5"), "en");
        assert_eq!(lang("de-DE,es;q=0.3,en;q=0.2"), "es");
        assert_eq!(lang("de-DE"), "en");
        assert!(app.get("/123456").language("es").send().text().contains("consultorio"));
        assert!(app.get("/999999").language("es").send().expect(404).text().contains("lang=\"es\""));
    }

    fn landing_page_shows_the_phones_own_store_first(app: TestApp) {
        let first = |agent: &str| {
            let html = app.get("/123456").header("user-agent", agent).send().expect(200).text();
            let play = html.find("href=\"https://play.google.com").unwrap();
            let apple = html.find("href=\"https://apps.apple.com").unwrap();
            if play < apple { "play" } else { "apple" }
        };
        assert_eq!(first("Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/130 Mobile"), "play");
        assert_eq!(first("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Safari"), "apple");
        assert_eq!(first("curl/8"), "apple");
        assert_eq!(app.get("/123456").send().expect(200).status, 200);
    }

    fn head_matches_get_without_the_body(app: TestApp) {
        for path in ["/123456", "/Q/123456", "/999999"] {
            let (get, head) = (app.get(path).send(), app.call("HEAD", path).send());
            assert_eq!((head.status, head.body.len()), (get.status, 0));
            assert_eq!(head.header("content-type"), get.header("content-type"));
            assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()));
        }
    }

    fn practice_name_is_escaped_on_the_page(app: TestApp) {
        let practice = app.practice("<b>Dr. \"O'Hara\" & Sons</b>", None);
        let code = create(&app, &practice.id);
        let html = page(&app, &code).expect(200).text();
        assert!(!html.contains("<b>Dr.") && !html.contains("content=\"<b>"), "{html}");
        assert!(html.contains("Dr. "));
    }

    // Unknown, closed and suspended practices get the same response.
    fn closed_practice_looks_like_an_unknown_one(app: TestApp) {
        let unknown = page(&app, &unused(&app)).expect(404);
        let names = |reply: &Reply| reply.headers.keys().map(ToString::to_string).collect::<HashSet<_>>();
        for state in ["practices SET state = 'closed'", "practices SET state = 'suspended'", "practice_links SET state = 'closed'"] {
            let practice = app.practice("Elm Dental", None);
            let code = create(&app, &practice.id);
            page(&app, &code).expect(200);
            let old_token = token(&app, &code).expect(201).str("/link_token");
            let column = if state.starts_with("practices") { "id" } else { "practice_id" };
            update_row(&app, &format!("UPDATE {state} WHERE {column} = '{}'", practice.id));

            let closed = page(&app, &code).expect(404);
            assert_eq!(names(&closed), names(&unknown), "{state}");
            assert_eq!(closed.body.len(), unknown.body.len(), "{state}");
            assert!(!closed.text().contains("Elm Dental"));
            token(&app, &code).problem(404, "link_not_found");
            let body = json!({ "phone": "+14155552000", "link_token": old_token });
            app.post("/v1/verifications", body).send().problem(422, "link_token_invalid");
        }
        // The demo's code has no valid check digit: once closed, it looks like any mistyped code.
        let mistyped = page(&app, "123457").expect(404);
        update_row(&app, "UPDATE practice_links SET state = 'closed' WHERE code = '123456'");
        let closed = page(&app, DEMO).expect(404);
        assert_eq!((closed.body.len(), names(&closed)), (mistyped.body.len(), names(&mistyped)));
    }

    fn path_without_a_whole_code_is_not_found(app: TestApp) {
        for path in ["/1", "/12345", "/Q/12345", "/1234567890123"] {
            assert_eq!(app.get(path).send().expect(404).media_type(), "text/html", "{path}");
        }
        for path in ["/12345a", "/abc", "/Q/abc", "/%31%32%33%34%35x", "/favicon.ico"] {
            app.get(path).send().problem(404, "not_found");
        }
        for code in ["12345", "1234567890123", "12345a", "", " 123456", "１２３４５６"] {
            assert_eq!(token(&app, code).problem(422, "invalid_request").at("/errors/0/pointer"), "/code");
        }
    }

    fn app_association_files_cover_every_code_length(on: Builder) {
        let app = on.config(|config| {
            config.app.apple_app_ids = vec!["TEAM123456.com.example.messenger".into()];
            config.app.app_clips = vec!["TEAM123456.com.example.messenger.Invite".into()];
            config.app.android_fingerprints = vec!["14:6D:E9:83:".repeat(8).trim_end_matches(':').to_owned()];
        }).start();
        let apple = app.get("/.well-known/apple-app-site-association").send().expect(200);
        assert_eq!(apple.header("content-type"), Some("application/json"));
        assert_eq!(apple.at("/applinks/details/0/appIDs/0"), "TEAM123456.com.example.messenger");
        let components = apple.at("/applinks/details/0/components").as_array().cloned().unwrap();
        let is_exclude = |component: &Value| component["exclude"] == true;
        let digits = |n: usize| "$(digit)".repeat(n);
        // Codes get longer as they are used up: every possible length opens the app.
        let codes = (6..=12).flat_map(|n| [format!("/{}", digits(n)), format!("/Q/{}", digits(n))]);
        for path in codes.chain(["/i/*".into()]) {
            let at = components.iter().position(|component| component["/"] == path).expect(&path);
            assert!(!is_exclude(&components[at]));
            assert!(components.iter().rposition(is_exclude).is_none_or(|last| last < at), "excludes come first");
        }
        assert!(apple.at("/webcredentials/apps/0").is_string());
        assert_eq!(apple.at("/appclips/apps"), json!(["TEAM123456.com.example.messenger.Invite"]));
        // The old format must not be mixed in.
        assert!(apple.at("/applinks/apps").is_null() && apple.at("/applinks/details/0/paths").is_null());

        let android = app.get("/.well-known/assetlinks.json").send().expect(200);
        assert_eq!(android.header("content-type"), Some("application/json"));
        assert_eq!(android.at("/0/relation"), json!(["delegate_permission/common.handle_all_urls"]));
        assert_eq!(android.at("/0/target/sha256_cert_fingerprints"), json!(["14:6D:E9:83:".repeat(8).trim_end_matches(':')]));
        assert_eq!(android.at("/0/target/package_name"), "com.example.messenger");
    }

    fn association_file_without_app_clips_omits_them(on: Builder) {
        let app = on.config(|config| config.app.apple_app_ids = vec!["TEAM123456.com.example.messenger".into()]).start();
        let apple = app.get("/.well-known/apple-app-site-association").send().expect(200);
        assert!(apple.at("/appclips").is_null());
    }
}

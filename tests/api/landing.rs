//! The landing page: its lead action, counts and rate limits, and that it loads nothing from other hosts.

use std::fs;
use std::io::Read as _;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use practice_links::domain::link_analytics;
use practice_links::domain::links::NewLink;
use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Builder, DEMO, IPHONE, Reply, StaffClient, TestApp, as_staff};

const SLACK: &str = "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)";
const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36";
const IMESSAGE: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0";

fn fixture(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(format!("tests/data/{name}")).unwrap()).unwrap()
}

fn open(app: &TestApp, path: &str, agent: &str) -> Reply {
    app.get(path).user_agent(agent).send().expect(200)
}

fn lead(page: &Reply) -> String {
    page.text().split("data-lead=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
}

pub fn visit(page: &Reply) -> String {
    visit_in(&page.text())
}

fn visit_in(html: &str) -> String {
    html.split("?visit=").nth(1).unwrap().split(['"', '&']).next().unwrap().to_owned()
}

/// The body without its content coding.
fn decoded(page: &Reply) -> String {
    let mut text = String::new();
    let read = match page.header("content-encoding") {
        Some("br") => brotli::Decompressor::new(page.body.as_slice(), 4096).read_to_string(&mut text),
        Some("gzip") => flate2::read::MultiGzDecoder::new(page.body.as_slice()).read_to_string(&mut text),
        other => {
            assert_eq!(other, None);
            page.body.as_slice().read_to_string(&mut text)
        }
    };
    read.unwrap();
    text
}

/// The contents of all elements with this name.
fn inline(page: &str, element: &str) -> Vec<String> {
    let (start, end) = (format!("<{element}>"), format!("</{element}>"));
    let parts = page.split(&start).skip(1);
    parts.map(|part| part.split(&end).next().unwrap().to_owned()).collect()
}

/// Every style and script of the page is in its policy, and nothing else is.
fn check_policy(page: &Reply, what: &str) {
    let policy = page.header("content-security-policy").unwrap();
    let html = decoded(page);
    assert_eq!(html.matches("<style").count(), inline(&html, "style").len(), "{what}");
    assert_eq!(html.matches("<script").count(), inline(&html, "script").len(), "{what}");
    for (directive, element) in [("style-src ", "style"), ("script-src ", "script")] {
        let listed = policy.split(directive).nth(1).map_or("", |rest| rest.split(';').next().unwrap());
        for text in inline(&html, element) {
            let hash = STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()));
            assert!(listed.contains(&format!("'sha256-{hash}'")), "{what}: {element} is not in {policy}");
        }
        assert!(
            listed.split(' ').all(|source| source.is_empty() || source.starts_with("'sha256-")),
            "{policy}"
        );
    }
    assert_eq!(
        policy.split("style-src ").nth(1).unwrap().matches("'sha256-").count(),
        match policy.contains("script-src") {
            // Both scripts are named on every page with a script.
            true => inline(&html, "style").len() + 2,
            false => inline(&html, "style").len(),
        },
        "{what}"
    );
}

/// An admin of the demo practice, and the id of its link.
fn demo_admin_and_link(app: &TestApp) -> (StaffClient, String) {
    let practice = app.write(practice_links::domain::practices::list).remove(0);
    let admin = app.staff_client(&practice, "ana", Role::Admin);
    let links = as_staff(&admin, app.get("/v1/practice/links")).send().expect(200);
    (admin, links.str("/items/0/id"))
}

fn pause(app: &TestApp, (admin, link): &(StaffClient, String)) {
    let path = format!("/v1/practice/links/{link}");
    as_staff(admin, app.patch(&path, json!({ "state": "paused" }))).send().expect(200);
}

/// Every endpoint that takes a link's code.
const ENDPOINTS: [&str; 6] = ["page", "scan", "picture", "form", "texted", "token"];

/// Tries `code` at an endpoint; returns the status.
fn try_code(app: &TestApp, endpoint: &str, code: &str, from: &str) -> u16 {
    let call = match endpoint {
        "page" => app.get(&format!("/{code}")),
        "scan" => app.get(&format!("/Q/{code}")),
        "picture" => app.get(&format!("/{code}/share.png")),
        "form" => app.form(&format!("/{code}/text"), &[("phone", "4155"), ("visit", "none")]),
        "texted" => app.get(&format!("/{code}/texted")),
        _ => app.post("/v1/link-tokens", json!({ "code": code, "source": "typed" })),
    };
    call.ip(from).user_agent(IPHONE).send().status
}

fn totals(app: &TestApp, (admin, link): &(StaffClient, String)) -> Value {
    link_analytics::flush(&app.state.service, &app.state.page_views).unwrap();
    let path = format!("/v1/practice/links/{link}/funnel");
    as_staff(admin, app.get(&path)).send().expect(200).at("/totals")
}

both! {
    // Case 9 of links.md.
    fn landing_page_leads_with_the_action_for_the_device(app: TestApp) {
        let all = fixture("user_agents.json");
        let all = all.as_array().unwrap();
        assert!(all.len() >= 40);
        for device in all {
            let agent = device["user_agent"].as_str().unwrap();
            let page = app.get("/123456").user_agent(agent).send().expect(200);
            assert_eq!(lead(&page), device["lead"], "{agent}");
            assert!(page.body.len() <= 50 * 1024, "{} bytes for {agent}", page.body.len());
            for target in ["https://apps.apple.com/", "https://play.google.com/store/", "123456", "911"] {
                assert!(page.text().contains(target), "no {target} for {agent}");
            }
            let has_form = page.text().contains("<form");
            assert_eq!(has_form, !["webview", "preview"].contains(&device["lead"].as_str().unwrap()), "{agent}");
        }
    }

    // Case 7 of links.md.
    fn bots_get_preview_tags_and_are_counted_as_bots(app: TestApp) {
        let demo = demo_admin_and_link(&app);
        let previews = [SLACK, "WhatsApp/2.24.12.78 A", "Twitterbot/1.0", "facebookexternalhit/1.1", IMESSAGE];
        for agent in previews {
            let page = open(&app, "/123456", agent).text();
            for tag in ["og:title", "og:description", "og:image", "og:url", "twitter:card"] {
                assert!(page.contains(tag), "no {tag} for {agent}");
            }
            assert!(!page.contains("sendBeacon") && !page.contains("seen.gif"), "a beacon for {agent}");
        }
        let page = open(&app, "/123456", IPHONE);
        app.call("HEAD", "/123456").user_agent(IPHONE).send().expect(200);
        let ahead = app.get("/123456").user_agent(IPHONE).header("sec-purpose", "prefetch;prerender").send().expect(200);
        // A beacon from a bot or from a prefetch confirms nothing.
        app.call("POST", &format!("/123456/seen?visit={}", visit(&page))).user_agent(SLACK).send().expect(204);
        app.call("POST", &format!("/123456/seen?visit={}", visit(&ahead))).user_agent(IPHONE).header("sec-purpose", "prefetch").send().expect(204);
        let views = totals(&app, &demo)["views"].clone();
        assert_eq!(views, json!({ "raw": 7, "bot": 6, "confirmed": 0 }));
    }

    fn page_view_is_confirmed_once_by_its_beacon(app: TestApp) {
        let demo = demo_admin_and_link(&app);
        let page = open(&app, "/Q/123456?s=brochure", IPHONE);
        let token = visit(&page);
        for _ in 0..3 {
            app.call("POST", &format!("/123456/seen?visit={token}")).user_agent(IPHONE).send().expect(204);
            app.get(&format!("/123456/seen.gif?visit={token}")).user_agent(IPHONE).send().expect(200);
            app.call("POST", &format!("/123456/tap?visit={token}&store=ios")).user_agent(IPHONE).send().expect(204);
        }
        // A visit of another code, a forged one, a missing one and an unknown store are accepted and ignored.
        for path in [format!("/654321/seen?visit={token}"), "/123456/seen?visit=a.b.c.d.e".into(), "/123456/seen".into(), format!("/123456/tap?visit={token}&store=other")] {
            app.call("POST", &path).user_agent(IPHONE).send().expect(204);
        }
        let counted = totals(&app, &demo);
        assert_eq!(counted["views"], json!({ "raw": 1, "bot": 0, "confirmed": 1 }));
        assert_eq!(counted["scans"], 1);
        assert_eq!(counted["store_taps"], json!({ "ios": 1, "android": 0 }));
        app.advance(25 * 3600);
        app.call("POST", &format!("/123456/tap?visit={token}&store=android")).user_agent(IPHONE).send().expect(204);
        assert_eq!(totals(&app, &demo)["store_taps"]["android"], 0, "taps on a page older than a day are not counted");
        let path = format!("/v1/practice/links/{}/funnel?channel=brochure", demo.1);
        let brochure = as_staff(&demo.0, app.get(&path)).send().expect(200);
        assert_eq!(brochure.at("/totals/scans"), 1);
        assert_eq!(brochure.at("/channels/0/channel"), "brochure");
    }

    fn twenty_wrong_codes_trigger_the_challenge_for_an_address(app: TestApp) {
        let guess = |n: u32| app.get(&format!("/9{n:05}")).ip("198.51.100.7").user_agent(IPHONE).send();
        // Prefixes are typed on the way to a code, so they do not count as wrong codes.
        for prefix in ["9", "99", "999", "9999", "99999"] {
            app.get(&format!("/{prefix}")).ip("198.51.100.7").user_agent(IPHONE).send().expect(404);
        }
        for n in 0..20 {
            guess(n).expect(404);
        }
        let challenged = guess(20).expect(429);
        assert_eq!(challenged.header("retry-after"), Some("600"));
        assert!(challenged.text().contains("One moment, please"));
        app.get("/123456").ip("198.51.100.7").user_agent(IPHONE).send().expect(200);
        app.get("/900021").ip("198.51.100.8").user_agent(IPHONE).send().expect(404);
        // The link token endpoint shares the same limit.
        let typed = app.post("/v1/link-tokens", json!({ "code": "900000", "source": "typed" })).ip("198.51.100.7").send();
        typed.problem(429, "code_limited");
        app.post("/v1/link-tokens", json!({ "code": DEMO, "source": "typed" })).ip("198.51.100.7").send().expect(201);
        app.advance(600);
        guess(22).expect(404);
    }

    fn all_code_endpoints_share_one_limit_of_wrong_codes(app: TestApp) {
        for (n, endpoint) in ENDPOINTS.into_iter().enumerate() {
            let (from, other) = (format!("198.51.100.{n}"), format!("198.51.101.{n}"));
            for _ in 0..20 {
                try_code(&app, endpoint, "900000", &from);
            }
            for next in ENDPOINTS {
                assert_eq!(try_code(&app, next, "900000", &from), 429, "{next} after 20 wrong codes at {endpoint}");
            }
            assert_ne!(try_code(&app, endpoint, "900000", &other), 429);
        }
    }

    fn limited_address_cannot_tell_valid_codes_from_invalid_ones(app: TestApp) {
        let from = "198.51.100.7";
        for n in 0..100 {
            try_code(&app, ENDPOINTS[n % ENDPOINTS.len()], "900000", from);
        }
        for endpoint in ENDPOINTS {
            for code in [DEMO, "900000"] {
                assert_eq!(try_code(&app, endpoint, code, from), 429, "{endpoint}, {code}");
            }
            assert_ne!(try_code(&app, endpoint, DEMO, "198.51.100.8"), 429, "{endpoint}");
        }
        let limited = app.post("/v1/link-tokens", json!({ "code": DEMO, "source": "typed" })).ip(from).send();
        assert_eq!(limited.problem(429, "code_limited").retry_after(), Some(600));
        // A person passes the challenge and continues.
        let page = app.get("/123456").ip(from).user_agent(IPHONE).send().expect(429).text();
        let ticket = page.split("name=\"ticket\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        app.advance(10);
        app.form("/challenge", &[("ticket", &ticket), ("code", DEMO)]).ip(from).send().expect(303);
        assert_eq!(try_code(&app, "page", DEMO, from), 200);
    }

    fn limited_address_shares_one_allowance_across_endpoints(app: TestApp) {
        let from = "198.51.100.7";
        for _ in 0..21 {
            try_code(&app, "page", "900000", from);
        }
        let hits = (0..320).filter(|n| try_code(&app, ENDPOINTS[n % ENDPOINTS.len()], DEMO, from) != 429).count();
        assert!((295..=300).contains(&hits), "{hits}");
        app.advance(60);
        assert_ne!(try_code(&app, "token", DEMO, from), 429);
    }

    fn tampered_visit_token_confirms_no_view(app: TestApp) {
        let demo = demo_admin_and_link(&app);
        let token = visit(&open(&app, "/123456?s=brochure", IPHONE));
        let parts: Vec<&str> = token.split('.').collect();
        for changed in 0..parts.len() {
            let mut parts = parts.clone();
            let other: String = parts[changed].chars().rev().chain(['0']).collect();
            parts[changed] = &other;
            let path = format!("/123456/seen?visit={}", parts.join("."));
            app.call("POST", &path).user_agent(IPHONE).send().expect(204);
        }
        assert_eq!(totals(&app, &demo)["views"]["confirmed"], 0);
        app.call("POST", &format!("/123456/seen?visit={token}")).user_agent(IPHONE).send().expect(204);
        assert_eq!(totals(&app, &demo)["views"]["confirmed"], 1);
    }

    fn beacons_over_the_rate_limit_are_not_counted(on: Builder) {
        // A hundredth of 600 in ten minutes.
        let app = on.config(|config| config.limits.scale = 0.01).start();
        let demo = demo_admin_and_link(&app);
        let send_beacon = |from: &str| {
            let token = visit(&open(&app, "/123456", IPHONE));
            app.call("POST", &format!("/123456/seen?visit={token}")).ip(from).user_agent(IPHONE).send().expect(204);
        };
        for _ in 0..10 {
            send_beacon("198.51.100.7");
        }
        assert_eq!(totals(&app, &demo)["views"]["confirmed"], 6);
        send_beacon("198.51.100.8");
        app.advance(600);
        send_beacon("198.51.100.7");
        assert_eq!(totals(&app, &demo)["views"]["confirmed"], 8);
    }

    fn paused_link_counts_no_views(app: TestApp) {
        let demo = demo_admin_and_link(&app);
        pause(&app, &demo);
        for agent in [IPHONE, SLACK] {
            open(&app, "/123456", agent);
            open(&app, "/Q/123456", agent);
        }
        let counted = totals(&app, &demo);
        assert_eq!(counted["views"], json!({ "raw": 0, "bot": 0, "confirmed": 0 }));
        assert_eq!(counted["scans"], 0);
    }

    fn form_opened_before_a_pause_redirects_to_the_paused_page(app: TestApp) {
        let demo = demo_admin_and_link(&app);
        let token = visit(&open(&app, "/123456", IPHONE));
        pause(&app, &demo);
        for (number, visit) in [("+14155552000", token.as_str()), ("4155", &token), ("+14155552000", "old")] {
            for _ in 0..8 {
                let sent = app.form("/123456/text", &[("phone", number), ("visit", visit)]).user_agent(IPHONE).send();
                assert_eq!(sent.expect(303).header("location"), Some("/123456"));
            }
        }
        assert!(open(&app, "/123456", IPHONE).text().contains("paused"));
        assert_eq!(app.get("/123456/texted").user_agent(IPHONE).send().expect(303).header("location"), Some("/123456"));
        assert_eq!(app.deliver_all(), 0);
        app.get("/900000").user_agent(IPHONE).send().expect(404);
    }

    fn reloading_the_page_after_the_form_sends_nothing(app: TestApp) {
        let token = visit(&open(&app, "/123456", IPHONE));
        let sent = app.form("/123456/text", &[("phone", "+14155552000"), ("visit", &token)]).user_agent(IPHONE).send().expect(303);
        let location = sent.header("location").unwrap().to_owned();
        for _ in 0..3 {
            let page = app.get(&location).user_agent(IPHONE).send().expect(200);
            assert!(page.text().contains("The link is on its way"));
        }
        assert_eq!(app.deliver_all(), 1, "loading it again sends nothing");
        let es = app.get(&location).user_agent(IPHONE).language("es").send().expect(200);
        assert!(es.text().contains("El enlace va en camino"));
        // Errors are shown at the form's target URL; reloading that URL redirects to the page with the form.
        let back = app.get("/123456/text").user_agent(IPHONE).send().expect(303);
        assert_eq!(back.header("location"), Some("/123456"));
        app.get("/900000/texted").user_agent(IPHONE).send().expect(404);
        app.get("/abc/text").user_agent(IPHONE).send().problem(404, "not_found");
    }

    fn path_variants_redirect_to_the_canonical_path(app: TestApp) {
        let moved = [
            ("/123456/", "/123456"),
            ("/123456/?s=poster&x=1", "/123456?s=poster&x=1"),
            ("/q/123456", "/Q/123456"),
            ("/q/123456?s=poster", "/Q/123456?s=poster"),
            ("/Q/123456/", "/Q/123456"),
            ("/123%20456", "/123456"),
            ("/123%20456?s=poster", "/123456?s=poster"),
            ("/123+456", "/123456"),
            ("/123-456", "/123456"),
            ("/123%C2%A0456", "/123456"),
            ("/Q/123%20456", "/Q/123456"),
            ("/123%20456/", "/123456"),
        ];
        for (from, to) in moved {
            for method in ["GET", "HEAD"] {
                let redirect = app.call(method, from).user_agent(IPHONE).send().expect(308);
                assert_eq!(redirect.header("location"), Some(to), "{from}");
            }
        }
        for unknown in ["/12a456", "/-", "/%20", "/v1/", "/q/", "/q/abc", "/12345/6", "//123456"] {
            app.get(unknown).user_agent(IPHONE).send().problem(404, "not_found");
        }
    }

    fn invalid_form_is_refused_without_waiting_for_a_writer(app: TestApp) {
        let token = visit(&open(&app, "/123456", IPHONE));
        let (release, released) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let (started, has_started) = std::sync::mpsc::channel();
            let app = &app;
            scope.spawn(move || {
                app.write(|tx| {
                    started.send(()).unwrap();
                    let _ = released.recv();
                    practice_links::domain::practices::list(tx)
                })
            });
            has_started.recv().unwrap();
            let answers: Vec<u16> = [("4155", token.as_str()), ("+14155552000", "old")]
                .map(|(phone, visit)| app.form("/123456/text", &[("phone", phone), ("visit", visit)]).user_agent(IPHONE).send().status)
                .into();
            drop(release);
            assert_eq!(answers, [422, 422]);
        });
    }

    fn rendering_an_image_holds_no_database_connection(on: Builder) {
        let app = on.config(|config| config.database.pool_size = 1).start();
        let demo = demo_admin_and_link(&app);
        let (release, released) = std::sync::mpsc::channel::<()>();
        let render_pool = std::sync::Arc::clone(&app.state.render_pool);
        std::thread::scope(|scope| {
            let (started, has_started) = std::sync::mpsc::channel();
            scope.spawn(move || {
                actix_web::rt::System::new().block_on(render_pool.draw(move || {
                    started.send(()).unwrap();
                    let _ = released.recv();
                    Ok(())
                })).unwrap();
            });
            has_started.recv().unwrap();
            let (app, demo) = (&app, &demo);
            let pictures: Vec<_> = (0..4).map(|n| scope.spawn(move || match n {
                0 => as_staff(&demo.0, app.get(&format!("/v1/practice/links/{}/poster.pdf", demo.1))).send().status,
                _ => app.get("/123456/share.png").send().status,
            })).collect();
            // The image requests wait for the render pool; no other request waits for them.
            let answers: Vec<u16> = (0..20).map(|_| app.post("/v1/link-tokens", json!({ "code": DEMO, "source": "typed" })).send().status).collect();
            drop(release);
            assert_eq!(answers, [201; 20]);
            assert!(pictures.into_iter().all(|picture| picture.join().unwrap() == 200));
        });
        assert_eq!(app.state.landing_cache.images_rendered(), 1, "three concurrent requests share one rendering");
    }

    fn share_image_is_rendered_once_per_change(app: TestApp) {
        let demo = demo_admin_and_link(&app);
        let path = format!("/v1/practice/links/{}", demo.1);
        let picture = || app.get("/123456/share.png").send().expect(200).body;
        let drawn = || app.state.landing_cache.images_rendered();
        let first = picture();
        for _ in 0..5 {
            assert_eq!(picture(), first);
        }
        app.get("/123456/share.png?l=en").send().expect(200);
        assert_eq!(drawn(), 1);
        let es = app.get("/123456/share.png?l=es").send().expect(200).body;
        assert_eq!(app.get("/123456/share.png").language("es").send().expect(200).body, es);
        assert_eq!(drawn(), 2);
        as_staff(&demo.0, app.patch(&path, json!({ "label": "Poster" }))).send().expect(200);
        assert_eq!((picture(), drawn()), (first.clone(), 2), "the label is not part of the image");
        as_staff(&demo.0, app.patch(&path, json!({ "discreet": true }))).send().expect(200);
        assert_ne!(picture(), first);
        assert_eq!(drawn(), 3);
    }

    fn share_image_url_changes_with_its_content(app: TestApp) {
        let demo = demo_admin_and_link(&app);
        let address = |language: &str| {
            let page = app.get("/123456").user_agent(SLACK).language(language).send().expect(200).text();
            let found: Vec<&str> = ["property=\"og:image\" content=\"", "name=\"twitter:image\" content=\""]
                .map(|tag| page.split(tag).nth(1).unwrap().split('"').next().unwrap()).into();
            assert_eq!(found[0], found[1]);
            found[0].replace("&#38;", "&").replace("&amp;", "&").strip_prefix("http://links.example.test").unwrap().to_owned()
        };
        let (en, es) = (address("en"), address("es"));
        assert!(en.starts_with("/123456/share.png?l=en&v=") && es.contains("?l=es&v="), "{en}");
        let picture = |address: &str| app.get(address).language("es").send().expect(200);
        assert_ne!(picture(&en).body, picture(&es).body, "the URL decides the language, not the browser");
        assert_eq!(picture(&en).header("vary"), None);
        let plain = picture("/123456/share.png");
        assert_eq!(plain.header("vary"), Some("accept-language"));
        for picture in [picture(&en), plain] {
            assert_eq!(picture.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(picture.header("cache-control"), Some("public, max-age=60"));
        }
        let path = format!("/v1/practice/links/{}", demo.1);
        as_staff(&demo.0, app.patch(&path, json!({ "discreet": true }))).send().expect(200);
        assert_ne!(address("en"), en);
    }

    fn challenge_takes_ten_seconds_and_no_script(app: TestApp) {
        let from = "198.51.100.7";
        let guess = |n: u32| app.get(&format!("/9{n:05}")).ip(from).user_agent(IPHONE).send();
        let page = (0..21).map(guess).last().unwrap().expect(429).text();
        let ticket = page.split("name=\"ticket\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        let pass = |address: &str| app.form("/challenge", &[("ticket", &ticket), ("code", DEMO)]).ip(address).send();
        let early = pass(from).expect(429);
        assert!(early.text().contains("Wait 10 s"), "{}", early.text());
        app.advance(10);
        pass("198.51.100.8").expect(429);
        assert_eq!(pass(from).expect(303).header("location"), Some("/123456"));
        guess(30).expect(404);
        pass(from).expect(429);
        for _ in 0..20 {
            guess(31);
        }
        guess(32).expect(429);
    }

    fn limited_address_gets_300_pages_per_minute(app: TestApp) {
        let get = |path: &str| app.get(path).ip("198.51.100.7").user_agent(IPHONE).send().status;
        for n in 0..21 {
            get(&format!("/9{n:05}"));
        }
        let hits = (0..310).filter(|_| get("/123456") == 200).count();
        assert!((295..=300).contains(&hits), "{hits}");
        app.advance(60);
        assert_eq!(get("/123456"), 200);
    }

    // Case 10 of links.md, the part that needs no browser.
    fn landing_page_loads_nothing_from_other_hosts(on: Builder) {
        let app = on.config(|config| config.app.open_url = "https://open.example.test/".into()).start();
        for agent in [IPHONE, WINDOWS, SLACK, "Mozilla/5.0 (Linux; Android 9; KFMAWI) AppleWebKit/537.36 (KHTML, like Gecko) Silk/126.3.1 like Chrome/126.0 Safari/537.36"] {
            for language in ["en", "es"] {
                let page = app.get("/123456").user_agent(agent).language(language).send().expect(200);
                let html = page.text();
                assert!(html.contains(&format!("<html lang=\"{language}\">")));
                for fetched in ["src=\"http", "src=\"//", "url(http", "url(//", "@import", "rel=\"stylesheet\"", "<iframe"] {
                    assert!(!html.contains(fetched), "{fetched}");
                }
                let policy = page.header("content-security-policy").unwrap();
                assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
                assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
                assert_eq!(page.header("x-robots-tag"), Some("noindex"));
                assert_eq!(page.header("cache-control"), Some("no-store"));
            }
        }
    }

    fn app_opens_through_the_separate_open_host(on: Builder) {
        let app = on.config(|config| {
            config.app.open_url = "https://open.example.test".into();
            config.app.app_store_url = "https://apps.apple.com/us/app/messenger/id1234567890".into();
        }).start();
        let page = open(&app, "/123456", IPHONE).text();
        assert!(page.contains("href=\"https://open.example.test/123456\""));
        assert!(page.contains("<meta name=\"apple-itunes-app\" content=\"app-id=1234567890, app-argument=http://links.example.test/123456\">"));
        let there = app.get("/123456").user_agent(IPHONE).header("host", "open.example.test").send().expect(200).text();
        assert!(there.contains("href=\"http://links.example.test/123456\""), "a tap on a link to the page's own domain does not open the app");
        for path in ["/.well-known/apple-app-site-association", "/.well-known/assetlinks.json"] {
            let here = app.get(path).send().expect(200);
            let there = app.get(path).header("host", "open.example.test").send().expect(200);
            assert_eq!(here.json(), there.json());
        }
    }

    fn configured_store_badge_replaces_the_button(on: Builder) {
        let folder = std::env::temp_dir().join(format!("badges-{:?}", on.backend()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("badge.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
        let badge = folder.join("badge.svg");
        let app = on.config(move |config| config.app.app_store_badge = Some(badge)).start();
        let page = open(&app, "/123456", IPHONE).text();
        assert!(page.contains("<img src=\"data:image/svg+xml;base64,"));
        assert!(page.contains("alt=\"Get the app from the App Store\""));
    }

    fn share_image_of_discreet_links_hides_the_practice(app: TestApp) {
        let picture = app.get("/123456/share.png").send().expect(200);
        assert_eq!(picture.media_type(), "image/png");
        assert_eq!(&picture.body[16..24], &[0, 0, 4, 0xb0, 0, 0, 2, 0x76], "1200 × 630 pixels");
        app.get("/900000/share.png").send().problem(404, "not_found");
        let elm = app.practice("Elm Dental", None);
        app.link_with(&elm.id, "700007", &NewLink { discreet: true, ..NewLink::plain("A") });
        let oak = app.practice("Oak Dental", None);
        app.link_with(&oak.id, "800008", &NewLink { discreet: true, ..NewLink::plain("B") });
        let discreet = |code: &str| app.get(&format!("/{code}/share.png")).send().expect(200).body;
        assert_eq!(discreet("700007"), discreet("800008"), "the image reveals which discreet practice it is");
    }

    fn link_change_shows_on_the_page_at_once(app: TestApp) {
        let demo = demo_admin_and_link(&app);
        assert!(open(&app, "/123456", IPHONE).text().contains("<form"));
        let path = format!("/v1/practice/links/{}", demo.1);
        as_staff(&demo.0, app.patch(&path, json!({ "state": "paused" }))).send().expect(200);
        assert!(!open(&app, "/123456", IPHONE).text().contains("<form"));
        as_staff(&demo.0, app.patch(&path, json!({ "state": "active" }))).send().expect(200);
        assert!(open(&app, "/123456", IPHONE).text().contains("<form"));
    }

    fn each_page_has_its_own_visit_token(app: TestApp) {
        for coding in ["identity", "gzip", "br"] {
            let open = || app.get("/123456").user_agent(IPHONE).header("accept-encoding", coding).send().expect(200);
            let (one, two) = (open(), open());
            let tokens = [&one, &two].map(|page| {
                let html = decoded(page);
                assert!(!html.contains('\u{1}'));
                let token = html.split("?visit=").nth(1).unwrap().split('"').next().unwrap().to_owned();
                assert_eq!(html.matches(&token).count(), 2, "the form and the image");
                assert!(html.contains(&format!("form=\"text-form\" name=\"visit\" value=\"{token}\"")));
                token
            });
            assert_ne!(tokens[0], tokens[1]);
            assert_eq!(one.header("content-security-policy"), two.header("content-security-policy"));
            assert_eq!(one.body.len(), two.body.len(), "the length does not depend on the token");
        }
    }

    // 14 KB arrive with the first round trip after TLS (RFC 6928: ten segments).
    fn page_for_an_iphone_is_at_most_6000_bytes(app: TestApp) {
        let open = |method: &str, coding: &str, language: &str| {
            let call = app.call(method, "/123456?s=brochure").user_agent(IPHONE).language(language);
            call.header("accept-encoding", coding).send().expect(200)
        };
        for language in ["en", "es", "fr-CA"] {
            let plain = open("GET", "identity", language);
            assert_eq!((plain.header("content-encoding"), plain.header("vary")), (None, Some("accept-encoding")));
            for (coding, most) in [("br", 4_700), ("gzip", 5_500)] {
                let page = open("GET", coding, language);
                assert_eq!((page.header("content-encoding"), page.header("vary")), (Some(coding), Some("accept-encoding")));
                assert!(page.body.len() <= most, "{language}: {} bytes by {coding}", page.body.len());
                assert_eq!(page.header("content-length"), Some(page.body.len().to_string().as_str()));
                assert_eq!(decoded(&page).replace(&visit_in(&decoded(&page)), ""), plain.text().replace(&visit(&plain), ""));
                let head = open("HEAD", coding, language);
                assert!(head.body.is_empty());
                for name in ["content-length", "content-encoding", "vary", "content-type", "content-security-policy"] {
                    assert_eq!(head.header(name), page.header(name), "{name}");
                }
            }
        }
    }

    fn coding_is_chosen_by_weight(app: TestApp) {
        let cases = [
            ("gzip, deflate, br, zstd", Some("br")),
            ("gzip, deflate", Some("gzip")),
            ("GZIP;Q=0.5", Some("gzip")),
            ("x-gzip", Some("gzip")),
            ("br;q=0.5, gzip;q=0.8", Some("gzip")),
            ("br;q=0.501, gzip;q=0.5", Some("br")),
            ("br;q=0, gzip;q=0, *;q=0.3", None),
            ("*", Some("br")),
            ("*;q=0.2, br;q=0", Some("gzip")),
            ("identity;q=0, br;q=0.1", Some("br")),
            ("identity;q=1, br;q=0.1", None),
            ("zstd, deflate", None),
            ("br;q=2, gzip;q=nonsense", None),
            ("identity;q=0", None),
            ("", None),
        ];
        for path in ["/123456", "/900000", "/unsubscribe/unknown", "/123456/texted", "/i/unknown"] {
            for (accepted, coding) in cases {
                let page = app.get(path).user_agent(IPHONE).header("accept-encoding", accepted).send();
                assert_eq!(page.header("content-encoding"), coding, "{path}: {accepted}");
                assert_eq!(page.header("vary"), Some("accept-encoding"));
                assert!(decoded(&page).trim_end().ends_with("</html>"));
            }
        }
        let two_headers = app.get("/123456").header("accept-encoding", "zstd").header("accept-encoding", "gzip").send();
        assert_eq!(two_headers.header("content-encoding"), Some("gzip"));
    }

    // BREACH: the length of a page with a secret must not depend on what the request said.
    fn pages_with_a_secret_and_input_are_not_compressed(app: TestApp) {
        let token = visit(&open(&app, "/123456", IPHONE));
        let again = app.form("/123456/text", &[("phone", "4155"), ("visit", &token)]);
        let again = again.user_agent(IPHONE).header("accept-encoding", "br, gzip").send().expect(422);
        assert_eq!(again.header("content-encoding"), None);
        check_policy(&again, "the form again");
        for _ in 0..21 {
            try_code(&app, "page", "900000", "198.51.100.7");
        }
        let challenge = app.get("/900000").ip("198.51.100.7").header("accept-encoding", "br, gzip").send().expect(429);
        assert_eq!(challenge.header("content-encoding"), None);
        check_policy(&challenge, "the challenge");
    }

    fn policy_has_the_hashes_of_exactly_what_is_served(app: TestApp) {
        let (admin, link) = demo_admin_and_link(&app);
        let change = |path: &str, body: Value| as_staff(&admin, app.patch(path, body)).send().expect(200);
        let devices = fixture("user_agents.json");
        let devices: Vec<&str> = devices.as_array().unwrap().iter().map(|device| device["user_agent"].as_str().unwrap()).collect();
        for (accent, name) in [(Value::Null, "Oak"), (json!("#7a1f5c"), "<style>a{}</style><script>b</script>")] {
            change("/v1/practice/profile", json!({ "accent": accent, "name": name }));
            for agent in &devices {
                for coding in ["br", "identity"] {
                    let page = app.get("/123456").user_agent(agent).header("accept-encoding", coding).send().expect(200);
                    check_policy(&page, agent);
                }
            }
        }
        change(&format!("/v1/practice/links/{link}"), json!({ "state": "paused" }));
        for path in ["/123456", "/900000", "/unsubscribe/unknown", "/123456/texted", "/i/unknown", "/i/unknown/email"] {
            let page = app.get(path).user_agent(IPHONE).header("accept-encoding", "gzip").send();
            if page.status != 303 {
                check_policy(&page, path);
            }
        }
    }

    fn files_of_the_console_are_compressed(app: TestApp) {
        let sign_in = app.get("/console/sign-in").send().expect(200).text();
        let path = sign_in.split("href=\"/console/style-").nth(1).unwrap().split('"').next().unwrap();
        let style = |coding: &str| {
            app.get(&format!("/console/style-{path}")).header("accept-encoding", coding).send().expect(200)
        };
        let plain = style("identity");
        for coding in ["br", "gzip"] {
            let file = style(coding);
            assert_eq!((file.header("content-encoding"), file.header("vary")), (Some(coding), Some("accept-encoding")));
            assert_eq!(decoded(&file), plain.text());
            assert!(file.body.len() * 3 < plain.body.len(), "{} of {}", file.body.len(), plain.body.len());
        }
    }

    fn cross_site_form_sends_no_text(app: TestApp) {
        let token = visit(&open(&app, "/123456", IPHONE));
        let fields = [("phone", "+14155552000"), ("visit", token.as_str())];
        let text = |name: &str, value: &str| app.form("/123456/text", &fields).header(name, value).user_agent(IPHONE).send();
        text("sec-fetch-site", "cross-site").expect(422);
        text("origin", "https://evil.example").expect(422);
        app.form("/123456/text", &[("phone", "+14155552000")]).user_agent(IPHONE).send().expect(422);
        assert_eq!(app.deliver_all(), 0);
        text("sec-fetch-site", "same-origin").expect(303);
        assert_eq!(app.deliver_all(), 1);
        app.form("/900000/text", &fields).send().expect(404);
        app.post("/123456/text", json!({})).send().problem(415, "unsupported_media_type");
    }
}

/// A crawler of the list that is not recognized by its user agent counts as a raw view, but never as a
/// confirmed one, because it sends no beacon. Two webviews in the list belong to people and count as people.
#[test]
fn nearly_every_known_crawler_gets_the_preview_page() {
    let app = TestApp::new(crate::harness::Backend::Sqlite);
    let all = fixture("crawler_user_agents.json");
    let all: Vec<&str> = all.as_array().unwrap().iter().map(|agent| agent.as_str().unwrap()).collect();
    let is_sendable = |agent: &&&str| agent.bytes().all(|b| (32..127).contains(&b));
    let unknown = |agent: &&&str| lead(&app.get("/123456").user_agent(agent).send().expect(200)) != "preview";
    let missed: Vec<&&str> = all.iter().filter(is_sendable).filter(unknown).collect();
    assert!(all.len() > 2_000);
    assert!(missed.len() <= 28, "{} of {}: {missed:#?}", missed.len(), all.len());
}

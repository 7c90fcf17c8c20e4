//! The landing page: what it leads with, what it counts, whom it slows down, and what it never asks of others.

use std::fs;

use practice_links::domain::link_analytics;
use practice_links::domain::links::NewLink;
use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{Builder, DEMO, Desk, IPHONE, Reply, TestApp, as_desk};

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
    page.text().split("?visit=").nth(1).unwrap().split(['"', '&']).next().unwrap().to_owned()
}

/// The demo practice's own desk; its link's id.
fn demo_desk(app: &TestApp) -> (Desk, String) {
    let practice = app.write(|tx| practice_links::domain::practices::list(tx)).remove(0);
    let desk = app.desk(&practice, "ana", Role::Admin);
    let links = as_desk(&desk, app.get("/v1/practice/links")).send().expect(200);
    (desk, links.str("/items/0/id"))
}

fn pause(app: &TestApp, (desk, link): &(Desk, String)) {
    let path = format!("/v1/practice/links/{link}");
    as_desk(desk, app.patch(&path, json!({ "state": "paused" }))).send().expect(200);
}

/// Every door that takes a code.
const DOORS: [&str; 6] = ["page", "scan", "picture", "form", "texted", "token"];

/// Tries `code` at a door; the status.
fn knock(app: &TestApp, door: &str, code: &str, from: &str) -> u16 {
    let call = match door {
        "page" => app.get(&format!("/{code}")),
        "scan" => app.get(&format!("/Q/{code}")),
        "picture" => app.get(&format!("/{code}/share.png")),
        "form" => app.form(&format!("/{code}/text"), &[("phone", "4155"), ("visit", "none")]),
        "texted" => app.get(&format!("/{code}/texted")),
        _ => app.post("/v1/link-tokens", json!({ "code": code, "source": "typed" })),
    };
    call.ip(from).user_agent(IPHONE).send().status
}

fn totals(app: &TestApp, (desk, link): &(Desk, String)) -> Value {
    link_analytics::flush(&app.inner).unwrap();
    let path = format!("/v1/practice/links/{link}/funnel");
    as_desk(desk, app.get(&path)).send().expect(200).at("/totals")
}

both! {
    // Case 9 of links.md.
    fn every_device_is_met_by_its_own_lead(app: TestApp) {
        let all = fixture("user_agents.json");
        let all = all.as_array().unwrap();
        assert!(all.len() >= 40);
        for device in all {
            let agent = device["user_agent"].as_str().unwrap();
            let page = app.get("/123456").user_agent(agent).send().expect(200);
            assert_eq!(lead(&page), device["lead"], "{agent}");
            assert!(page.body.len() <= 50 * 1024, "{} bytes for {agent}", page.body.len());
            for way in ["https://apps.apple.com/", "https://play.google.com/store/", "123456", "911"] {
                assert!(page.text().contains(way), "no {way} for {agent}");
            }
            let has_form = page.text().contains("<form");
            assert_eq!(has_form, !["webview", "preview"].contains(&device["lead"].as_str().unwrap()), "{agent}");
        }
    }

    // Case 7 of links.md.
    fn machines_get_the_tags_and_count_as_machines(app: TestApp) {
        let desk = demo_desk(&app);
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
        // A beacon that a machine sends, or that is sent ahead of a person, confirms nothing.
        app.call("POST", &format!("/123456/seen?visit={}", visit(&page))).user_agent(SLACK).send().expect(204);
        app.call("POST", &format!("/123456/seen?visit={}", visit(&ahead))).user_agent(IPHONE).header("sec-purpose", "prefetch").send().expect(204);
        let views = totals(&app, &desk)["views"].clone();
        assert_eq!(views, json!({ "raw": 7, "bot": 6, "confirmed": 0 }));
    }

    fn a_view_is_confirmed_once_by_the_pages_own_beacon(app: TestApp) {
        let desk = demo_desk(&app);
        let page = open(&app, "/Q/123456?s=brochure", IPHONE);
        let token = visit(&page);
        for _ in 0..3 {
            app.call("POST", &format!("/123456/seen?visit={token}")).user_agent(IPHONE).send().expect(204);
            app.get(&format!("/123456/seen.gif?visit={token}")).user_agent(IPHONE).send().expect(200);
            app.call("POST", &format!("/123456/tap?visit={token}&store=ios")).user_agent(IPHONE).send().expect(204);
        }
        // Not of this code, made up, or of nothing: thanked for, and forgotten.
        for path in [format!("/654321/seen?visit={token}"), "/123456/seen?visit=a.b.c.d.e".into(), "/123456/seen".into(), format!("/123456/tap?visit={token}&store=other")] {
            app.call("POST", &path).user_agent(IPHONE).send().expect(204);
        }
        let counted = totals(&app, &desk);
        assert_eq!(counted["views"], json!({ "raw": 1, "bot": 0, "confirmed": 1 }));
        assert_eq!(counted["scans"], 1);
        assert_eq!(counted["store_taps"], json!({ "ios": 1, "android": 0 }));
        app.advance(25 * 3600);
        app.call("POST", &format!("/123456/tap?visit={token}&store=android")).user_agent(IPHONE).send().expect(204);
        assert_eq!(totals(&app, &desk)["store_taps"]["android"], 0, "a day-old page counts no more");
        let path = format!("/v1/practice/links/{}/funnel?channel=brochure", desk.1);
        let brochure = as_desk(&desk.0, app.get(&path)).send().expect(200);
        assert_eq!(brochure.at("/totals/scans"), 1);
        assert_eq!(brochure.at("/channels/0/channel"), "brochure");
    }

    fn whoever_guesses_codes_is_asked_to_slow_down_and_a_hit_is_a_hit(app: TestApp) {
        let guess = |n: u32| app.get(&format!("/9{n:05}")).ip("198.51.100.7").user_agent(IPHONE).send();
        // Prefixes are typed on the way to a code, and are no misses.
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
        // The same count holds at the door of link tokens.
        let typed = app.post("/v1/link-tokens", json!({ "code": "900000", "source": "typed" })).ip("198.51.100.7").send();
        typed.problem(429, "code_limited");
        app.post("/v1/link-tokens", json!({ "code": DEMO, "source": "typed" })).ip("198.51.100.7").send().expect(201);
        app.advance(600);
        guess(22).expect(404);
    }

    fn every_door_that_takes_a_code_counts_its_misses_in_one_place(app: TestApp) {
        for (n, door) in DOORS.into_iter().enumerate() {
            let (from, other) = (format!("198.51.100.{n}"), format!("198.51.101.{n}"));
            for _ in 0..20 {
                knock(&app, door, "900000", &from);
            }
            for next in DOORS {
                assert_eq!(knock(&app, next, "900000", &from), 429, "door {next} after 20 misses at door {door}");
            }
            assert_ne!(knock(&app, door, "900000", &other), 429);
        }
    }

    fn whoever_goes_on_guessing_cannot_tell_a_live_code_from_a_dead_one(app: TestApp) {
        let from = "198.51.100.7";
        for n in 0..100 {
            knock(&app, DOORS[n % DOORS.len()], "900000", from);
        }
        for door in DOORS {
            for code in [DEMO, "900000"] {
                assert_eq!(knock(&app, door, code, from), 429, "door {door}, {code}");
            }
            assert_ne!(knock(&app, door, DEMO, "198.51.100.8"), 429, "door {door}");
        }
        let limited = app.post("/v1/link-tokens", json!({ "code": DEMO, "source": "typed" })).ip(from).send();
        assert_eq!(limited.problem(429, "code_limited").retry_after(), Some(600));
        // A person passes the challenge and goes on.
        let page = app.get("/123456").ip(from).user_agent(IPHONE).send().expect(429).text();
        let ticket = page.split("name=\"ticket\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        app.advance(10);
        app.form("/challenge", &[("ticket", &ticket), ("code", DEMO)]).ip(from).send().expect(303);
        assert_eq!(knock(&app, "page", DEMO, from), 200);
    }

    fn an_address_that_guesses_has_one_allowance_for_all_doors(app: TestApp) {
        let from = "198.51.100.7";
        for _ in 0..21 {
            knock(&app, "page", "900000", from);
        }
        let hits = (0..320).filter(|n| knock(&app, DOORS[n % DOORS.len()], DEMO, from) != 429).count();
        assert!((295..=300).contains(&hits), "{hits}");
        app.advance(60);
        assert_ne!(knock(&app, "token", DEMO, from), 429);
    }

    fn one_page_is_one_visit_whatever_is_made_of_it(app: TestApp) {
        let desk = demo_desk(&app);
        let token = visit(&open(&app, "/123456?s=brochure", IPHONE));
        let parts: Vec<&str> = token.split('.').collect();
        for changed in 0..parts.len() {
            let mut parts = parts.clone();
            let other: String = parts[changed].chars().rev().chain(['0']).collect();
            parts[changed] = &other;
            let path = format!("/123456/seen?visit={}", parts.join("."));
            app.call("POST", &path).user_agent(IPHONE).send().expect(204);
        }
        assert_eq!(totals(&app, &desk)["views"]["confirmed"], 0);
        app.call("POST", &format!("/123456/seen?visit={token}")).user_agent(IPHONE).send().expect(204);
        assert_eq!(totals(&app, &desk)["views"]["confirmed"], 1);
    }

    fn an_address_whose_pages_tell_too_much_is_not_heard(on: Builder) {
        // A hundredth of 600 in ten minutes.
        let app = on.config(|config| config.limits.scale = 0.01).start();
        let desk = demo_desk(&app);
        let tell = |from: &str| {
            let token = visit(&open(&app, "/123456", IPHONE));
            app.call("POST", &format!("/123456/seen?visit={token}")).ip(from).user_agent(IPHONE).send().expect(204);
        };
        for _ in 0..10 {
            tell("198.51.100.7");
        }
        assert_eq!(totals(&app, &desk)["views"]["confirmed"], 6);
        tell("198.51.100.8");
        app.advance(600);
        tell("198.51.100.7");
        assert_eq!(totals(&app, &desk)["views"]["confirmed"], 8);
    }

    fn a_paused_link_counts_nothing(app: TestApp) {
        let desk = demo_desk(&app);
        pause(&app, &desk);
        for agent in [IPHONE, SLACK] {
            open(&app, "/123456", agent);
            open(&app, "/Q/123456", agent);
        }
        let counted = totals(&app, &desk);
        assert_eq!(counted["views"], json!({ "raw": 0, "bot": 0, "confirmed": 0 }));
        assert_eq!(counted["scans"], 0);
    }

    fn a_form_of_a_page_that_was_opened_before_a_pause_leads_to_the_paused_page(app: TestApp) {
        let desk = demo_desk(&app);
        let token = visit(&open(&app, "/123456", IPHONE));
        pause(&app, &desk);
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

    fn the_page_after_the_form_can_be_loaded_again(app: TestApp) {
        let token = visit(&open(&app, "/123456", IPHONE));
        let sent = app.form("/123456/text", &[("phone", "+14155552000"), ("visit", &token)]).user_agent(IPHONE).send().expect(303);
        let on = sent.header("location").unwrap().to_owned();
        for _ in 0..3 {
            let page = app.get(&on).user_agent(IPHONE).send().expect(200);
            assert!(page.text().contains("The link is on its way"));
        }
        assert_eq!(app.deliver_all(), 1, "loading it again sends nothing");
        let es = app.get(&on).user_agent(IPHONE).language("es").send().expect(200);
        assert!(es.text().contains("El enlace va en camino"));
        // What is wrong is shown where the form went; loading that address again is the page with the form.
        let back = app.get("/123456/text").user_agent(IPHONE).send().expect(303);
        assert_eq!(back.header("location"), Some("/123456"));
        app.get("/900000/texted").user_agent(IPHONE).send().expect(404);
        app.get("/abc/text").user_agent(IPHONE).send().problem(404, "not_found");
    }

    fn an_address_written_a_little_differently_leads_on(app: TestApp) {
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
                let on = app.call(method, from).user_agent(IPHONE).send().expect(308);
                assert_eq!(on.header("location"), Some(to), "{from}");
            }
        }
        for nothing in ["/12a456", "/-", "/%20", "/v1/", "/q/", "/q/abc", "/12345/6", "//123456"] {
            app.get(nothing).user_agent(IPHONE).send().problem(404, "not_found");
        }
    }

    fn a_form_that_cannot_be_used_waits_for_no_writer(app: TestApp) {
        let token = visit(&open(&app, "/123456", IPHONE));
        let (free, held) = std::sync::mpsc::channel::<()>();
        std::thread::scope(|scope| {
            let (begun, begins) = std::sync::mpsc::channel();
            let app = &app;
            scope.spawn(move || {
                app.write(|tx| {
                    begun.send(()).unwrap();
                    let _ = held.recv();
                    practice_links::domain::practices::list(tx)
                })
            });
            begins.recv().unwrap();
            let answers: Vec<u16> = [("4155", token.as_str()), ("+14155552000", "old")]
                .map(|(phone, visit)| app.form("/123456/text", &[("phone", phone), ("visit", visit)]).user_agent(IPHONE).send().status)
                .into();
            drop(free);
            assert_eq!(answers, [422, 422]);
        });
    }

    fn drawing_a_picture_holds_nothing_of_the_database(on: Builder) {
        let app = on.config(|config| config.database.pool_size = 1).start();
        let desk = demo_desk(&app);
        let (free, held) = std::sync::mpsc::channel::<()>();
        let studio = std::sync::Arc::clone(&app.inner.studio);
        std::thread::scope(|scope| {
            let (begun, begins) = std::sync::mpsc::channel();
            scope.spawn(move || {
                actix_web::rt::System::new().block_on(studio.draw(move || {
                    begun.send(()).unwrap();
                    let _ = held.recv();
                    Ok(())
                })).unwrap();
            });
            begins.recv().unwrap();
            let (app, desk) = (&app, &desk);
            let pictures: Vec<_> = (0..4).map(|n| scope.spawn(move || match n {
                0 => as_desk(&desk.0, app.get(&format!("/v1/practice/links/{}/poster.pdf", desk.1))).send().status,
                _ => app.get("/123456/share.png").send().status,
            })).collect();
            // They wait for the studio, and nobody waits for them.
            let answers: Vec<u16> = (0..20).map(|_| app.post("/v1/link-tokens", json!({ "code": DEMO, "source": "typed" })).send().status).collect();
            drop(free);
            assert_eq!(answers, [201; 20]);
            assert!(pictures.into_iter().all(|picture| picture.join().unwrap() == 200));
        });
        assert_eq!(app.inner.front.pictures_drawn(), 1, "three asked at once for one picture");
    }

    fn a_picture_is_drawn_once_a_change(app: TestApp) {
        let desk = demo_desk(&app);
        let path = format!("/v1/practice/links/{}", desk.1);
        let picture = || app.get("/123456/share.png").send().expect(200).body;
        let drawn = || app.inner.front.pictures_drawn();
        let first = picture();
        for _ in 0..5 {
            assert_eq!(picture(), first);
        }
        app.get("/123456/share.png?l=en").send().expect(200);
        assert_eq!(drawn(), 1);
        let es = app.get("/123456/share.png?l=es").send().expect(200).body;
        assert_eq!(app.get("/123456/share.png").language("es").send().expect(200).body, es);
        assert_eq!(drawn(), 2);
        as_desk(&desk.0, app.patch(&path, json!({ "label": "Poster" }))).send().expect(200);
        assert_eq!((picture(), drawn()), (first.clone(), 2), "a label is not on the picture");
        as_desk(&desk.0, app.patch(&path, json!({ "discreet": true }))).send().expect(200);
        assert_ne!(picture(), first);
        assert_eq!(drawn(), 3);
    }

    fn a_pictures_address_changes_with_it(app: TestApp) {
        let desk = demo_desk(&app);
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
        assert_ne!(picture(&en).body, picture(&es).body, "the address decides, not the browser");
        assert_eq!(picture(&en).header("vary"), None);
        let plain = picture("/123456/share.png");
        assert_eq!(plain.header("vary"), Some("accept-language"));
        for picture in [picture(&en), plain] {
            assert_eq!(picture.header("x-content-type-options"), Some("nosniff"));
            assert_eq!(picture.header("cache-control"), Some("public, max-age=60"));
        }
        let path = format!("/v1/practice/links/{}", desk.1);
        as_desk(&desk.0, app.patch(&path, json!({ "discreet": true }))).send().expect(200);
        assert_ne!(address("en"), en);
    }

    fn the_challenge_takes_ten_seconds_and_no_script(app: TestApp) {
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

    fn an_address_that_guesses_gets_three_hundred_pages_a_minute(app: TestApp) {
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
    fn no_variant_of_the_page_asks_anybody_else_for_anything(on: Builder) {
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

    fn the_app_is_opened_from_the_other_host(on: Builder) {
        let app = on.config(|config| {
            config.app.open_url = "https://open.example.test".into();
            config.app.app_store_url = "https://apps.apple.com/us/app/messenger/id1234567890".into();
        }).start();
        let page = open(&app, "/123456", IPHONE).text();
        assert!(page.contains("href=\"https://open.example.test/123456\""));
        assert!(page.contains("<meta name=\"apple-itunes-app\" content=\"app-id=1234567890, app-argument=http://links.example.test/123456\">"));
        let there = app.get("/123456").user_agent(IPHONE).header("host", "open.example.test").send().expect(200).text();
        assert!(there.contains("href=\"http://links.example.test/123456\""), "a tap on a page's own domain opens no app");
        for path in ["/.well-known/apple-app-site-association", "/.well-known/assetlinks.json"] {
            let here = app.get(path).send().expect(200);
            let there = app.get(path).header("host", "open.example.test").send().expect(200);
            assert_eq!(here.json(), there.json());
        }
    }

    fn the_stores_badges_stand_in_for_the_buttons(on: Builder) {
        let folder = std::env::temp_dir().join(format!("badges-{:?}", on.backend()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("badge.svg"), "<svg xmlns=\"http://www.w3.org/2000/svg\"/>").unwrap();
        let badge = folder.join("badge.svg");
        let app = on.config(move |config| config.app.app_store_badge = Some(badge)).start();
        let page = open(&app, "/123456", IPHONE).text();
        assert!(page.contains("<img src=\"data:image/svg+xml;base64,"));
        assert!(page.contains("alt=\"Get the app from the App Store\""));
    }

    fn a_shared_links_picture_is_made_here(app: TestApp) {
        let picture = app.get("/123456/share.png").send().expect(200);
        assert_eq!(picture.media_type(), "image/png");
        assert_eq!(&picture.body[16..24], &[0, 0, 4, 0xb0, 0, 0, 2, 0x76], "1200 × 630 pixels");
        app.get("/900000/share.png").send().problem(404, "not_found");
        let elm = app.practice("Elm Dental", None);
        app.link_with("700007", &NewLink { discreet: true, ..NewLink::plain(&elm.id, "A") });
        let oak = app.practice("Oak Dental", None);
        app.link_with("800008", &NewLink { discreet: true, ..NewLink::plain(&oak.id, "B") });
        let discreet = |code: &str| app.get(&format!("/{code}/share.png")).send().expect(200).body;
        assert_eq!(discreet("700007"), discreet("800008"), "the picture tells discreet practices apart");
    }

    fn a_change_is_on_the_page_at_once(app: TestApp) {
        let desk = demo_desk(&app);
        assert!(open(&app, "/123456", IPHONE).text().contains("<form"));
        let path = format!("/v1/practice/links/{}", desk.1);
        as_desk(&desk.0, app.patch(&path, json!({ "state": "paused" }))).send().expect(200);
        assert!(!open(&app, "/123456", IPHONE).text().contains("<form"));
        as_desk(&desk.0, app.patch(&path, json!({ "state": "active" }))).send().expect(200);
        assert!(open(&app, "/123456", IPHONE).text().contains("<form"));
    }

    fn each_page_has_a_nonce_and_a_visit_of_its_own(app: TestApp) {
        let (one, two) = (open(&app, "/123456", IPHONE), open(&app, "/123456", IPHONE));
        assert_ne!(visit(&one), visit(&two));
        assert_ne!(one.header("content-security-policy"), two.header("content-security-policy"));
        for page in [one, two] {
            let policy = page.header("content-security-policy").unwrap().to_owned();
            let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap();
            assert_eq!(page.text().matches(&format!("nonce=\"{nonce}\"")).count(), 2, "style and script");
            assert!(!page.text().contains('\u{1}'));
        }
    }

    fn another_sites_form_sends_no_texts(app: TestApp) {
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

/// What the list calls machines and is not known as one by its name shows up as a view, and never as a
/// confirmed one: its beacon does not come back. The two webviews of people in the list are people here.
#[test]
fn nearly_every_machine_that_has_a_name_is_known_by_it() {
    let app = TestApp::new(crate::harness::Backend::Sqlite);
    let all = fixture("crawler_user_agents.json");
    let all: Vec<&str> = all.as_array().unwrap().iter().map(|agent| agent.as_str().unwrap()).collect();
    let is_sendable = |agent: &&&str| agent.bytes().all(|b| (32..127).contains(&b));
    let unknown = |agent: &&&str| lead(&app.get("/123456").user_agent(agent).send().expect(200)) != "preview";
    let missed: Vec<&&str> = all.iter().filter(is_sendable).filter(unknown).collect();
    assert!(all.len() > 2_000);
    assert!(missed.len() <= 28, "{} of {}: {missed:#?}", missed.len(), all.len());
}

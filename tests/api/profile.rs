//! The practice's profile: its staff change it, and the landing page shows the change.

use practice_links::domain::practices::Practice;
use practice_links::domain::staff::Role;
use serde_json::{Value, json};

use crate::harness::{IPHONE, Reply, StaffClient, TestApp, as_staff};

const PROFILE: &str = "/v1/practice/profile";
const LOGO: &str = "/v1/practice/logo";

fn elm(app: &TestApp) -> (Practice, StaffClient) {
    let practice = app.practice("Elm Dental", Some("desk@elm.example"));
    let admin = app.staff_client(&practice, "ana", Role::Admin);
    app.link("222222", &practice.id);
    (practice, admin)
}

fn change(app: &TestApp, staff: &StaffClient, body: Value) -> Reply {
    as_staff(staff, app.patch(PROFILE, body)).send()
}

/// A PNG of a single color, with a comment in it.
pub fn png(width: u32, height: u32, rgb: [u8; 3]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.add_text_chunk("Comment".into(), "made by Ana Ruiz".into()).unwrap();
    let pixels: Vec<u8> = rgb.repeat((width * height) as usize);
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    file
}

fn put_logo(app: &TestApp, staff: &StaffClient, file: Vec<u8>) -> Reply {
    as_staff(staff, app.call("PUT", LOGO)).raw("image/png", file).send()
}

fn page(app: &TestApp) -> String {
    app.get("/222222").user_agent(IPHONE).send().expect(200).text()
}

fn logo_on(page: &str) -> Option<String> {
    let rest = page.split("<img class=\"logo\" src=\"").nth(1)?;
    Some(rest.split('"').next().unwrap().to_owned())
}

both! {
    fn profile_change_by_an_admin_is_in_the_audit_log(app: TestApp) {
        let (_, admin) = elm(&app);
        let before = as_staff(&admin, app.get(PROFILE)).send().expect(200).at("/profile");
        assert_eq!(before["plan"], "communicator");
        assert_eq!((&before["accent"], &before["countries"], &before["logo_version"]), (&Value::Null, &Value::Null, &Value::Null));
        let body = json!({
            "name": " Elm Dental Care ", "city": "Salem", "language": "es", "time_zone": "America/Denver",
            "accent": "#7A1F5C", "countries": ["US"], "notice_email": "notices@elm.example",
        });
        let changed = change(&app, &admin, body).expect(200).at("/profile");
        assert_eq!(changed["name"], "Elm Dental Care");
        assert_eq!(changed["accent"], "#7a1f5c");
        assert_eq!(changed["countries"], json!(["US"]));
        assert_eq!(as_staff(&admin, app.get(PROFILE)).send().expect(200).at("/profile"), changed);
        let cleared = change(&app, &admin, json!({ "accent": null, "countries": null, "notice_email": null }));
        let cleared = cleared.expect(200).at("/profile");
        assert_eq!((&cleared["accent"], &cleared["notice_email"]), (&Value::Null, &Value::Null));
        assert_eq!(cleared["city"], "Salem", "omitted fields keep their value");
        // A change without effect is not recorded.
        change(&app, &admin, json!({})).expect(200);
        change(&app, &admin, json!({ "city": "Salem" })).expect(200);
        let events = as_staff(&admin, app.get("/v1/practice/audit?action=practice")).send().expect(200).at("/items");
        assert_eq!(events.as_array().unwrap().len(), 2);
        assert_eq!(events[1]["detail"]["before"]["name"], "Elm Dental");
        assert_eq!(events[1]["detail"]["after"]["name"], "Elm Dental Care");
        assert!(!events.to_string().contains("notices@"), "the audit log contains no address");
    }

    fn invalid_profile_fields_are_refused_one_by_one(app: TestApp) {
        let (_, admin) = elm(&app);
        for (body, pointer, code) in [
            (json!({ "name": "  " }), "/name", "length"),
            (json!({ "name": "Elm\nDental" }), "/name", "length"),
            (json!({ "city": "x".repeat(101) }), "/city", "length"),
            (json!({ "language": "fr" }), "/language", "unknown_value"),
            (json!({ "time_zone": "America/Springfield" }), "/time_zone", "unknown_value"),
            (json!({ "accent": "teal" }), "/accent", "invalid_colour"),
            (json!({ "accent": "#ffd400" }), "/accent", "contrast"),
            (json!({ "countries": [] }), "/countries", "unknown_value"),
            (json!({ "countries": ["US", "FR"] }), "/countries", "unknown_value"),
            (json!({ "notice_email": "elm" }), "/notice_email", "invalid_email"),
        ] {
            let refused = change(&app, &admin, body.clone()).problem(422, "invalid_request");
            assert_eq!((refused.str("/errors/0/pointer"), refused.str("/errors/0/code")), (pointer.into(), code.into()), "{body}");
        }
        assert_eq!(app.count("SELECT count(*) FROM events WHERE kind = 'practice.changed'"), 0);
    }

    fn practice_can_restrict_the_countries_of_phone_numbers(app: TestApp) {
        let (_, admin) = elm(&app);
        let begin = |ip: &str| {
            let body = json!({ "phone": "+14165550123", "link_token": app.link_token("222222") });
            app.post("/v1/verifications", body).ip(ip).send()
        };
        change(&app, &admin, json!({ "countries": ["US"] })).expect(200);
        begin("198.18.0.1").problem(422, "country_not_supported");
        change(&app, &admin, json!({ "countries": null })).expect(200);
        begin("198.18.0.1").expect(201);
        app.deliver_all();
    }

    fn members_read_the_profile_and_support_changes_it(app: TestApp) {
        let (practice, _) = elm(&app);
        let member = app.staff_client(&practice, "bo", Role::Member);
        let support = app.staff_client(&practice, "sam", Role::Support);
        as_staff(&member, app.get(PROFILE)).send().expect(200);
        change(&app, &member, json!({ "city": "Salem" })).problem(403, "staff_forbidden");
        put_logo(&app, &member, png(4, 4, [1, 2, 3])).problem(403, "staff_forbidden");
        change(&app, &support, json!({ "city": "Salem" })).expect(200);
    }

    fn landing_page_shows_name_logo_and_accent_at_once(app: TestApp) {
        let (_, admin) = elm(&app);
        let before = page(&app);
        assert!(before.contains("class=\"mark\"") && logo_on(&before).is_none());
        change(&app, &admin, json!({ "name": "Elm Smiles", "accent": "#7a1f5c" })).expect(200);
        put_logo(&app, &admin, png(120, 60, [10, 80, 70])).expect(204);
        let after = page(&app);
        assert!(after.contains("<h1>Elm Smiles</h1>") && !after.contains("class=\"mark\""), "{after}");
        assert!(after.contains("--accent: #7a1f5c;"));
        assert!(after.len() <= 50 * 1024);
        let url = logo_on(&after).unwrap();
        let logo = app.get(&url).send().expect(200);
        assert_eq!(logo.media_type(), "image/png");
        assert!(logo.header("cache-control").unwrap().contains("immutable"));
        assert!(!String::from_utf8_lossy(&logo.body).contains("Ana Ruiz"), "only the pixels are kept");
        // A new logo gets a new URL.
        put_logo(&app, &admin, png(120, 60, [90, 8, 7])).expect(204);
        assert_ne!(logo_on(&page(&app)).unwrap(), url);
        as_staff(&admin, app.delete(LOGO)).send().expect(204);
        assert!(page(&app).contains("class=\"mark\""));
        app.get("/222222/logo.png").send().problem(404, "not_found");
        as_staff(&admin, app.delete(LOGO)).send().problem(404, "not_found");
        let recorded = app.count("SELECT count(*) FROM events WHERE kind = 'practice.logo_changed'");
        assert_eq!(recorded, 3);
    }

    fn discreet_link_page_shows_neither_logo_nor_accent(app: TestApp) {
        let (_, admin) = elm(&app);
        change(&app, &admin, json!({ "accent": "#7a1f5c" })).expect(200);
        put_logo(&app, &admin, png(32, 32, [10, 80, 70])).expect(204);
        let link = app.make_link(&admin, json!({ "label": "Clinic", "discreet": true }));
        let code = link["code"].as_str().unwrap();
        let page = app.get(&format!("/{code}")).user_agent(IPHONE).send().expect(200).text();
        assert!(logo_on(&page).is_none() && !page.contains("#7a1f5c"));
        app.get(&format!("/{code}/logo.png")).send().problem(404, "not_found");
        app.get("/999999/logo.png").send().problem(404, "not_found");
    }

    fn logo_must_be_a_small_png(app: TestApp) {
        let (_, admin) = elm(&app);
        put_logo(&app, &admin, b"GIF89a".to_vec()).problem(422, "invalid_request");
        put_logo(&app, &admin, png(513, 10, [0, 0, 0])).problem(422, "invalid_request");
        let mut cut = png(64, 64, [1, 2, 3]);
        cut.truncate(cut.len() / 2);
        put_logo(&app, &admin, cut).problem(422, "invalid_request");
        put_logo(&app, &admin, vec![0; 64 * 1024 + 1]).problem(413, "body_too_large");
        let as_svg = as_staff(&admin, app.call("PUT", LOGO)).raw("image/svg+xml", "<svg/>").send();
        as_svg.problem(415, "unsupported_media_type");
        put_logo(&app, &admin, png(512, 512, [9, 9, 9])).expect(204);
        as_staff(&admin, app.get(LOGO)).send().expect(200);
    }

    fn exported_funnel_hides_small_counts(app: TestApp) {
        let (practice, admin) = elm(&app);
        let link = app.link("333333", &practice.id).id;
        (0..7).for_each(|_| { app.get("/333333").user_agent(IPHONE).send().expect(200); });
        app.advance(24 * 3600);
        (0..2).for_each(|_| { app.get("/333333").user_agent(IPHONE).send().expect(200); });
        practice_links::domain::link_analytics::flush(&app.state.service, &app.state.page_views).unwrap();
        let path = format!("/v1/practice/links/{link}/funnel");
        let exact = as_staff(&admin, app.get(&path)).send().expect(200);
        assert_eq!(exact.at("/totals/views/raw"), 9, "the practice's own view shows exact counts");
        let file = as_staff(&admin, app.get(&format!("{path}.csv?from=2026-11-22&to=2026-11-23"))).send().expect(200);
        let lines: Vec<String> = file.text().lines().map(str::to_owned).collect();
        assert!(lines[0].starts_with("day,views,bot_views,"), "{lines:?}");
        assert_eq!(&lines[1..], ["2026-11-22,7,0,0,0,0,0,0,0,0,0,0,0", "2026-11-23,<5,0,0,0,0,0,0,0,0,0,0,0", "total,*,0,0,0,0,0,0,0,0,0,0,0"]);
        let events = as_staff(&admin, app.get("/v1/practice/audit?action=funnel.exported")).send().expect(200);
        assert_eq!(events.at("/items/0/subject"), json!(link));
    }
}

//! Accounts and sign-ins: one phone proof creates one account, and a verified number alone never opens
//! existing messages.

use std::collections::HashSet;

use diesel::RunQueryDsl as _;
use diesel::sql_types::Text;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use practice_links::kit::Timestamp;
use practice_links::kit::entropy::SeededEntropy;
use practice_links::platform::keys::Keys;
use serde_json::{Value, json};

use crate::harness::{Builder, DEMO, TestApp, phone, sign_up_body, together};

/// The tables that a sign-up fills.
const SIGN_UP_TABLES: [&str; 5] = ["accounts", "patients", "pairings", "conversations", "account_sessions"];

fn rows(app: &TestApp, table: &str) -> i64 {
    app.count(&format!("SELECT count(*) FROM {table}"))
}

fn assert_nothing_created(app: &TestApp) {
    for table in SIGN_UP_TABLES.iter().chain(&["entries", "refresh_tokens"]) {
        assert_eq!(rows(app, table), 0, "{table}");
    }
    assert_eq!(app.count("SELECT count(*) FROM outbox WHERE topic LIKE 'notice%'"), 0);
}

postgres! {
    // Case 2.
    fn hundred_sign_ups_with_one_proof_create_one_account(on: Builder) {
        let app = on.pool(40).start();
        let proof = app.verify(&phone(0));
        let body = sign_up_body(&proof, &app.link_token(DEMO));
        let answers = together(100, |_| app.post("/v1/accounts", body.clone()).send().expect(201));
        for pointer in ["/account/id", "/patient/id", "/pairing/id", "/conversation/id"] {
            let ids: HashSet<_> = answers.iter().map(|answer| answer.str(pointer)).collect();
            assert_eq!(ids.len(), 1, "{pointer}");
        }
        for table in ["accounts", "patients", "pairings", "conversations"] {
            assert_eq!(rows(&app, table), 1, "{table}");
        }
        assert_eq!(app.count("SELECT count(*) FROM outbox WHERE topic = 'notice_new_pairing'"), 1);
        assert_eq!(app.deliver_all(), 1);
    }

    fn two_proofs_of_one_number_racing_create_one_account(on: Builder) {
        let app = on.pool(40).config(|config| config.limits.scale = 100.0).start();
        for n in 0..10 {
            let proofs = [app.verify(&phone(n)), app.verify(&phone(n))];
            let token = app.link_token(DEMO);
            let answers =
                together(2, |i| app.post("/v1/accounts", sign_up_body(&proofs[i], &token)).send());
            let loser = answers.iter().position(|answer| answer.status != 201).expect("one loses");
            answers[loser].clone().problem(409, "account_exists");
            let winner = answers[1 - loser].clone().expect(201);
            // The loser's proof is still valid.
            let signed_in = app.post("/v1/sessions", json!({ "phone_proof": proofs[loser] })).send().expect(201);
            assert_eq!(signed_in.at("/account/id"), winner.at("/account/id"));
        }
        assert_eq!((rows(&app, "accounts"), rows(&app, "pairings")), (10, 10));
        app.deliver_all();
    }
}

both! {
    fn repeated_sign_up_after_lost_reply_returns_same_account(app: TestApp) {
        let proof = app.verify(&phone(0));
        let body = sign_up_body(&proof, &app.link_token(DEMO));
        let first = app.post("/v1/accounts", body.clone()).send().expect(201);
        let again = app.post("/v1/accounts", body).send().expect(201);
        for part in ["/account", "/patient", "/pairing", "/conversation"] {
            assert_eq!(first.at(part), again.at(part), "{part}");
        }
        assert_ne!(first.str("/session/refresh_token"), again.str("/session/refresh_token"));
        for reply in [&first, &again] {
            let me = app.get("/v1/me").bearer(&reply.str("/session/access_token")).send().expect(200);
            assert_eq!(me.at("/scope"), "full");
            let refresh = json!({ "refresh_token": reply.str("/session/refresh_token") });
            app.post("/v1/sessions/refresh", refresh).send().expect(200);
        }
        assert_eq!(app.deliver_all(), 1);
    }

    fn phone_proof_cannot_sign_up_and_sign_in(app: TestApp) {
        app.sign_up(&phone(0));
        let proof = app.verify(&phone(0));
        let body = json!({ "phone_proof": proof });
        let first = app.post("/v1/sessions", body.clone()).send().expect(201);
        // Repeating a sign-in after a lost reply works too, and sends no second notice.
        let again = app.post("/v1/sessions", body).send().expect(201);
        assert_eq!(first.at("/account"), again.at("/account"));
        assert_eq!(app.deliver_all(), 1);
        let body = sign_up_body(&proof, &app.link_token(DEMO));
        app.post("/v1/accounts", body).send().problem(409, "phone_proof_consumed");
        let proof = app.verify(&phone(1));
        let body = sign_up_body(&proof, &app.link_token(DEMO));
        app.post("/v1/accounts", body).send().expect(201);
        app.post("/v1/sessions", json!({ "phone_proof": proof })).send().problem(409, "phone_proof_consumed");
        app.deliver_all();
    }

    fn phone_proof_opens_one_session_and_none_after_sign_out(app: TestApp) {
        let proof = app.verify(&phone(0));
        let body = sign_up_body(&proof, &app.link_token(DEMO));
        let first = app.post("/v1/accounts", body.clone()).send().expect(201);
        let again = app.post("/v1/accounts", body.clone()).send().expect(201);
        assert_eq!(rows(&app, "account_sessions"), 1, "fresh tokens of the same sign-in");
        let token = again.str("/session/access_token");
        app.delete("/v1/sessions/current").bearer(&token).send().expect(204);
        app.get("/v1/me").bearer(&first.str("/session/access_token")).send().problem(401, "unauthorized");
        app.post("/v1/accounts", body).send().problem(409, "phone_proof_consumed");

        app.deliver_all();
        let proof = app.verify(&phone(0));
        let sign_in = || app.post("/v1/sessions", json!({ "phone_proof": proof })).send();
        sign_in().expect(201);
        let token = sign_in().expect(201).str("/session/access_token");
        assert_eq!(rows(&app, "account_sessions"), 2);
        app.delete("/v1/sessions/current").bearer(&token).send().expect(204);
        sign_in().problem(409, "phone_proof_consumed");
        app.deliver_all();
    }

    fn sign_in_without_account_keeps_the_phone_proof(app: TestApp) {
        let proof = app.verify(&phone(0));
        app.post("/v1/sessions", json!({ "phone_proof": proof })).send().problem(404, "account_not_found");
        app.post("/v1/accounts", sign_up_body(&proof, &app.link_token(DEMO))).send().expect(201);
        app.deliver_all();
    }

    fn expired_or_forged_proof_creates_nothing(app: TestApp) {
        let proof = app.verify(&phone(0));
        app.advance(599);
        app.advance(1);
        let body = sign_up_body(&proof, &app.link_token(DEMO));
        app.post("/v1/accounts", body).send().problem(410, "phone_proof_expired");
        app.post("/v1/sessions", json!({ "phone_proof": proof })).send().problem(410, "phone_proof_expired");
        let mut forged = proof.clone();
        let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
        forged.push(last);
        for forged in [forged.as_str(), "pp_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "", "x"] {
            let body = sign_up_body(forged, &app.link_token(DEMO));
            app.post("/v1/accounts", body).send().problem(422, "phone_proof_invalid");
            app.post("/v1/sessions", json!({ "phone_proof": forged })).send().problem(422, "phone_proof_invalid");
        }
        assert_nothing_created(&app);
    }

    fn invalid_link_token_creates_nothing_and_keeps_the_proof(app: TestApp) {
        let old = app.link_token(DEMO);
        app.advance(30 * 24 * 3600);
        let proof = app.verify(&phone(0));
        let good = app.link_token(DEMO);
        let (head, _) = good.rsplit_once('.').unwrap();
        let foreign = signed_with_another_key(&app, &good);
        let unsigned = format!("{head}.");
        let access = "eyJhbGciOiJub25lIiwidHlwIjoibGluaytqd3QifQ.e30.";
        for bad in [old.as_str(), &foreign, &unsigned, access, "", "nonsense", DEMO] {
            let answer = app.post("/v1/accounts", sign_up_body(&proof, bad)).send();
            assert_eq!(answer.problem(422, "link_token_invalid").at("/errors/0/pointer"), "/link_token");
            let verification = json!({ "phone": phone(1), "link_token": bad });
            app.post("/v1/verifications", verification).send().problem(422, "link_token_invalid");
        }
        assert_nothing_created(&app);
        assert_eq!(rows(&app, "verifications"), 1);
        app.post("/v1/accounts", sign_up_body(&proof, &good)).send().expect(201);
        app.deliver_all();
    }

    fn new_device_sees_no_earlier_data(app: TestApp) {
        let old = app.sign_up(&phone(0));
        app.transport.clear();
        let new = app.sign_in(&phone(0));
        assert_eq!(new.at("/session/scope"), "restricted");
        let token = new.str("/session/access_token");
        let entries = format!("/v1/me/conversations/{}/entries", old.conversation_id);

        let me = app.get("/v1/me").bearer(&token).send().expect(200);
        assert_eq!((me.at("/scope"), me.at("/patients")), (json!("restricted"), json!([])));
        let pairings = app.get("/v1/me/pairings").bearer(&token).send().expect(200);
        assert_eq!(pairings.at("/items"), json!([]));
        app.get(&entries).bearer(&token).send().problem(404, "conversation_not_found");
        let message = app.post(&entries, json!({ "body": "Hello" })).bearer(&token);
        message.send().problem(404, "conversation_not_found");
        let patient = format!("/v1/me/patients/{}", old.patient_id);
        app.patch(&patient, json!({ "given_name": "Eve" })).bearer(&token).send().problem(404, "patient_not_found");
        let pairing = format!("/v1/me/pairings/{}", old.pairing_id);
        app.delete(&pairing).bearer(&token).send().problem(404, "pairing_not_found");
        app.delete("/v1/me").bearer(&token).send().problem(403, "session_restricted");

        // A refreshed token has no wider scope.
        let refresh = json!({ "refresh_token": new.str("/session/refresh_token") });
        let refreshed = app.post("/v1/sessions/refresh", refresh).send().expect(200);
        assert_eq!(refreshed.at("/session/scope"), "restricted");
        let token = refreshed.str("/session/access_token");
        app.get(&entries).bearer(&token).send().problem(404, "conversation_not_found");
    }

    fn new_device_pairs_only_with_a_patient_it_added(app: TestApp) {
        let old = app.sign_up(&phone(0));
        let token = app.sign_in(&phone(0)).str("/session/access_token");
        let link_token = app.link_token(DEMO);
        let pair = |body: Value| app.post("/v1/pairings", body).bearer(&token).send();
        pair(json!({ "link_token": link_token })).problem(403, "session_restricted");
        let body = json!({ "link_token": link_token, "patient_id": old.patient_id });
        pair(body).problem(404, "patient_not_found");

        let person = json!({ "given_name": "Alex", "family_name": "Rivera" });
        app.post("/v1/me/patients", person).bearer(&token).send().expect(201);
        let paired = pair(json!({ "link_token": link_token })).expect(201);
        assert_ne!(paired.str("/conversation/id"), old.conversation_id);
        let mine = format!("/v1/me/conversations/{}/entries", paired.str("/conversation/id"));
        app.get(&mine).bearer(&token).send().expect(200);
        let pairings = app.get("/v1/me/pairings").bearer(&token).send().expect(200);
        assert_eq!(pairings.at("/items").as_array().unwrap().len(), 1);
        app.deliver_all();
    }

    fn new_device_notifies_practice_and_older_device(app: TestApp) {
        let old = app.sign_up(&phone(0));
        app.transport.clear();
        app.sign_in(&phone(0));
        let mails = app.transport.sent_to("frontdesk@oakstreet.example");
        assert_eq!(mails.len(), 1);
        let mail = format!("{}\n{}\n{}", mails[0].subject, mails[0].body, mails[0].html);
        assert!(mails[0].subject.contains("new device"), "{mail}");
        for secret in ["Alex", "Rivera", "1987", &phone(0)[2..], "2000"] {
            assert!(!mail.contains(secret), "{secret} in {mail}");
        }
        let entries = format!("/v1/me/conversations/{}/entries", old.conversation_id);
        let entries = app.get(&entries).bearer(&old.access_token).send().expect(200);
        let last = entries.at("/items").as_array().unwrap().last().cloned().unwrap();
        assert_eq!(last["kind"], "system");
        assert!(last["body"].as_str().unwrap().contains("new device"), "{last}");
    }

    fn refresh_token_reuse_ends_the_session(app: TestApp) {
        let signed_up = app.sign_up(&phone(0));
        let refresh = |token: &str| app.post("/v1/sessions/refresh", json!({ "refresh_token": token })).send();
        let second = refresh(&signed_up.refresh_token).expect(200);
        let third = refresh(&second.str("/session/refresh_token")).expect(200);
        let newest = third.str("/session/access_token");
        app.get("/v1/me").bearer(&newest).send().expect(200);

        refresh(&signed_up.refresh_token).problem(401, "refresh_token_reused");
        for dead in [&newest, &signed_up.access_token, &second.str("/session/access_token")] {
            app.get("/v1/me").bearer(dead).send().problem(401, "unauthorized");
        }
        assert_eq!(refresh(&third.str("/session/refresh_token")).expect(401).status, 401);
        refresh("rt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").problem(401, "refresh_token_invalid");
    }

    fn refresh_token_expires_after_ninety_days(app: TestApp) {
        let signed_up = app.sign_up(&phone(0));
        app.advance(90 * 24 * 3600);
        let body = json!({ "refresh_token": signed_up.refresh_token });
        app.post("/v1/sessions/refresh", body).send().problem(401, "refresh_token_invalid");
    }

    fn sign_out_revokes_the_access_token_at_once(app: TestApp) {
        let one = app.sign_up(&phone(0));
        let other = app.sign_in(&phone(0)).str("/session/access_token");
        app.delete("/v1/sessions/current").bearer(&one.access_token).send().expect(204);
        app.get("/v1/me").bearer(&one.access_token).send().problem(401, "unauthorized");
        app.delete("/v1/sessions/current").bearer(&one.access_token).send().problem(401, "unauthorized");
        let body = json!({ "refresh_token": one.refresh_token });
        app.post("/v1/sessions/refresh", body).send().expect(401);
        app.get("/v1/me").bearer(&other).send().expect(200);
    }

    fn access_token_expires_after_fifteen_minutes(app: TestApp) {
        let signed_up = app.sign_up(&phone(0));
        assert_eq!(signed_up.json["session"]["expires_in"], 900);
        app.advance(899);
        app.get("/v1/me").bearer(&signed_up.access_token).send().expect(200);
        app.advance(1);
        app.get("/v1/me").bearer(&signed_up.access_token).send().problem(401, "unauthorized");
        let body = json!({ "refresh_token": signed_up.refresh_token });
        let fresh = app.post("/v1/sessions/refresh", body).send().expect(200).str("/session/access_token");
        app.get("/v1/me").bearer(&fresh).send().expect(200);
    }

    fn access_token_verifies_with_the_published_keys(app: TestApp) {
        let signed_up = app.sign_up(&phone(0));
        let token = &signed_up.access_token;
        let header = jsonwebtoken::decode_header(token).unwrap();
        assert_eq!((header.alg, header.typ.as_deref()), (Algorithm::EdDSA, Some("at+jwt")));
        let keys = app.get("/.well-known/jwks.json").send().expect(200);
        let keys = keys.at("/keys").as_array().cloned().unwrap();
        let key = keys.iter().find(|key| key["kid"].as_str() == header.kid.as_deref()).expect("its kid");
        assert!(key.get("d").is_none());
        let key = DecodingKey::from_ed_components(key["x"].as_str().unwrap()).unwrap();
        let mut rules = Validation::new(Algorithm::EdDSA);
        // The claims follow the test's clock, not the machine's.
        rules.validate_exp = false;
        rules.validate_aud = false;
        let claims = jsonwebtoken::decode::<Value>(token, &key, &rules).unwrap().claims;
        assert_eq!(claims["iss"], "http://links.example.test");
        assert_eq!(claims["sub"], signed_up.account_id);
        assert_eq!(claims["exp"].as_i64().unwrap(), app.now().seconds() + 900);
        assert!(claims["aud"].is_string());
        assert!(!claims.to_string().contains("555"), "no number in a token: {claims}");
    }

    fn token_is_refused_for_any_other_purpose(app: TestApp) {
        let signed_up = app.sign_up(&phone(0));
        let link_token = app.link_token(DEMO);
        app.get("/v1/me").bearer(&link_token).send().problem(401, "unauthorized");
        let body = json!({ "link_token": signed_up.access_token });
        app.post("/v1/pairings", body).bearer(&signed_up.access_token).send().problem(422, "link_token_invalid");
        app.get("/v1/me").bearer(&signed_up.refresh_token).send().problem(401, "unauthorized");
        app.get("/v1/me").send().problem(401, "unauthorized");
        app.get("/v1/me").bearer(&signed_with_another_key(&app, &signed_up.access_token)).send().problem(401, "unauthorized");
        let body = json!({ "refresh_token": signed_up.access_token });
        app.post("/v1/sessions/refresh", body).send().problem(401, "refresh_token_invalid");
    }

    // Case 15.
    fn database_dump_holds_no_usable_secret(app: TestApp) {
        let link_token = app.link_token(DEMO);
        let body = json!({ "phone": phone(0), "link_token": link_token });
        let started = app.post("/v1/verifications", body).key("key-of-the-start").send().expect(201);
        let (id, secret) = (started.str("/verification/id"), started.str("/client_secret"));
        let queued = dump(&app);
        let code = app.code_for(&phone(0));
        assert!(!queued.contains(&code), "the code is in the database");
        let check = app.post(&format!("/v1/verifications/{id}/checks"), json!({ "code": code }));
        let proof = check.bearer(&secret).key("key-of-the-check").send().expect(200).str("/phone_proof");
        let body = sign_up_body(&proof, &link_token);
        let made = app.post("/v1/accounts", body).key("key-of-the-account").send().expect(201);
        let refresh = json!({ "refresh_token": made.str("/session/refresh_token") });
        let refreshed = app.post("/v1/sessions/refresh", refresh).key("key-of-the-refresh").send().expect(200);
        app.deliver_all();

        let secrets = [
            code, secret, proof, link_token,
            made.str("/session/access_token"), made.str("/session/refresh_token"),
            refreshed.str("/session/access_token"), refreshed.str("/session/refresh_token"),
            "key-of-the-start".into(), "key-of-the-check".into(),
            "key-of-the-account".into(), "key-of-the-refresh".into(),
        ];
        let dump = dump(&app);
        assert!(dump.contains(&phone(0)) && dump.contains("Rivera"), "the dump holds what is stored in plain text");
        assert_eq!(rows(&app, "idempotency_keys"), 4);
        for secret in &secrets {
            // A token's prefix is not secret, so its random part is searched for on its own too.
            let bare = secret.split_once('_').map_or(secret.as_str(), |(_, random)| random);
            for form in [secret.clone(), bare.to_owned(), hex(secret), hex(bare)] {
                assert!(!dump.contains(&form), "{secret} is in the database");
            }
        }
    }
}

/// The same token, signed with a foreign key that has our key's id.
fn signed_with_another_key(app: &TestApp, token: &str) -> String {
    let header = jsonwebtoken::decode_header(token).unwrap();
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(token).unwrap().claims;
    let file = app.state.service.settings.data_dir.join("strangers.json");
    let entropy = SeededEntropy::new(666);
    let name = Keys::load_or_create(&file, app.now(), &entropy).unwrap().current_kid(app.now()).to_owned();
    let renamed = std::fs::read_to_string(&file).unwrap().replace(&name, &header.kid.unwrap());
    std::fs::write(&file, renamed).unwrap();
    let keys = Keys::load_or_create(&file, app.now(), &entropy).unwrap();
    keys.sign(Timestamp::from_millis(0), &header.typ.unwrap(), &claims).unwrap()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Every value of every column of every table, bytes as hexadecimal digits.
fn dump(app: &TestApp) -> String {
    app.write(|tx| {
        let catalog = match tx.settings.database.url.starts_with("postgres") {
            true => {
                "SELECT table_name || '|' || 'CAST(\"' || column_name || '\" AS TEXT)' \
                 FROM information_schema.columns WHERE table_schema = 'public'"
            }
            false => {
                "SELECT m.name || '|' || 'CASE typeof(\"' || c.name || '\") WHEN ''blob'' \
                 THEN lower(hex(\"' || c.name || '\")) ELSE CAST(\"' || c.name || '\" AS TEXT) END' \
                 FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"
            }
        };
        let columns: Vec<String> = diesel::dsl::sql::<Text>(catalog).get_results(tx.conn)?;
        let mut dump = Vec::new();
        for column in columns {
            let (table, value) = column.split_once('|').unwrap();
            let select = format!("SELECT coalesce({value}, '') FROM \"{table}\"");
            dump.extend(diesel::dsl::sql::<Text>(&select).get_results::<String>(tx.conn)?);
        }
        Ok(dump.join("\n"))
    })
}

both! {
    // Numbers are recycled: the two devices may belong to two people.
    fn older_device_does_not_see_data_of_a_new_device(app: TestApp) {
        let old = app.sign_up(&phone(90));
        let new = app.sign_in(&phone(90)).str("/session/access_token");
        let person = json!({ "given_name": "Sam", "family_name": "Ortiz" });
        let added = app.post("/v1/me/patients", person).bearer(&new).send().expect(201);
        let body = json!({ "link_token": app.link_token(DEMO), "patient_id": added.at("/patient/id") });
        let made = app.post("/v1/pairings", body).bearer(&new).send().expect(201);
        app.deliver_all();

        let mine = app.get("/v1/me/pairings").bearer(&old.access_token).send().expect(200);
        assert_eq!(mine.at("/items").as_array().unwrap().len(), 1);
        assert_eq!(mine.at("/items/0/pairing/id"), old.pairing_id);
        let people = app.get("/v1/me").bearer(&old.access_token).send().expect(200);
        assert!(!people.text().contains("Ortiz"), "{}", people.text());
        let theirs = format!("/v1/me/conversations/{}/entries", made.str("/conversation/id"));
        app.get(&theirs).bearer(&old.access_token).send().problem(404, "conversation_not_found");
        let pairing = format!("/v1/me/pairings/{}", made.str("/pairing/id"));
        app.delete(&pairing).bearer(&old.access_token).send().problem(404, "pairing_not_found");
    }
}

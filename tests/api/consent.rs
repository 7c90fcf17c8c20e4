//! Opt-out by text: STOP, START and HELP, from both providers.

use std::sync::{Arc, Mutex};

use practice_links::delivery;
use practice_links::delivery::sms::SmsProvider;
use practice_links::delivery::sms::kannel::urls;
use practice_links::domain::retention;
use practice_links::kit::Secret;
use practice_links::platform::outbox::{Envelope, Outcome, Outgoing, SendResult, Sender};
use practice_links::platform::settings::BadSetting;

use crate::callbacks::twilio;
use crate::harness::{Builder, Provider, ScriptedReply, TestApp, drain, phone};

const TWILIO: &str = "+15005550006";
const KANNEL: &str = "+15005550010";

fn senders(config: &mut delivery::Settings) {
    config.twilio.auth_token = Some(Secret::from_client("12345"));
    config.twilio.from = TWILIO.into();
    config.kannel.from = KANNEL.into();
}

fn started(on: Builder) -> TestApp {
    on.delivery(senders).start()
}

/// A provider that is neither Twilio nor Kannel. It remembers what it was asked to send.
#[derive(Default)]
struct Pigeon(Mutex<Vec<String>>);

const PIGEON: &str = "+15005550020";

impl Pigeon {
    fn texts(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl SmsProvider for Pigeon {
    fn name(&self) -> &'static str {
        "pigeon"
    }

    fn sender(&self) -> Option<&str> {
        Some(PIGEON)
    }

    fn check(&self) -> Result<(), BadSetting> {
        Ok(())
    }

    fn can_send(&self, message: &Outgoing) -> bool {
        matches!(message, Outgoing::Sms(_))
    }

    fn send(&self, message: &Outgoing, _: &Envelope<'_>) -> SendResult {
        let Outgoing::Sms(text) = message else { panic!("not a text") };
        self.0.lock().unwrap().push(text.body.clone());
        SendResult::by("pigeon", Outcome::Sent)
    }
}

/// The senders as they are stored and compared.
const TWILIO_KEY: &str = "15005550006";
const KANNEL_KEY: &str = "15005550010";

/// Receives a text through Twilio, with its own id.
fn receive_by_twilio(app: &TestApp, id: &str, text: &str) {
    let from = phone(0);
    let fields = [("MessageSid", id), ("From", from.as_str()), ("To", TWILIO), ("Body", text)];
    let reply = twilio(app, "/v1/callbacks/twilio/inbound", &fields).send().expect(200);
    assert!(reply.text().ends_with("<Response></Response>"), "{}", reply.text());
}

/// Receives a text through Kannel.
fn receive_by_kannel(app: &TestApp, id: &str, from: &str, text: &str) {
    let token = urls::inbound_token(&app.state.service.keys);
    let query = format!("token={token}&id={id}&from={from}&to={KANNEL_KEY}&text={text}");
    app.get(&format!("/v1/callbacks/kannel/inbound?{query}")).send().expect(200);
}

/// Delivers and returns the texts that answer the patient.
fn answers(app: &TestApp) -> Vec<String> {
    app.deliver_all();
    let texts = app.transport.sent_to(&phone(0)).into_iter().filter(|text| text.code.is_none());
    texts.map(|text| text.body).collect()
}

/// The senders that may send a code to the number.
fn sender_of_a_code(app: &TestApp) -> Sender {
    app.transport.clear();
    app.start(&phone(0));
    app.deliver_all();
    app.transport.sent_to(&phone(0)).pop().unwrap().sender.unwrap()
}

both! {
    fn stop_is_answered_once_and_blocks_only_its_sender(on: Builder) {
        let app = started(on);
        receive_by_twilio(&app, "SM1", "Stop");
        let texts = answers(&app);
        assert_eq!(texts.len(), 1);
        assert!(texts[0].starts_with("Practice Messenger: ") && texts[0].len() <= 160, "{}", texts[0]);
        assert_eq!(app.transport.sent()[0].sender, Some(Sender::Only(TWILIO_KEY.into())));
        receive_by_twilio(&app, "SM2", "STOP ALL");
        assert_eq!(answers(&app).len(), 1, "a second STOP gets no answer");
        assert_eq!(sender_of_a_code(&app), Sender::AnyBut(vec![TWILIO_KEY.into()]));
    }

    fn stop_to_any_provider_is_answered_from_its_number(on: Builder) {
        let pigeon = Arc::new(Pigeon::default());
        let provider = Arc::<Pigeon>::clone(&pigeon);
        let app = on.delivery(senders).delivery(|config| config.sms.provider = "pigeon".into()).provider(provider).start();
        let worker = app.real_worker();
        let stop = |id: &str, to: &str| {
            let from = phone(0);
            let fields = [("MessageSid", id), ("From", from.as_str()), ("To", to), ("Body", "STOP")];
            twilio(&app, "/v1/callbacks/twilio/inbound", &fields).send().expect(200);
            drain(&worker);
        };
        stop("SM1", "+15005550099");
        assert_eq!(app.count("SELECT count(*) FROM opt_outs"), 1, "no sender of ours today, but perhaps tomorrow");
        assert_eq!(pigeon.texts(), Vec::<String>::new());
        stop("SM2", PIGEON);
        assert_eq!(pigeon.texts().len(), 1);
        assert!(pigeon.texts()[0].contains("unsubscribed"), "{:?}", pigeon.texts());
        app.start(&phone(0));
        drain(&worker);
        assert_eq!(pigeon.texts().len(), 1, "the number gets no code from this sender");
    }

    fn replayed_stop_does_not_undo_a_later_start(on: Builder) {
        let app = started(on);
        receive_by_twilio(&app, "SM1", "STOP");
        receive_by_twilio(&app, "SM2", "START");
        receive_by_twilio(&app, "SM1", "STOP");
        assert_eq!(answers(&app).len(), 2, "one per keyword");
        assert_eq!(sender_of_a_code(&app), Sender::AnyBut(vec![]));
    }

    fn start_without_earlier_stop_gets_no_answer(on: Builder) {
        let app = started(on);
        receive_by_twilio(&app, "SM1", "yes");
        assert_eq!(answers(&app), Vec::<String>::new());
    }

    fn help_is_answered_once_per_ten_minutes(on: Builder) {
        let app = started(on);
        for id in ["SM1", "SM2", "SM3"] {
            receive_by_twilio(&app, id, "HELP");
        }
        assert_eq!(answers(&app).len(), 1);
        app.advance(599);
        receive_by_twilio(&app, "SM4", "info");
        assert_eq!(answers(&app).len(), 1);
        app.advance(1);
        receive_by_twilio(&app, "SM5", "help?");
        assert_eq!(answers(&app).len(), 2);
    }

    fn spanish_keywords_get_spanish_answers(on: Builder) {
        let app = started(on);
        for (id, word, part) in [("SM1", "¡Alto!", "baja"), ("SM2", "Ayuda", "codigos"), ("SM3", "INICIAR", "otra vez")] {
            receive_by_twilio(&app, id, word);
            let text = answers(&app).pop().unwrap();
            assert!(text.contains(part), "{text}");
        }
    }

    fn other_text_is_ignored_and_not_stored(on: Builder) {
        let app = started(on);
        for (id, text) in [("SM1", "cancel my visit"), ("SM2", ""), ("SM3", "\u{0}"), ("SM4", "Is this the end?")] {
            receive_by_twilio(&app, id, text);
        }
        assert_eq!(answers(&app), Vec::<String>::new());
        assert_eq!(app.count("SELECT count(*) FROM inbound_texts"), 0, "they are not stored");
    }

    fn stop_answered_by_twilio_is_not_answered_again(on: Builder) {
        let app = started(on);
        let from = phone(0);
        let fields = [("MessageSid", "SM1"), ("From", from.as_str()), ("To", TWILIO), ("Body", "STOP"), ("OptOutType", "STOP")];
        twilio(&app, "/v1/callbacks/twilio/inbound", &fields).send().expect(200);
        assert_eq!(answers(&app), Vec::<String>::new());
        assert_eq!(sender_of_a_code(&app), Sender::AnyBut(vec![TWILIO_KEY.into()]));
    }

    fn stop_to_one_number_opts_out_of_the_messaging_service(on: Builder) {
        let service = "MG00000000000000000000000000000001";
        let app = on.delivery(senders).delivery(move |config| config.twilio.from = service.into()).start();
        let from = phone(0);
        let fields = [("MessageSid", "SM1"), ("From", from.as_str()), ("To", "+15005550007"), ("MessagingServiceSid", service), ("Body", "STOP")];
        twilio(&app, "/v1/callbacks/twilio/inbound", &fields).send().expect(200);
        assert_eq!(answers(&app).len(), 1);
        assert_eq!(sender_of_a_code(&app), Sender::AnyBut(vec![service.into()]));
    }

    fn invalid_sender_or_recipient_changes_nothing(on: Builder) {
        let app = started(on);
        for (from, to) in [("", TWILIO), ("ACME", TWILIO), ("72345", TWILIO), ("whatsapp:+14155552000", TWILIO), ("+14155552000", ""), ("+14155552000", "\u{0}")] {
            let fields = [("MessageSid", "SM1"), ("From", from), ("To", to), ("Body", "STOP")];
            twilio(&app, "/v1/callbacks/twilio/inbound", &fields).send().expect(200);
        }
        app.form("/v1/callbacks/twilio/inbound", &[("Body", "STOP")]).send().problem(403, "signature_invalid");
        assert_eq!(app.count("SELECT count(*) FROM opt_outs"), 0);
    }

    fn kannel_inbound_text_needs_the_token_in_its_url(on: Builder) {
        let app = started(on);
        let token = urls::inbound_token(&app.state.service.keys);
        // SMPP carriers omit the plus.
        let get = |token: &str, id: &str, text: &str| {
            app.get(&format!("/v1/callbacks/kannel/inbound?token={token}&id={id}&from=14155552000&to=15005550010&text={text}")).send()
        };
        get("", "a", "STOP").problem(403, "signature_invalid");
        get("wrong", "a", "STOP").problem(403, "signature_invalid");
        app.get("/v1/callbacks/kannel/inbound").send().problem(403, "signature_invalid");
        assert_eq!(get(&token, "a", "%20Stop.").expect(200).text(), "");
        get(&token, "a", "Stop").expect(200);
        get(&token, "b", "%FF%00").expect(200);
        assert_eq!(answers(&app).len(), 1);
        assert_eq!(app.transport.sent()[0].sender, Some(Sender::Only(KANNEL_KEY.into())));
        assert_eq!(sender_of_a_code(&app), Sender::AnyBut(vec![KANNEL_KEY.into()]));
        assert_eq!(urls::inbound_url("http://links.example.test", &app.state.service.keys), format!("http://links.example.test/v1/callbacks/kannel/inbound?token={token}&id=%I&from=%p&to=%P&text=%a"));
    }

    fn opted_out_provider_is_skipped_and_none_left_fails(on: Builder) {
        let (first, second) = (Provider::start(), Provider::start());
        let urls = (first.url.clone(), second.url.clone());
        let app = on.delivery(senders).delivery(move |config| {
            config.sms.provider = "twilio".into();
            config.sms.fallback = Some("kannel".into());
            config.twilio.base_url = urls.0;
            config.twilio.account_sid = "AC00000000000000000000000000000001".into();
            config.kannel.url = urls.1;
            config.kannel.username = "links".into();
            config.kannel.password = Some(Secret::from_client("password"));
        }).start();
        let worker = app.real_worker();
        receive_by_twilio(&app, "SM1", "STOP");
        drain(&worker);
        assert_eq!((first.requests().len(), second.requests().len()), (1, 0), "the answer comes from the number that got the text");
        app.start(&phone(0));
        drain(&worker);
        assert_eq!((first.requests().len(), second.requests().len()), (1, 1));
        let token = urls::inbound_token(&app.state.service.keys);
        app.get(&format!("/v1/callbacks/kannel/inbound?token={token}&id=a&from=14155552000&to=15005550010&text=quit")).send().expect(200);
        // An answer has one possible sender, so there is no failover.
        second.answer_next(1, &ScriptedReply::status(400));
        drain(&worker);
        assert_eq!((first.requests().len(), second.requests().len()), (1, 2));
        let verification = app.start(&phone(0));
        drain(&worker);
        assert_eq!((first.requests().len(), second.requests().len()), (1, 2));
        let call = app.get(&format!("/v1/verifications/{}", verification.id)).bearer(&verification.secret);
        let screen = call.send().expect(200);
        assert_eq!(screen.at("/verification/delivery"), "failed");
        assert_eq!(screen.at("/verification/next_call"), 0, "STOP does not block calls");
    }

    // Some carriers report a national number, without plus and country code.
    fn national_number_is_read_in_the_default_region(on: Builder) {
        let app = started(on);
        receive_by_kannel(&app, "a", "4155552000", "STOP");
        assert_eq!(answers(&app).len(), 1);
        assert_eq!(sender_of_a_code(&app), Sender::AnyBut(vec![KANNEL_KEY.into()]));
    }

    // A text from abroad must not make us send texts abroad; the opt-out counts nevertheless.
    fn foreign_number_is_opted_out_but_not_answered(on: Builder) {
        let app = started(on);
        for (id, from) in [("a", "4915112345678"), ("b", "004915112345679"), ("c", "%2B4915112345670")] {
            receive_by_kannel(&app, id, from, "STOP");
        }
        app.deliver_all();
        assert_eq!(app.count("SELECT count(*) FROM opt_outs"), 3);
        assert!(app.transport.sent().is_empty());
    }

    fn one_number_gets_at_most_three_answers_per_day(on: Builder) {
        let app = started(on);
        for n in 0..6 {
            receive_by_twilio(&app, &format!("SM{n}"), if n % 2 == 0 { "STOP" } else { "START" });
        }
        assert_eq!(answers(&app).len(), 3);
        assert_eq!(sender_of_a_code(&app), Sender::AnyBut(vec![]), "the last keyword counts");
        app.advance(86_400);
        receive_by_twilio(&app, "SM7", "STOP");
        assert_eq!(answers(&app).len(), 1);
    }

    fn unreadable_sender_is_counted_in_metrics(on: Builder) {
        let app = started(on);
        receive_by_kannel(&app, "a", "72345", "STOP");
        let metrics = app.get("/metrics").send().expect(200).text();
        assert!(metrics.contains("inbound_senders_unreadable_total{provider=\"kannel\"}"), "{metrics}");
    }

    fn stop_survives_respelled_sender_and_provider_change(on: Builder) {
        let provider = Provider::start();
        let url = provider.url.clone();
        let app = on.delivery(senders).delivery(move |config| {
            config.sms.provider = "kannel".into();
            config.kannel.url = url;
            config.kannel.username = "links".into();
            config.kannel.password = Some(Secret::from_client("password"));
            config.kannel.from = TWILIO_KEY.into();
        }).start();
        let from = phone(0);
        let fields = [("MessageSid", "SM1"), ("From", from.as_str()), ("To", TWILIO), ("Body", "STOP"), ("OptOutType", "STOP")];
        twilio(&app, "/v1/callbacks/twilio/inbound", &fields).send().expect(200);
        app.start(&phone(0));
        drain(&app.real_worker());
        assert!(provider.requests().is_empty());
    }

    fn text_ids_expire_after_thirty_days_opt_outs_never(on: Builder) {
        let app = started(on);
        receive_by_twilio(&app, "SM1", "STOP");
        app.deliver_all();
        app.advance(30 * 86_400);
        retention::sweep(&app.state.service).unwrap();
        assert_eq!(app.count("SELECT count(*) FROM inbound_texts"), 1);
        app.advance(1);
        retention::sweep(&app.state.service).unwrap();
        assert_eq!(app.count("SELECT count(*) FROM inbound_texts"), 0);
        assert_eq!(app.count("SELECT count(*) FROM opt_outs"), 1);
    }
}

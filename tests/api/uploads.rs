//! Forms with a file in them, as browsers send them and as they break: the import of records, whose file goes
//! to disk, and the practice's logo, which is held in memory.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use practice_links::platform::settings::Settings;

use crate::console::{as_browser, form_token, redirect_target};
use crate::harness::{Builder, Reply, StaffClient, TestApp};
use crate::imports::{admin, records};

const IMPORT: &str = "/console/records/import";
const LOGO: &str = "/console/settings/practice/logo";
const FORM: &str = "multipart/form-data; boundary=xYz";

fn field(name: &str, value: &str) -> String {
    format!("--xYz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
}

fn file(field: &str, name: &str, text: &str) -> String {
    format!(
        "--xYz\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
         Content-Type: text/csv\r\n\r\n{text}\r\n"
    )
}

fn send_as(app: &TestApp, staff: &StaffClient, path: &str, media_type: &str, body: &str) -> Reply {
    as_browser(staff, app.call("POST", path).raw(media_type, body)).send()
}

fn send(app: &TestApp, staff: &StaffClient, body: &str) -> Reply {
    send_as(app, staff, IMPORT, FORM, body)
}

fn imports(app: &TestApp) -> i64 {
    app.count("SELECT count(*) FROM record_imports")
}

/// Sends the head of a form with the chosen file and what of the body is given.
fn begin(app: &TestApp, staff: &StaffClient, length: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(app.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(
        stream,
        "POST {IMPORT} HTTP/1.1\r\nhost: x\r\ncookie: practice_links={}\r\ncontent-type: {FORM}\r\n\
         {length}\r\nconnection: close\r\n\r\n{body}",
        staff.token
    )
    .unwrap();
    stream
}

fn answer(mut stream: &TcpStream) -> String {
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

const ROWS: &str = "MRN,First,Last\n1,Alex,Rivera\n";

both! {
    fn fields_are_read_in_any_order_around_the_file(app: TestApp) {
        let staff = admin(&app);
        let (token, mode) = (field("form_token", &form_token(&app, &staff)), field("mode", "merge"));
        let file = file("file", "a.csv", ROWS);
        for body in [
            format!("{token}{file}{mode}--xYz--\r\n"),
            format!("{file}{mode}{token}--xYz--"),
            format!("a preamble\r\n{mode}{token}{file}--xYz--\r\nan epilogue"),
        ] {
            redirect_target(&send(&app, &staff, &body));
            app.deliver_all();
            app.advance(1);
        }
        assert_eq!((imports(&app), records(&app, &staff, "").len()), (3, 1));
    }

    /// Longer than every buffer, so that the lines that look like an end are cut in every place.
    fn large_file_with_lines_like_a_boundary_arrives_whole(app: TestApp) {
        let staff = admin(&app);
        let token = field("form_token", &form_token(&app, &staff));
        let row = |n: usize| format!("{n},Alex,\"\r\n--xY\r\r\n--\r\n-{}\"\r\n", "-".repeat(n % 97));
        let rows: String = (0..6_000).map(row).collect();
        let body = format!("{token}{}--xYz--\r\n", file("file", "a.csv", &format!("MRN,First,Last\r\n{rows}")));
        assert!(body.len() > 400_000);
        redirect_target(&send(&app, &staff, &body));
        assert_eq!(app.count("SELECT rows_total FROM record_imports"), 6_000);
        app.deliver_all();
    }

    /// The head is longer than the parser's buffer, which says nothing of the file's size.
    fn part_with_an_endless_head_is_not_called_a_large_file(app: TestApp) {
        let staff = admin(&app);
        let token = field("form_token", &form_token(&app, &staff));
        let part = file("file", "a.csv", ROWS).replace("text/csv", &"x".repeat(200_000));
        let reply = send(&app, &staff, &format!("{token}{part}--xYz--\r\n"));
        assert!(!reply.text().contains("too large"), "{}", reply.text());
        assert_eq!((reply.status, imports(&app)), (400, 0));
    }

    fn second_file_is_ignored(app: TestApp) {
        let staff = admin(&app);
        let token = field("form_token", &form_token(&app, &staff));
        let (first, second) = (file("file", "a.csv", ROWS), file("file", "b.csv", "MRN,First,Last\n2,Bo,Ek\n"));
        redirect_target(&send(&app, &staff, &format!("{token}{first}{second}--xYz--\r\n")));
        app.deliver_all();
        let kept = records(&app, &staff, "");
        assert!(kept.len() == 1 && kept[0].to_string().contains("Rivera"), "{kept:?}");
    }

    fn file_names_of_any_script_tell_the_format(app: TestApp) {
        let staff = admin(&app);
        let token = field("form_token", &form_token(&app, &staff));
        for name in ["さくら.json", "ñ; x=1.json", "%22a%22.JSON", "C:\\\\lists\\\\a.json"] {
            let body = format!("{token}{}--xYz--\r\n", file("file", name, "{}"));
            let text = send(&app, &staff, &body).expect(422).text();
            assert!(text.contains("This is not a FHIR Bundle."), "{name}: {text}");
        }
    }

    /// A saved web page has a media type of its own kind, `multipart/related`.
    fn saved_web_page_is_explained_on_the_form(app: TestApp) {
        let staff = admin(&app);
        let token = field("form_token", &form_token(&app, &staff));
        let page = file("file", "a.mhtml", "<html>").replace("text/csv", "multipart/related");
        let text = send(&app, &staff, &format!("{token}{page}--xYz--\r\n")).expect(422).text();
        assert!(text.contains("This file cannot be read."), "{text}");
    }

    fn broken_form_is_refused_and_changes_nothing(app: TestApp) {
        let staff = admin(&app);
        let token = field("form_token", &form_token(&app, &staff));
        let whole = format!("{token}{}--xYz--\r\n", file("file", "a.csv", ROWS));
        let nameless = whole.replace("; name=\"file\"", "");
        let no_disposition = whole.replace("Content-Disposition: form-data; name=\"file\"", "X-Other: 1");
        let cuts = (0..whole.len() - 4).step_by(7).map(|cut| whole[..cut].to_owned());
        let fields = format!("{token}{}{}--xYz--\r\n", field("a", "b").repeat(64), file("file", "a.csv", ROWS));
        let long = format!("{token}{}{}--xYz--\r\n", field("a", &"b".repeat(16 * 1024 + 1)), file("file", "a.csv", ROWS));
        let head = format!("{token}--xYz\r\nx: {}\r\n\r\n--xYz--\r\n", "b".repeat(10_000));
        for body in cuts.chain([nameless, no_disposition, fields, long, head]) {
            let reply = send(&app, &staff, &body);
            assert_eq!(reply.status, 400, "{body}: {}", reply.text());
        }
        for media_type in ["text/csv", "multipart/mixed; boundary=xYz", "multipart/form-data", ""] {
            let status = send_as(&app, &staff, IMPORT, media_type, &whole).status;
            assert!(status == 415 || media_type == "multipart/form-data" && status == 400, "{media_type}: {status}");
        }
        assert_eq!(imports(&app), 0);
    }

    /// The logo's form is parsed in memory, with the same answers.
    fn broken_logo_form_is_refused(app: TestApp) {
        let staff = admin(&app);
        let token = field("form_token", &form_token(&app, &staff));
        let whole = format!("{}{token}--xYz--\r\n", file("logo", "a.png", "no picture"));
        let text = send_as(&app, &staff, LOGO, FORM, &whole).expect(422).text();
        assert!(text.contains("id=\"logo-error\""), "{text}");
        for cut in (0..whole.len() - 4).step_by(7) {
            send_as(&app, &staff, LOGO, FORM, &whole[..cut]).expect(400);
        }
        send_as(&app, &staff, LOGO, "image/png", &whole).expect(415);
        let heavy = whole.replace("no picture", &"x".repeat(64 * 1024 + 1));
        let text = send_as(&app, &staff, LOGO, FORM, &heavy).expect(422).text();
        assert!(text.contains("A logo can be at most 64 KB."), "{text}");
    }

    fn form_is_refused_where_its_file_is_too_large(app: TestApp) {
        let staff = admin(&app);
        // Announced: before anything arrives.
        assert_eq!(answer(&begin(&app, &staff, "content-length: 67108865", "")), "HTTP/1.1 422");
        // Not announced: as soon as the limit is passed.
        let mut stream = begin(&app, &staff, "transfer-encoding: chunked", "");
        let chunk = vec![b'x'; 1024 * 1024];
        let head = file("file", "a.csv", "");
        write!(stream, "{:x}\r\n{head}\r\n", head.len()).unwrap();
        for _ in 0..64 {
            write!(stream, "{:x}\r\n", chunk.len()).unwrap();
            stream.write_all(&chunk).unwrap();
            stream.write_all(b"\r\n").unwrap();
        }
        assert_eq!(answer(&stream), "HTTP/1.1 422");
        assert_eq!(imports(&app), 0);
    }

    /// The file that a form is written to has no name, so its content ends with the request or the process.
    fn stalled_form_times_out_and_leaves_no_file(on: Builder) {
        let app = on.config(|config| config.server.body_timeout_seconds = 1).start();
        let staff = admin(&app);
        let began = Instant::now();
        let stream = begin(&app, &staff, "content-length: 1000", &file("file", "a.csv", ROWS));
        std::thread::sleep(Duration::from_millis(300));
        let folder = &app.state.service.settings.data_dir;
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let spooled: Vec<String> = names.filter(|name| name.starts_with("spool")).collect();
        assert!(spooled.is_empty(), "{spooled:?}");
        assert_eq!(answer(&stream), "HTTP/1.1 408");
        assert!((Duration::from_millis(900)..Duration::from_secs(5)).contains(&began.elapsed()));
        assert_eq!(imports(&app), 0);
    }

    fn browser_that_hangs_up_imports_nothing(app: TestApp) {
        let staff = admin(&app);
        let token = field("form_token", &form_token(&app, &staff));
        let body = format!("{token}{}", file("file", "a.csv", ROWS));
        let stream = begin(&app, &staff, "content-length: 100000", &body);
        stream.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        let _ = (&stream).read_to_end(&mut rest);
        let rest = String::from_utf8_lossy(&rest);
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 400"), "{rest}");
        assert_eq!(imports(&app), 0);
        app.get("/healthz").send().expect(200);
    }

    fn full_disk_is_an_outage_and_not_a_wrong_file(on: Builder) {
        let full = |config: &mut Settings| {
            config.keys_file = config.data_dir.join("keys.json");
            config.data_dir = "/dev/null/none".into();
        };
        let app = on.config(full).start();
        let staff = admin(&app);
        let token = field("form_token", &form_token(&app, &staff));
        send(&app, &staff, &format!("{token}{}--xYz--\r\n", file("file", "a.csv", ROWS))).expect(503);
        assert_eq!(imports(&app), 0);
    }
}

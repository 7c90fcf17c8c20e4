//! The console's pages for records and imports, used like a browser without scripts does.

use practice_links::staff::Role;

use super::imports::{admin, table};
use crate::harness::{Call, Reply, StaffClient, TestApp};

fn as_browser(staff: &StaffClient, call: Call) -> Call {
    call.header("cookie", &format!("practice_links={}", staff.token))
}

#[track_caller]
fn page(app: &TestApp, staff: &StaffClient, path: &str) -> String {
    as_browser(staff, app.get(path)).send().expect(200).text()
}

/// Sends the upload form as a browser does: the form token, the file, then `fields`.
fn upload(
    app: &TestApp,
    staff: &StaffClient,
    token: &str,
    fields: &[(&str, &str)],
    file: Option<(&str, &str)>,
) -> Reply {
    let field = |(name, value): &(&str, &str)| {
        format!("--xYz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let (name, text) = file.unwrap_or_default();
    let body = field(&("form_token", token))
        + &format!(
            "--xYz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n{text}\r\n"
        )
        + &fields.iter().map(field).collect::<String>()
        + "--xYz--\r\n";
    let call = app.call("POST", "/console/records/import");
    as_browser(staff, call.raw("multipart/form-data; boundary=xYz", body)).send()
}

fn form_token(app: &TestApp, staff: &StaffClient) -> String {
    let text = page(app, staff, "/console/records/import");
    let (_, rest) = text.split_once("name=\"form_token\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

const ROWS: &str = "Chart,Vorname,Nachname,Mobile\n1,Alex,Rivera,(415) 555-2001\n2,,Stone,\n";

both! {
    /// From the empty page through the form to the progress bar, the results file and the list.
    fn uploaded_file_shows_progress_results_and_records(app: TestApp) {
        let staff = admin(&app);
        assert!(page(&app, &staff, "/console/records").contains("Import your patient list"));
        let token = form_token(&app, &staff);
        let fields = [("mode", "merge"), ("column_given_name", "Vorname"), ("column_family_name", "nachname")];
        let begun = upload(&app, &staff, &token, &fields, Some(("patients.csv", ROWS))).expect(303);
        let place = begun.header("location").unwrap().to_owned();
        let running = as_browser(&staff, app.get(&place)).send().expect(200);
        assert_eq!(running.header("refresh"), Some("2"));
        assert!(running.text().contains("<progress max=\"2\" value=\"0\""), "{}", running.text());
        app.deliver_all();
        let over = as_browser(&staff, app.get(&place)).send().expect(200);
        assert_eq!(over.header("refresh"), None);
        assert!(over.text().contains("<progress max=\"2\" value=\"2\""), "{}", over.text());
        let results = page(&app, &staff, &format!("{place}/results.csv"));
        assert!(results.contains("1,1,created,,\r\n2,2,refused,name_missing,"), "{results}");
        assert!(page(&app, &staff, "/console/records/import").contains(&place));
        assert!(page(&app, &staff, "/console/records").contains("Rivera, Alex"));
        let found = page(&app, &staff, "/console/records?q=4155552001");
        let (_, rest) = found.split_once("href=\"/console/records/rec_").unwrap();
        let record = format!("/console/records/rec_{}", rest.split('"').next().unwrap());
        assert!(page(&app, &staff, &record).contains("+14155552001"));
        assert!(page(&app, &staff, "/console/records?q=nobody").contains("No matching records"));
    }

    /// Errors are shown at their fields, and the form keeps its input.
    fn unreadable_file_is_explained_on_the_form(app: TestApp) {
        let staff = admin(&app);
        let token = form_token(&app, &staff);
        let refused = upload(&app, &staff, &token, &[("mode", "replace"), ("column_number", "Chart")], Some(("a.csv", ROWS)));
        let text = refused.expect(422).text();
        assert!(text.contains("id=\"column_given_name-error\""), "{text}");
        assert!(text.contains("Your file has:") && text.contains("Vorname"), "{text}");
        assert!(text.contains("value=\"Chart\"") && text.contains("value=\"replace\" checked"), "{text}");
        let none = upload(&app, &staff, &token, &[], None).expect(422).text();
        assert!(none.contains("Choose a file."), "{none}");
        let bundle = upload(&app, &staff, &token, &[], Some(("a.json", "{}"))).expect(422).text();
        assert!(bundle.contains("This is not a FHIR Bundle."), "{bundle}");
        upload(&app, &staff, "another", &[], Some(("a.csv", ROWS))).expect(403);
        assert_eq!(app.count("SELECT count(*) FROM record_imports"), 0);
    }

    /// A list that omits most records is explained, in both languages; only then does the form ask for
    /// confirmation.
    fn replace_that_retires_most_asks_for_confirmation(app: TestApp) {
        let staff = admin(&app);
        let row = |n: usize| format!("{n},Alex,Rivera {n}\n");
        let all = format!("MRN,First,Last\n{}", (0..30).map(row).collect::<String>());
        table(&app, &staff, &all);
        let token = form_token(&app, &staff);
        let form = || page(&app, &staff, "/console/records/import");
        assert!(!form().contains("may_retire_most"));
        let one = "MRN,First,Last\n0,Alex,Rivera 0\n";
        let send = |fields: &[(&str, &str)]| {
            let begun = upload(&app, &staff, &token, fields, Some(("whole.csv", one))).expect(303);
            app.deliver_all();
            app.advance(1);
            begun.header("location").unwrap().to_owned()
        };
        let held = send(&[("mode", "replace")]);
        let text = page(&app, &staff, &held);
        assert!(text.contains("29 of your 30 active records are not on the list") && text.contains("Needs attention"), "{text}");
        let spanish = as_browser(&staff, app.get(&held).language("es")).send().expect(200).text();
        assert!(spanish.contains("29 de sus 30 fichas activas no están en la lista"), "{spanish}");
        let asks = form();
        assert!(asks.contains("29 of your 30 active records") && asks.contains("name=\"may_retire_most\""), "{asks}");
        // A form with errors keeps its ticked boxes.
        let fields = [("mode", "replace"), ("may_retire_most", "true")];
        let back = upload(&app, &staff, &token, &fields, Some(("a.csv", ROWS))).expect(422).text();
        assert!(back.contains("aria-describedby=\"held\" checked"), "{back}");
        let meant = page(&app, &staff, &send(&fields));
        assert!(meant.contains("<dd>29</dd>") && !meant.contains("not on the list and"), "{meant}");
        assert!(!form().contains("may_retire_most"));
    }

    /// Rows that identify no patient hold a complete list back too, explained in both languages, with a
    /// separate question.
    fn replace_with_unread_rows_asks_for_confirmation(app: TestApp) {
        let staff = admin(&app);
        let row = |n: usize| format!("{n},Alex,Rivera {n}\n");
        let list = |rows: std::ops::Range<usize>| format!("MRN,First,Last\n{}", rows.map(row).collect::<String>());
        table(&app, &staff, &list(0..30));
        let token = form_token(&app, &staff);
        let form = || page(&app, &staff, "/console/records/import");
        let send = |fields: &[(&str, &str)], list: &str| {
            let begun = upload(&app, &staff, &token, fields, Some(("whole.csv", list))).expect(303);
            app.deliver_all();
            app.advance(1);
            begun.header("location").unwrap().to_owned()
        };
        let few = send(&[("mode", "replace")], &(list(0..28) + ",Ann,Berg\n"));
        let text = page(&app, &staff, &few);
        assert!(text.contains("2 of your 30 active records are not on the list") && text.contains("1 refused row does not"), "{text}");
        assert!(!text.contains("more than half"), "{text}");
        let spanish = as_browser(&staff, app.get(&few).language("es")).send().expect(200).text();
        assert!(spanish.contains("1 fila rechazada no dice de quién es."), "{spanish}");
        assert!(form().contains("may_skip_unread") && !form().contains("may_retire_most"));
        // Both questions are asked until both are answered.
        let most = list(0..2) + ",Ann,Berg\n,Bo,Ek\n";
        send(&[("mode", "replace")], &most);
        assert!(form().contains("2 refused rows do not") && form().contains("may_skip_unread") && form().contains("may_retire_most"));
        let fields = [("mode", "replace"), ("may_skip_unread", "true")];
        let back = upload(&app, &staff, &token, &fields, Some(("a.csv", ROWS))).expect(422).text();
        assert!(back.contains("name=\"may_skip_unread\" value=\"true\" aria-describedby=\"held\" checked"), "{back}");
        assert!(page(&app, &staff, &send(&fields, &most)).contains("more than half"));
        assert!(form().contains("may_skip_unread") && form().contains("may_retire_most"));
        let both = [("mode", "replace"), ("may_skip_unread", "true"), ("may_retire_most", "true")];
        assert!(page(&app, &staff, &send(&both, &most)).contains("<dd>28</dd>"));
        assert!(!form().contains("may_skip_unread"));
    }

    fn import_is_cancelled_by_button(app: TestApp) {
        let staff = admin(&app);
        let token = form_token(&app, &staff);
        let rows = "MRN,First,Last\n1,Alex,Rivera\n";
        let begun = upload(&app, &staff, &token, &[], Some(("a.csv", rows))).expect(303);
        let place = begun.header("location").unwrap().to_owned();
        let again = upload(&app, &staff, &token, &[], Some(("a.csv", rows))).expect(422).text();
        assert!(again.contains("Another import is running."), "{again}");
        let cancel = || as_browser(&staff, app.form(&format!("{place}/cancel"), &[("form_token", &token)])).send();
        assert_eq!(cancel().expect(303).header("location"), Some(place.as_str()));
        assert_eq!(cancel().expect(303).header("location"), Some(place.as_str()));
        app.deliver_all();
        assert!(page(&app, &staff, &place).contains("Import canceled"));
    }

    /// Members search, admins import, the operator's support sees nothing.
    fn records_pages_are_limited_by_role(app: TestApp) {
        let staff = admin(&app);
        table(&app, &staff, "MRN,First,Last\n1,Alex,Rivera\n");
        let practice = app.write(|_, conn| practice_links::practices::list(conn)).remove(0);
        let member = app.staff_client(&practice, "bo", Role::Member);
        let text = page(&app, &member, "/console/records");
        assert!(text.contains("Rivera, Alex") && !text.contains("/console/records/import"), "{text}");
        as_browser(&member, app.get("/console/records/import")).send().expect(403);
        let support = app.staff_client(&practice, "sue", Role::Support);
        as_browser(&support, app.get("/console/records")).send().expect(403);
    }
}

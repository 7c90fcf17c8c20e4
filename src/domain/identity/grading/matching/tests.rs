//! The grades, case by case, and properties that hold for all of them.

use proptest::prelude::*;

use super::*;

const ALEX: GivenDetails<'_> = GivenDetails {
    given_name: "Alexandra",
    family_name: "Rivera",
    birth_date: Some("1987-05-31"),
    phone: Some("+14155552671"),
    email: Some("alex@example.com"),
    email_is_proven: true,
};

fn record(names: &[(&str, &str)], born: &str, phone: &str, email: &str) -> KnownDetails {
    let list = |value: &str| value.split(' ').filter(|v| !v.is_empty()).map(str::to_owned).collect();
    KnownDetails {
        record_id: "rec_1".into(),
        names: names.iter().map(|(given, family)| ((*given).into(), (*family).into())).collect(),
        birth_dates: list(born),
        phones: list(phone),
        emails: list(email),
    }
}

fn alex() -> KnownDetails {
    record(&[("Alexandra", "Rivera")], "1987-05-31", "+14155552671", "alex@example.com")
}

fn graded(given: &GivenDetails<'_>, known: &[KnownDetails]) -> Grade {
    grade(given, known).grade
}

#[test]
fn number_address_and_a_name_that_fits_are_a_match() {
    assert_eq!(graded(&ALEX, &[alex()]), Grade::Match);
    let undated = GivenDetails { birth_date: None, ..ALEX };
    assert_eq!(graded(&undated, &[alex()]), Grade::Match);
    let typed = GivenDetails { email_is_proven: false, ..ALEX };
    assert_eq!(graded(&typed, &[alex()]), Grade::Match, "beside a proven number");
    let spelled = GivenDetails { given_name: "ALEXÁNDRA M.", family_name: "Rivera-Lopez", ..ALEX };
    assert_eq!(graded(&spelled, &[alex()]), Grade::Match);
    let child = GivenDetails { given_name: "Noa", birth_date: None, ..ALEX };
    assert_eq!(graded(&child, &[alex()]), Grade::Partial, "another given name on the parent's number");
    let son = GivenDetails { birth_date: Some("2014-02-01"), ..ALEX };
    assert_eq!(graded(&son, &[alex()]), Grade::Partial, "a birth date that speaks against it");
}

#[test]
fn the_combinations_that_identify_are_certain() {
    let (phone, elsewhere, email) = ("+14155552671", "+13125550100", "alex@example.com");
    let cases = [
        (
            "first + last + born + phone",
            record(&[("Alexandra", "Rivera")], "1987-05-31", phone, ""),
            Grade::Certain,
        ),
        ("last off by a slip", record(&[("Alexandra", "Rivero")], "1987-05-31", phone, ""), Grade::Certain),
        ("another last: married", record(&[("Alexandra", "Stone")], "1987-05-31", phone, ""), Grade::Certain),
        ("first off by a slip", record(&[("Alexandre", "Rivera")], "1987-05-31", phone, ""), Grade::Partial),
        ("born another day", record(&[("Alexandra", "Rivera")], "1987-05-30", phone, ""), Grade::Partial),
        ("e-mail", record(&[("Alexandra", "Rivera")], "1987-05-31", elsewhere, email), Grade::Certain),
        (
            "e-mail, first off by a slip",
            record(&[("Alexandre", "Rivera")], "1987-05-31", elsewhere, email),
            Grade::Certain,
        ),
        (
            "e-mail, both off by a slip",
            record(&[("Alexandre", "Rivero")], "1987-05-31", elsewhere, email),
            Grade::Partial,
        ),
        (
            "e-mail, first and born only",
            record(&[("Alexandra", "Stone")], "1987-05-31", elsewhere, email),
            Grade::Certain,
        ),
        (
            "names and born only",
            record(&[("Alexandra", "Rivera")], "1987-05-31", elsewhere, ""),
            Grade::Partial,
        ),
        ("last and born only", record(&[("Noa", "Rivera")], "1987-05-31", elsewhere, ""), Grade::None),
        ("only the number", record(&[("Ben", "Okoro")], "1950-01-01", phone, ""), Grade::Partial),
        ("nothing", record(&[("Ben", "Okoro")], "1950-01-01", elsewhere, "ben@example.com"), Grade::None),
    ];
    for (what, known, expected) in cases {
        assert_eq!(graded(&ALEX, &[known]), expected, "{what}");
    }
}

#[test]
fn an_address_that_anybody_may_have_typed_identifies_nobody() {
    let typed = GivenDetails { email_is_proven: false, ..ALEX };
    let known = record(&[("Alexandra", "Rivera")], "1987-05-31", "+13125550100", "alex@example.com");
    assert_eq!(graded(&typed, &[known]), Grade::Partial);
}

#[test]
fn short_names_forgive_no_slip() {
    let lee = GivenDetails { given_name: "Lee", family_name: "Park", ..ALEX };
    let known = record(&[("Leo", "Park")], "1987-05-31", "+13125550100", "alex@example.com");
    assert_eq!(graded(&lee, &[known]), Grade::Partial);
}

#[test]
fn father_and_son_are_two_people() {
    let son = GivenDetails { family_name: "Rivera Jr.", ..ALEX };
    let father = record(&[("Alexandra", "Rivera Sr.")], "1987-05-31", "+14155552671", "alex@example.com");
    assert_eq!(graded(&son, &[father]), Grade::Partial);
    let spelled = GivenDetails { family_name: "Rivera Junior", ..ALEX };
    let father = record(&[("Alexandra", "Rivera Sr")], "1987-05-31", "+14155552671", "alex@example.com");
    assert_eq!(graded(&spelled, &[father]), Grade::Partial);
    assert_eq!(graded(&son, &[alex()]), Grade::Match, "a record without a suffix contradicts no suffix");
}

/// Phone number and e-mail address agree, which a household may share; the birth date is unknown.
fn graded_by_name(given: (&str, &str), on_record: (&str, &str)) -> Grade {
    let given = GivenDetails { given_name: given.0, family_name: given.1, birth_date: None, ..ALEX };
    graded(&given, &[record(&[on_record], "", "+14155552671", "alex@example.com")])
}

#[test]
fn a_name_that_shares_a_particle_or_a_sound_with_another_is_another() {
    for (given, on_record) in [
        (("Ana", "van der Berg"), ("Ana", "van der Linden")),
        (("Ana", "San Juan"), ("Ana", "San Miguel")),
        (("Ana", "Del Rio"), ("Ana", "Del Toro")),
        (("芳", "王"), ("方", "汪")),
        (("Fang", "Wang"), ("芳", "王")),
        (("Mary Ann", "Ruiz"), ("Mary Jane", "Ruiz")),
        (("Ana", "García López"), ("Ana", "García Márquez")),
    ] {
        assert_eq!(graded_by_name(given, on_record), Grade::Partial, "{given:?} {on_record:?}");
    }
    for (given, on_record) in [
        (("Ana", "de la Cruz"), ("Ana", "Cruz")),
        (("Zoë", "Nguyễn"), ("Zoe", "Nguyen")),
        (("芳", "王"), ("芳", "王")),
        (("Junior", "Rivera"), ("Júnior", "Rivera Sr.")),
    ] {
        assert_eq!(graded_by_name(given, on_record), Grade::Match, "{given:?} {on_record:?}");
    }
}

#[test]
fn what_a_record_said_before_counts() {
    let moved = record(
        &[("Alexandra", "Stone"), ("Alexandra", "Rivera")],
        "1987-05-31",
        "+13125550100 +14155552671",
        "stone@example.com alex@example.com",
    );
    assert_eq!(graded(&ALEX, &[moved]), Grade::Match);
}

#[test]
fn two_records_decide_nothing_however_well_one_agrees() {
    let spouse = KnownDetails {
        record_id: "rec_2".into(),
        ..record(&[("Ben", "Rivera")], "1985-01-01", "+14155552671", "")
    };
    let verdict = grade(&ALEX, &[spouse, alex()]);
    assert_eq!(verdict.grade, Grade::Ambiguous);
    assert_eq!(verdict.candidates[0].record_id.as_str(), "rec_1", "the best match comes first");
}

fn some_known() -> impl Strategy<Value = KnownDetails> {
    let name = (
        prop::sample::select(vec![
            "Alexandra",
            "Alexandre",
            "Noa",
            "Ben",
            "A",
            "Alexandra Maria",
            "Ålexandra",
        ]),
        prop::sample::select(vec![
            "Rivera",
            "Rivero",
            "Stone",
            "Rivera Jr",
            "Rivera Sr",
            "Rivera Lopez",
            "Li",
        ]),
    );
    let few = |values: Vec<&'static str>| prop::collection::vec(prop::sample::select(values), 0..3);
    (
        prop::collection::vec(name, 0..3),
        few(vec!["1987-05-31", "1987-05-30"]),
        few(vec!["+14155552671", "+13125550100"]),
        few(vec!["alex@example.com", "ben@example.com"]),
    )
        .prop_map(|(names, born, phones, emails)| KnownDetails {
            record_id: "rec_1".into(),
            names: names.into_iter().map(|(given, family)| (given.into(), family.into())).collect(),
            birth_dates: born.into_iter().map(str::to_owned).collect(),
            phones: phones.into_iter().map(str::to_owned).collect(),
            emails: emails.into_iter().map(str::to_owned).collect(),
        })
}

fn some_given() -> impl Strategy<Value = GivenDetails<'static>> {
    (
        prop::sample::select(vec!["Alexandra", "alexandre", "Noa", "A."]),
        prop::sample::select(vec!["Rivera", "Rivera Jr.", "Stone", "RIVERO"]),
        prop::option::of(Just("1987-05-31")),
        prop::option::of(Just("alex@example.com")),
        any::<bool>(),
    )
        .prop_map(|(given_name, family_name, birth_date, email, email_is_proven)| GivenDetails {
            given_name,
            family_name,
            birth_date,
            phone: Some("+14155552671"),
            email,
            email_is_proven,
        })
}

/// Orders the grades of a single record, from no match to a full match.
fn rank(grade: Grade) -> u8 {
    match grade {
        Grade::None => 0,
        Grade::Partial | Grade::Ambiguous => 1,
        Grade::Certain => 2,
        Grade::Match => 3,
    }
}

proptest! {
    #[test]
    fn the_order_of_records_and_of_their_values_does_not_matter(
        given in some_given(),
        known in prop::collection::vec(some_known(), 0..4),
    ) {
        let named = |records: &[KnownDetails]| -> Vec<KnownDetails> {
            let id = |n: usize| format!("rec_{n}").into();
            let named = |(n, one): (usize, &KnownDetails)| KnownDetails { record_id: id(n), ..one.clone() };
            records.iter().enumerate().map(named).collect()
        };
        let straight = named(&known);
        let mut turned = straight.clone();
        turned.reverse();
        for one in &mut turned {
            one.names.reverse();
            one.birth_dates.reverse();
            one.phones.reverse();
            one.emails.reverse();
        }
        prop_assert_eq!(grade(&given, &straight), grade(&given, &turned));
    }

    #[test]
    fn two_candidates_are_never_a_match_nor_certain(
        given in some_given(),
        known in prop::collection::vec(some_known(), 2..5),
    ) {
        let verdict = grade(&given, &known);
        let is_linked = matches!(verdict.grade, Grade::Match | Grade::Certain);
        prop_assert_eq!(verdict.candidates.len() == 1, is_linked || verdict.grade == Grade::Partial);
    }

    #[test]
    fn what_agrees_besides_never_makes_a_grade_worse(given in some_given(), known in some_known()) {
        let before = rank(graded(&given, std::slice::from_ref(&known)));
        let mut more = vec![known.clone(); 4];
        more[0].phones.push("+14155552671".into());
        more[1].emails.extend(given.email.map(str::to_owned));
        more[2].birth_dates.extend(given.birth_date.map(str::to_owned));
        more[3].names.push((given.given_name.into(), given.family_name.into()));
        for known in &more {
            prop_assert!(rank(graded(&given, std::slice::from_ref(known))) >= before, "{known:?}");
        }
        let proven = GivenDetails { email_is_proven: true, ..given };
        prop_assert!(rank(graded(&proven, &[known])) >= before);
    }

    #[test]
    fn nobody_is_linked_by_names_and_birth_date_alone(given in some_given(), known in some_known()) {
        let stranger = KnownDetails { phones: Vec::new(), emails: Vec::new(), ..known };
        prop_assert!(rank(graded(&given, &[stranger])) <= 1);
    }
}

//! Which names are the same, which differ, and properties that hold for all names.

use proptest::prelude::*;

use super::*;

fn given(text: &str) -> NameWords {
    Name::new(text, "x").given
}

#[test]
fn case_accents_hyphens_and_middle_initials_do_not_matter() {
    for (one, two) in [("José", "JOSE"), ("Mary-Ann", "Maryann"), ("Alex M.", "alex"), ("D'Arcy", "DARCY")] {
        assert_eq!(given(one).likeness(&given(two)), Likeness::Equal, "{one} {two}");
    }
}

#[test]
fn one_slip_is_forgiven_from_five_letters_on() {
    for (one, two, likeness) in [
        ("Jonathan", "Jonathon", Likeness::Close),
        ("Martin", "Matrin", Likeness::Close),
        ("Maria", "Mario", Likeness::Close),
        ("Lee", "Leo", Likeness::Unlike),
        ("Anna", "Annas", Likeness::Unlike),
        ("Jonathan", "Johnathon", Likeness::Unlike),
    ] {
        assert_eq!(given(one).likeness(&given(two)), likeness, "{one} {two}");
    }
}

#[test]
fn what_folds_to_nothing_is_like_nothing() {
    assert_eq!(given("…").likeness(&given("…")), Likeness::Unlike);
    assert!(!given("…").is_compatible_given(&given("…")));
}

#[test]
fn a_suffix_is_read_wherever_it_is_written_and_never_alone() {
    let suffix = |given, family| Name::new(given, family).suffix;
    assert_eq!(suffix("Alex", "Rivera Jr."), Some(Suffix::Junior));
    assert_eq!(suffix("Alex", "Rivera, II"), Some(Suffix::Junior));
    assert_eq!(suffix("Alex Sr", "Rivera"), Some(Suffix::Senior));
    assert_eq!(suffix("Alex", "Rivera III"), Some(Suffix::Nth(3)));
    assert_eq!(suffix("Alex", "Jr"), None);
    assert_eq!(Name::new("Alex", "Rivera Jr.").family, Name::new("Alex", "Rivera").family);
}

#[test]
fn a_name_in_one_line_is_read_both_ways() {
    for full in ["Alex Rivera", "Rivera, Alex", "alex m. rivera", "Alex Rivera-López", "Álex RIVERA Jr."] {
        assert!(is_compatible_full(full, "Alex", "Rivera"), "{full}");
    }
    for full in ["Alex", "Rivera", "Sam Rivera", "Alex Stone", "", "Alex Rivera Sr."] {
        assert!(!is_compatible_full(full, "Alex", "Rivera Jr."), "{full}");
    }
    assert!(is_compatible_full("María José de la Cruz", "María José", "De la Cruz"));
}

#[test]
fn an_initial_and_a_double_name_are_compatible_and_a_sibling_is_not() {
    assert!(given("A").is_compatible_given(&given("Alex")));
    assert!(given("Mary").is_compatible_given(&given("Mary Ann")));
    assert!(!given("Ana").is_compatible_given(&given("Eva")));
    let family = |text| Name::new("x", text).family;
    assert!(family("Ruiz").is_compatible_family(&family("Ruiz López")));
    assert!(!family("Ruiz").is_compatible_family(&family("de la Cruz")));
}

fn family(text: &str) -> NameWords {
    Name::new("x", text).family
}

#[test]
fn a_married_or_double_name_is_another_form_of_one() {
    for (one, two) in [
        ("de la Cruz", "Cruz"),
        ("van Berg", "Berg"),
        ("van der Berg", "van Berg"),
        ("García Márquez", "García"),
        ("García y Márquez", "Marquez"),
        ("Smith-Jones", "Jones"),
        ("Rivera L.", "Rivera López"),
        ("dela Cruz", "De La Cruz"),
        ("O'Brien", "O Brien"),
        ("Mac Donald", "MacDonald"),
        ("St. John", "Saint John"),
        ("van Bergen", "von Bergen"),
        ("al-Masri", "Masri"),
    ] {
        assert!(family(one).is_compatible_family(&family(two)), "{one} {two}");
        assert!(family(two).is_compatible_family(&family(one)), "{two} {one}");
    }
}

#[test]
fn a_particle_a_saint_or_one_of_two_names_is_not_enough() {
    for (one, two) in [
        ("van der Berg", "van der Linden"),
        ("San Juan", "San Miguel"),
        ("San Juan", "Juan"),
        ("San Juan", "San"),
        ("Santa Cruz", "Santa María"),
        ("Del Rio", "Del Toro"),
        ("De Rosa", "La Rosa"),
        ("Mac Donald", "Mac Arthur"),
        ("O Brien", "O Neill"),
        ("St. John", "St. James"),
        ("bin Laden", "bin Salman"),
        ("Abd al-Rahman", "Abd al-Karim"),
        ("García López", "García Márquez"),
        ("Singh Gill", "Singh Dhillon"),
        ("Lê Trần", "Đỗ Trần"),
        ("Van", "Van Berg"),
        ("de Wit", "de Wet"),
        ("van Lee", "van Leo"),
        ("St. John", "St. Joan"),
        ("Dumas fils", "Dumas père"),
    ] {
        assert!(!family(one).is_compatible_family(&family(two)), "{one} {two}");
        assert!(!family(two).is_compatible_family(&family(one)), "{two} {one}");
    }
}

#[test]
fn of_given_names_neither_an_article_nor_one_of_two_is_enough() {
    for (one, two) in [
        ("La Toya", "La Shawn"),
        ("Abdul Rahman", "Abdul Karim"),
        ("Do Hyun", "Do Yoon"),
        ("Mary Ann", "Mary Jane"),
        ("María de los Ángeles", "María de la Luz"),
        ("芳", "芳华"),
    ] {
        assert!(!given(one).is_compatible_given(&given(two)), "{one} {two}");
    }
    for (one, two) in
        [("María del Carmen", "María"), ("María Carmen", "Maria del Carmen"), ("DeAndre", "De Andre")]
    {
        assert!(given(one).is_compatible_given(&given(two)), "{one} {two}");
    }
}

#[test]
fn a_second_given_name_is_no_family_name_in_a_name_on_one_line() {
    assert!(!is_compatible_full("Ana van der Berg", "Ana", "van der Linden"));
    assert!(!is_compatible_full("Ana María Ruiz", "Ana Sofía", "Ruiz"));
    assert!(!is_compatible_full("Alex Rivera Senior", "Alex", "Rivera Junior"));
    assert!(is_compatible_full("Ana María Ruiz", "Ana", "Ruiz"));
    assert!(is_compatible_full("Ana M. Ruiz", "Ana", "Ruiz López"));
    assert!(is_compatible_full("Ana Ruiz", "Ana María", "Ruiz López"));
}

#[test]
fn a_suffix_is_read_however_it_is_spelled() {
    for (written, suffix) in [
        ("Sr.", Suffix::Senior),
        ("Snr", Suffix::Senior),
        ("senior", Suffix::Senior),
        ("Jnr.", Suffix::Junior),
        ("JÚNIOR", Suffix::Junior),
        ("(hijo)", Suffix::Junior),
        ("Filho", Suffix::Junior),
        ("2nd", Suffix::Junior),
        ("the Third", Suffix::Nth(3)),
        ("the 3rd", Suffix::Nth(3)),
        ("Ⅲ", Suffix::Nth(3)),
        ("Neto", Suffix::Nth(3)),
        ("IV", Suffix::Nth(4)),
        ("V", Suffix::Nth(5)),
        ("Sobrinho", Suffix::Nephew),
    ] {
        let name = Name::new("Alex", &format!("Rivera {written}"));
        assert_eq!(name, Name { suffix: Some(suffix), ..Name::new("Alex", "Rivera") }, "{written}");
    }
    assert_eq!(Name::new("Alex Junior", "Rivera Jr"), Name::new("Alex", "Rivera Jr"), "said twice");
}

#[test]
fn what_is_a_name_of_its_own_is_no_suffix() {
    for (given, family) in [
        ("Junior", "Rivera"),
        ("Junior M.", "Rivera"),
        ("Alex", "Senior"),
        ("Min-jun", "Lee"),
        ("Alex V.", "Neto"),
    ] {
        let name = Name::new(given, family);
        assert_eq!(name.suffix, None, "{given} {family}");
        assert!(!name.given.pieces.is_empty() && !name.family.pieces.is_empty());
    }
}

#[test]
fn accents_are_folded_and_no_script_is_put_into_another() {
    for (one, two) in [
        ("Zoë", "Zoe"),
        ("Nguyễn", "Nguyen"),
        ("Łukasz", "Lukasz"),
        ("Søren", "Soren"),
        ("Müller", "Muller"),
        ("Strauß", "STRAUSS"),
        ("Đặng", "Dang"),
        ("Æsop", "Aesop"),
        ("Əliyev", "Eliyev"),
        ("İnci", "inci"),
        ("O’Brien", "O´Brien"),
        ("ŉ", "n"),
        ("O\u{1ffd}Brien", "OBrien"),
        ("Kaʻiulani", "Kaiulani"),
        ("ＡＬＥＸ", "Alex"),
        ("A\u{200b}lex", "Al\u{ad}ex"),
        ("ΓΙΏΡΓΟΣ", "Γιωργος"),
        ("Семён", "СЕМЕН"),
        ("مُحَمَّد", "محمد"),
        ("ﾀﾅｶ", "タナカ"),
        ("김민수", "\u{1100}\u{1175}\u{11b7}민수"),
        ("葛\u{e0100}", "葛"),
    ] {
        assert_eq!(given(one).likeness(&given(two)), Likeness::Equal, "{one} {two}");
    }
    for (one, two) in [
        ("王芳", "汪方"),
        ("王芳", "Wang Fang"),
        ("王小明", "王小红"),
        ("がく", "かく"),
        ("Ким", "Кйм"),
        ("राम", "रमा"),
        ("محمد", "محمود"),
        ("เจน", "จน"),
        ("김민수", "김민서"),
        ("Иван", "Ivan"),
    ] {
        assert_eq!(given(one).likeness(&given(two)), Likeness::Unlike, "{one} {two}");
        assert!(!given(one).is_compatible_given(&given(two)), "{one} {two}");
    }
    assert_eq!(fold::words("ศักดิ์ หวาน"), ["ศักดิ์", "หวาน"], "a mark parts no word");
}

/// The search keys are stored, so they must never change.
#[test]
fn a_record_is_found_in_latin_letters_whatever_it_is_written_in() {
    for (text, words) in [
        ("王芳", "wang fang"),
        ("Zoë O’Brien", "zoe obrien"),
        ("Иванов", "ivanov"),
        ("MRN-10042", "mrn 10042"),
    ] {
        assert_eq!(search_words(text).join(" "), words);
    }
}

const PARTICLES: [&str; 10] =
    ["van", "van der", "de", "de la", "del", "San", "Santa", "bin", "Mac", "von und zu"];
const NAMES: [&str; 8] = ["Berg", "Linden", "Cruz", "Río", "Márquez", "王", "Иванов", "Okoro"];

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[A-Za-zÀ-ÿĀ-ſǍ-ǜΑ-ωА-яא-תء-ي\u{300}-\u{308}一-龥ぁ-んァ-ンก-๛अ-ह가-힣'’ -]{0,16}"
    ]
}

proptest! {
    #[test]
    fn what_precedes_two_names_never_makes_them_one(
        particle in prop::sample::select(&PARTICLES[..]),
        one in prop::sample::select(&NAMES[..]),
        two in prop::sample::select(&NAMES[..]),
    ) {
        prop_assume!(one != two);
        let with = |name| Name::new("Ana", &format!("{particle} {name}"));
        prop_assert!(!with(one).is_compatible(&with(two)));
        prop_assert!(!with(one).is_compatible(&Name::new("Ana", particle)));
        let full = format!("Ana {particle} {one}");
        let [own, other] = [one, two].map(|name| format!("{particle} {name}"));
        prop_assert!(is_compatible_full(&full, "Ana", &own));
        prop_assert!(!is_compatible_full(&full, "Ana", &other));
    }

    #[test]
    fn father_and_son_conflict_in_every_spelling_and_place(
        father in prop::sample::select(vec!["Sr", "SR.", "Snr", "Senior", ", Sr.", "padre"]),
        son in prop::sample::select(vec![
            "Jr", "jr.", "Jnr", "Junior", "Júnior", ", II", "2nd", "the Second", "III", "Filho",
        ]),
        places in (any::<bool>(), any::<bool>()),
    ) {
        let with = |suffix: &str, is_given| match is_given {
            true => Name::new(&format!("Alex {suffix}"), "Rivera"),
            false => Name::new("Alex", &format!("Rivera {suffix}")),
        };
        let (father, son) = (with(father, places.0), with(son, places.1));
        prop_assert!(father.conflicts(&son) && son.conflicts(&father));
        prop_assert_eq!(father.given, son.given);
        prop_assert_eq!(father.family, son.family);
    }

    #[test]
    fn names_are_compared_both_ways_alike(one in any_text(), two in any_text()) {
        let (one, two) = (Name::new(&one, &two), Name::new(&two, &one));
        prop_assert_eq!(one.given.likeness(&two.given), two.given.likeness(&one.given));
        prop_assert_eq!(one.is_compatible(&two), two.is_compatible(&one));
        prop_assert_eq!(one.conflicts(&two), two.conflicts(&one));
    }

    #[test]
    fn what_is_folded_folds_no_further(text in any_text()) {
        let once = fold::words(&text);
        prop_assert_eq!(fold::words(&once.join(" ")), once);
    }

    #[test]
    fn a_name_is_itself_however_it_was_typed(text in any_text()) {
        let normalizer = icu_normalizer::DecomposingNormalizerBorrowed::new_nfd();
        let taken_apart = normalizer.normalize(&text).into_owned();
        prop_assert_eq!(fold::words(&text), fold::words(&taken_apart));
        prop_assert_eq!(fold::words(&text), fold::words(&text.to_lowercase()));
    }

    #[test]
    fn two_chinese_names_are_never_one(one in "[一-龥]{1,3}", two in "[一-龥]{1,3}") {
        prop_assume!(one != two);
        prop_assert_eq!(given(&one).likeness(&given(&two)), Likeness::Unlike);
        prop_assert!(!given(&one).is_compatible_given(&given(&two)));
        prop_assert!(!family(&one).is_compatible_family(&family(&two)));
    }
}

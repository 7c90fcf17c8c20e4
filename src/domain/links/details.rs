//! Validation of a link's text fields, shared by the practice API and the operator's command line.

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    #[error("A label must have 1 to 100 characters on one line.")]
    Label,
    #[error("Use up to 20 tags, each with 1 to 40 characters on one line.")]
    Tags,
    #[error("A welcome message must have 1 to 1,000 characters.")]
    Welcome,
}

/// Validates and trims a label.
pub fn label(written: &str) -> Result<String, InvalidText> {
    line(written, 100).ok_or(InvalidText::Label)
}

/// Validates and trims tags, and drops duplicates that differ only in case.
pub fn tags(written: &[String]) -> Result<Vec<String>, InvalidText> {
    let mut unique: Vec<String> = Vec::new();
    for tag in written {
        let tag = line(tag, 40).ok_or(InvalidText::Tags)?;
        if !unique.iter().any(|known| known.to_lowercase() == tag.to_lowercase()) {
            unique.push(tag);
        }
    }
    if unique.len() <= 20 { Ok(unique) } else { Err(InvalidText::Tags) }
}

/// Validates a welcome message and normalizes its line ends to `\n`.
pub fn welcome(written: &str) -> Result<String, InvalidText> {
    let text = written.replace("\r\n", "\n").replace('\r', "\n");
    let is_text = text.chars().all(|c| c == '\n' || !c.is_control());
    match is_text && (1..=1_000).contains(&text.trim().chars().count()) {
        true => Ok(text),
        false => Err(InvalidText::Welcome),
    }
}

fn line(written: &str, longest: usize) -> Option<String> {
    let line = written.trim();
    let fits = (1..=longest).contains(&line.chars().count()) && !line.chars().any(char::is_control);
    fits.then(|| line.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(written: &[&str]) -> Vec<String> {
        written.iter().map(|&tag| tag.to_owned()).collect()
    }

    #[test]
    fn tags_are_kept_once_each_and_twenty_at_most() {
        assert_eq!(tags(&words(&["recall", " card ", "Recall"])), Ok(words(&["recall", "card"])));
        let most: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        assert_eq!(tags(&most), Ok(most.clone()));
        let doubled = [most.clone(), most.clone()].concat();
        assert_eq!(tags(&doubled), Ok(most.clone()), "duplicates are dropped");
        assert_eq!(tags(&[most, words(&["one more"])].concat()), Err(InvalidText::Tags));
        for bad in ["", " ", "two\nlines", &"x".repeat(41)] {
            assert_eq!(tags(&words(&[bad])), Err(InvalidText::Tags), "{bad:?}");
        }
    }

    #[test]
    fn lines_end_alike_whichever_system_they_were_written_on() {
        for written in ["Hello.\r\nWelcome.", "Hello.\nWelcome.", "Hello.\rWelcome."] {
            assert_eq!(welcome(written).as_deref(), Ok("Hello.\nWelcome."));
        }
        for bad in ["", "\r\n", "bell \u{7}", &"x".repeat(1_001)] {
            assert_eq!(welcome(bad), Err(InvalidText::Welcome), "{bad:?}");
        }
    }

    #[test]
    fn a_label_is_one_line() {
        assert_eq!(label(" Flyer ").as_deref(), Ok("Flyer"));
        for bad in ["", " ", "two\nlines", &"x".repeat(101)] {
            assert_eq!(label(bad), Err(InvalidText::Label), "{bad:?}");
        }
    }
}

//! The label of a session in its owner's list: browser and operating system, from the `User-Agent`.

/// The longest name kept of an unknown program.
const LONGEST: usize = 40;

/// Substrings of a `User-Agent`; the first match counts, since most browsers claim to be several.
const BROWSERS: [(&str, &str); 7] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
];

/// Returns e.g. "Firefox, Windows", or the name of a program that is not a browser, or `Unknown device`.
pub(super) fn of_agent(agent: &str) -> String {
    let find = |words: &[(&str, &'static str)]| {
        words.iter().find(|(word, _)| agent.contains(word)).map(|(_, name)| *name)
    };
    if agent.starts_with("Mozilla/") {
        let safari = agent.contains("Safari/").then_some("Safari");
        let browser = find(&BROWSERS).or(safari).unwrap_or("Browser");
        return match find(&SYSTEMS) {
            Some(system) => format!("{browser}, {system}"),
            None => browser.to_owned(),
        };
    }
    let name = agent.split(['/', ' ']).next().unwrap_or_default();
    let name: String = name.chars().filter(char::is_ascii_graphic).take(LONGEST).collect();
    if name.is_empty() { "Unknown device".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::of_agent;

    #[test]
    fn a_label_names_browser_and_system() {
        for (agent, label) in [
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1",
                "Safari, iPhone",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 Edg/130.0",
                "Edge, Windows",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0", "Firefox, Linux"),
            ("curl/8.5.0", "curl"),
            ("", "Unknown device"),
        ] {
            assert_eq!(of_agent(agent), label);
        }
    }
}

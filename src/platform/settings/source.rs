//! Where settings come from: a TOML file, and the environment, which overrides it. Both are joined into one
//! tree before anything is read, so that a name is checked, and a value refused, in one way.

use std::path::Path;
use std::{env, fs, io};

use confique::meta::Meta;
use confique::{Config, Layer as _};
use toml::{Table, Value};

use super::BadSetting;
use super::lenient::Lenient;
use super::reference::{self, PREFIX, Section, Setting};

/// The file that is read if it exists and no other one is named.
const FILE: &str = "practice-links.toml";
/// Of this many letters one may be mistyped: a name with more typos is another word.
const LETTERS_PER_TYPO: usize = 3;

/// The values that an operator has set. The default is none, so that every setting has its default.
#[derive(Default)]
pub struct Source {
    values: Table,
    known: Vec<Section>,
}

impl Source {
    /// Reads `file` (or `practice-links.toml`, if it exists) and the environment. Refuses a name that is not
    /// declared in `roots`.
    pub fn read(file: Option<&Path>, roots: &[&'static Meta]) -> Result<Self, BadSetting> {
        let mut source = Self { values: table(file)?, known: reference::sections(roots) };
        source.check_names(&source.values, "")?;
        source.add_environment()?;
        source.unset_blank();
        Ok(source)
    }

    /// The settings that `C` declares. Names that it does not declare belong to another struct.
    pub fn settings<C: Config>(&self) -> Result<C, BadSetting> {
        let values = Lenient(Value::Table(self.values.clone()));
        let layer: C::Layer =
            serde_path_to_error::deserialize(values).map_err(|error| self.refuse_value(&error))?;
        let settings = C::from_layer(layer.with_fallback(C::Layer::default_values()));
        settings.map_err(|error| BadSetting::new("settings", error.to_string()))
    }

    fn check_names(&self, table: &Table, section: &str) -> Result<(), BadSetting> {
        for (name, value) in table {
            let path = if section.is_empty() { name.clone() } else { format!("{section}.{name}") };
            match value {
                _ if self.find(&path).is_some() => {}
                Value::Table(inner) if section.is_empty() && (self.is_section(name) || !inner.is_empty()) => {
                    self.check_names(inner, name)?;
                }
                _ => return Err(self.refuse_name(&path, |setting| format!("`{}`", setting.path))),
            }
        }
        Ok(())
    }

    /// Lower-case names count too, as they always did. An empty variable is one that is not set.
    fn add_environment(&mut self) -> Result<(), BadSetting> {
        for (variable, value) in env::vars_os().filter(|(_, value)| !value.is_empty()) {
            let variable = variable.to_string_lossy().to_ascii_uppercase();
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            let path = name.to_ascii_lowercase().replace("__", ".");
            if self.find(&path).is_none() {
                return Err(self.refuse_name(&path, |near| variable_instead_of(&path, near)));
            }
            let value = value.into_string().map_err(|_| BadSetting::new(&path, "is not UTF-8"))?;
            match path.split_once('.') {
                None => drop(self.values.insert(path, Value::String(value))),
                Some((section, name)) => {
                    let inner = self.values.entry(section).or_insert_with(|| Value::Table(Table::new()));
                    inner.as_table_mut().map(|inner| inner.insert(name.to_owned(), Value::String(value)));
                }
            }
        }
        Ok(())
    }

    /// An optional setting that is blank is not set: an HMAC with an empty key can be forged by anyone.
    fn unset_blank(&mut self) {
        let Self { values, known } = self;
        for setting in known.iter().flat_map(|section| &section.settings).filter(|it| it.is_optional) {
            let Some((section, name)) = setting.path.split_once('.') else { continue };
            let Some(inner) = values.get_mut(section).and_then(Value::as_table_mut) else { continue };
            if inner.get(name).and_then(Value::as_str).is_some_and(|text| text.trim().is_empty()) {
                inner.remove(name);
            }
        }
    }

    fn settings_known(&self) -> impl Iterator<Item = &Setting> {
        self.known.iter().flat_map(|section| &section.settings)
    }

    fn find(&self, path: &str) -> Option<&Setting> {
        self.settings_known().find(|setting| setting.path == path)
    }

    fn is_section(&self, name: &str) -> bool {
        self.known.iter().any(|section| section.name == name)
    }

    fn refuse_name(&self, path: &str, spelling: impl Fn(&Setting) -> String) -> BadSetting {
        let typos = |setting: &&Setting| {
            let bare = setting.path.rsplit('.').next().unwrap_or_default();
            strsim::damerau_levenshtein(path, &setting.path).min(strsim::damerau_levenshtein(path, bare))
        };
        let nearest = self
            .settings_known()
            .min_by_key(typos)
            .filter(|near| typos(near) <= path.len() / LETTERS_PER_TYPO);
        let problem = match nearest {
            Some(near) => format!("is not a setting; did you mean {}?", spelling(near)),
            None => "is not a setting; `practice-links settings toml` prints all of them".to_owned(),
        };
        BadSetting::new(path, problem)
    }

    fn refuse_value(&self, error: &serde_path_to_error::Error<toml::de::Error>) -> BadSetting {
        let path = error.path().to_string();
        let path = path.split('[').next().unwrap_or_default();
        let problem = error.inner().message();
        if let Some(problem) = problem.strip_prefix("validation failed: ") {
            return BadSetting::new(path, problem);
        }
        let is_variant = problem.starts_with("unknown variant");
        if let Some((_, values)) = problem.split_once(", expected ").filter(|_| is_variant) {
            return BadSetting::new(path, format!("must be {values}"));
        }
        let sample = self.find(path).and_then(Setting::sample).map(reference::plain);
        let sample = sample.map(|sample| format!(", for example {sample}")).unwrap_or_default();
        BadSetting::new(path, format!("{problem}{sample}"))
    }
}

fn table(file: Option<&Path>) -> Result<Table, BadSetting> {
    let path = file.unwrap_or(Path::new(FILE));
    let refuse = |problem: String| BadSetting::new(&path.display().to_string(), problem);
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if file.is_none() && error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(refuse(error.to_string())),
    };
    // Its own message would quote the line, which may hold a secret.
    text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        refuse(format!("line {}: {}", before.matches('\n').count() + 1, error.message()))
    })
}

fn variable_instead_of(path: &str, near: &Setting) -> String {
    let is_underscore = near.path.replace('.', "_") == path;
    let why = if is_underscore { " (two underscores after the section)" } else { "" };
    format!("{}{why}", near.variable())
}
